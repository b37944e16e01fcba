#include "runner/emulated/user_mode_device.h"

#include <string.h>
#include <sys/wait.h>

#include <filesystem>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/compiler_package.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "runner/device/job.h"
#include "runner/device/seccomp_filter.h"
#include "runner/emulated/call_deadline.h"
#include "runner/emulated/emulated_result.h"
#include "runner/emulated/emulator_process.h"
#include "runner/emulated/harness_sources.h"
#include "runner/executor/tensors.h"
#include "runner/version.h"

namespace tunefarm {
namespace {

// Addresses that the guest may use, reserved so that QEMU places everything the same way on every machine:
// the program, the kernel, the arena and some room to allocate. A kernel that wants more gets no memory. What
// 32 bits reach but for the last page, which qemu-arm keeps.
constexpr char kGuestAddresses[] = "0xfffff000";
constexpr std::uint64_t kGuestMemory = Arena::kMaxBytes;

constexpr double kDefaultDeadlineUs = 10e6;
constexpr absl::Duration kToolTimeout = absl::Seconds(60);

// Where the box shows a kernel what belongs to it; without a box the same files have their own names.
constexpr char kHarnessInside[] = "/tunefarm/harness", kKernelInside[] = "/tunefarm/kernel.so",
               kPluginInside[] = "/tunefarm/cycles.so", kCountsInside[] = "/tunefarm/counts";

absl::Duration OrDefault(double us) {
  return absl::Microseconds(us > 0 && us < 1e12 ? us : kDefaultDeadlineUs);
}

v1::Phase PhaseOf(const arena_header& header) {
  switch (header.phase) {
    case kArenaStart:
    case kArenaLoad:
      return v1::PHASE_LOAD;
    case kArenaCheck:
      return v1::PHASE_CHECK;
    default:
      return v1::PHASE_TIME;
  }
}

const char* PhaseName(v1::Phase phase) {
  if (phase == v1::PHASE_LOAD) return "loading";
  return phase == v1::PHASE_CHECK ? "the check" : "the counted call";
}

std::string SignalName(int signal) {
  const char* const name = sigabbrev_np(signal);
  return name != nullptr ? absl::StrCat("SIG", name) : absl::StrCat("signal ", signal);
}

void Fail(v1::FailureKind kind, absl::string_view message, v1::Failure& failure) {
  failure.set_kind(kind);
  failure.set_message(std::string(message));
}

// What the end of the emulator says about the kernel; kind UNSPECIFIED when it returned from both calls.
v1::Failure Judge(const EmulatorEnd& end, const Arena& arena) {
  const arena_header& header = arena.header();
  v1::Failure failure;
  const v1::Phase phase = PhaseOf(header);
  const std::string during = absl::StrCat(" during ", PhaseName(phase));
  // Positive: by this signal, which bubblewrap passes on as a shell does.
  const int ended_by =
      WIFSIGNALED(end.wait_status) ? WTERMSIG(end.wait_status) : WEXITSTATUS(end.wait_status) - 128;
  if (end.cancelled) {
    Fail(v1::FAILURE_KIND_CANCELLED, "stopped because the tracker asked for it", failure);
  } else if (end.timed_out) {
    Fail(v1::FAILURE_KIND_TIMEOUT, absl::StrCat("passed its deadline", during), failure);
  } else if ((header.signal == SIGSYS || ended_by == SIGSYS) && header.phase != kArenaStart) {
    // The filter's trap. QEMU does not say which call it was, and hands the signal on unless it holds all
    // off.
    Fail(v1::FAILURE_KIND_FORBIDDEN_CALL,
         absl::StrCat("made a system call that kernels may not make", during), failure);
  } else if (header.signal != 0) {
    const int signal = static_cast<int>(header.signal & 0x7f);
    std::string message = absl::StrCat("crashed with ", SignalName(signal));
    if (header.address != 0 || signal == SIGSEGV) {
      absl::StrAppendFormat(&message, " at address 0x%x", header.address);
    }
    const std::string guard = arena.GuardAt(header.address);
    Fail(v1::FAILURE_KIND_CRASH, absl::StrCat(message, guard.empty() ? "" : ": ", guard, during), failure);
    failure.set_signal(signal);
  } else if (header.text[0] != '\0') {
    Fail(v1::FAILURE_KIND_LOAD,
         absl::StrCat("the kernel does not load: ",
                      std::string(header.text, strnlen(header.text, kArenaText))),
         failure);
  } else if (header.phase == kArenaStart) {
    Fail(v1::FAILURE_KIND_INTERNAL, "the emulator did not start; see the detail", failure);
  } else if (ended_by > 0) {
    Fail(v1::FAILURE_KIND_CRASH, absl::StrCat("was ended by ", SignalName(ended_by), during), failure);
    failure.set_signal(ended_by);
  } else if (header.phase != kArenaDone || WEXITSTATUS(end.wait_status) != 0) {
    Fail(v1::FAILURE_KIND_EXITED,
         absl::StrCat("ended its process (exit status ", WEXITSTATUS(end.wait_status), ")", during), failure);
  } else if (const std::string edge = arena.BrokenEdge(); !edge.empty()) {
    Fail(v1::FAILURE_KIND_MEMORY_OVERRUN, absl::StrCat("the kernel wrote beside ", edge), failure);
  }
  if (failure.kind() == v1::FAILURE_KIND_UNSPECIFIED) return failure;
  failure.set_phase(phase);
  failure.set_detail(end.error_tail);
  return failure;
}

// Compares the outputs of both calls.
void Check(const executor::Job& job, const std::string& expected, const Arena& arena, v1::Failure& failure) {
  const executor::ArgumentSpec& output = job.arguments[job.argument_count - 1];
  for (const bool first : {true, false}) {
    const executor::Mismatch mismatch =
        executor::Compare(output.type, output.elements, first ? arena.FirstOutput() : arena.Output(),
                          expected.data(), job.absolute_tolerance, job.relative_tolerance);
    if (mismatch.count == 0) continue;
    Fail(v1::FAILURE_KIND_WRONG_RESULT,
         absl::StrFormat("%d of %d output elements are wrong%s; the first is element %d: got %.9g, want %.9g",
                         mismatch.count, output.elements,
                         first ? "" : " in the second call, though the first was right", mismatch.first,
                         mismatch.got, mismatch.want),
         failure);
    failure.set_phase(first ? v1::PHASE_CHECK : v1::PHASE_TIME);
    return;
  }
}

// Empty: there is none.
absl::StatusOr<std::string> ReadExpected(const executor::Job& job, const std::string& path) {
  if (path.empty()) return std::string();
  TUNEFARM_ASSIGN_OR_RETURN(std::string expected, ReadFile(path));
  const executor::ArgumentSpec& output = job.arguments[job.argument_count - 1];
  const std::size_t bytes = output.elements * executor::BytesOf(output.type);
  if (expected.size() == bytes) return expected;
  return absl::InvalidArgumentError(
      absl::StrCat("the expected output does not have the ", bytes, " bytes of the output"));
}

}  // namespace

UserModeDevice::UserModeDevice(Board board, UserModeOptions options, cycles::Estimator estimator,
                               TempDir scratch)
    : board_(std::move(board)),
      options_(std::move(options)),
      estimator_(std::move(estimator)),
      scratch_(std::move(scratch)) {}

absl::StatusOr<std::unique_ptr<UserModeDevice>> UserModeDevice::Create(const Board& board,
                                                                       UserModeOptions options) {
  if (options.device_class.empty()) options.device_class = board.DeviceClass();
  if (board.kind != BoardKind::kQemuUser || board.cycle_model.name.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the device ", board.name, " is not a \"qemu-user\" with a cycle model"));
  }
  TUNEFARM_ASSIGN_OR_RETURN(
      cycles::Estimator estimator,
      cycles::Estimator::Create(board.cycle_model, absl::StrCat(options.state_directory, "/cycles")));
  TUNEFARM_ASSIGN_OR_RETURN(TempDir scratch, TempDir::Create("tunefarm-emulated"));
  std::unique_ptr<UserModeDevice> device(
      new UserModeDevice(board, std::move(options), std::move(estimator), std::move(scratch)));
  TUNEFARM_ASSIGN_OR_RETURN(device->plugin_, cycles::PluginPath());
  if (device->options_.sandboxed) {
    FilterOptions filter;
    filter.threads = true;  // QEMU's own.
    filter.emulator = true;
    TUNEFARM_ASSIGN_OR_RETURN(device->filter_, CompileFilter(filter));
  }
  TUNEFARM_RETURN_IF_ERROR(device->BuildHarness());
  TUNEFARM_RETURN_IF_ERROR(device->TryHarness());
  return device;
}

