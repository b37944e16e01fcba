#include "runner/boards/kernel_run.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "runner/boards/device_failure.h"
#include "runner/emulated/call_deadline.h"
#include "runner/emulated/emulated_result.h"
#include "runner/executor/tensors.h"
#include "runner/timing/robust_stats.h"

namespace tunefarm {
namespace {

// A reset, with a real board's scripts, or a start of QEMU on a busy machine.
constexpr absl::Duration kResetDeadline = absl::Seconds(20);
// Filling tensors: some 100 instructions an element, a few millions of elements at the most.
constexpr absl::Duration kFillDeadline = absl::Seconds(30);

executor::Type ToExecutor(v1::DataType type) { return static_cast<executor::Type>(type); }

}  // namespace

double KernelRun::ToMicroseconds(double cycles) const {
  return cycles / static_cast<double>(parts_.board.clock_hz) * 1e6;
}

absl::Status KernelRun::Fail(v1::Failure failure) {
  failure_ = std::move(failure);
  return absl::AbortedError(failure_.message());
}

absl::Status KernelRun::Fail(v1::FailureKind kind, v1::Phase phase, const std::string& message) {
  v1::Failure failure;
  failure.set_kind(kind);
  failure.set_phase(phase);
  failure.set_message(message);
  return Fail(std::move(failure));
}

// Real cores are faster than that.
absl::Duration KernelRun::CallDeadline() const { return EmulatedCallDeadline(run_); }

absl::Status KernelRun::LinkKernels() {
  MemoryMap map = parts_.linker.map();
  for (current_ = 0; current_ < work_.kernel_paths.size(); ++current_) {
    TUNEFARM_ASSIGN_OR_RETURN(LinkedKernel kernel, parts_.linker.Link(work_.kernel_paths[current_], map));
    if (kernel.failure.kind() != v1::FAILURE_KIND_UNSPECIFIED) return Fail(kernel.failure);
    kernels_.push_back(std::move(kernel));
  }
  current_ = 0;
  absl::StatusOr<BoardJob> job = LayOut(run_, kernels_.size(), parts_.board, parts_.linker.stack_low(), map);
  if (absl::IsResourceExhausted(job.status())) {
    return Fail(v1::FAILURE_KIND_OUT_OF_MEMORY, v1::PHASE_LOAD, std::string(job.status().message()));
  }
  TUNEFARM_RETURN_IF_ERROR(job.status());
  job_ = *std::move(job);
  if (work_.expected_path.empty()) return absl::OkStatus();
  TUNEFARM_ASSIGN_OR_RETURN(expected_, ReadFile(work_.expected_path));
  if (expected_.size() != job_.output_bytes) {
    return absl::InvalidArgumentError(absl::StrCat("the expected output has ", expected_.size(),
                                                   " bytes, the kernel's has ", job_.output_bytes));
  }
  return absl::OkStatus();
}

absl::Status KernelRun::StartSession() {
  if (!parts_.regions_file.empty()) (void)unlink(parts_.regions_file.c_str());
  TUNEFARM_ASSIGN_OR_RETURN(BoardSession session,
                            BoardSession::Start(parts_.link, parts_.linker.runtime(), kResetDeadline));
  session_ = std::make_unique<BoardSession>(std::move(session));
  for (const LinkedKernel& kernel : kernels_) TUNEFARM_RETURN_IF_ERROR(session_->Load(kernel.image));
  phase_ = v1::PHASE_LOAD;
  control_.phase.store(phase_, std::memory_order_relaxed);
  job_.control.mpu_regions = 0;
  return Command(device::kFill, 0, v1::PHASE_LOAD, kFillDeadline);
}

absl::Status KernelRun::Command(device::Command command, std::size_t kernel, v1::Phase phase,
                                absl::Duration deadline) {
  device::ControlBlock& control = job_.control;
  control.command = command;
  control.prepare = kernels_[kernel].prepare;
  control.run = kernels_[kernel].run;
  // Functions are called with the Thumb bit.
  if (control.prepare != 0) control.prepare |= 1;
  control.run |= 1;
  control.buffer[control.arguments].address = job_.packed[kernel];
  TUNEFARM_ASSIGN_OR_RETURN(const CommandEnd end, session_->Execute(control, deadline, control_.cancel_fd));
  switch (end) {
    case CommandEnd::kDone: {
      v1::Failure failure = DescribeVerdict(control, phase);
      return failure.kind() == v1::FAILURE_KIND_UNSPECIFIED ? absl::OkStatus() : Fail(std::move(failure));
    }
    case CommandEnd::kFault:
      return Fail(DescribeFault(control, phase));
    case CommandEnd::kCancelled:
      return Fail(v1::FAILURE_KIND_CANCELLED, phase, "stopped because the tracker asked for it");
    case CommandEnd::kTimeout:
      break;
  }
  const std::uint32_t at = session_->stopped_at();
  return Fail(v1::FAILURE_KIND_TIMEOUT, phase,
              absl::StrCat("passed its deadline of ", absl::FormatDuration(deadline), " in ",
                           command == device::kPrepare ? "tunefarm_prepare" : "tunefarm_run",
                           at != 0 ? absl::StrFormat(", at 0x%08x", at) : ""));
}

absl::Status KernelRun::CheckOutput() {
  if (expected_.empty()) return absl::OkStatus();
  TUNEFARM_ASSIGN_OR_RETURN(const std::string got, session_->Read(job_.output().address, job_.output_bytes));
  const v1::Argument& output = run_.arguments(run_.arguments_size() - 1);
  const executor::Mismatch mismatch =
      executor::Compare(ToExecutor(output.type()), output.elements(), got.data(), expected_.data(),
                        run_.absolute_tolerance(), run_.relative_tolerance());
  if (mismatch.count == 0) return absl::OkStatus();
  return Fail(
      v1::FAILURE_KIND_WRONG_RESULT, v1::PHASE_CHECK,
      absl::StrFormat("%d of %d elements are wrong, the first at %d: got %.9g, want %.9g", mismatch.count,
                      output.elements(), mismatch.first, mismatch.got, mismatch.want));
}

absl::Status KernelRun::RunKernel(std::size_t kernel) {
  phase_ = v1::PHASE_LOAD;
  Protect(parts_.board, /*flash_writable=*/true, job_.control);
  TUNEFARM_RETURN_IF_ERROR(Command(device::kPrepare, kernel, v1::PHASE_LOAD, CallDeadline()));
  phase_ = v1::PHASE_CHECK;
  control_.phase.store(phase_, std::memory_order_relaxed);
  const v1::Argument& output = run_.arguments(run_.arguments_size() - 1);
  std::string poison(job_.output_bytes, '\0');
  executor::Poison(ToExecutor(output.type()), output.elements(),
                   expected_.empty() ? nullptr : expected_.data(), poison.data());
  TUNEFARM_RETURN_IF_ERROR(session_->Write(job_.output().address, poison));
  Protect(parts_.board, /*flash_writable=*/false, job_.control);
  TUNEFARM_RETURN_IF_ERROR(Command(device::kRun, kernel, v1::PHASE_CHECK, CallDeadline()));
  return CheckOutput();
}

absl::Status KernelRun::Estimate(std::size_t kernel, const cycles::Region& region,
                                 std::uint64_t stack_bytes) {
  phase_ = v1::PHASE_TIME;
  const absl::StatusOr<std::vector<cycles::Estimate>> estimates = parts_.estimator->Run({region});
  TUNEFARM_RETURN_IF_ERROR(estimates.status());
  v1::KernelResult& result = *measurement_.add_kernels();
  result = ToKernelResult(estimates->at(0), parts_.board.clock_hz);
  if (!(result.median_us() > 0)) {
    return absl::InternalError(absl::StrCat("kernel ", kernel, " was estimated to take no time"));
  }
  result.set_stack_bytes(stack_bytes);
  return absl::OkStatus();
}

absl::Status KernelRun::Steps() {
  control_.phase.store(phase_, std::memory_order_relaxed);
  TUNEFARM_RETURN_IF_ERROR(LinkKernels());
  TUNEFARM_RETURN_IF_ERROR(StartSession());
  std::vector<std::uint64_t> stack_bytes;
  for (current_ = 0; current_ < kernels_.size(); ++current_) {
    TUNEFARM_RETURN_IF_ERROR(RunKernel(current_));
    stack_bytes.push_back(job_.control.stack_used);
  }
  current_ = 0;
  if (parts_.estimator == nullptr) {
    TUNEFARM_RETURN_IF_ERROR(TimeKernels());
    for (std::size_t k = 0; k < stack_bytes.size(); ++k) {
      measurement_.mutable_kernels(static_cast<int>(k))->set_stack_bytes(stack_bytes[k]);
    }
    return absl::OkStatus();
  }
  TUNEFARM_ASSIGN_OR_RETURN(const std::string text, ReadFile(parts_.regions_file));
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<cycles::Region> regions, cycles::ParseRegions(text));
  if (regions.size() != kernels_.size()) {
    return absl::InternalError(
        absl::StrCat("QEMU's plugin counted ", regions.size(), " runs of ", kernels_.size(), " kernels"));
  }
  for (std::size_t k = 0; k < regions.size(); ++k) {
    current_ = k;
    TUNEFARM_RETURN_IF_ERROR(Estimate(k, regions[k], stack_bytes[k]));
  }
  return absl::OkStatus();
}

v1::Measurement KernelRun::Measure() {
  const absl::Status status = Steps();
  if (status.ok()) return std::move(measurement_);
  if (!absl::IsAborted(status)) {
    const std::string words = parts_.link.Words();
    failure_.set_phase(phase_);
    failure_.set_message(std::string(status.message()));
    failure_.set_detail(words);
    // QEMU ends when a core locks up, which is the kernel's doing.
    if (absl::StrContains(words, "Lockup")) {
      failure_.set_kind(v1::FAILURE_KIND_FAULT);
      failure_.set_message("the core locked up: a fault within a fault");
    } else {
      failure_.set_kind(phase_ == v1::PHASE_UPLOAD ? v1::FAILURE_KIND_UPLOAD : v1::FAILURE_KIND_INTERNAL);
    }
  }
  v1::Measurement failed;
  *failed.mutable_failure() = failure_;
  failed.set_failed_kernel(static_cast<std::uint32_t>(current_));
  return failed;
}

}  // namespace tunefarm
