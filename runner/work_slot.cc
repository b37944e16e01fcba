#include "runner/work_slot.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace tunefarm {

WorkSlot::WorkSlot(Device& device, ArtifactCache& artifacts, std::function<void()> on_done)
    : device_(device), artifacts_(artifacts), on_done_(std::move(on_done)) {
  control_.cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  thread_ = std::thread([this] { Run(); });
}

WorkSlot::~WorkSlot() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  Cancel();
  thread_.join();
  close(control_.cancel_fd);
}

void WorkSlot::Start(const v1::WorkItem& work) {
  std::uint64_t ignored = 0;
  // Forget a cancellation that came too late for the last piece of work.
  [[maybe_unused]] const ssize_t got = read(control_.cancel_fd, &ignored, sizeof ignored);
  control_.phase.store(v1::PHASE_UPLOAD, std::memory_order_relaxed);
  absl::MutexLock lock(&mu_);
  work_ = work;
}

void WorkSlot::Cancel() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = write(control_.cancel_fd, &one, sizeof one);
}

std::optional<v1::Measurement> WorkSlot::Take() {
  absl::MutexLock lock(&mu_);
  return std::exchange(result_, std::nullopt);
}

void WorkSlot::Run() {
  for (;;) {
    v1::WorkItem work;
    {
      absl::MutexLock lock(&mu_);
      mu_.Await(absl::Condition(
          +[](WorkSlot* slot)
               ABSL_NO_THREAD_SAFETY_ANALYSIS { return slot->stopping_ || slot->work_.has_value(); },
          this));
      if (stopping_) return;
      work = *std::exchange(work_, std::nullopt);
    }
    v1::Measurement measurement = Execute(work);
    {
      absl::MutexLock lock(&mu_);
      result_ = std::move(measurement);
    }
    on_done_();
  }
}

v1::Measurement WorkSlot::Execute(const v1::WorkItem& work) {
  LocalWork local;
  local.item = work;
  const auto fetch = [this](const std::string& digest, std::string* path) -> absl::Status {
    TUNEFARM_ASSIGN_OR_RETURN(*path, artifacts_.Get(digest));
    return absl::OkStatus();
  };
  absl::Status status;
  for (const std::string& digest : work.kernel_digests()) {
    if (status.ok()) status = fetch(digest, &local.kernel_paths.emplace_back());
  }
  if (status.ok() && !work.run().expected_output_digest().empty()) {
    status = fetch(work.run().expected_output_digest(), &local.expected_path);
  }
  if (status.ok()) return device_.Measure(local, control_);
  v1::Measurement failed;
  failed.mutable_failure()->set_kind(v1::FAILURE_KIND_UPLOAD);
  failed.mutable_failure()->set_phase(v1::PHASE_UPLOAD);
  failed.mutable_failure()->set_message(std::string(status.message()));
  return failed;
}

}  // namespace tunefarm