absl::Status UserModeDevice::BuildHarness() {
  SubprocessOptions options;
  options.working_directory = scratch_.path();
  options.argv = {board_.toolchain.compiler,
                  "-O2",
                  "-static",
                  "-no-pie",
                  "-D_FILE_OFFSET_BITS=64",
                  absl::StrFormat("-Wl,--section-start=.tunefarm_marker=0x%x", TUNEFARM_MARKER_ADDRESS),
                  "user_harness.c",
                  "kernel_loader.c",
                  "-o",
                  "harness"};
  // The C library's own copies are Arm code in part, and the plugin reads Thumb.
  if (board_.architecture != "aarch64")
    options.argv.insert(options.argv.end(), {"-ffreestanding", "memory.c"});
  options.argv.insert(options.argv.end(), board_.toolchain.flags.begin(), board_.toolchain.flags.end());
  for (const auto& [name, text] : HarnessSources()) {
    TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(absl::StrCat(scratch_.path(), "/", name), text));
  }
  const absl::StatusOr<RunResult> result = RunProcess(options, kToolTimeout);
  if (absl::IsNotFound(result.status())) {
    return WithExitCode(
        absl::NotFoundError(absl::StrCat(result.status().message(),
                                         ": it builds what runs kernels under QEMU; install the package ",
                                         CompilerPackage(board_.toolchain.compiler))),
        ExitCode::kMissingCompiler);
  }
  TUNEFARM_RETURN_IF_ERROR(result.status());
  if (result->exit_code == 0) return absl::OkStatus();
  return WithExitCode(
      absl::FailedPreconditionError(absl::StrCat(
          board_.toolchain.compiler, " cannot build what runs kernels under QEMU; is the C library of ",
          board_.architecture, " installed for development (the package libc6-dev-",
          board_.architecture == "aarch64" ? "arm64" : "armhf", "-cross)? ", result->err)),
      ExitCode::kMissingCompiler);
}

