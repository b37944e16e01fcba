// The real executor in its real sandbox on kernels that misbehave. Where the sandbox does not work these
// fail: a machine without it cannot show what they promise.
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/time/clock.h"
#include "base/file.h"
#include "base/inputs.h"
#include "base/subprocess.h"
#include "proto/policies.h"
#include "runner/device/native_device.h"
#include "spdlog/spdlog.h"
#include "tests/catch.h"

namespace tunefarm {
namespace {

constexpr char kHead[] = R"(
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <fcntl.h>
#include <unistd.h>
#include <sys/socket.h>
#define RUN void tunefarm_run(void* const* a, const void* p, void* w)
)";
// What a good kernel does; arguments are an input and an output of 1000 floats.
constexpr char kTwice[] = " for (int i = 0; i < 1000; ++i) ((float*)a[1])[i] = 2 * ((const float*)a[0])[i]; ";

class Bench {
 public:
  explicit Bench(std::size_t cpus = 1) : folder_(*TempDir::Create()) {
    spdlog::set_level(spdlog::level::warn);
    const char* bin = std::getenv("TUNEFARM_BIN_DIR");
    REQUIRE(bin != nullptr);
    absl::StatusOr<Sandbox> sandbox = Sandbox::Create(absl::StrCat(bin, "/tunefarm-executor"));
    INFO(sandbox.status().ToString());
    REQUIRE(sandbox.ok());
    NativeDeviceOptions options;
    options.device_id = "test";
    const std::vector<int> allowed = AllowedCpus();
    REQUIRE(allowed.size() >= cpus);
    options.cpus.assign(allowed.end() - static_cast<std::ptrdiff_t>(cpus), allowed.end());
    options.state_directory = folder_.path();
    absl::StatusOr<std::unique_ptr<NativeDevice>> device = NativeDevice::Create(options, *sandbox);
    INFO(device.status().ToString());
    REQUIRE(device.ok());
    device_ = *std::move(device);
  }

  std::string Compile(const std::string& body, const std::string& name = "kernel") {
    const std::string stem = absl::StrCat(folder_.path(), "/", name, ++compiled_);
    REQUIRE(WriteFileAtomic(stem + ".c", kHead + body).ok());
    SubprocessOptions options;
    options.argv = {"cc",      "-O1",   "-fopenmp", "-fno-builtin", "-w",
                    "-shared", "-fPIC", "-o",       stem + ".so",   stem + ".c"};
    const absl::StatusOr<RunResult> result = RunProcess(options, absl::Minutes(1));
    REQUIRE(result.ok());
    INFO(result->err);
    REQUIRE(result->exit_code == 0);
    return stem + ".so";
  }

  LocalWork Work(const std::vector<std::string>& kernels) {
    LocalWork work;
    work.kernel_paths = kernels;
    v1::RunDescription& run = *work.item.mutable_run();
    for (const v1::ArgumentRole role : {v1::ARGUMENT_ROLE_INPUT, v1::ARGUMENT_ROLE_OUTPUT}) {
      v1::Argument& argument = *run.add_arguments();
      argument.set_type(v1::DATA_TYPE_F32);
      argument.set_role(role);
      argument.set_elements(1000);
    }
    run.set_input_seed(3);
    run.set_absolute_tolerance(1e-6);
    run.set_load_deadline_us(5e6);
    run.set_check_deadline_us(2e6);
    run.set_memory_limit_bytes(64 << 20);
    v1::MeasurementPolicy& policy = *run.mutable_policy();
    policy = ScreeningPolicy();
    policy.set_min_time_us(0);
    policy.set_max_time_us(10e3);
    policy.set_min_sample_us(100);
    policy.set_max_warm_up_us(1e3);
    std::vector<float> want(1000);
    for (std::uint64_t i = 0; i < want.size(); ++i) want[i] = 2 * InputFloat(3, 0, i);
    work.expected_path = folder_.path() + "/expected";
    const absl::string_view bytes(reinterpret_cast<const char*>(want.data()), want.size() * sizeof(float));
    REQUIRE(WriteFileAtomic(work.expected_path, bytes).ok());
    return work;
  }

