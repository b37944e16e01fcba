// Emulated Linux cores: kernels that are right, and those that misbehave, in QEMU's user mode in the real
// sandbox.
#include "runner/emulated/user_mode_device.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "absl/time/clock.h"
#include "base/file.h"
#include "base/inputs.h"
#include "base/subprocess.h"
#include "proto/policies.h"
#include "tests/catch.h"

namespace tunefarm {
namespace {

constexpr std::uint64_t kElements = 1000;

// A call of a good kernel: out = 2 * in.
constexpr char kTwice[] = " for (int i = 0; i < 1000; ++i) ((float*)a[1])[i] = 2 * ((const float*)a[0])[i]; ";
constexpr char kHead[] =
    "#include <math.h>\n#include <string.h>\n"
    "#ifdef __aarch64__\n"
    "static long call(long number, long x, long y, long z) {\n"  // As Linux takes it there.
    "  register long x8 __asm__(\"x8\") = number, x0 __asm__(\"x0\") = x, x1 __asm__(\"x1\") = y;\n"
    "  register long x2 __asm__(\"x2\") = z;\n"
    "  __asm__ volatile(\"svc 0\" : \"+r\"(x0) : \"r\"(x8), \"r\"(x1), \"r\"(x2) : \"memory\");\n"
    "  return x0;\n}\n#endif\n"
    "#define RUN void tunefarm_run(void* const* a, const void* p, void* w)\n";

class Bench {
 public:
  explicit Bench(const std::string& board = "emulated:cortex-a53") : folder_(*TempDir::Create()) {
    const absl::StatusOr<Board> found = FindBoard(board);
    REQUIRE(found.status() == absl::OkStatus());
    compiler_ = {found->toolchain.compiler};
    compiler_.insert(compiler_.end(), found->toolchain.flags.begin(), found->toolchain.flags.end());
    UserModeOptions options;
    options.device_id = "test";
    options.state_directory = folder_.path();
    absl::StatusOr<std::unique_ptr<UserModeDevice>> device = UserModeDevice::Create(*found, options);
    if (absl::IsNotFound(device.status())) {
      WARN("skipped: " << device.status().message());
      return;
    }
    REQUIRE(device.status() == absl::OkStatus());
    device_ = *std::move(device);
  }

  bool missing() const { return device_ == nullptr; }
  const std::string& folder() const { return folder_.path(); }
  UserModeDevice& device() { return *device_; }

  std::string Compile(const std::string& body) {
    const std::string stem = absl::StrCat(folder_.path(), "/kernel", ++compiled_);
    REQUIRE(WriteFileAtomic(stem + ".c", kHead + body) == absl::OkStatus());
    SubprocessOptions options;
    options.argv = compiler_;
    for (const std::string& word :
         {std::string("-O2"), std::string("-fno-builtin"), std::string("-w"), std::string("-shared"),
          std::string("-fPIC"), std::string("-nostartfiles"), std::string("-o"), stem + ".so", stem + ".c"}) {
      options.argv.push_back(word);
    }
    const absl::StatusOr<RunResult> result = RunProcess(options, absl::Minutes(1));
    REQUIRE(result.status() == absl::OkStatus());
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
      argument.set_elements(kElements);
    }
    run.set_input_seed(3);
    run.set_absolute_tolerance(1e-6);
    run.set_load_deadline_us(10e6);
    run.set_check_deadline_us(1e6);
    *run.mutable_policy() = ScreeningPolicy();
    std::vector<float> want(kElements);
    for (std::uint64_t i = 0; i < kElements; ++i) want[i] = 2 * InputFloat(3, 0, i);
    work.expected_path = folder_.path() + "/expected";
    const absl::string_view bytes(reinterpret_cast<const char*>(want.data()), want.size() * sizeof(float));
    REQUIRE(WriteFileAtomic(work.expected_path, bytes) == absl::OkStatus());
    return work;
  }