std::vector<std::string> UserModeDevice::Emulator(const std::vector<std::string>& plugin) const {
  std::vector<std::string> argv = {board_.qemu.program, "-R", kGuestAddresses};
  if (!board_.qemu.cpu.empty()) argv.insert(argv.end(), {"-cpu", board_.qemu.cpu});
  argv.insert(argv.end(), plugin.begin(), plugin.end());
  return argv;
}

absl::Status UserModeDevice::TryHarness() const {
  EmulatorRun run;
  run.argv = Emulator({});
  const std::string harness = scratch_.path() + "/harness";
  run.argv.push_back(options_.sandboxed ? kHarnessInside : harness);
  if (options_.sandboxed) run.argv = InBox({{harness, kHarnessInside}}, {}, run.argv);
  run.filter = filter_;
  run.load_deadline = kToolTimeout;
  run.phase = [] { return v1::PHASE_LOAD; };
  TUNEFARM_ASSIGN_OR_RETURN(const EmulatorEnd end, RunEmulator(run));
  // It started, and misses its arguments.
  if (!end.timed_out && WIFEXITED(end.wait_status) && WEXITSTATUS(end.wait_status) == 2) {
    return absl::OkStatus();
  }
  return WithExitCode(
      absl::FailedPreconditionError(absl::StrCat(
          board_.qemu.program, options_.sandboxed ? " does not run in the sandbox: " : " does not run: ",
          absl::StripAsciiWhitespace(end.error_tail),
          options_.sandboxed ? " (without the sandbox: --dangerously-unsandboxed)" : "")),
      ExitCode::kNoSandbox);
}

v1::DeviceFacts UserModeDevice::Facts() const {
  v1::DeviceFacts facts;
  facts.set_device_id(options_.device_id);
  facts.set_device_class(options_.device_class);
  facts.set_kind("emulated");
  facts.set_cycle_model(estimator_.model());
  facts.set_error_band(estimator_.error_band());
  facts.set_cpu_model(board_.core);
  facts.set_architecture(board_.architecture);
  facts.mutable_isa_features()->Add(board_.isa_features.begin(), board_.isa_features.end());
  for (const cycles::CacheSpec& cache : board_.cycle_model.caches) {
    if (cache.level == 1 && cache.serves == cycles::Serves::kData) facts.set_l1d_bytes(cache.bytes);
    if (cache.level == 2) facts.set_l2_bytes(cache.bytes);
  }
  facts.set_cores(1);
  facts.set_memory_bytes(kGuestMemory);
  facts.set_runner_version(kRunnerVersion);
  return facts;
}

