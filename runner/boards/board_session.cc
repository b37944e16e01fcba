#include "runner/boards/board_session.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

namespace tunefarm {
namespace {

static_assert(std::endian::native == std::endian::little, "the control block is copied as it is");

// Zeros are sent like other content, a piece at a time.
constexpr std::size_t kZeroPiece = 4096;
// A halted or looping core stops at once; a server that takes longer has lost it.
constexpr absl::Duration kStopDeadline = absl::Seconds(1);
// Thumb state, no exception.
constexpr std::uint32_t kThreadStatus = 0x01000000;

absl::StatusOr<std::uint32_t> Symbol(const ElfImage& runtime, const std::string& name) {
  const auto found = runtime.symbols.find(name);
  if (found == runtime.symbols.end()) {
    return absl::InternalError(absl::StrCat("the on-device runtime has no symbol ", name));
  }
  return found->second;
}

}  // namespace

absl::StatusOr<BoardSession> BoardSession::Start(TargetLink& link, const ElfImage& runtime,
                                                 absl::Duration deadline) {
  TUNEFARM_ASSIGN_OR_RETURN(std::unique_ptr<gdb::Client> client, link.Reset(deadline));
  BoardSession session(std::move(client));
  const std::pair<const char*, std::uint32_t*> symbols[] = {{"tunefarm_control", &session.control_},
                                                            {"tunefarm_entry", &session.entry_},
                                                            {"tunefarm_done", &session.done_},
                                                            {"tunefarm_fault", &session.fault_}};
  for (const auto& [name, address] : symbols) {
    TUNEFARM_ASSIGN_OR_RETURN(*address, Symbol(runtime, name));
  }
  // A server of a real board may still have those of an earlier session, which hide what is loaded over them.
  for (const std::uint32_t address : {session.done_, session.fault_}) {
    (void)session.client_->ClearBreakpoint(address);
  }
  TUNEFARM_RETURN_IF_ERROR(WithContext(session.Load(runtime), "loading the on-device runtime"));
  for (const std::uint32_t address : {session.done_, session.fault_}) {
    TUNEFARM_RETURN_IF_ERROR(session.client_->SetBreakpoint(address));
  }
  return session;
}

absl::Status BoardSession::Write(std::uint32_t address, absl::string_view content) {
  return client_->WriteMemory(address, content);
}

absl::StatusOr<std::string> BoardSession::Read(std::uint32_t address, std::uint64_t bytes) {
  return client_->ReadMemory(address, bytes);
}

absl::Status BoardSession::Load(const ElfImage& image) {
  for (const ElfSegment& segment : image.segments) {
    TUNEFARM_RETURN_IF_ERROR(Write(segment.address, segment.content));
    const std::string zeros(kZeroPiece, '\0');
    for (std::uint64_t at = segment.content.size(); at < segment.memory_bytes; at += kZeroPiece) {
      const std::size_t size = std::min<std::uint64_t>(kZeroPiece, segment.memory_bytes - at);
      TUNEFARM_RETURN_IF_ERROR(
          Write(static_cast<std::uint32_t>(segment.address + at), absl::string_view(zeros).substr(0, size)));
    }
  }
  return absl::OkStatus();
}

absl::Status BoardSession::StopTarget() {
  TUNEFARM_RETURN_IF_ERROR(client_->Interrupt());
  TUNEFARM_RETURN_IF_ERROR(client_->WaitForStop(absl::Now() + kStopDeadline).status());
  TUNEFARM_ASSIGN_OR_RETURN(stopped_at_, client_->ReadRegister("pc"));
  return absl::OkStatus();
}

absl::StatusOr<CommandEnd> BoardSession::Execute(device::ControlBlock& control, absl::Duration deadline,
                                                 int cancel_fd) {
  stopped_at_ = 0;
  const auto* const bytes = reinterpret_cast<const char*>(&control);
  TUNEFARM_RETURN_IF_ERROR(Write(control_, absl::string_view(bytes, sizeof control)));
  TUNEFARM_RETURN_IF_ERROR(client_->WriteRegister("xpsr", kThreadStatus));
  TUNEFARM_RETURN_IF_ERROR(client_->WriteRegister("pc", entry_));
  TUNEFARM_RETURN_IF_ERROR(client_->Continue());
  const absl::StatusOr<gdb::Stop> stop = client_->WaitForStop(absl::Now() + deadline, cancel_fd);
  if (absl::IsDeadlineExceeded(stop.status()) || absl::IsCancelled(stop.status())) {
    // Where it was is good to know; a target that does not even stop is reset all the same.
    (void)StopTarget();
    return absl::IsCancelled(stop.status()) ? CommandEnd::kCancelled : CommandEnd::kTimeout;
  }
  TUNEFARM_RETURN_IF_ERROR(stop.status());
  if (stop->ended) return absl::UnavailableError("the target has gone");
  TUNEFARM_ASSIGN_OR_RETURN(stopped_at_, client_->ReadRegister("pc"));
  TUNEFARM_ASSIGN_OR_RETURN(const std::string left, Read(control_, sizeof control));
  // OpenOCD gives zeros for what it cannot read, unless told otherwise, and zeros would be a success.
  const std::uint32_t command = control.command;
  std::memcpy(static_cast<void*>(&control), left.data(), std::min(left.size(), sizeof control));
  if (control.command != command) {
    return absl::UnavailableError(
        "the control block is lost: the kernel has overwritten it, or the GDB server no longer reads the "
        "board's memory");
  }
  if (stopped_at_ == done_) return CommandEnd::kDone;
  if (stopped_at_ != fault_) {
    // A breakpoint instruction of the kernel's own, or a core that has locked up.
    control.fault = {};
    control.fault.psp = control.stack_high;
    control.fault.has_frame = 1;
    control.fault.pc = stopped_at_;
  }
  return CommandEnd::kFault;
}

}  // namespace tunefarm
