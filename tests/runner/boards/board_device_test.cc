// Kernels on emulated boards, driven over QEMU's GDB server as a real board would be over OpenOCD's.
#include "runner/boards/board_device.h"

#include <nlohmann/json.hpp>

#include "runner/boards/builtin_boards.h"
#include "tests/catch.h"
#include "tests/runner/boards/board_bench.h"

namespace tunefarm {
namespace {

TEST_CASE("KernelsRunOnEveryShippedMicrocontroller") {
  if (!HaveBoardTools()) return;
  for (const std::string name : {"cortex-m4", "nucleo-l4r5zi", "cortex-m7", "stm32f746", "cortex-m55"}) {
    INFO(name);
    BoardBench bench("emulated:" + name);
    const v1::DeviceFacts facts = bench.device().Facts();
    CHECK(facts.kind() == "emulated");
    CHECK(facts.device_class() == FindBoard("emulated:" + name)->DeviceClass());
    CHECK(facts.memory_bytes() > 256 << 10);
    const v1::Measurement measurement =
        bench.Measure(bench.Work({bench.Compile(absl::StrCat("RUN {", kProduct, "}"))}));
    INFO(measurement.failure().ShortDebugString());
    REQUIRE(measurement.kernels_size() == 1);
    const v1::KernelResult& result = measurement.kernels(0);
    CHECK(result.estimated());
    CHECK(result.instructions() > 5000);
    CHECK(result.instructions() < 20000);
    CHECK(result.cycles() > 0);
    CHECK(result.error_band() > 0);
    CHECK_FALSE(result.cycle_model().empty());
    CHECK(result.median_us() ==
          Approx(result.cycles() / static_cast<double>(FindBoard("emulated:" + name)->clock_hz) * 1e6));
    CHECK(result.samples_us_size() == 1);
    CHECK(result.stack_bytes() < 256);
    CHECK(measurement.environment().device_class() == facts.device_class());
  }
}

TEST_CASE("SameKernelTakesTheSameCyclesOnEveryRun") {
  if (!HaveBoardTools()) return;
  BoardBench first("emulated:nucleo-l4r5zi");
  const std::string kernel = first.Compile(absl::StrCat("RUN {", kProduct, "}"));
  const LocalWork work = first.Work({kernel});
  const v1::Measurement one = first.Measure(work);
  const v1::Measurement two = first.Measure(work);
  BoardBench second("emulated:nucleo-l4r5zi");
  const v1::Measurement three = second.Measure(work);
  INFO(one.failure().ShortDebugString());
  REQUIRE(one.kernels_size() == 1);
  REQUIRE(two.kernels_size() == 1);
  REQUIRE(three.kernels_size() == 1);
  CHECK(one.kernels(0).SerializeAsString() == two.kernels(0).SerializeAsString());
  CHECK(one.kernels(0).SerializeAsString() == three.kernels(0).SerializeAsString());
}

TEST_CASE("SeveralKernelsShareAnImageAndEachHasItsPackedConstants") {
  if (!HaveBoardTools()) return;
  BoardBench bench;
  // The one packs the constants as they are, the other reversed.
  const std::string plain = bench.Compile(
      "PREPARE { memcpy(p, c[1], 64); }"
      "RUN { for (int i = 0; i < 1000; ++i) ((float*)a[2])[i] = ((float*)a[0])[i] * ((const float*)p)[i % "
      "16]; }");
  const std::string reversed = bench.Compile(
      "PREPARE { for (int i = 0; i < 16; ++i) ((float*)p)[i] = ((const float*)c[1])[15 - i]; }"
      "RUN { for (int i = 0; i < 1000; ++i) ((float*)a[2])[i] = ((float*)a[0])[i] * ((const float*)p)[15 - i "
      "% 16]; }");
  LocalWork work = bench.Work({plain, reversed, bench.Compile(absl::StrCat("RUN {", kProduct, "}"))});
  work.item.mutable_run()->set_packed_bytes(64);
  const v1::Measurement measurement = bench.Measure(work);
  INFO(measurement.failure().ShortDebugString());
  REQUIRE(measurement.kernels_size() == 3);
  // Alone it takes the same cycles: what else is in memory does not matter without caches.
  LocalWork alone = bench.Work({reversed});
  alone.item.mutable_run()->set_packed_bytes(64);
  const v1::Measurement single = bench.Measure(alone);
  REQUIRE(single.kernels_size() == 1);
  CHECK(single.kernels(0).instructions() == measurement.kernels(1).instructions());
  CHECK(single.kernels(0).cycles() == measurement.kernels(1).cycles());
}

TEST_CASE("IntegersAreFilledOverTheirRangeAndComparedExactly") {
  if (!HaveBoardTools()) return;
  BoardBench bench;
  LocalWork work = bench.Work({bench.Compile(
      "RUN { for (int i = 0; i < 333; ++i) ((int8_t*)a[3])[i] = ((int8_t*)a[0])[i] + ((int8_t*)a[1])[i] * 2 +"
      " ((int32_t*)a[2])[i] / 1000; }")});
  v1::RunDescription& run = *work.item.mutable_run();
  run.clear_arguments();
  struct Kind {
    v1::DataType type;
    v1::ArgumentRole role;
    int low, high;
  };
  for (const Kind& kind : {Kind{v1::DATA_TYPE_I8, v1::ARGUMENT_ROLE_INPUT, 0, 0},
                           Kind{v1::DATA_TYPE_I8, v1::ARGUMENT_ROLE_CONSTANT, -7, 7},
                           Kind{v1::DATA_TYPE_I32, v1::ARGUMENT_ROLE_CONSTANT, -100000, 100000},
                           Kind{v1::DATA_TYPE_I8, v1::ARGUMENT_ROLE_OUTPUT, 0, 0}}) {
    v1::Argument& argument = *run.add_arguments();
    argument.set_type(kind.type);
    argument.set_role(kind.role);
    argument.set_elements(333);
    argument.set_low(kind.low);
    argument.set_high(kind.high);
  }
  std::vector<std::int8_t> want(333);
  for (std::uint64_t i = 0; i < want.size(); ++i) {
    want[i] = static_cast<std::int8_t>(InputInt8(3, 0, i) + InputInt(3, 1, i, -7, 7) * 2 +
                                       InputInt(3, 2, i, -100000, 100000) / 1000);
  }
  bench.Expect(work, want.data(), want.size());
  v1::Measurement measurement = bench.Measure(work);
  INFO(measurement.failure().ShortDebugString());
  CHECK(measurement.kernels_size() == 1);
  ++want[332];
  bench.Expect(work, want.data(), want.size());
  measurement = bench.Measure(work);
  CHECK(measurement.failure().kind() == v1::FAILURE_KIND_WRONG_RESULT);
  CHECK(measurement.failure().message().find("1 of 333 elements are wrong, the first at 332") !=
        std::string::npos);
}

TEST_CASE("StaticDataDivisionAndLibraryFunctionsAreLinked") {
  if (!HaveBoardTools()) return;
  BoardBench bench;
  // A table with contents, zeroed memory, a call of memcpy and memset, and a 64-bit division (libgcc).
  const v1::Measurement measurement = bench.Measure(
      bench.Work({bench.Compile("static float table[16] = {1}; static float zeros[4000]; volatile uint64_t "
                                "big = 7000000000ull, three = 7;\n"
                                "RUN { for (int i = 0; i < 16; ++i) if (table[i] != (i == 0)) return;"
                                " for (int i = 0; i < 4000; ++i) if (zeros[i] != 0) return;"
                                " if (big / three != 1000000000ull) return;"
                                " memset(zeros, 1, 999); memcpy(w, a[0], 4000);"
                                " for (int i = 0; i < 1000; ++i) ((float*)a[2])[i] = ((float*)w)[i] * "
                                "((const float*)a[1])[i % 16]; }")}));
  CHECK(measurement.failure().kind() == v1::FAILURE_KIND_MEMORY_OVERRUN);  // There is no workspace.
  LocalWork work =
      bench.Work({bench.Compile("static float table[16] = {1}; static float zeros[4000]; volatile uint64_t "
                                "big = 7000000000ull, three = 7;\n"
                                "RUN { for (int i = 0; i < 16; ++i) if (table[i] != (i == 0)) return;"
                                " for (int i = 0; i < 4000; ++i) if (zeros[i] != 0) return;"
                                " if (big / three != 1000000000ull) return;"
                                " memset(zeros, 1, 999); memcpy(w, a[0], 4000);"
                                " for (int i = 0; i < 1000; ++i) ((float*)a[2])[i] = ((float*)w)[i] * "
                                "((const float*)a[1])[i % 16]; }")});
  work.item.mutable_run()->set_workspace_bytes(4000);
  const v1::Measurement good = bench.Measure(work);
  INFO(good.failure().ShortDebugString());
  CHECK(good.kernels_size() == 1);
}

TEST_CASE("CancelledWorkStopsAtOnce") {
  if (!HaveBoardTools()) return;
  BoardBench bench;
  const LocalWork work = bench.Work({bench.Compile("RUN { for (;;) ; }")});
  int pipes[2];
  REQUIRE(pipe(pipes) == 0);
  REQUIRE(write(pipes[1], "x", 1) == 1);
  WorkControl control;
  control.cancel_fd = pipes[0];
  const v1::Measurement measurement = bench.device().Measure(work, control);
  CHECK(measurement.failure().kind() == v1::FAILURE_KIND_CANCELLED);
  close(pipes[0]);
  close(pipes[1]);
}

TEST_CASE("WorkThatDoesNotFitIsRefusedBeforeItIsLoaded") {
  if (!HaveBoardTools()) return;
  BoardBench bench("emulated:stm32f746");
  LocalWork work = bench.Work({bench.Compile("RUN {}")});
  work.item.mutable_run()->mutable_arguments(0)->set_elements(100000);
  v1::Measurement measurement = bench.Measure(work);
  CHECK(measurement.failure().kind() == v1::FAILURE_KIND_OUT_OF_MEMORY);
  CHECK(measurement.failure().message().find("argument 0 (400128 bytes) does not fit") != std::string::npos);
  work = bench.Work({bench.Compile("char big[400000]; RUN { big[*(int*)a[0] & 1023] = 1; }")});
  measurement = bench.Measure(work);
  CHECK(measurement.failure().kind() == v1::FAILURE_KIND_OUT_OF_MEMORY);
  CHECK(measurement.failure().message().find("static data") != std::string::npos);
  work = bench.Work({bench.Compile("RUN {}")});
  work.item.mutable_run()->set_packed_bytes(~std::uint64_t{0});
  CHECK(bench.Measure(work).failure().kind() == v1::FAILURE_KIND_OUT_OF_MEMORY);
}

TEST_CASE("KernelsThatCannotBeLinkedNameWhatIsMissing") {
  if (!HaveBoardTools()) return;
  BoardBench bench;
  v1::Failure failure =
      bench.Measure(bench.Work({bench.Compile("void missing(void); RUN { missing(); }")})).failure();
  CHECK(failure.kind() == v1::FAILURE_KIND_LINK);
  CHECK(failure.message().find("missing") != std::string::npos);
  failure = bench.Measure(bench.Work({bench.Compile("int other;")})).failure();
  CHECK(failure.kind() == v1::FAILURE_KIND_LOAD);
  const std::string garbage = bench.folder() + "/garbage.o";
  REQUIRE(WriteFileAtomic(garbage, "not an object").ok());
  failure = bench.Measure(bench.Work({garbage})).failure();
  CHECK(failure.kind() == v1::FAILURE_KIND_LINK);
}

}  // namespace
}  // namespace tunefarm
