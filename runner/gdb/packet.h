// The framing of the GDB remote serial protocol (GDB manual, appendix E): packets with checksums,
// acknowledgements, escapes and run lengths. Pure: bytes in, bytes out.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "base/status.h"

namespace tunefarm::gdb {

// "$", the payload with '$', '#', '}' and '*' escaped, "#" and two digits of checksum.
std::string EncodePacket(absl::string_view payload);

// More than this no server sends; without an end there would be no bound for what garbage costs.
inline constexpr std::size_t kMaxPacket = std::size_t{1} << 20;

struct Received {
  enum class Kind {
    kAck,      // '+'
    kNak,      // '-': the last packet is to be sent again.
    kPacket,   // `payload`, escapes and run lengths resolved.
    kDamaged,  // A packet with a wrong checksum or impossible content; `payload` says what.
    kTooLong,  // No end within kMaxPacket: this is no GDB server.
  };
  Kind kind;
  std::string payload;
};

// Finds packets in a stream of bytes. What is between them is skipped.
class PacketDecoder {
 public:
  void Feed(absl::string_view bytes) { buffer_.append(bytes.data(), bytes.size()); }
  // The next thing that has arrived completely.
  std::optional<Received> Next();
  // The beginning of what was skipped: servers send nothing between packets, other services do.
  const std::string& skipped() const { return skipped_; }

 private:
  std::string buffer_;
  std::size_t begin_ = 0;  // Of what was not yet looked at.
  std::string skipped_;
};

std::string ToHex(absl::string_view bytes);
// kInvalidArgument: an odd length, or not hexadecimal.
absl::StatusOr<std::string> FromHex(absl::string_view text);

}  // namespace tunefarm::gdb
