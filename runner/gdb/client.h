// A client of the GDB remote serial protocol (GDB manual, appendix E) for one bare-metal Cortex-M target:
// QEMU, OpenOCD, pyOCD, J-Link.
//
// Every call ends by its deadline. After kDeadlineExceeded, kUnavailable (the server has gone) and kDataLoss
// (it sent what is no GDB protocol) nobody knows what the server will answer next, so the connection is
// closed and every later call fails with kUnavailable: connect anew. Other errors are the server's refusals
// and leave it usable. Use from one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "runner/gdb/channel.h"
#include "runner/gdb/packet.h"
#include "runner/gdb/registers.h"

namespace tunefarm::gdb {

struct ClientOptions {
  // For one answer. A probe writes 4 KB in some 50 ms; a reset with its scripts can take a second.
  absl::Duration answer_deadline = absl::Seconds(5);
  // For the first one, which a server that runs and is free gives at once. At most answer_deadline.
  absl::Duration greeting_deadline = absl::InfiniteDuration();
};

struct Stop {
  int signal = 0;      // 5 after a breakpoint, 2 after Interrupt.
  bool ended = false;  // The target has gone ('W', 'X'); `signal` is its status.
};

class Client {
 public:
  // Connects, agrees on features and finds the target halted, or halts it.
  // kDataLoss, kDeadlineExceeded: who is there does not speak this protocol.
  static absl::StatusOr<std::unique_ptr<Client>> Connect(const std::string& address,
                                                         const ClientOptions& options);
  static absl::StatusOr<std::unique_ptr<Client>> Over(Channel channel, const ClientOptions& options);

  absl::StatusOr<std::string> ReadMemory(std::uint64_t address, std::uint64_t bytes);
  // In pieces that fit the server's packets. Empty content is nothing to do. In hexadecimal, not by the X
  // packet: that OpenOCD acknowledges before it writes, tells a failure in answer to the next one, and then
  // answers twice.
  absl::Status WriteMemory(std::uint64_t address, absl::string_view content);
  // Of 32 bits, by the names of registers.h.
  absl::StatusOr<std::uint32_t> ReadRegister(const std::string& name);
  absl::Status WriteRegister(const std::string& name, std::uint32_t value);
  // A software breakpoint where the server has them, else one of the core's.
  absl::Status SetBreakpoint(std::uint64_t address);
  absl::Status ClearBreakpoint(std::uint64_t address);

  // Lets the target run; only WaitForStop and Interrupt may follow.
  absl::Status Continue();
  // kDeadlineExceeded here only means that the target still runs: the connection stays usable, for Interrupt
  // or another wait. kCancelled once `cancel_fd` (-1: none) is readable, likewise.
  absl::StatusOr<Stop> WaitForStop(absl::Time deadline, int cancel_fd = -1);
  // Asks the running target to stop; WaitForStop tells when it has.
  absl::Status Interrupt();

  // A command to the server itself ("reset halt"); what it printed.
  absl::StatusOr<std::string> Monitor(const std::string& command);

  bool usable() const { return broken_.ok(); }
  std::size_t packet_bytes() const { return packet_bytes_; }

 private:
  Client(Channel channel, const ClientOptions& options) : channel_(std::move(channel)), options_(options) {}
  absl::Status Handshake();
  // What the server says it can do.
  absl::StatusOr<std::string> Greet();
  absl::Status Halt();
  absl::StatusOr<std::string> Fetch(const std::string& annex);
  // Sends a packet and waits for the acknowledgement, where there are any.
  absl::Status Send(absl::string_view payload);
  // The next packet. In the meantime `deadline` may pass without harm when `patient`.
  absl::StatusOr<std::string> Receive(absl::Time deadline, bool patient, int cancel_fd);
  absl::StatusOr<std::string> Ask(absl::string_view payload);
  // For a request that is answered by OK; `what` is for the message of a refusal.
  absl::Status Order(absl::string_view payload, const std::string& what);
  absl::StatusOr<Received> NextReceived(absl::Time deadline, bool patient, int cancel_fd);
  absl::Status Break(absl::Status why);
  absl::Time AnswerDeadline() const;

  Channel channel_;
  ClientOptions options_;
  PacketDecoder decoder_;
  RegisterNumbers registers_ = MProfileRegisters();
  std::size_t packet_bytes_ = 0;
  bool acknowledges_ = true;
  bool implied_ack_ = false;  // An answer came in place of the acknowledgement and waits in `early_`.
  std::string early_;
  absl::Status broken_;  // Why the connection cannot be used any more.
};

}  // namespace tunefarm::gdb
