// Int8 kernels against the reference, bit by bit, on every target that can run here.
#include <algorithm>
#include <functional>
#include <iostream>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "schedules/dot_kernel.h"
#include "tests/catch.h"
#include "tests/schedules/program_batch.h"
#include "tests/schedules/random_int8_workload.h"

namespace tunefarm::schedules {
namespace {

// A legal config with that micro-kernel.
Config SampleWith(const ConfigSpace& space, uint16_t kernel, Rng& rng) {
  const int knob = space.FindKnob("kernel");
  for (int i = 0; i < 1000; ++i) {
    Config config = space.Sample(rng);
    config.choice[knob] = kernel;
    if (space.IsLegal(config)) return config;
  }
  return space.default_config();
}

// For a matrix product and random workloads: the default config, and another of each micro-kernel.
void CheckTarget(const char* name) {
  // Any (a matrix product first), and depthwise ones, the last of them with more channels than a vector has.
  constexpr int kWorkloads = 6, kWindows = 7;
  const absl::StatusOr<Target> target = FindTarget(name);
  REQUIRE(target.ok());
  if (const std::string reason = WhyNotRun(*target); !reason.empty()) {
    std::cerr << "skipped " << name << ": " << reason << "\n";
    return;
  }
  Rng rng(41);
  std::vector<ProgramKernel> kernels;
  std::set<std::string> used;
  for (int w = 0; w < kWorkloads + kWindows; ++w) {
    const Workload workload =
        w + 1 == kWorkloads + kWindows
            ? Workload::Parse(
                  "depthwise_conv2d:n=1,h=7,w=9,c=144,kh=3,kw=3,pad=1,layout=nhwc,dtype=i8,izp=3,"
                  "ozp=-5,epilogue=bias")
                  .value()
            : RandomInt8Workload(rng, w == 0           ? "matmul"
                                      : w < kWorkloads ? ""
                                                       : "depthwise_conv2d");
    const int threads = target->architecture == "x86_64" && w % 3 == 1 ? 2 : 1;
    const absl::StatusOr<std::shared_ptr<const Task>> task = Task::Create(workload, *target, threads);
    INFO(workload.ToString() << " " << task.status().message());
    REQUIRE(task.ok());
    const ConfigSpace& space = (*task)->space();
    kernels.push_back({*task, space.default_config()});
    const Knob& knob = space.knobs()[space.FindKnob("kernel")];
    for (std::size_t k = 0; k < knob.values.size(); ++k) {
      kernels.push_back({*task, SampleWith(space, static_cast<uint16_t>(k), rng)});
      used.insert(knob.values[kernels.back().config.choice[space.FindKnob("kernel")]]);
    }
  }
  CHECK(used.size() == DotKernelsOf(*target).size());
  CheckProgram(kernels, *target);
}

TEST_CASE("AMatrixProductHasTheDefaultConfigOfDenseWhicheverWayItsWeightsLie") {
  for (const char* name :
       {"x86-64-v3", "x86-64-v4-vnni", "cortex-a53", "cortex-a9", "cortex-m4", "cortex-m55"}) {
    INFO(name);
    const auto config = [&](const char* op) {
      const Workload workload =
          Workload::Parse(std::string(op) + ":m=64,n=96,k=128,dtype=i8,izp=3,epilogue=bias").value();
      const std::shared_ptr<const Task> task = Task::Create(workload, FindTarget(name).value()).value();
      return task->space().ToText(task->space().default_config());
    };
    CHECK(config("matmul") == config("dense"));
  }
}

// Threads that share channels write parts of the same cache lines.
TEST_CASE("ByDefaultThreadsShareLinesOrRowsOfInt8WhereEachGetsAboutAsMany") {
  const auto defaults = [](const std::string& text, const char* target, int threads) {
    const Workload workload = Workload::Parse(text + ",layout=nhwc,dtype=i8,epilogue=bias").value();
    const auto task = Task::Create(workload, FindTarget(target).value(), threads).value();
    return absl::StrCat(",", task->space().ToText(task->space().default_config()), ",");
  };
  for (const char* target : {"x86-64-v3", "x86-64-v4", "x86-64-v4-vnni"}) {
    INFO(target);
    const std::string pointwise = "conv2d:n=1,h=56,w=56,ci=24,co=144,kh=1,kw=1";
    CHECK(absl::StrContains(defaults(pointwise, target, 1), ",block_r=all,"));
    CHECK(absl::StrContains(defaults(pointwise, target, 2), ",block_r=1568,"));
    CHECK(absl::StrContains(defaults(pointwise, target, 4), ",block_r=784,"));
    CHECK(absl::StrContains(defaults("depthwise_conv2d:n=1,h=28,w=28,c=96,kh=3,kw=3,pad=1", target, 2),
                            ",block_r2=14,"));
    // Three rows for two threads.
    CHECK(
        absl::StrContains(defaults("conv2d:n=1,h=3,w=1,ci=64,co=256,kh=1,kw=1", target, 2), ",block_r=all,"));
  }
}

TEST_CASE("Int8KernelsAreExactOnX86") {
  for (const char* target : {"x86-64-v2", "x86-64-v3", "x86-64-v4", "x86-64-v4-vnni"}) CheckTarget(target);
}

TEST_CASE("Int8KernelsAreExactOn64BitArm") {
  for (const char* target : {"cortex-a53", "cortex-a76"}) CheckTarget(target);
}

TEST_CASE("Int8KernelsAreExactOn32BitArm") { CheckTarget("cortex-a9"); }

TEST_CASE("Int8KernelsAreExactOnMicrocontrollers") {
  for (const char* target : {"cortex-m4", "cortex-m7", "cortex-m55"}) CheckTarget(target);
}

// Every input and weight at an end of int8, -128 as a weight included, in rows of one sign and in turns: sums
// as large as they can be, and the byte multiplications' intermediate results too.
TEST_CASE("ExtremeInputsAreExactOnX86") {
  for (const Target& target : TargetsThatRun({"x86-64-v2", "x86-64-v3", "x86-64-v4", "x86-64-v4-vnni"})) {
    Rng rng(7);
    std::vector<ProgramKernel> kernels;
    for (const char* text :
         {"dense:m=15,n=70,k=515,izp=-128,ozp=-128,", "dense:m=2,n=33,k=64,izp=127,ozp=3,rounding=single,",
          "conv2d:n=1,h=6,w=7,ci=19,co=40,kh=3,kw=3,pad=1,izp=127,ozp=-128,amin=-100,amax=90,layout=nhwc,",
          "depthwise_conv2d:n=1,h=9,w=15,c=144,kh=3,kw=3,pad=1,izp=-128,ozp=-128,layout=nhwc,",
          "depthwise_conv2d:n=2,h=9,w=11,c=70,kh=5,kw=5,stride=2,pad=2,izp=127,ozp=5,amin=-7,layout=nhwc,",
          "depthwise_conv2d:n=1,h=6,w=6,c=40,kh=6,kw=6,izp=3,ozp=127,rounding=single,layout=nhwc,",
          "depthwise_conv2d:n=1,h=8,w=9,c=36,kh=2,kw=1,dilation=2,izp=0,ozp=0,layout=nhwc,"}) {
      const Workload workload = Workload::Parse(absl::StrCat(text, "epilogue=bias,dtype=i8")).value();
      const std::shared_ptr<const Task> task = Task::Create(workload, target).value();
      const auto change = [](IntTensors& inputs) {
        const auto ends = [](std::vector<int32_t>& values, std::size_t run) {
          for (std::size_t i = 0; i < values.size(); ++i) values[i] = i / run % 2 == 0 ? -128 : 127;
        };
        ends(inputs[0], 97);
        ends(inputs[1], 53);
        for (std::size_t c = 0; c < inputs[4].size(); ++c) inputs[4][c] -= static_cast<int32_t>(c % 4);
        // As converters write a scale of 0.
        inputs[3].back() = inputs[4].back() = 0;
      };
      const ConfigSpace& space = task->space();
      kernels.push_back({task, space.default_config(), change});
      // Every other micro-kernel, so that the compiler has not too much to do.
      const std::size_t choices = space.knobs()[space.FindKnob("kernel")].values.size();
      for (std::size_t k = kernels.size() % 2; k < choices; k += 2) {
        kernels.push_back({task, SampleWith(space, static_cast<uint16_t>(k), rng), change});
      }
    }
    CheckProgram(kernels, target);
  }
}

// For each workload so many configs of the micro-kernels by Winograd's identity, some shared by two threads.
struct PairedCase {
  std::string workload;
  std::function<void(IntTensors&)> change = nullptr;
};
void CheckPairedProducts(const std::vector<PairedCase>& cases, int configs) {
  for (const Target& target : TargetsThatRun({"x86-64-v3", "x86-64-v4"})) {
    Rng rng(1968);
    std::vector<ProgramKernel> kernels;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const Workload workload = Workload::Parse(cases[i].workload + ",dtype=i8").value();
      const std::shared_ptr<const Task> task =
          Task::Create(workload, target, /*threads=*/i % 3 == 2 ? 2 : 1).value();
      const ConfigSpace& space = task->space();
      const int knob = space.FindKnob("kernel");
      const std::vector<std::string>& names = space.knobs()[knob].values;
      for (std::size_t k = 0; k < names.size(); ++k) {
        if (!absl::EndsWith(names[k], "_paired")) continue;
        for (int c = 0; c < configs; ++c) {
          kernels.push_back({task, SampleWith(space, static_cast<uint16_t>(k), rng), cases[i].change});
          INFO(target.name << " " << workload.ToString());
          CHECK(kernels.back().config.choice[knob] == k);
        }
      }
    }
    CheckProgram(kernels, target);
  }
}

// Groups of four terms run over the ends of pixels and of rows, and of the sum.
TEST_CASE("PairedProductsAreExactForAnyNumberOfChannels") {
  std::vector<PairedCase> cases;
  const int zero_points[] = {-128, -1, 0, 3, 127};
  for (const int channels : {1, 2, 3, 4, 5, 6, 7, 8, 9, 17, 64, 67}) {
    const int izp = zero_points[cases.size() % 5];
    cases.push_back({absl::StrCat("conv2d:n=1,h=5,w=7,ci=", channels, ",co=", 16 + channels,
                                  ",kh=3,kw=3,pad=1,layout=nhwc,izp=", izp, ",epilogue=bias")});
  }
  CheckPairedProducts(cases, 1);
}

TEST_CASE("PairedProductsAreExactForAnyShape") {
  CheckPairedProducts(
      {{"dense:m=1,n=16,k=2048,izp=-128,epilogue=bias"},
       {"dense:m=7,n=33,k=2,izp=127"},
       {"matmul:m=13,n=40,k=67,izp=-128,ozp=5,rounding=single"},
       {"conv2d:n=2,h=6,w=9,ci=24,co=32,kh=1,kw=1,layout=nhwc,izp=5,epilogue=bias"},
       {"conv2d:n=1,h=7,w=9,ci=6,co=17,kh=1,kw=1,stride=2,layout=nhwc,izp=-128"},
       {"conv2d:n=1,h=14,w=14,ci=3,co=32,kh=7,kw=7,stride=2,pad=3,layout=nhwc,izp=-128"},
       {"conv2d:n=1,h=9,w=8,ci=5,co=24,kh=2,kw=3,dilation=2,pad=2,layout=nhwc,izp=127"},
       {"conv2d:n=1,h=6,w=7,ci=21,co=48,kh=3,kw=3,groups=3,pad=1,layout=nhwc,izp=-3"},
       {"conv2d:n=2,h=5,w=12,ci=8,co=16,kh=3,kw=2,stride_h=2,stride_w=3,pad_l=2,pad_b=1,layout=nhwc,"
        "izp=127,amin=-100,amax=90,rounding=single,epilogue=bias"}},
      3);
}

// Sums of an input and a weight, and their products, are as large as they can be, of either sign.
TEST_CASE("PairedProductsAreExactAtTheEndsOfInt8") {
  struct Ends {
    int izp, input;
  };
  std::vector<PairedCase> cases;
  for (const Ends ends : {Ends{-128, 127}, Ends{127, -128}, Ends{0, -128}}) {
    for (const int weight : {-128, 127}) {
      const auto change = [=](IntTensors& inputs) {
        std::ranges::fill(inputs[0], ends.input);
        for (std::size_t i = 0; i < inputs[1].size(); ++i)
          inputs[1][i] = weight == -128 && i / 3 % 2 == 0 ? -127 : weight;
        for (int32_t& shift : inputs[4]) shift -= 4;
      };
      for (const char* op :
           {"dense:m=6,n=24,k=515", "conv2d:n=1,h=5,w=6,ci=19,co=24,kh=3,kw=3,pad=1,layout=nhwc"}) {
        cases.push_back({absl::StrCat(op, ",epilogue=bias,izp=", ends.izp), change});
      }
    }
  }
  CheckPairedProducts(cases, 1);
}

TEST_CASE("PairedProductsAreExactForScalesThatTakeNoShortCut") {
  const auto change = [](IntTensors& inputs) { inputs[4][0] = 2; };
  CheckPairedProducts(
      {{"dense:m=3,n=70,k=21,izp=-128,epilogue=bias", change},
       {"conv2d:n=1,h=5,w=4,ci=5,co=70,kh=3,kw=2,pad=1,layout=nhwc,izp=7,epilogue=bias", change}},
      2);
}

// A legal config whose windows are read where they stand.
std::optional<Config> SampleEdges(const ConfigSpace& space, Rng& rng) {
  const int kernel = space.FindKnob("kernel"), lhs = space.FindKnob("lhs");
  for (int i = 0; i < 4000; ++i) {
    const Config config = space.Sample(rng);
    if (!absl::EndsWith(space.knobs()[kernel].values[config.choice[kernel]], "_window_x8")) continue;
    if (space.knobs()[lhs].values[config.choice[lhs]] == "edges" && space.IsLegal(config)) return config;
  }
  return std::nullopt;
}

// Channels that fill vectors, a quarter of one, and neither; edges on all sides and on some; several images.
TEST_CASE("WindowsThatAreReadWhereTheyStandAreExact") {
  for (const Target& target : TargetsThatRun({"x86-64-v3", "x86-64-v4", "x86-64-v4-vnni"})) {
    std::vector<ProgramKernel> kernels;
    Rng rng(7);
    int threads = 1;
    for (const char* op :
         {"n=1,h=9,w=11,c=64,kh=3,kw=3,pad=1", "n=1,h=8,w=9,c=144,kh=3,kw=3,stride=2,pad_b=1,pad_r=1",
          "n=2,h=6,w=5,c=70,kh=5,kw=5,pad=2", "n=1,h=7,w=9,c=80,kh=3,kw=2,pad_t=1,pad_l=1",
          "n=1,h=9,w=8,c=96,kh=3,kw=3,pad=1,amin=-100,amax=90"}) {
      const Workload workload =
          Workload::Parse(
              absl::StrCat("depthwise_conv2d:layout=nhwc,dtype=i8,izp=9,ozp=-20,epilogue=bias,", op))
              .value();
      const std::shared_ptr<const Task> task = Task::Create(workload, target, threads).value();
      threads = 3 - threads;
      for (int i = 0; i < 8; ++i) {
        const std::optional<Config> config = SampleEdges(task->space(), rng);
        INFO(workload.ToString());
        REQUIRE(config.has_value());
        kernels.push_back({task, *config});
      }
    }
    CheckProgram(kernels, target);
  }
}

// Scales from 2^-32 to 8, in one tensor, and sums up to 2^29: what no trained layer has, but the operator
// allows.
TEST_CASE("AnyScaleIsExact") {
  for (const Target& target : TargetsThatRun({"x86-64-v3", "x86-64-v4", "x86-64-v4-vnni", "cortex-a76",
                                              "cortex-a9", "cortex-m4", "cortex-m55"})) {
    std::vector<ProgramKernel> kernels;
    for (const char* rounding : {"double", "single"}) {
      for (const char* op :
           {"dense:m=3,n=70,k=20,", "conv2d:n=1,h=5,w=4,ci=4,co=70,kh=3,kw=2,pad=1,layout=nhwc,",
            "depthwise_conv2d:n=1,h=5,w=6,c=70,kh=3,kw=3,pad=1,layout=nhwc,"}) {
        const Workload workload =
            Workload::Parse(absl::StrCat(op, "izp=-128,ozp=5,rounding=", rounding, ",epilogue=bias,dtype=i8"))
                .value();
        const std::shared_ptr<const Task> task = Task::Create(workload, target).value();
        const auto change = [](IntTensors& inputs) {
          for (std::size_t c = 0; c < inputs[4].size(); ++c) {
            const auto shift = static_cast<int32_t>(c % 35) - 31;  // -31 .. 3
            inputs[4][c] = shift;
            // Sums whose results are of the size of a byte; the largest ones for the smallest scales.
            const int32_t size = 1 << std::clamp(5 - shift, 4, 29);
            inputs[2][c] = c % 2 == 0 ? size + static_cast<int32_t>(c) : -size + static_cast<int32_t>(c);
          }
        };
        kernels.push_back({task, task->space().default_config(), change});
      }
    }
    CheckProgram(kernels, target);
  }
}

}  // namespace
}  // namespace tunefarm::schedules