  v1::Measurement Measure(const LocalWork& work) {
    WorkControl control;
    return device_->Measure(work, control);
  }

  // Afterwards a good kernel must run.
  v1::Failure FailureOf(const std::string& body) {
    const v1::Measurement measurement = Measure(Work({Compile(body)}));
    CHECK(measurement.kernels_size() == 0);
    const v1::Measurement next = Measure(Work({Compile(absl::StrCat("RUN {", kTwice, "}"))}));
    UNSCOPED_INFO(next.failure().message());
    CHECK(next.kernels_size() == 1);
    UNSCOPED_INFO(measurement.failure().ShortDebugString());
    return measurement.failure();
  }

 private:
  TempDir folder_;
  std::vector<std::string> compiler_;
  std::unique_ptr<UserModeDevice> device_;
  int compiled_ = 0;
};

// True once no process has `text` in its command line any more.
bool AllGone(const std::string& text) {
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  for (bool found = true; found;) {
    if (absl::Now() > deadline) return false;
    found = false;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const absl::StatusOr<std::string> line = ReadFile(entry.path().string() + "/cmdline");
      found = found || (line.ok() && line->find(text) != std::string::npos);
    }
  }
  return true;
}

bool Says(const v1::Failure& failure, const char* text) {
  return failure.message().find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("EmulatedLinuxKernelIsEstimatedTheSameEveryTime") {
  Bench bench;
  if (bench.missing()) return;
  const std::string kernel = bench.Compile(absl::StrCat("RUN {", kTwice, "}"));
  const std::string other = bench.Compile(absl::StrCat("RUN {", kTwice, kTwice, "}"));
  const v1::Measurement first = bench.Measure(bench.Work({kernel}));
  INFO(first.ShortDebugString());
  REQUIRE(first.kernels_size() == 1);
  const v1::KernelResult& result = first.kernels(0);
  CHECK(result.estimated());
  CHECK(result.cycle_model().find("cortex-a53/") == 0);
  CHECK(result.error_band() == 0.3);
  CHECK(result.cycle_breakdown().find(" cycles: base ") != std::string::npos);
  CHECK(result.cycle_breakdown().find(", l1d ") != std::string::npos);
  REQUIRE(result.samples_us_size() == 1);
  CHECK(result.samples_us(0) == Approx(result.cycles() / 1200));  // 1.2 GHz.
  CHECK(result.median_us() == result.samples_us(0));
  // Vectorised or not, 1000 elements are at least 250 loads and stores, and no more than some thousands.
  CHECK(result.instructions() > 500);
  CHECK(result.instructions() < 10000);
  CHECK(result.cycles() > 500);
  CHECK(first.environment().device_class().find("emulated:cortex-a53@") == 0);
  // Also in the company of another kernel, which does the work twice.
  const v1::Measurement second = bench.Measure(bench.Work({other, kernel}));
  REQUIRE(second.kernels_size() == 2);
  CHECK(second.kernels(1).cycles() == result.cycles());
  CHECK(second.kernels(1).instructions() == result.instructions());
  CHECK(second.kernels(0).instructions() > result.instructions());
}

TEST_CASE("EmulatedLinuxFactsAreTheBoards") {
  Bench bench("emulated:cortex-a76");
  if (bench.missing()) return;
  const v1::DeviceFacts facts = bench.device().Facts();
  CHECK(facts.kind() == "emulated");
  CHECK(facts.architecture() == "aarch64");
  CHECK(facts.cpu_model() == "cortex-a76");
  CHECK(std::find(facts.isa_features().begin(), facts.isa_features().end(), "asimddp") !=
        facts.isa_features().end());
  CHECK(facts.cores() == 1);
  CHECK(facts.l1d_bytes() == 64 << 10);
  // Dot products run.
  const std::string kernel = bench.Compile(
      absl::StrCat("__attribute__((target(\"arch=armv8.2-a+dotprod\"))) static void dot(void) "
                   "{ __asm__ volatile(\"sdot v0.4s, v1.16b, v2.4b[0]\" ::: \"v0\"); } RUN { dot();",
                   kTwice, "}"));
  const v1::Measurement measurement = bench.Measure(bench.Work({kernel}));
  INFO(measurement.ShortDebugString());
  CHECK(measurement.kernels_size() == 1);
}

TEST_CASE("EmulatedLinuxConstantsArePackedOnceAndTheLibraryIsThere") {
  Bench bench;
  if (bench.missing()) return;
  LocalWork work = bench.Work({bench.Compile(
      "void tunefarm_prepare(const void* const* c, void* p) { ((float*)p)[0] = c[0] == NULL ? 2 : 9; }\n"
      "RUN { for (int i = 0; i < 1000; ++i) ((float*)w)[i] = ((const float*)a[0])[i]; "
      "memcpy(a[1], w, 4000); for (int i = 0; i < 1000; ++i) ((float*)a[1])[i] *= ((const float*)p)[0]; }")});
  work.item.mutable_run()->set_packed_bytes(4);
  work.item.mutable_run()->set_workspace_bytes(4000);
  const v1::Measurement measurement = bench.Measure(work);
  INFO(measurement.ShortDebugString());
  CHECK(measurement.kernels_size() == 1);
}

TEST_CASE("EmulatedLinuxWrongResultIsNotEstimated") {
  Bench bench;
  if (bench.missing()) return;
  const v1::Failure wrong = bench.FailureOf(absl::StrCat("RUN {", kTwice, "((float*)a[1])[7] += 1; }"));
  CHECK(wrong.kind() == v1::FAILURE_KIND_WRONG_RESULT);
  CHECK(Says(wrong, "1 of 1000 output elements are wrong; the first is element 7"));
  const v1::Failure forgets = bench.FailureOf(
      absl::StrCat("static int calls; RUN {", kTwice, "if (calls++) ((float*)a[1])[999] = 0; }"));
  CHECK(forgets.kind() == v1::FAILURE_KIND_WRONG_RESULT);
  CHECK(Says(forgets, "in the second call"));
  const v1::Failure nothing = bench.FailureOf("RUN { }");
  CHECK(Says(nothing, "1000 of 1000"));
}

TEST_CASE("EmulatedLinuxCrashNamesSignalAndEdge") {
  Bench bench;
  if (bench.missing()) return;
  const v1::Failure null = bench.FailureOf("RUN { *(volatile int*)0 = 1; }");
  CHECK(null.kind() == v1::FAILURE_KIND_CRASH);
  CHECK(null.signal() == SIGSEGV);
  CHECK(Says(null, "SIGSEGV at address 0x0 during the check"));
  const v1::Failure beyond =
      bench.FailureOf(absl::StrCat("RUN {", kTwice, "((volatile float*)a[1])[1024] = 1; }"));
  CHECK(beyond.signal() == SIGSEGV);
  CHECK(Says(beyond, "crossed the end of argument 1"));
  const v1::Failure input = bench.FailureOf("RUN { ((volatile float*)a[0])[0] = 1; }");
  CHECK(Says(input, "argument 0, which is read-only"));
  const v1::Failure stack = bench.FailureOf(
      "static int deep(volatile int* q) { volatile int b[1024]; b[0] = *q; return deep(b) + b[0]; }"
      "RUN { volatile int x = 1; ((float*)a[1])[0] = deep(&x); }");
  CHECK(Says(stack, "the stack overflowed"));
  const v1::Failure undefined = bench.FailureOf("RUN { __asm__ volatile(\".inst 0\"); }");
  CHECK(undefined.signal() == SIGILL);
  CHECK(bench.FailureOf("RUN { __builtin_trap(); }").signal() == SIGTRAP);
}

TEST_CASE("EmulatedLinuxForbiddenCallsAreTrapped") {
  Bench bench;
  if (bench.missing()) return;
  for (const char* call :
       {"RUN { call(198, 2, 1, 0); }" /* socket */, "RUN { call(220, 17, 0, 0); }" /* clone, as fork */}) {
    const v1::Failure failure = bench.FailureOf(call);
    INFO(call << ": " << failure.ShortDebugString());
    CHECK(failure.kind() == v1::FAILURE_KIND_FORBIDDEN_CALL);
    CHECK(Says(failure, "system call that kernels may not make during the check"));
  }
}

TEST_CASE("EmulatedLinuxSmallOverrunIsFound") {
  Bench bench;
  if (bench.missing()) return;
  // 4000 bytes end 32 before the guard: nothing faults.
  const v1::Failure failure = bench.FailureOf(absl::StrCat("RUN {", kTwice, "((float*)a[1])[1000] = 1; }"));
  CHECK(failure.kind() == v1::FAILURE_KIND_MEMORY_OVERRUN);
  CHECK(Says(failure, "beside argument 1"));
}

TEST_CASE("EmulatedLinuxEndlessKernelIsStopped") {
  Bench bench;
  if (bench.missing()) return;
  const v1::Failure failure = bench.FailureOf("RUN { for (;;) __asm__ volatile(\"\"); }");
  CHECK(failure.kind() == v1::FAILURE_KIND_TIMEOUT);
  CHECK(failure.phase() == v1::PHASE_CHECK);
  CHECK(AllGone(bench.folder()));
}

TEST_CASE("EmulatedLinuxExitAndLoadFailuresAreTheirOwnKinds") {
  Bench bench;
  if (bench.missing()) return;
  const v1::Failure exited = bench.FailureOf("RUN { call(94, 3, 0, 0); }");
  CHECK(exited.kind() == v1::FAILURE_KIND_EXITED);
  CHECK(Says(exited, "exit status 3"));
  const v1::Failure symbol = bench.FailureOf("void other(void) {}");
  CHECK(symbol.kind() == v1::FAILURE_KIND_LOAD);
  CHECK(Says(symbol, "does not load: it does not export tunefarm_run"));
  const v1::Failure library = bench.FailureOf("RUN { ((float*)a[1])[0] = tanhf(((float*)a[0])[0]); }");
  CHECK(library.kind() == v1::FAILURE_KIND_LOAD);
  CHECK(Says(library, "it calls tanhf, and an emulated core has only memcpy, memmove, memset and memcmp"));
  const v1::Failure constructor =
      bench.FailureOf("int x; __attribute__((constructor)) void f(void) { x = 1; } RUN {}");
  CHECK(Says(constructor, "it has constructors"));
}

TEST_CASE("EmulatedLinuxKernelsReachTheirOwnData") {
  const char* const board = GENERATE("emulated:cortex-a53", "emulated:cortex-a9");
  Bench bench(board);
  if (bench.missing()) return;
  // Relative and named addresses, tables of functions, zeroed memory, calls between functions.
  const v1::Measurement measurement = bench.Measure(bench.Work({bench.Compile(
      "float zeroed[1000]; float factor[2] = {1, 2}; float* factors = &factor[1];\n"
      "static float twice(float x) { return *factors * x; } __attribute__((noinline)) float same(float x) "
      "{ return x; } float (*const kTable[])(float) = {same, twice};\n"
      "RUN { for (int i = 0; i < 1000; ++i) ((float*)a[1])[i] = zeroed[i] + kTable[1](same(((const "
      "float*)a[0])[i])); }")}));
  INFO(measurement.ShortDebugString());
  CHECK(measurement.kernels_size() == 1);
}

TEST_CASE("EmulatedLinuxCoresOf32BitsAreEstimatedAndFailLikeTheOthers") {
  Bench bench("emulated:cortex-a9");
  if (bench.missing()) return;
  const LocalWork work = bench.Work({bench.Compile(absl::StrCat("RUN {", kTwice, "}"))});
  const v1::Measurement first = bench.Measure(work), second = bench.Measure(work);
  INFO(first.ShortDebugString());
  REQUIRE(first.kernels_size() == 1);
  REQUIRE(second.kernels_size() == 1);
  CHECK(first.kernels(0).estimated());
  CHECK(first.kernels(0).cycle_model().find("cortex-a9/") == 0);
  // At least the 250 loads and stores of whole vectors.
  CHECK(first.kernels(0).instructions() > 500);
  CHECK(first.kernels(0).cycles() == second.kernels(0).cycles());
  const v1::Failure beyond =
      bench.FailureOf(absl::StrCat("RUN {", kTwice, "((volatile float*)a[1])[1024] = 1; }"));
  CHECK(beyond.signal() == SIGSEGV);
  CHECK(Says(beyond, "crossed the end of argument 1"));
  // The core has no instruction for it, and the compiler's library raises the signal.
  const v1::Failure division =
      bench.FailureOf("RUN { volatile int zero = 0; ((float*)a[1])[0] = 7 / zero; }");
  CHECK(division.kind() == v1::FAILURE_KIND_CRASH);
  CHECK(division.signal() == SIGFPE);
  const v1::Failure stack = bench.FailureOf(
      "static int deep(volatile int* q) { volatile int b[1024]; b[0] = *q; return deep(b) + b[0]; }"
      "RUN { volatile int x = 1; ((float*)a[1])[0] = deep(&x); }");
  CHECK(Says(stack, "the stack overflowed"));
  CHECK(bench.FailureOf("RUN { for (;;) __asm__ volatile(\"\"); }").kind() == v1::FAILURE_KIND_TIMEOUT);
}

TEST_CASE("EmulatedLinuxWhatIsNoKernelOfTheCoreIsRefused") {
  Bench bench;
  if (bench.missing()) return;
  const std::string good = bench.Compile(absl::StrCat("RUN {", kTwice, "}"));
  const absl::StatusOr<std::string> bytes = ReadFile(good);
  REQUIRE(bytes.status() == absl::OkStatus());
  const auto failure_of = [&](const std::string& content) {
    const std::string path = bench.folder() + "/changed.so";
    REQUIRE(WriteFileAtomic(path, content) == absl::OkStatus());
    const v1::Failure failure = bench.Measure(bench.Work({path})).failure();
    INFO(failure.ShortDebugString());
    CHECK(failure.kind() == v1::FAILURE_KIND_LOAD);
    return failure.message();
  };
  const char not_one[] = "it is not a shared object for this core";
  CHECK(failure_of("int main() {}").find(not_one) != std::string::npos);
  CHECK(failure_of(std::string(200, '\0')).find(not_one) != std::string::npos);
  CHECK(failure_of(bytes->substr(0, 80)).find("cut off") != std::string::npos);
  CHECK(failure_of(bytes->substr(0, bytes->size() - 100)).find("its sections are cut off") !=
        std::string::npos);
  std::string x86 = *bytes;
  x86[18] = 62;  // EM_X86_64 as its machine.
  CHECK(failure_of(x86).find(not_one) != std::string::npos);
  std::string far = *bytes;
  far[64 + 40 + 4] = 1;  // The first segment's size in memory.
  CHECK(failure_of(far).find("a segment is larger") != std::string::npos);
}

TEST_CASE("EmulatedLinuxCancelledWorkEndsSoon") {
  Bench bench;
  if (bench.missing()) return;
  LocalWork work = bench.Work({bench.Compile("RUN { for (;;) __asm__ volatile(\"\"); }")});
  work.item.mutable_run()->set_check_deadline_us(60e6);
  WorkControl control;
  control.cancel_fd = eventfd(1, EFD_CLOEXEC);  // Readable from the start.
  const v1::Measurement measurement = bench.device().Measure(work, control);
  close(control.cancel_fd);
  CHECK(measurement.failure().kind() == v1::FAILURE_KIND_CANCELLED);
  CHECK(measurement.busy_us() < 10e6);
  CHECK(AllGone(work.kernel_paths[0]));
}

}  // namespace tunefarm