  v1::Measurement Measure(const LocalWork& work) {
    WorkControl control;
    return device_->Measure(work, control);
  }

  // Runs the kernel, and then a good one, which must start at once.
  v1::Failure FailureOf(const std::string& body) { return FailureOfFile(Compile(body)); }
  v1::Failure FailureOfFile(const std::string& path) {
    const std::string good = Compile(absl::StrCat("RUN {", kTwice, "}"), "good");
    const v1::Measurement measurement = Measure(Work({path}));
    CHECK(measurement.kernels_size() == 0);
    const v1::Measurement next = Measure(Work({good}));
    INFO(next.failure().message());
    CHECK(next.failure().kind() == v1::FAILURE_KIND_UNSPECIFIED);
    CHECK(next.started_unix_us() - measurement.started_unix_us() - measurement.busy_us() < 1e6);
    UNSCOPED_INFO(measurement.failure().ShortDebugString());
    return measurement.failure();
  }

  NativeDevice& device() { return *device_; }
  const std::string& folder() const { return folder_.path(); }

 private:
  TempDir folder_;
  std::unique_ptr<NativeDevice> device_;
  int compiled_ = 0;
};

bool Says(const v1::Failure& failure, const char* text) {
  return failure.message().find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("AGoodKernelIsTimed") {
  Bench bench;
  const v1::Measurement measurement =
      bench.Measure(bench.Work({bench.Compile(absl::StrCat("RUN {", kTwice, "}"))}));
  INFO(measurement.ShortDebugString());
  REQUIRE(measurement.kernels_size() == 1);
  const v1::KernelResult& kernel = measurement.kernels(0);
  CHECK(kernel.samples_us_size() > 0);
  CHECK(kernel.median_us() > 0.01);
  CHECK(kernel.low_us() <= kernel.median_us());
  CHECK(kernel.high_us() >= kernel.median_us());
  CHECK(kernel.reference_us_size() == kernel.reference_positions_size());
  CHECK(measurement.environment().mhz() > 100);
  CHECK(measurement.environment().reference_baseline_us() > 0);
}

TEST_CASE("KernelsOfOneWorkGetPairedSamples") {
  Bench bench;
  const std::string once = bench.Compile(absl::StrCat("RUN {", kTwice, "}"));
  const std::string thrice =
      bench.Compile(absl::StrCat("RUN {", kTwice, "__asm__ volatile(\"\":::\"memory\");", kTwice,
                                 "__asm__ volatile(\"\":::\"memory\");", kTwice, "}"));
  const v1::Measurement measurement = bench.Measure(bench.Work({once, thrice}));
  INFO(measurement.failure().message());
  REQUIRE(measurement.kernels_size() == 2);
  CHECK(measurement.kernels(0).samples_us_size() == measurement.kernels(1).samples_us_size());
  CHECK(measurement.kernels(1).raw_median_us() > 1.5 * measurement.kernels(0).raw_median_us());
}

TEST_CASE("ThreadsOfAKernelHaveACpuEach") {
  if (AllowedCpus().size() < 2) return;
  Bench bench(2);
  // Right only where each of two threads may run on one CPU, and not both on the same.
  LocalWork work = bench.Work(
      {bench.Compile("#define __USE_GNU\n#include <sched.h>\n#include <omp.h>\n"
                     "RUN { cpu_set_t sets[2], both;\n"
                     "#pragma omp parallel num_threads(2)\n"
                     "sched_getaffinity(0, sizeof(cpu_set_t), &sets[omp_get_thread_num()]);\n"
                     "CPU_OR(&both, &sets[0], &sets[1]);\n"
                     "if (CPU_COUNT(&sets[0]) == 1 && CPU_COUNT(&sets[1]) == 1 && CPU_COUNT(&both) == 2) {" +
                     std::string(kTwice) + "} }")});
  work.item.mutable_run()->set_threads(2);
  const v1::Measurement measurement = bench.Measure(work);
  INFO(measurement.ShortDebugString());
  CHECK(measurement.kernels_size() == 1);
}

TEST_CASE("ConstantsArePackedOnceAndTheWorkspaceIsThere") {
  Bench bench;
  LocalWork work = bench.Work({bench.Compile(
      "void tunefarm_prepare(const void* const* c, void* packed) { memcpy(packed, c[0], 4000); }"
      "RUN { memcpy(w, p, 4000); for (int i = 0; i < 1000; ++i) ((float*)a[1])[i] = 2 * ((float*)w)[i]; }")});
  work.item.mutable_run()->mutable_arguments(0)->set_role(v1::ARGUMENT_ROLE_CONSTANT);
  work.item.mutable_run()->set_packed_bytes(4000);
  work.item.mutable_run()->set_workspace_bytes(4000);
  const v1::Measurement measurement = bench.Measure(work);
  INFO(measurement.failure().message());
  CHECK(measurement.kernels_size() == 1);
}

TEST_CASE("ACrashNamesSignalAndAddress") {
  Bench bench;
  const v1::Failure failure = bench.FailureOf("RUN { *(volatile int*)0x1234 = 1; }");
  CHECK(failure.kind() == v1::FAILURE_KIND_CRASH);
  CHECK(failure.signal() == SIGSEGV);
  CHECK(failure.phase() == v1::PHASE_CHECK);
  CHECK(Says(failure, "0x1234"));
}

TEST_CASE("DivisionIllegalInstructionAbortAndStackOverflowAreCrashes") {
  Bench bench;
#if defined(__x86_64__)
  const v1::Failure division = bench.FailureOf("volatile int zero, nine = 9; RUN { zero = nine / zero; }");
  CHECK(division.kind() == v1::FAILURE_KIND_CRASH);
  CHECK(division.signal() == SIGFPE);
#endif
  const v1::Failure illegal = bench.FailureOf("RUN { __builtin_trap(); }");
  CHECK(illegal.kind() == v1::FAILURE_KIND_CRASH);
  CHECK((illegal.signal() == SIGILL || illegal.signal() == SIGTRAP));
  const v1::Failure aborted = bench.FailureOf("RUN { abort(); }");
  CHECK(aborted.kind() == v1::FAILURE_KIND_CRASH);
  CHECK(aborted.signal() == SIGABRT);
  const v1::Failure stack = bench.FailureOf(
      "int deep(volatile char* p) { volatile char b[4096]; b[0] = *p; return deep(b) + b[0]; } RUN { char c "
      "= 1; deep(&c); }");
  CHECK(stack.kind() == v1::FAILURE_KIND_CRASH);
  CHECK(Says(stack, "stack"));
}

TEST_CASE("AnEndlessLoopIsATimeoutOfItsPhase") {
  Bench bench;
  const v1::Failure failure = bench.FailureOf("RUN { for (;;) __asm__ volatile(\"\"); }");
  CHECK(failure.kind() == v1::FAILURE_KIND_TIMEOUT);
  CHECK(failure.phase() == v1::PHASE_CHECK);
  const v1::Failure loading =
      bench.FailureOf("__attribute__((constructor)) void f() { for (;;) __asm__ volatile(\"\"); } RUN {}");
  CHECK(loading.kind() == v1::FAILURE_KIND_TIMEOUT);
  CHECK(loading.phase() == v1::PHASE_LOAD);
}

TEST_CASE("EndlessAllocationIsOutOfMemory") {
  Bench bench;
  CHECK(bench.FailureOf("RUN { for (;;) memset(malloc(1 << 20), 1, 1 << 20); }").kind() ==
        v1::FAILURE_KIND_OUT_OF_MEMORY);
  CHECK(bench.FailureOf("RUN { for (;;) { char* c = malloc(1 << 20); if (c) memset(c, 1, 1 << 20); } }")
            .kind() == v1::FAILURE_KIND_OUT_OF_MEMORY);
  CHECK(bench.FailureOf("RUN { char* c = malloc(1ull << 40); c[0] = 1; }").kind() ==
        v1::FAILURE_KIND_OUT_OF_MEMORY);
}

TEST_CASE("StartingAProcessIsForked") {
  Bench bench;
  CHECK(bench.FailureOf("RUN { for (;;) fork(); }").kind() == v1::FAILURE_KIND_FORKED);
  CHECK(bench.FailureOf("RUN { execl(\"/bin/sh\", \"sh\", (char*)0); }").kind() == v1::FAILURE_KIND_FORKED);
}

TEST_CASE("WritingAFileIsRefused") {
  Bench bench;
  CHECK(bench.FailureOf("RUN { open(\"/tmp/x\", O_WRONLY | O_CREAT, 0600); }").kind() ==
        v1::FAILURE_KIND_WROTE_FILE);
  CHECK(bench.FailureOf("RUN { unlink(\"/usr/bin/cc\"); }").kind() == v1::FAILURE_KIND_WROTE_FILE);
}

TEST_CASE("TheNetworkIsForbidden") {
  Bench bench;
  const v1::Failure failure = bench.FailureOf("RUN { socket(AF_INET, SOCK_STREAM, 0); }");
  CHECK(failure.kind() == v1::FAILURE_KIND_FORBIDDEN_CALL);
  CHECK(Says(failure, "network"));
}

TEST_CASE("AKernelThatEndsItsProcessHasExited") {
  Bench bench;
  CHECK(bench.FailureOf("RUN { exit(0); }").kind() == v1::FAILURE_KIND_EXITED);
  CHECK(bench.FailureOf("RUN { _exit(7); }").kind() == v1::FAILURE_KIND_EXITED);
}

TEST_CASE("AWrongResultNamesTheFirstWrongElement") {
  Bench bench;
  const v1::Failure failure = bench.FailureOf(absl::StrCat("RUN {", kTwice, "((float*)a[1])[17] = 1e30f; }"));
  CHECK(failure.kind() == v1::FAILURE_KIND_WRONG_RESULT);
  CHECK(Says(failure, "1 of 1000"));
  CHECK(Says(failure, "element 17"));
  CHECK(bench.FailureOf("RUN {}").kind() == v1::FAILURE_KIND_WRONG_RESULT);
}

TEST_CASE("AKernelThatSpoilsItsStateIsCaughtAfterTiming") {
  Bench bench;
  const v1::Failure failure = bench.FailureOf(
      absl::StrCat("static int calls; RUN {", kTwice, "if (++calls > 1) ((float*)a[1])[0] = 9; }"));
  CHECK(failure.kind() == v1::FAILURE_KIND_WRONG_RESULT);
  CHECK(Says(failure, "after many calls"));
}

TEST_CASE("CrossingATensorsEdgeIsCaught") {
  Bench bench;
  // 1000 floats end 32 bytes before the guard page.
  const v1::Failure near =
      bench.FailureOf(absl::StrCat("RUN {", kTwice, "((volatile float*)a[1])[1001] = 1; }"));
  CHECK(near.kind() == v1::FAILURE_KIND_WRONG_RESULT);
  const v1::Failure far =
      bench.FailureOf(absl::StrCat("RUN {", kTwice, "((volatile float*)a[1])[1100] = 1; }"));
  CHECK(far.kind() == v1::FAILURE_KIND_CRASH);
  CHECK(Says(far, "argument 1"));
  CHECK(bench.FailureOf("RUN { ((volatile float*)a[0])[0] = 1; }").kind() == v1::FAILURE_KIND_CRASH);
}

TEST_CASE("CrossingTheEdgesOfMemoryInHugePagesIsCaught") {
  Bench bench;
  const auto with_workspace = [&](const std::string& body) {
    LocalWork work = bench.Work({bench.Compile(absl::StrCat("RUN {", kTwice, body, "}"))});
    work.item.mutable_run()->set_workspace_bytes(3000010);
    return bench.Measure(work).failure();
  };
  CHECK(with_workspace("memset(w, 1, 3000010);").kind() == v1::FAILURE_KIND_UNSPECIFIED);
  for (const char* near : {"((volatile char*)w)[-1] = 1;", "((volatile char*)w)[-1000000] = 1;",
                           "((volatile char*)w)[3000010] = 1;"}) {
    INFO(near);
    const v1::Failure failure = with_workspace(near);
    CHECK(failure.kind() == v1::FAILURE_KIND_WRONG_RESULT);
    CHECK(Says(failure, "workspace"));
  }
  // 1194240 bytes of the first huge page are free.
  for (const char* far : {"((volatile char*)w)[-1194241] = 1;", "((volatile char*)w)[3000100] = 1;"}) {
    INFO(far);
    const v1::Failure failure = with_workspace(far);
    CHECK(failure.kind() == v1::FAILURE_KIND_CRASH);
    CHECK(Says(failure, "workspace"));
  }
}

TEST_CASE("WhatDoesNotLoadIsALoadFailure") {
  Bench bench;
  CHECK(bench.FailureOf("void something_else(void) {}").kind() == v1::FAILURE_KIND_LOAD);
  CHECK(bench.FailureOf("int absent(void); RUN { absent(); }").kind() == v1::FAILURE_KIND_LOAD);
  const std::string text = bench.folder() + "/text.so";
  REQUIRE(WriteFileAtomic(text, "this is not a shared object, not by any stretch of the imagination").ok());
  const v1::Failure failure = bench.FailureOfFile(text);
  CHECK(failure.kind() == v1::FAILURE_KIND_LOAD);
  CHECK(failure.phase() == v1::PHASE_LOAD);
}

TEST_CASE("AKernelForAnotherMachineOrCutShortDoesNotLoad") {
  Bench bench;
  const std::string path = bench.Compile(absl::StrCat("RUN {", kTwice, "}"));
  const std::string good = ReadFile(path).value();
  std::string foreign = good;
  foreign[18] = 0x16;  // e_machine of the ELF header: IBM S/390.
  foreign[19] = 0;
  REQUIRE(WriteFileAtomic(path, foreign).ok());
  const v1::Failure failure = bench.FailureOfFile(path);
  CHECK(failure.kind() == v1::FAILURE_KIND_LOAD);
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{40}, good.size() / 4}) {
    INFO("the first " << bytes << " bytes");
    REQUIRE(WriteFileAtomic(path, absl::string_view(good).substr(0, bytes)).ok());
    const v1::FailureKind kind = bench.FailureOfFile(path).kind();
    // Where the loader itself reads past the end of the mapped file it dies of SIGBUS, as any program would.
    CHECK((kind == v1::FAILURE_KIND_LOAD || kind == v1::FAILURE_KIND_CRASH));
  }
}

