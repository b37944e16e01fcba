#include "runner/gdb/client.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

namespace tunefarm::gdb {
namespace {

// What every server takes, when it does not say how much.
constexpr std::size_t kLeastPacket = 256;
// Larger packets only make a single loss dearer.
constexpr std::size_t kMostPacket = 64 << 10;
// A line that damages the same packet that often is broken.
constexpr int kMaxRepeats = 3;
// Of a memory packet, besides the data: the letter, address, length and their separators.
constexpr std::size_t kMemoryHeader = 32;

absl::Status Refused(absl::string_view answer, const std::string& what) {
  if (answer.empty()) {
    return absl::UnimplementedError(absl::StrCat("the GDB server does not know how to ", what));
  }
  if (absl::StartsWith(answer, "E")) {
    return absl::FailedPreconditionError(absl::StrCat("the GDB server refuses to ", what, " (", answer, ")"));
  }
  return absl::OkStatus();
}

std::string LittleEndianHex(std::uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes.push_back(static_cast<char>(value >> (8 * i)));
  return ToHex(bytes);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Client>> Client::Connect(const std::string& address,
                                                        const ClientOptions& options) {
  TUNEFARM_ASSIGN_OR_RETURN(Channel channel,
                            Channel::Connect(address, absl::Now() + options.answer_deadline));
  absl::StatusOr<std::unique_ptr<Client>> client = Over(std::move(channel), options);
  if (!client.ok()) return WithContext(client.status(), absl::StrCat("GDB server ", address));
  return client;
}

absl::StatusOr<std::unique_ptr<Client>> Client::Over(Channel channel, const ClientOptions& options) {
  std::unique_ptr<Client> client(new Client(std::move(channel), options));
  TUNEFARM_RETURN_IF_ERROR(client->Handshake());
  return client;
}

absl::Time Client::AnswerDeadline() const { return absl::Now() + options_.answer_deadline; }

absl::Status Client::Break(absl::Status why) {
  broken_ = absl::UnavailableError(absl::StrCat("the connection was given up: ", why.message()));
  channel_ = Channel(-1);
  return why;
}

absl::StatusOr<Received> Client::NextReceived(absl::Time deadline, bool patient, int cancel_fd) {
  for (;;) {
    if (std::optional<Received> received = decoder_.Next(); received.has_value()) {
      if (received->kind != Received::Kind::kTooLong) return *std::move(received);
      return Break(absl::DataLossError("this is no GDB server: it sends a packet without an end"));
    }
    const absl::StatusOr<std::string> bytes = channel_.Read(deadline, cancel_fd);
    if (bytes.ok()) {
      decoder_.Feed(*bytes);
      continue;
    }
    const bool harmless = absl::IsCancelled(bytes.status()) || absl::IsDeadlineExceeded(bytes.status());
    return patient && harmless ? bytes.status() : Break(bytes.status());
  }
}

absl::Status Client::Send(absl::string_view payload) {
  TUNEFARM_RETURN_IF_ERROR(broken_);
  const std::string packet = EncodePacket(payload);
  const absl::Time deadline = AnswerDeadline();
  implied_ack_ = false;
  for (int attempt = 0; attempt < kMaxRepeats; ++attempt) {
    if (const absl::Status sent = channel_.Write(packet, deadline); !sent.ok()) return Break(sent);
    if (!acknowledges_) return absl::OkStatus();
    for (bool again = false; !again;) {
      TUNEFARM_ASSIGN_OR_RETURN(Received received, NextReceived(deadline, false, -1));
      switch (received.kind) {
        case Received::Kind::kAck:
          return absl::OkStatus();
        case Received::Kind::kNak:
          again = true;
          break;
        case Received::Kind::kPacket:
          // Some servers answer at once. The answer tells that the request has arrived.
          implied_ack_ = true;
          early_ = std::move(received.payload);
          return channel_.Write("+", deadline);
        default:
          break;  // Remains of an earlier packet.
      }
    }
  }
  return Break(absl::DataLossError("the GDB server does not understand what it is sent"));
}

absl::StatusOr<std::string> Client::Receive(absl::Time deadline, bool patient, int cancel_fd) {
  TUNEFARM_RETURN_IF_ERROR(broken_);
  if (std::exchange(implied_ack_, false)) return std::move(early_);
  for (int damaged = 0; damaged < kMaxRepeats;) {
    TUNEFARM_ASSIGN_OR_RETURN(Received received, NextReceived(deadline, patient, cancel_fd));
    if (received.kind == Received::Kind::kPacket) {
      if (acknowledges_) {
        if (const absl::Status sent = channel_.Write("+", AnswerDeadline()); !sent.ok()) return Break(sent);
      }
      return std::move(received.payload);
    }
    if (received.kind != Received::Kind::kDamaged) continue;
    if (!acknowledges_)
      return Break(absl::DataLossError(absl::StrCat("the GDB server sent ", received.payload)));
    ++damaged;
    if (const absl::Status sent = channel_.Write("-", AnswerDeadline()); !sent.ok()) return Break(sent);
  }
  return Break(absl::DataLossError("the GDB server sends nothing but damaged packets"));
}

absl::StatusOr<std::string> Client::Ask(absl::string_view payload) {
  TUNEFARM_RETURN_IF_ERROR(Send(payload));
  return Receive(AnswerDeadline(), false, -1);
}

absl::Status Client::Order(absl::string_view payload, const std::string& what) {
  TUNEFARM_ASSIGN_OR_RETURN(const std::string answer, Ask(payload));
  if (answer == "OK") return absl::OkStatus();
  TUNEFARM_RETURN_IF_ERROR(Refused(answer, what));
  return Break(absl::DataLossError(
      absl::StrCat("the GDB server answers '", answer.substr(0, 40), "' when asked to ", what)));
}

absl::StatusOr<std::string> Client::Greet() {
  constexpr char kGreeting[] = "qSupported:xmlRegisters=arm";
  const absl::Duration later = options_.answer_deadline;
  options_.answer_deadline = std::min(later, options_.greeting_deadline);
  absl::StatusOr<std::string> features = Ask(kGreeting);
  options_.answer_deadline = later;
  const std::string& skipped = decoder_.skipped();
  const bool echo = features.ok() && *features == kGreeting;
  if (!skipped.empty() && (!features.ok() || echo)) {
    return Break(
        absl::DataLossError(absl::StrCat("this is no GDB server: it says '", absl::CEscape(skipped), "'")));
  }
  if (echo) return Break(absl::DataLossError("this is no GDB server: it sends back what it is sent"));
  if (absl::IsDeadlineExceeded(features.status())) {
    return absl::DeadlineExceededError(
        "nobody there answers in the GDB protocol: this is another service, or a GDB server that is busy "
        "with another debugger");
  }
  return features;
}

absl::Status Client::Handshake() {
  TUNEFARM_ASSIGN_OR_RETURN(const std::string features, Greet());
  bool described = false, no_ack = false;
  packet_bytes_ = kLeastPacket;
  for (absl::string_view feature : absl::StrSplit(features, ';')) {
    if (absl::ConsumePrefix(&feature, "PacketSize=")) {
      std::uint64_t size = 0;
      if (absl::SimpleHexAtoi(feature, &size)) {
        packet_bytes_ = std::clamp<std::size_t>(size, kLeastPacket, kMostPacket);
      }
    }
    described = described || feature == "qXfer:features:read+";
    no_ack = no_ack || feature == "QStartNoAckMode+";
  }
  if (no_ack) {
    TUNEFARM_ASSIGN_OR_RETURN(const std::string answer, Ask("QStartNoAckMode"));
    acknowledges_ = answer != "OK";
  }
  TUNEFARM_RETURN_IF_ERROR(Halt());
  if (described) {
    TUNEFARM_ASSIGN_OR_RETURN(registers_,
                              ReadRegisterNumbers([this](const std::string& annex) { return Fetch(annex); }));
  }
  return absl::OkStatus();
}

absl::Status Client::Halt() {
  // '?' is answered when the target is halted; servers of real boards halt it when a client connects.
  TUNEFARM_RETURN_IF_ERROR(Send("?"));
  absl::StatusOr<Stop> stop = WaitForStop(AnswerDeadline());
  if (absl::IsDeadlineExceeded(stop.status())) {
    TUNEFARM_RETURN_IF_ERROR(Interrupt());
    stop = WaitForStop(AnswerDeadline());
    if (absl::IsDeadlineExceeded(stop.status())) return Break(stop.status());
  }
  if (stop.ok() && stop->ended) return Break(absl::UnavailableError("the GDB server has no target"));
  return stop.status();
}

absl::StatusOr<std::string> Client::Fetch(const std::string& annex) {
  std::string text;
  while (text.size() <= kMaxPacket) {
    TUNEFARM_ASSIGN_OR_RETURN(const std::string piece,
                              Ask(absl::StrFormat("qXfer:features:read:%s:%x,%x", annex, text.size(),
                                                  packet_bytes_ - kMemoryHeader)));
    TUNEFARM_RETURN_IF_ERROR(Refused(piece, absl::StrCat("describe its target (", annex, ")")));
    text += piece.substr(1);
    if (piece[0] == 'l') return text;
    if (piece[0] != 'm' || piece.size() == 1) break;
  }
  return Break(absl::DataLossError("the GDB server's target description has no end"));
}

absl::StatusOr<std::string> Client::ReadMemory(std::uint64_t address, std::uint64_t bytes) {
  std::string content;
  const std::uint64_t most = (packet_bytes_ - kMemoryHeader) / 2;
  while (content.size() < bytes) {
    const std::uint64_t at = address + content.size();
    const std::uint64_t size = std::min(most, bytes - content.size());
    const std::string what = absl::StrFormat("read %d bytes at 0x%x", size, at);
    TUNEFARM_ASSIGN_OR_RETURN(const std::string answer, Ask(absl::StrFormat("m%x,%x", at, size)));
    if (answer.size() != 2 * size) {
      // An error has three characters, and data an even number of them.
      TUNEFARM_RETURN_IF_ERROR(Refused(answer, what));
      if (answer.empty() || answer.size() % 2 != 0 || answer.size() > 2 * size) {
        return Break(
            absl::DataLossError(absl::StrCat("the GDB server answers nonsense when asked to ", what)));
      }
    }
    const absl::StatusOr<std::string> piece = FromHex(answer);
    if (!piece.ok()) {
      return Break(absl::DataLossError(absl::StrCat("the GDB server answers nonsense when asked to ", what)));
    }
    content += *piece;
  }
  return content;
}

absl::Status Client::WriteMemory(std::uint64_t address, absl::string_view content) {
  const std::size_t most = (packet_bytes_ - kMemoryHeader) / 2;
  while (!content.empty()) {
    const absl::string_view piece = content.substr(0, most);
    TUNEFARM_RETURN_IF_ERROR(Order(absl::StrFormat("M%x,%x:%s", address, piece.size(), ToHex(piece)),
                                   absl::StrFormat("write %d bytes at 0x%x", piece.size(), address)));
    content.remove_prefix(piece.size());
    address += piece.size();
  }
  return absl::OkStatus();
}

absl::StatusOr<std::uint32_t> Client::ReadRegister(const std::string& name) {
  const auto number = registers_.find(name);
  if (number == registers_.end())
    return absl::InvalidArgumentError(absl::StrCat("there is no register ", name));
  TUNEFARM_ASSIGN_OR_RETURN(const std::string answer, Ask(absl::StrFormat("p%x", number->second)));
  if (answer.size() != 8) TUNEFARM_RETURN_IF_ERROR(Refused(answer, absl::StrCat("read register ", name)));
  const absl::StatusOr<std::string> bytes = FromHex(answer);
  if (!bytes.ok() || bytes->size() != 4) {
    return Break(absl::DataLossError(
        absl::StrCat("the GDB server answers '", answer.substr(0, 40), "' when asked for register ", name)));
  }
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = (value << 8) | static_cast<std::uint8_t>((*bytes)[i]);
  return value;
}

absl::Status Client::WriteRegister(const std::string& name, std::uint32_t value) {
  const auto number = registers_.find(name);
  if (number == registers_.end())
    return absl::InvalidArgumentError(absl::StrCat("there is no register ", name));
  return Order(absl::StrFormat("P%x=%s", number->second, LittleEndianHex(value)),
               absl::StrCat("write register ", name));
}

absl::Status Client::SetBreakpoint(std::uint64_t address) {
  const std::string what = absl::StrFormat("set a breakpoint at 0x%x", address);
  absl::Status software = Order(absl::StrFormat("Z0,%x,2", address), what);
  if (!absl::IsUnimplemented(software) && !absl::IsFailedPrecondition(software)) return software;
  return Order(absl::StrFormat("Z1,%x,2", address), what);
}

absl::Status Client::ClearBreakpoint(std::uint64_t address) {
  const std::string what = absl::StrFormat("clear the breakpoint at 0x%x", address);
  absl::Status software = Order(absl::StrFormat("z0,%x,2", address), what);
  if (!absl::IsUnimplemented(software) && !absl::IsFailedPrecondition(software)) return software;
  return Order(absl::StrFormat("z1,%x,2", address), what);
}

absl::Status Client::Continue() { return Send("c"); }

absl::StatusOr<Stop> Client::WaitForStop(absl::Time deadline, int cancel_fd) {
  for (;;) {
    TUNEFARM_ASSIGN_OR_RETURN(const std::string answer, Receive(deadline, true, cancel_fd));
    if (answer.empty() || answer[0] == 'O') continue;  // What the target prints.
    if (answer[0] == 'E')
      return absl::FailedPreconditionError(absl::StrCat("the target does not run (", answer, ")"));
    std::uint64_t signal = 0;
    const bool number = absl::SimpleHexAtoi(answer.substr(1, 2), &signal);
    const bool ended = answer[0] == 'W' || answer[0] == 'X';
    if (!number || (!ended && answer[0] != 'S' && answer[0] != 'T')) {
      return Break(absl::DataLossError(absl::StrCat("the GDB server sends '", answer.substr(0, 40),
                                                    "' in place of the reason of a stop")));
    }
    return Stop{static_cast<int>(signal), ended};
  }
}

absl::Status Client::Interrupt() {
  TUNEFARM_RETURN_IF_ERROR(broken_);
  const absl::Status sent = channel_.Write("\x03", AnswerDeadline());
  return sent.ok() ? sent : Break(sent);
}

absl::StatusOr<std::string> Client::Monitor(const std::string& command) {
  const std::string what = absl::StrCat("run the command '", command, "'");
  TUNEFARM_RETURN_IF_ERROR(Send(absl::StrCat("qRcmd,", ToHex(command))));
  std::string printed;
  while (printed.size() <= kMaxPacket) {
    TUNEFARM_ASSIGN_OR_RETURN(const std::string answer, Receive(AnswerDeadline(), false, -1));
    if (answer == "OK") return printed;
    if (answer.empty() || (answer.size() == 3 && answer[0] == 'E')) {
      const absl::Status refused = Refused(answer, what);
      return printed.empty() ? refused : WithContext(refused, absl::StripAsciiWhitespace(printed));
    }
    // 'O' and hexadecimal is output on the way; output alone, without the letter, is the last of it.
    const bool more = answer[0] == 'O';
    const absl::StatusOr<std::string> text = FromHex(absl::string_view(answer).substr(more ? 1 : 0));
    if (!text.ok()) {
      return Break(absl::DataLossError(absl::StrCat("the GDB server answers nonsense when asked to ", what)));
    }
    printed += *text;
    if (!more) return printed;
  }
  return Break(absl::DataLossError(absl::StrCat("the output of '", command, "' has no end")));
}

}  // namespace tunefarm::gdb
