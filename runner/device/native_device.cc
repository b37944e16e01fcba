#include "runner/device/native_device.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "runner/device/evaluate.h"
#include "runner/device/executor_process.h"
#include "runner/device/job.h"
#include "runner/device/plausible_speed.h"
#include "runner/device/seccomp_filter.h"
#include "runner/timing/robust_stats.h"
#include "runner/version.h"
#include "spdlog/spdlog.h"

namespace tunefarm {
namespace {

// When the work does not say: loading and a first call take milliseconds, ten seconds are a hang.
constexpr double kDefaultDeadlineUs = 10e6;

// How long the reference kernel runs alone for a first baseline: a few hundred readings, of which the calm
// ones count.
constexpr double kBaselineUs = 300e3;

// Of these readings the baseline takes the fast fifth's edge: calm, but not one lucky reading.
constexpr double kCalmQuantile = 0.2;

class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }

 private:
  int fd_;
};

v1::Measurement Failed(v1::FailureKind kind, v1::Phase phase, absl::string_view message) {
  v1::Measurement measurement;
  measurement.mutable_failure()->set_kind(kind);
  measurement.mutable_failure()->set_phase(phase);
  measurement.mutable_failure()->set_message(std::string(message));
  return measurement;
}

absl::Duration OrDefault(double us) {
  return absl::Microseconds(us > 0 && us < 1e12 ? us : kDefaultDeadlineUs);
}

}  // namespace

NativeDevice::NativeDevice(NativeDeviceOptions options, Sandbox sandbox)
    : options_(std::move(options)), sandbox_(std::move(sandbox)) {}

absl::StatusOr<std::unique_ptr<NativeDevice>> NativeDevice::Create(const NativeDeviceOptions& options,
                                                                   Sandbox sandbox) {
  if (options.cpus.empty()) return absl::InvalidArgumentError("a device needs at least one cpu");
  const std::vector<int> allowed = AllowedCpus();
  for (const int cpu : options.cpus) {
    if (std::find(allowed.begin(), allowed.end(), cpu) == allowed.end()) {
      return absl::InvalidArgumentError(absl::StrCat("cpu ", cpu, " is not one this process may use"));
    }
  }
  std::unique_ptr<NativeDevice> device(new NativeDevice(options, std::move(sandbox)));
  device->facts_ = device->Facts();
  TUNEFARM_RETURN_IF_ERROR(device->FindBaseline());
  return device;
}

v1::DeviceFacts NativeDevice::Facts() const {
  v1::DeviceFacts facts = ProbeNative({}, options_.cpus[0]);
  facts.set_device_id(options_.device_id);
  if (!options_.device_class.empty()) facts.set_device_class(options_.device_class);
  facts.set_cores(static_cast<std::uint32_t>(options_.cpus.size()));
  facts.set_runner_version(kRunnerVersion);
  return facts;
}

absl::Status NativeDevice::AddFilter(std::uint64_t largest_mapping, bool threads, executor::Job& job) {
  std::vector<std::uint64_t>& filter = filters_[{largest_mapping, threads}];
  if (filter.empty()) {
    TUNEFARM_ASSIGN_OR_RETURN(filter, CompileFilter({executor::kChannelFd, largest_mapping, threads}));
  }
  if (filter.size() > sizeof job.filter / sizeof job.filter[0]) {
    return absl::InternalError("the system call filter is too long");
  }
  job.filter_count = static_cast<std::uint32_t>(filter.size());
  job.filter_required = sandbox_.boxed() ? 1 : 0;
  std::copy(filter.begin(), filter.end(), job.filter);
  return absl::OkStatus();
}

absl::Status NativeDevice::FindBaseline() {
  executor::Job job;
  job.policy.max_time_us = kBaselineUs;
  job.memory_limit_bytes = 64 << 20;
  job.cpu_count = 1;
  job.cpus[0] = options_.cpus[0];
  TUNEFARM_RETURN_IF_ERROR(AddFilter(job.memory_limit_bytes, false, job));
  const ExecutorDeadlines deadlines{absl::Seconds(10), absl::Seconds(10), absl::Seconds(10),
                                    absl::Seconds(10)};
  PhaseCell phase{0};
  TUNEFARM_ASSIGN_OR_RETURN(const ExecutorOutcome outcome,
                            RunExecutor(sandbox_, {}, job, {}, deadlines, -1, phase));
  if (!outcome.done.has_value() || outcome.samples[0].reference_us.empty()) {
    const std::string why = outcome.fault.has_value() ? outcome.fault->text : "";
    return absl::InternalError(absl::StrCat("the reference kernel did not run on cpu ", options_.cpus[0],
                                            ": ", why, outcome.error_tail));
  }
  mhz_ = MhzOf(*outcome.done);
  calm_contention_ = outcome.done->contention;
  const double now_us = Quantile(outcome.samples[0].reference_us, kCalmQuantile);
  // "VERSION CLASS MICROSECONDS"; anything else is as good as nothing.
  const std::string path = absl::StrCat(options_.state_directory, "/reference-baseline");
  double kept_us = 0;
  if (const absl::StatusOr<std::string> kept = ReadFile(path); kept.ok()) {
    const std::vector<std::string> words = absl::StrSplit(*kept, absl::ByAnyChar(" \n"), absl::SkipEmpty());
    double value = 0;
    if (words.size() == 3 && words[0] == absl::StrCat(kReferenceWorkVersion) &&
        words[1] == facts_.device_class() && absl::SimpleAtod(words[2], &value) && value > now_us / 4 &&
        value < now_us * 4) {
      kept_us = value;
    }
  }
  baseline_ = ReferenceBaseline(kept_us > 0 ? kept_us : now_us);
  KeepBaseline();
  spdlog::info("reference kernel: {:.1f} us now, baseline {:.1f} us; clock {:.0f} MHz", now_us,
               baseline_.value_us(), mhz_);
  return absl::OkStatus();
}

