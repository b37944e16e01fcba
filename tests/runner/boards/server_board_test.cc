// A board behind somebody else's GDB server: here QEMU's own, started by the test, in place of OpenOCD's. All
// is in one RAM, nothing is counted by a plugin, and time comes from the core's SysTick.
#include <nlohmann/json.hpp>

#include "base/subprocess.h"
#include "runner/boards/board_device.h"
#include "runner/boards/self_test.h"
#include "tests/catch.h"
#include "tests/runner/boards/board_bench.h"

namespace tunefarm {
namespace {

class ServedBoard {
 public:
  ServedBoard() : folder_(*TempDir::Create()) { Start(); }

  void Start() {
    server_.reset();
    SubprocessOptions options;
    // Every instruction takes 2 ns of the machine's time, so that times do not depend on this machine's.
    options.argv = {"qemu-system-arm",
                    "-machine",
                    "mps2-an386",
                    "-nodefaults",
                    "-display",
                    "none",
                    "-monitor",
                    "none",
                    "-serial",
                    "none",
                    "-S",
                    "-icount",
                    "shift=1",
                    "-gdb",
                    absl::StrCat("unix:", socket(), ",server=on,wait=off")};
    options.discard_output = true;
    server_.emplace(*Subprocess::Spawn(options));
    gdb::ClientOptions patient;
    for (int attempt = 0; attempt < 1000; ++attempt) {  // Until it listens.
      if (gdb::Client::Connect("unix:" + socket(), patient).ok()) return;
      if (server_->Wait(absl::Milliseconds(10)).has_value()) break;
    }
    FAIL("QEMU does not listen");
  }
  void Stop() { server_.reset(); }

  Board board(const std::string& timer = "systick") const {
    nlohmann::json json = nlohmann::json::parse(R"json({
      "name": "served", "description": "QEMU in place of a probe", "kind": "gdb", "target": "cortex-m4",
      "core": "cortex-m4", "architecture": "armv7e-m", "isa_features": ["thumb2", "dsp"], "clock_hz": 25000000,
      "toolchain": {"compiler": "arm-none-eabi-gcc",
                    "flags": ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]},
      "memory": [{"name": "ram", "start": "0x20000000", "bytes": 262144, "kind": "ram", "wait_states": 0}],
      "placement": {"code": "ram", "constants": "ram", "data": "ram", "stack": "ram"}, "stack_bytes": 8192
    })json");
    json["gdb"] = {{"server", "unix:" + socket()}, {"reset", {"system_reset"}}, {"timer", timer}};
    return *ParseBoard(json.dump());
  }

 private:
  std::string socket() const { return folder_.path() + "/gdb"; }
  TempDir folder_;
  std::optional<Subprocess> server_;
};

TEST_CASE("BoardBehindAServerIsMeasuredByItsTimer") {
  if (!HaveBoardTools()) return;
  ServedBoard served;
  BoardBench bench(served.board());
  CHECK(bench.device().Facts().kind() == "gdb");
  const std::string once = bench.Compile(absl::StrCat("RUN {", kProduct, "}"));
  const std::string thrice =
      bench.Compile(absl::StrCat("RUN { for (volatile int n = 0; n < 3; ++n) {", kProduct,
                                 "__asm__ volatile(\"\" ::: \"memory\"); } }"));
  LocalWork work = bench.Work({once, thrice});
  v1::MeasurementPolicy& policy = *work.item.mutable_run()->mutable_policy();
  policy.set_min_samples(6);
  policy.set_min_time_us(0);
  policy.set_max_time_us(20e3);
  policy.set_min_sample_us(500);
  const v1::Measurement measurement = bench.Measure(work);
  INFO(measurement.failure().ShortDebugString());
  REQUIRE(measurement.kernels_size() == 2);
  for (const v1::KernelResult& kernel : measurement.kernels()) {
    CHECK_FALSE(kernel.estimated());
    CHECK(kernel.samples_us_size() >= 6);
    CHECK(kernel.cycles() > 100);
    CHECK(kernel.median_us() == Approx(kernel.cycles() / 25));
    CHECK(kernel.stack_bytes() > 0);
  }
  const double ratio = measurement.kernels(1).median_us() / measurement.kernels(0).median_us();
  CHECK(ratio > 2.7);
  CHECK(ratio < 3.3);
}

TEST_CASE("BoardBehindAServerRecoversByReset") {
  if (!HaveBoardTools()) return;
  ServedBoard served;
  BoardBench bench(served.board());
  const std::string good = bench.Compile(absl::StrCat("RUN {", kProduct, "}"));
  for (const auto& [body, kind] :
       {std::pair("RUN { *(volatile int*)0xd0000000 = 1; }", v1::FAILURE_KIND_FAULT),
        {"RUN { for (;;) __asm__ volatile(\"\"); }", v1::FAILURE_KIND_TIMEOUT},
        {"RUN { ((float*)a[2])[1000] = 1; }", v1::FAILURE_KIND_MEMORY_OVERRUN}}) {
    INFO(body);
    CHECK(bench.Measure(bench.Work({bench.Compile(body)})).failure().kind() == kind);
    const v1::Measurement next = bench.Measure(bench.Work({good}));
    INFO(next.failure().ShortDebugString());
    CHECK(next.kernels_size() == 1);
  }
}

TEST_CASE("ServerThatIsGoneOrATimerThatDoesNotCountIsNoFaultOfTheKernel") {
  if (!HaveBoardTools()) return;
  ServedBoard served;
  {
    BoardBench bench(served.board("dwt"));  // QEMU's counter stands still.
    const v1::Measurement measurement =
        bench.Measure(bench.Work({bench.Compile(absl::StrCat("RUN {", kProduct, "}"))}));
    CHECK(measurement.failure().kind() == v1::FAILURE_KIND_INTERNAL);
    CHECK(measurement.failure().message().find("timer does not count") != std::string::npos);
  }
  BoardBench bench(served.board());
  const std::string good = bench.Compile(absl::StrCat("RUN {", kProduct, "}"));
  served.Stop();
  const v1::Measurement lost = bench.Measure(bench.Work({good}));
  CHECK(lost.failure().kind() == v1::FAILURE_KIND_UPLOAD);
  CHECK(lost.failure().message().find("no GDB server at unix:") != std::string::npos);
  served.Start();
  CHECK(bench.Measure(bench.Work({good})).kernels_size() == 1);
}

TEST_CASE("SelfTestOfABoardTellsEachStepUntilOneFails") {
  if (!HaveBoardTools()) return;
  const TempDir folder = *TempDir::Create();
  ServedBoard served;
  std::vector<std::string> names;
  TestBoard(served.board(), folder.path(), true, [&](const SelfTestStep& step) {
    INFO(step.name << ": " << step.status.ToString());
    CHECK(step.status.ok());
    names.push_back(step.name);
  });
  CHECK(names == std::vector<std::string>{"toolchain", "runtime", "server", "load", "timer", "recovery"});

  // Where there is no memory, loading fails.
  Board wrong = served.board();
  wrong.memory[0].start = 0x60000000;
  names.clear();
  TestBoard(wrong, folder.path(), true, [&](const SelfTestStep& step) {
    names.push_back(step.name);
    CHECK(step.status.ok() == (step.name != "load"));
  });
  CHECK(names.back() == "load");
}

}  // namespace
}  // namespace tunefarm
