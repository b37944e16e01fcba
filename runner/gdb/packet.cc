#include "runner/gdb/packet.h"

#include <cctype>

namespace tunefarm::gdb {
namespace {

constexpr char kDigits[] = "0123456789abcdef";
constexpr char kEscape = '}';
constexpr char kFlip = 0x20;
// A run length is a printable character: 29 more than the number of further copies.
constexpr int kRunBias = 29;
// Enough to recognise who speaks.
constexpr std::size_t kMostSkipped = 60;

bool NeedsEscape(char c) { return c == '$' || c == '#' || c == '}' || c == '*'; }

int DigitOf(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::uint8_t Sum(absl::string_view bytes) {
  std::uint8_t sum = 0;
  for (const char c : bytes) sum = static_cast<std::uint8_t>(sum + static_cast<std::uint8_t>(c));
  return sum;
}

Received Unpack(absl::string_view raw) {
  Received packet{Received::Kind::kPacket, {}};
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const char c = raw[i];
    if (c == kEscape) {
      if (++i == raw.size()) return {Received::Kind::kDamaged, "an escape at the end"};
      packet.payload.push_back(static_cast<char>(raw[i] ^ kFlip));
    } else if (c == '*') {
      if (++i == raw.size() || packet.payload.empty()) return {Received::Kind::kDamaged, "a run of nothing"};
      const int copies = static_cast<unsigned char>(raw[i]) - kRunBias;
      if (copies < 0) return {Received::Kind::kDamaged, "a run length that is no printable character"};
      packet.payload.append(static_cast<std::size_t>(copies), packet.payload.back());
    } else {
      packet.payload.push_back(c);
    }
    if (packet.payload.size() > kMaxPacket) return {Received::Kind::kTooLong, {}};
  }
  return packet;
}

}  // namespace

std::string EncodePacket(absl::string_view payload) {
  std::string packet = "$";
  for (const char c : payload) {
    if (NeedsEscape(c)) packet.push_back(kEscape);
    packet.push_back(static_cast<char>(NeedsEscape(c) ? c ^ kFlip : c));
  }
  const std::uint8_t sum = Sum(absl::string_view(packet).substr(1));
  packet.push_back('#');
  packet.push_back(kDigits[sum >> 4]);
  packet.push_back(kDigits[sum & 15]);
  return packet;
}

std::optional<Received> PacketDecoder::Next() {
  while (begin_ < buffer_.size()) {
    const char first = buffer_[begin_];
    if (first == '+' || first == '-') {
      ++begin_;
      return Received{first == '+' ? Received::Kind::kAck : Received::Kind::kNak, {}};
    }
    if (first == '$') break;
    if (skipped_.size() < kMostSkipped) skipped_.push_back(first);
    ++begin_;
  }
  if (begin_ == buffer_.size()) {
    buffer_.clear();
    begin_ = 0;
    return std::nullopt;
  }
  // A '$' within a packet is always escaped, so an unescaped one starts a packet anew: the earlier was cut
  // short.
  const std::size_t end = buffer_.find_first_of("#$", begin_ + 1);
  if (end != std::string::npos && buffer_[end] == '$') {
    begin_ = end;
    return Received{Received::Kind::kDamaged, "a packet without an end"};
  }
  if (end == std::string::npos || end + 2 >= buffer_.size()) {
    if (buffer_.size() - begin_ <= kMaxPacket) return std::nullopt;
    buffer_.clear();
    begin_ = 0;
    return Received{Received::Kind::kTooLong, {}};
  }
  const absl::string_view raw = absl::string_view(buffer_).substr(begin_ + 1, end - begin_ - 1);
  const int high = DigitOf(buffer_[end + 1]);
  const int low = DigitOf(buffer_[end + 2]);
  Received received = high >= 0 && low >= 0 && Sum(raw) == 16 * high + low
                          ? Unpack(raw)
                          : Received{Received::Kind::kDamaged, "a wrong checksum"};
  begin_ = end + 3;
  if (begin_ > kMaxPacket / 16) {  // Seldom, so that the rest is not moved for every packet.
    buffer_.erase(0, begin_);
    begin_ = 0;
  }
  return received;
}

std::string ToHex(absl::string_view bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char c : bytes) {
    const auto value = static_cast<std::uint8_t>(c);
    text.push_back(kDigits[value >> 4]);
    text.push_back(kDigits[value & 15]);
  }
  return text;
}

absl::StatusOr<std::string> FromHex(absl::string_view text) {
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
    const int high = DigitOf(text[i]);
    const int low = DigitOf(text[i + 1]);
    if (high < 0 || low < 0) break;
    bytes.push_back(static_cast<char>(16 * high + low));
  }
  if (2 * bytes.size() != text.size()) return absl::InvalidArgumentError("not hexadecimal bytes");
  return bytes;
}

}  // namespace tunefarm::gdb
