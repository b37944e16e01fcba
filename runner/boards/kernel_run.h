// One piece of work on a board, from linking its kernels to their times or their failure.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/status.h"
#include "runner/boards/board.h"
#include "runner/boards/board_job.h"
#include "runner/boards/board_linker.h"
#include "runner/boards/board_session.h"
#include "runner/boards/target_link.h"
#include "runner/cycles/estimator.h"
#include "runner/device.h"

namespace tunefarm {

class KernelRun {
 public:
  struct Parts {
    const Board& board;
    const BoardLinker& linker;
    TargetLink& link;
    cycles::Estimator* estimator;  // Null: times are measured.
    std::string regions_file;      // What QEMU's plugin counted; empty without an estimator.
  };
  // All must outlive the object, which serves once.
  KernelRun(const Parts& parts, const LocalWork& work, WorkControl& control)
      : parts_(parts), work_(work), run_(work.item.run()), control_(control) {}

  v1::Measurement Measure();

 private:
  // Each step fails with kAborted once `failure_` says why; other errors are ours, or the link's.
  absl::Status Steps();
  absl::Status LinkKernels();
  absl::Status StartSession();
  absl::Status RunKernel(std::size_t kernel);
  absl::Status CheckOutput();
  absl::Status Estimate(std::size_t kernel, const cycles::Region& region, std::uint64_t stack_bytes);
  absl::Status TimeKernels();
  absl::Status TimeSamples(std::size_t kernel, std::uint32_t samples, std::uint32_t calls,
                           std::vector<double>& cycles_of_one_call);
  absl::Status Command(device::Command command, std::size_t kernel, v1::Phase phase, absl::Duration deadline);
  absl::Status Fail(v1::Failure failure);
  absl::Status Fail(v1::FailureKind kind, v1::Phase phase, const std::string& message);
  absl::Duration CallDeadline() const;
  double ToMicroseconds(double cycles) const;

  Parts parts_;
  const LocalWork& work_;
  const v1::RunDescription& run_;
  WorkControl& control_;

  std::vector<LinkedKernel> kernels_;
  BoardJob job_;
  std::unique_ptr<BoardSession> session_;
  std::string expected_;  // The output as it should be; empty: unchecked.
  std::size_t current_ = 0;
  v1::Phase phase_ = v1::PHASE_UPLOAD;
  v1::Failure failure_;
  v1::Measurement measurement_;
};

}  // namespace tunefarm
