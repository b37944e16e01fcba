#include "runner/boards/device_failure.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace tunefarm {
namespace {

// Bits of the configurable fault status register (DDI 0403E, B3.2.15).
struct FaultBit {
  std::uint32_t bit;
  const char* what;
};
constexpr FaultBit kFaultBits[] = {
    {1u << 25, "division by zero"},
    {1u << 24, "unaligned access"},
    {1u << 20, "stack limit passed"},
    {1u << 19, "no such coprocessor"},
    {1u << 18, "return to an invalid state"},
    {1u << 17, "jump to code that is not Thumb"},
    {1u << 16, "undefined instruction"},
    {1u << 13, "bus fault while saving floating-point state"},
    {1u << 12, "bus fault while saving registers on the stack"},
    {1u << 11, "bus fault while restoring registers from the stack"},
    {1u << 10, "access to an address where nothing answers"},
    {1u << 9, "access to an address where nothing answers"},
    {1u << 8, "instruction fetch from an address where nothing answers"},
    {1u << 5, "access to protected memory while saving floating-point state"},
    {1u << 4, "access to protected memory while saving registers on the stack"},
    {1u << 3, "access to protected memory while restoring registers from the stack"},
    {1u << 1, "access to protected memory"},
    {1u << 0, "instruction fetch from protected memory"},
};
constexpr std::uint32_t kMmfarValid = 1u << 7, kBfarValid = 1u << 15;
// Saving registers failed, or a stack limit was passed.
constexpr std::uint32_t kStacking = 1u << 4 | 1u << 12 | 1u << 20;
// Large frames jump over the guard; so far below its stack a kernel has no other business.
constexpr std::uint32_t kStackReach = 64 << 10;

const char* PhaseName(v1::Phase phase) {
  return phase == v1::PHASE_LOAD ? "tunefarm_prepare" : "tunefarm_run";
}

const char* RoleName(std::uint32_t role) {
  switch (role) {
    case device::kInput:
      return "an input";
    case device::kConstant:
      return "a constant";
    case device::kOutput:
      return "the output";
    case device::kPacked:
      return "the packed constants";
    default:
      return "the workspace";
  }
}

v1::Failure Make(v1::FailureKind kind, v1::Phase phase, std::string message) {
  v1::Failure failure;
  failure.set_kind(kind);
  failure.set_phase(phase);
  failure.set_message(std::move(message));
  return failure;
}

bool BelowStack(const device::ControlBlock& control, std::uint32_t address) {
  return address < control.stack_low && control.stack_low - address <= kStackReach;
}

}  // namespace

v1::Failure DescribeFault(const device::ControlBlock& control, v1::Phase phase) {
  const device::Fault& fault = control.fault;
  std::string what;
  for (const FaultBit& bit : kFaultBits) {
    if ((fault.cfsr & bit.bit) == 0) continue;
    what = bit.what;
    break;
  }
  const bool escalated = (fault.hfsr & 1u << 1) != 0;
  if (what.empty()) what = escalated ? "bad vector" : absl::StrFormat("exception %d", fault.exception);
  bool below = fault.psp < control.stack_low || (fault.cfsr & kStacking) != 0;
  for (const auto& [valid, address] : {std::pair(kMmfarValid, fault.mmfar), {kBfarValid, fault.bfar}}) {
    if ((fault.cfsr & valid) == 0) continue;
    absl::StrAppendFormat(&what, ", address 0x%08x", address);
    below = below || BelowStack(control, address);
  }
  if (fault.has_frame != 0) absl::StrAppendFormat(&what, ", at 0x%08x", fault.pc);
  absl::StrAppendFormat(&what, " (CFSR 0x%08x, HFSR 0x%08x)", fault.cfsr, fault.hfsr);
  if (below) {
    return Make(v1::FAILURE_KIND_STACK_OVERFLOW, phase,
                absl::StrCat(PhaseName(phase), " needs more than the ",
                             control.stack_high - control.stack_low, " bytes of stack: ", what));
  }
  return Make(v1::FAILURE_KIND_FAULT, phase, absl::StrCat(PhaseName(phase), " faulted: ", what));
}

v1::Failure DescribeVerdict(const device::ControlBlock& control, v1::Phase phase) {
  const std::uint32_t role =
      control.overrun_buffer < device::kMaxBuffers ? control.buffer[control.overrun_buffer].role : 0;
  switch (control.verdict) {
    case device::kFine:
      return {};
    case device::kOverrun:
      return Make(v1::FAILURE_KIND_MEMORY_OVERRUN, phase,
                  absl::StrCat(PhaseName(phase), " wrote beside ", RoleName(role), " (buffer ",
                               control.overrun_buffer, ")"));
    case device::kInputWritten:
      return Make(v1::FAILURE_KIND_MEMORY_OVERRUN, phase,
                  absl::StrCat(PhaseName(phase), " wrote to ", RoleName(role), " (buffer ",
                               control.overrun_buffer, ")"));
    case device::kStackOverrun:
      return Make(v1::FAILURE_KIND_STACK_OVERFLOW, phase,
                  absl::StrCat(PhaseName(phase), " needs more than the ",
                               control.stack_high - control.stack_low, " bytes of stack: it wrote below"));
    case device::kNoTimerFound:
      return Make(v1::FAILURE_KIND_INTERNAL, phase,
                  "the board's timer does not count; name another one in the device file");
    default:
      return Make(v1::FAILURE_KIND_INTERNAL, phase,
                  absl::StrCat("the on-device runtime answered with verdict ", control.verdict));
  }
}

}  // namespace tunefarm