TEST_CASE("ABusErrorIsACrash") {
  Bench bench;
  const v1::Failure failure = bench.FailureOf("#include <signal.h>\nRUN { raise(SIGBUS); }");
  CHECK(failure.kind() == v1::FAILURE_KIND_CRASH);
  CHECK(failure.signal() == SIGBUS);
}

TEST_CASE("HomeAndSecretsAreOutOfSight") {
  Bench bench;
  const v1::Failure failure = bench.FailureOf(
      "RUN { int seen = 0; const char* names[] = {\"/home\", \"/root\", \"/etc/passwd\", \"/etc/shadow\", "
      "\"/proc/self\", \"/tmp\"};"
      "for (int i = 0; i < 6; ++i) seen |= (access(names[i], F_OK) == 0) << i;"
      "if (open(\"/usr/bin/env\", O_RDONLY) < 0) seen |= 64; ((float*)a[1])[0] = 1000 + seen; }");
  CHECK(failure.kind() == v1::FAILURE_KIND_WRONG_RESULT);
  CHECK(Says(failure, "got 1000,"));
}

TEST_CASE("MoreFlopsThanTheCoreHasAreNotBelieved") {
  Bench bench;
  LocalWork work = bench.Work({bench.Compile(absl::StrCat("RUN {", kTwice, "}"))});
  work.item.mutable_run()->set_flop(1e12);
  const v1::Measurement measurement = bench.Measure(work);
#if defined(__x86_64__) || defined(__aarch64__)
  CHECK(measurement.failure().kind() == v1::FAILURE_KIND_WRONG_RESULT);
  CHECK(Says(measurement.failure(), "GFLOP/s"));
#endif
}

TEST_CASE("TheKernelsOutputIsInTheDetail") {
  Bench bench;
  const v1::Failure failure = bench.FailureOf("RUN { fprintf(stderr, \"last words\\n\"); abort(); }");
  CHECK(failure.detail().find("last words") != std::string::npos);
}

}  // namespace tunefarm