absl::StatusOr<cycles::Region> UserModeDevice::Count(const executor::Job& job, const LocalWork& work,
                                                     std::size_t kernel, WorkControl& control,
                                                     v1::Failure& failure) {
  const v1::RunDescription& run = work.item.run();
  TUNEFARM_ASSIGN_OR_RETURN(const std::string expected, ReadExpected(job, work.expected_path));
  TUNEFARM_ASSIGN_OR_RETURN(const std::unique_ptr<Arena> arena,
                            Arena::Create(job, expected.empty() ? nullptr : expected.data()));
  const std::string harness = scratch_.path() + "/harness", counts = scratch_.path() + "/counts";
  TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(counts, ""));
  const bool boxed = options_.sandboxed;
  TUNEFARM_ASSIGN_OR_RETURN(const std::string plugin,
                            cycles::PluginOption(board_.cycle_model, boxed ? kPluginInside : plugin_,
                                                 boxed ? kCountsInside : counts, TUNEFARM_MARKER_ADDRESS,
                                                 TUNEFARM_MARKER_ADDRESS + 4));
  EmulatorRun emulator;
  emulator.argv = Emulator({"-plugin", plugin});
  emulator.argv.insert(emulator.argv.end(), {boxed ? kHarnessInside : harness, absl::StrCat(arena->fd()),
                                             boxed ? kKernelInside : work.kernel_paths[kernel]});
  if (boxed) {
    emulator.argv = InBox(
        {{harness, kHarnessInside}, {work.kernel_paths[kernel], kKernelInside}, {plugin_, kPluginInside}},
        {{counts, kCountsInside}}, emulator.argv);
  }
  emulator.filter = filter_;
  emulator.inherited_fds = {arena->fd()};
  emulator.load_deadline = OrDefault(run.load_deadline_us());
  emulator.call_deadline = EmulatedCallDeadline(run);
  emulator.cancel_fd = control.cancel_fd;
  emulator.phase = [&arena] { return PhaseOf(arena->header()); };
  emulator.reported_phase = &control.phase;
  TUNEFARM_ASSIGN_OR_RETURN(const EmulatorEnd end, RunEmulator(emulator));
  failure = Judge(end, *arena);
  if (failure.kind() == v1::FAILURE_KIND_UNSPECIFIED && !expected.empty())
    Check(job, expected, *arena, failure);
  if (failure.kind() != v1::FAILURE_KIND_UNSPECIFIED) return cycles::Region();
  TUNEFARM_ASSIGN_OR_RETURN(const std::string text, ReadFile(counts));
  TUNEFARM_ASSIGN_OR_RETURN(std::vector<cycles::Region> regions, cycles::ParseRegions(text));
  if (regions.size() != 2) {
    return absl::InternalError(
        absl::StrCat("QEMU counted ", regions.size(), " of 2 calls: ", end.error_tail));
  }
  return std::move(regions[1]);
}

absl::StatusOr<v1::Measurement> UserModeDevice::Try(const LocalWork& work, WorkControl& control) {
  TUNEFARM_ASSIGN_OR_RETURN(const std::unique_ptr<executor::Job> job, MakeJob(work, kGuestMemory));
  if (job->threads > 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("the kernel wants ", job->threads, " threads, an emulated core has one"));
  }
  v1::Measurement measurement;
  std::vector<cycles::Region> regions;
  for (std::size_t k = 0; k < work.kernel_paths.size(); ++k) {
    v1::Failure failure;
    TUNEFARM_ASSIGN_OR_RETURN(regions.emplace_back(), Count(*job, work, k, control, failure));
    if (failure.kind() == v1::FAILURE_KIND_UNSPECIFIED) continue;
    *measurement.mutable_failure() = failure;
    measurement.set_failed_kernel(static_cast<std::uint32_t>(k));
    return measurement;
  }
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<cycles::Estimate> estimates, estimator_.Run(regions));
  for (const cycles::Estimate& estimate : estimates) {
    *measurement.add_kernels() = ToKernelResult(estimate, board_.clock_hz);
  }
  return measurement;
}

v1::Measurement UserModeDevice::Measure(const LocalWork& work, WorkControl& control) {
  const absl::Time start = absl::Now();
  absl::StatusOr<v1::Measurement> tried = Try(work, control);
  v1::Measurement measurement;
  if (tried.ok()) {
    measurement = *std::move(tried);
  } else {
    Fail(v1::FAILURE_KIND_INTERNAL, std::string(tried.status().message()), *measurement.mutable_failure());
    measurement.mutable_failure()->set_phase(v1::PHASE_LOAD);
  }
  v1::Environment& environment = *measurement.mutable_environment();
  environment.set_device_id(options_.device_id);
  environment.set_device_class(options_.device_class);
  environment.set_mhz(static_cast<double>(board_.clock_hz) / 1e6);
  environment.set_cpu(-1);
  environment.set_runner_version(kRunnerVersion);
  measurement.set_started_unix_us(absl::ToUnixMicros(start));
  measurement.set_busy_us(absl::ToDoubleMicroseconds(absl::Now() - start));
  return measurement;
}

}  // namespace tunefarm
