// Kernels that do what they must not on a microcontroller: each costs one trial, with its own kind of
// failure, and the board runs the next kernel within two seconds.
#include "absl/time/clock.h"
#include "runner/boards/board_device.h"
#include "tests/catch.h"
#include "tests/runner/boards/board_bench.h"

namespace tunefarm {
namespace {

class FaultBench : public BoardBench {
 public:
  explicit FaultBench(const std::string& name) : BoardBench(name) {
    good_ = Compile(absl::StrCat("RUN {", kProduct, "}"));
  }

  v1::Failure FailureOf(const std::string& body, std::uint64_t packed_bytes = 0) {
    LocalWork work = Work({Compile(body)});
    work.item.mutable_run()->set_packed_bytes(packed_bytes);
    const v1::Measurement measurement = Measure(work);
    CHECK(measurement.kernels_size() == 0);
    const absl::Time failed = absl::Now();
    const v1::Measurement next = Measure(Work({good_}));
    UNSCOPED_INFO(next.failure().ShortDebugString());
    CHECK(next.kernels_size() == 1);
    CHECK(absl::Now() - failed < absl::Seconds(2));
    UNSCOPED_INFO(measurement.failure().ShortDebugString());
    return measurement.failure();
  }

 private:
  std::string good_;
};

const std::string kBoards[] = {"emulated:cortex-m4", "emulated:cortex-m7", "emulated:cortex-m55"};

TEST_CASE("BadAddressesAreFaultsThatNameTheAddress") {
  if (!HaveBoardTools()) return;
  for (const std::string& board : kBoards) {
    INFO(board);
    FaultBench bench(board);
    v1::Failure failure = bench.FailureOf("RUN { *(volatile int*)0xd0000000 = 1; }");
    CHECK(failure.kind() == v1::FAILURE_KIND_FAULT);
    CHECK(failure.message().find("0xd0000000") != std::string::npos);
    CHECK(failure.phase() == v1::PHASE_CHECK);
    failure = bench.FailureOf("RUN { *(volatile int*)0 = 1; }");
    CHECK(failure.kind() == v1::FAILURE_KIND_FAULT);
    CHECK(failure.message().find("0x00000000") != std::string::npos);
    failure = bench.FailureOf("PREPARE { *(volatile int*)0xd0000000 = 1; } RUN {}", 64);
    CHECK(failure.kind() == v1::FAILURE_KIND_FAULT);
    CHECK(failure.phase() == v1::PHASE_LOAD);
    CHECK(failure.message().find("tunefarm_prepare") != std::string::npos);
  }
}

TEST_CASE("DivisionByZeroTraps") {
  if (!HaveBoardTools()) return;
  for (const std::string& board : kBoards) {
    INFO(board);
    FaultBench bench(board);
    const v1::Failure failure = bench.FailureOf("volatile int zero; RUN { *(int*)a[2] = 7 / zero; }");
    CHECK(failure.kind() == v1::FAILURE_KIND_FAULT);
    CHECK(failure.message().find("division by zero") != std::string::npos);
  }
}

TEST_CASE("UndefinedInstructionsAndWildJumpsAreFaults") {
  if (!HaveBoardTools()) return;
  for (const std::string& board : kBoards) {
    INFO(board);
    FaultBench bench(board);
    v1::Failure failure = bench.FailureOf("RUN { __asm__ volatile(\"udf #0\"); }");
    CHECK(failure.kind() == v1::FAILURE_KIND_FAULT);
    CHECK(failure.message().find("undefined instruction") != std::string::npos);
    failure = bench.FailureOf("RUN { ((void (*)(void))0xd0000001)(); }");
    CHECK(failure.kind() == v1::FAILURE_KIND_FAULT);
    failure = bench.FailureOf("RUN { ((void (*)(void))((uintptr_t)a[0] | 1))(); }");  // Data is not executed.
    CHECK(failure.kind() == v1::FAILURE_KIND_FAULT);
  }
}

TEST_CASE("EndlessRecursionAndLargeFramesAreStackOverflows") {
  if (!HaveBoardTools()) return;
  for (const std::string& board : kBoards) {
    INFO(board);
    FaultBench bench(board);
    v1::Failure failure = bench.FailureOf(
        "__attribute__((noinline)) int deep(volatile int* n) { volatile int frame[8]; frame[0] = *n + 1;"
        " return deep(frame) + frame[0]; } RUN { volatile int n = 0; *(int*)a[2] = deep(&n); }");
    CHECK(failure.kind() == v1::FAILURE_KIND_STACK_OVERFLOW);
    CHECK(failure.message().find("16384 bytes of stack") != std::string::npos);
    failure = bench.FailureOf(
        "RUN { volatile char frame[20000]; for (int i = 19999; i >= 0; --i) frame[i] = 1; *(int*)a[2] = "
        "frame[5]; }");
    CHECK(failure.kind() == v1::FAILURE_KIND_STACK_OVERFLOW);
  }
}

TEST_CASE("LoopsEndAtTheDeadline") {
  if (!HaveBoardTools()) return;
  FaultBench bench("emulated:cortex-m4");
  v1::Failure failure = bench.FailureOf("RUN { for (;;) ; }");
  CHECK(failure.kind() == v1::FAILURE_KIND_TIMEOUT);
  CHECK(failure.message().find("tunefarm_run, at 0x") != std::string::npos);
  failure = bench.FailureOf("RUN { __asm__ volatile(\"cpsid i\\n 1: wfi\\n b 1b\"); }");  // Asleep.
  CHECK(failure.kind() == v1::FAILURE_KIND_TIMEOUT);
  failure = bench.FailureOf("PREPARE { for (;;) ; } RUN {}", 64);
  CHECK(failure.kind() == v1::FAILURE_KIND_TIMEOUT);
  CHECK(failure.phase() == v1::PHASE_LOAD);
}

TEST_CASE("WritesBesideBuffersAreOverruns") {
  if (!HaveBoardTools()) return;
  for (const std::string& board : kBoards) {
    INFO(board);
    FaultBench bench(board);
    const auto with = [](const std::string& extra) { return absl::StrCat("RUN {", kProduct, extra, "}"); };
    v1::Failure failure = bench.FailureOf(with("((float*)a[2])[1000] = 1;"));
    CHECK(failure.kind() == v1::FAILURE_KIND_MEMORY_OVERRUN);
    CHECK(failure.message().find("beside the output") != std::string::npos);
    failure = bench.FailureOf(with("((float*)a[2])[-1] = 1;"));
    CHECK(failure.kind() == v1::FAILURE_KIND_MEMORY_OVERRUN);
    failure = bench.FailureOf(with("((float*)a[0])[500] = 1;"));
    CHECK(failure.kind() == v1::FAILURE_KIND_MEMORY_OVERRUN);
    CHECK(failure.message().find("wrote to an input") != std::string::npos);
    failure = bench.FailureOf("PREPARE { ((char*)p)[64] = 1; } RUN {}", 64);
    CHECK(failure.kind() == v1::FAILURE_KIND_MEMORY_OVERRUN);
    CHECK(failure.message().find("packed") != std::string::npos);
    // Weights are in read-only memory while a kernel runs.
    failure = bench.FailureOf(with("((float*)a[1])[3] = 1;"));
    CHECK(failure.kind() == v1::FAILURE_KIND_FAULT);
    CHECK(failure.message().find("protected memory") != std::string::npos);
  }
}

TEST_CASE("UnwrittenOutputsDoNotPass") {
  if (!HaveBoardTools()) return;
  FaultBench bench("emulated:cortex-m4");
  const v1::Failure failure = bench.FailureOf(
      "RUN { for (int i = 0; i < 999; ++i) ((float*)a[2])[i] = ((float*)a[0])[i] * ((float*)a[1])[i % 16]; "
      "}");
  CHECK(failure.kind() == v1::FAILURE_KIND_WRONG_RESULT);
  CHECK(failure.message().find("1 of 1000 elements are wrong, the first at 999") != std::string::npos);
}

TEST_CASE("KernelsThatBreakTheCoreItselfCostOneTrial") {
  if (!HaveBoardTools()) return;
  FaultBench bench("emulated:cortex-m4");
  // A fault while faults are masked locks the core up; QEMU then ends.
  v1::Failure failure =
      bench.FailureOf("RUN { __asm__ volatile(\"cpsid f\"); *(volatile int*)0xd0000000 = 1; }");
  CHECK(failure.kind() == v1::FAILURE_KIND_FAULT);
  // Its own breakpoint, a system reset, and interrupts that nobody handles.
  for (const char* body :
       {"RUN { __asm__ volatile(\"bkpt #7\"); }", "RUN { __asm__ volatile(\"svc #7\"); }",
        "RUN { *(volatile uint32_t*)0xe000ed08 = 0xd0000000; *(volatile int*)0xd0000000 = 1; }"}) {
    INFO(body);
    failure = bench.FailureOf(body);
    CHECK(failure.kind() == v1::FAILURE_KIND_FAULT);
  }
  failure = bench.FailureOf("RUN { *(volatile uint32_t*)0xe000ed0c = 0x05fa0004; for (;;) ; }");
  CHECK(failure.kind() != v1::FAILURE_KIND_UNSPECIFIED);
}

}  // namespace
}  // namespace tunefarm