void NativeDevice::KeepBaseline() const {
  const absl::Status written = WriteFileAtomic(
      absl::StrCat(options_.state_directory, "/reference-baseline"),
      absl::StrFormat("%d %s %.17g\n", kReferenceWorkVersion, facts_.device_class(), baseline_.value_us()));
  if (!written.ok()) spdlog::warn("the reference baseline is not kept: {}", written.ToString());
}

absl::StatusOr<v1::Measurement> NativeDevice::Try(const LocalWork& work, WorkControl& control) {
  const v1::RunDescription& run = work.item.run();
  TUNEFARM_ASSIGN_OR_RETURN(const std::unique_ptr<executor::Job> job, MakeJob(work, facts_.memory_bytes()));
  if (job->threads > options_.cpus.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the kernel wants ", job->threads, " threads, this device has ", options_.cpus.size(), " cpus"));
  }
  job->policy.calm_contention = calm_contention_;
  job->cpu_count = static_cast<std::uint32_t>(std::min(options_.cpus.size(), executor::kMaxCpus));
  std::copy_n(options_.cpus.begin(), job->cpu_count, job->cpus);
  TUNEFARM_RETURN_IF_ERROR(AddFilter(job->memory_limit_bytes, job->threads > 1, *job));

  std::vector<BoundFile> files;
  for (std::size_t k = 0; k < work.kernel_paths.size(); ++k) {
    files.push_back({work.kernel_paths[k], absl::StrCat("/tunefarm/kernel", k)});
    const std::string& path = sandbox_.PathOf(files.back());
    if (path.size() >= executor::kMaxPath)
      return absl::InvalidArgumentError(absl::StrCat("the path is too long: ", path));
    std::memcpy(job->kernel_paths[k], path.c_str(), path.size() + 1);
  }
  std::vector<int> inherited;
  const File expected(work.expected_path.empty() ? -1
                                                 : open(work.expected_path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!work.expected_path.empty()) {
    if (expected.get() < 0) return ErrnoToStatus(errno, absl::StrCat("cannot open ", work.expected_path));
    job->expected_fd = expected.get();
    inherited.push_back(expected.get());
  }
  const ExecutorDeadlines deadlines{OrDefault(run.load_deadline_us()), OrDefault(run.check_deadline_us()),
                                    absl::Microseconds(run.policy().max_warm_up_us()),
                                    absl::Microseconds(run.policy().max_time_us())};
  TUNEFARM_ASSIGN_OR_RETURN(
      const ExecutorOutcome outcome,
      RunExecutor(sandbox_, files, *job, inherited, deadlines, control.cancel_fd, control.phase));
  const double peak = PlausibleFlopPerCycle(facts_, run) *
                      std::max(mhz_, outcome.done.has_value() ? MhzOf(*outcome.done) : 0);
  v1::Measurement measurement = Evaluate(run, outcome, {baseline_.value_us(), peak});
  if (outcome.done.has_value() && outcome.done->contention > 0) {
    calm_contention_ = std::min(calm_contention_, outcome.done->contention);
  }
  if (outcome.done.has_value() && baseline_.Add(measurement.environment().reference_us())) {
    spdlog::warn("the device is faster than it was: reference baseline now {:.1f} us", baseline_.value_us());
    KeepBaseline();
  }
  return measurement;
}

v1::Measurement NativeDevice::Measure(const LocalWork& work, WorkControl& control) {
  const absl::Time start = absl::Now();
  const double load = Load({});
  const absl::StatusOr<v1::Measurement> tried = Try(work, control);
  v1::Measurement measurement =
      tried.ok() ? *tried : Failed(v1::FAILURE_KIND_INTERNAL, v1::PHASE_LOAD, tried.status().message());
  v1::Environment& environment = *measurement.mutable_environment();
  environment.set_device_id(facts_.device_id());
  environment.set_device_class(facts_.device_class());
  environment.set_boot_id(facts_.boot_id());
  environment.set_kernel_release(facts_.kernel_release());
  environment.set_governor(Governor({}, options_.cpus[0]));
  environment.set_runner_version(facts_.runner_version());
  environment.set_temperature_c(Temperature({}));
  environment.set_load(load);
  measurement.set_started_unix_us(absl::ToUnixMicros(start));
  measurement.set_busy_us(absl::ToDoubleMicroseconds(absl::Now() - start));
  return measurement;
}

}  // namespace tunefarm
