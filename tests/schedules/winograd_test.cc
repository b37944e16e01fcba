#include <iostream>

#include "absl/strings/match.h"
#include "schedules/loop_tree.h"
#include "schedules/schedule_template.h"
#include "schedules/winograd_transform.h"
#include "tests/catch.h"
#include "tests/schedules/kernel_batch.h"

namespace tunefarm::schedules {
namespace {

bool IsWinograd(const Task& task, const Config& config) {
  const int knob = task.space().FindKnob("algorithm");
  return knob >= 0 && task.space().number(config, knob) != 0;
}

// By their definition: A^T [ (G g) * (B^T d) ] is the valid correlation of d with g.
TEST_CASE("WinogradTransformsComputeACorrelation") {
  for (const int stride : {1, 2}) {
    for (const int outputs : WinogradOutputs(stride)) {
      const WinogradForm& form = WinogradFormOf(outputs, stride);
      REQUIRE(form.points == (outputs - 1) * stride + 3);
      Rng rng(3);
      std::vector<double> data(form.points), weights(3);
      for (double& x : data) x = static_cast<double>(rng.Uniform(1000)) / 500 - 1;
      for (double& x : weights) x = static_cast<double>(rng.Uniform(1000)) / 500 - 1;
      for (int i = 0; i < outputs; ++i) {
        double got = 0, want = 0;
        for (int a = 0; a < form.points; ++a) {
          double d = 0, g = 0;
          for (int j = 0; j < form.points; ++j) d += form.input[a][j] * data[j];
          for (int j = 0; j < 3; ++j) g += form.weights[form.weights_of[a]][j] * weights[j];
          got += form.output[i][a] * d * g;
        }
        for (int j = 0; j < 3; ++j) want += data[i * stride + j] * weights[j];
        CHECK(got == Approx(want));
      }
    }
  }
}

TEST_CASE("WinogradStatesItsErrorGrowth") {
  // By hand for F(2,3), whose largest sum is 2 + 1.5 + 1.5 = 5 of 9: transforms are never better than direct.
  CHECK(WinogradErrorGrowth(WinogradFormOf(2, 1)) == 1);
  // For F(4,3): (34/12 * 2 + 64 * 10 * 21/576 * 2 + 42) / 9.
  CHECK(WinogradErrorGrowth(WinogradFormOf(4, 1)) == Approx((34.0 / 6 + 1280 * 21.0 / 576 + 42) / 9));
  // With stride 2 the last row of the largest form: (6 / 2 + 14 / 18 + 64 * 2 * 5 / 36 + 10 + 1) / 9.
  CHECK(WinogradErrorGrowth(WinogradFormOf(3, 2)) == 1);
  CHECK(WinogradErrorGrowth(WinogradFormOf(4, 2)) == Approx((3 + 14.0 / 18 + 640 / 36.0 + 10 + 1) / 9));
}

void CheckKernelsFor(const char* target) {
  // Channels and images that fit nothing, one tile and many, all paddings and layouts.
  const std::vector<std::string> shapes = {
      "n=1,h=7,w=7,ci=16,co=16,kh=3,kw=3,pad=1", "n=2,h=13,w=9,ci=5,co=21,kh=3,kw=3,pad=1",
      "n=1,h=5,w=17,ci=33,co=3,kh=3,kw=3,pad=0", "n=1,h=3,w=3,ci=1,co=1,kh=3,kw=3,pad=0",
      "n=3,h=8,w=11,ci=17,co=32,kh=3,kw=3,pad=2",
      "n=1,h=19,w=14,ci=7,co=40,kh=3,kw=3,pad_t=0,pad_l=1,pad_b=2,pad_r=0",
      "n=2,h=7,w=9,ci=24,co=40,kh=3,kw=3,pad=1", "n=1,h=9,w=8,ci=40,co=48,kh=3,kw=3,pad=1",
      "n=2,h=11,w=15,ci=16,co=40,kh=3,kw=3,stride=2,pad=1",
      "n=1,h=14,w=9,ci=11,co=19,kh=3,kw=3,stride=2,pad_t=0,pad_l=0,pad_b=1,pad_r=1",
      "n=1,h=3,w=30,ci=9,co=8,kh=3,kw=3,stride=2,pad=0", "n=3,h=12,w=13,ci=24,co=16,kh=3,kw=3,stride=2,pad=1",
      // So many weights that they are read in parts.
      "n=1,h=9,w=7,ci=140,co=128,kh=3,kw=3,stride=2,pad=1",
      "n=1,h=6,w=12,ci=91,co=192,kh=3,kw=3,stride=2,pad=1",
      "n=1,h=11,w=5,ci=129,co=256,kh=3,kw=3,stride=2,pad=0"};
  const std::vector<std::string> epilogues = {"", ",epilogue=bias+residual+relu", ",epilogue=bias+relu6"};
  Rng rng = Rng(7).Fork(target);
  std::vector<BatchKernel> kernels;
  for (std::size_t s = 0; s < shapes.size(); ++s) {
    const char* layout = s == 6 || s == 7 || s == 11 ? "nchw8c" : s % 2 == 0 ? "nhwc" : "nchw";
    const int threads = s % 3 == 2 ? 2 : 1;
    const std::shared_ptr<const Task> task =
        MakeTask("conv2d:" + shapes[s] + ",layout=" + layout + epilogues[s % 3], target, threads);
    for (int found = 0, tries = 0; found < 4 && tries < 400; ++tries) {
      const Config config = task->space().Sample(rng);
      if (!IsWinograd(*task, config)) continue;
      const absl::StatusOr<KernelSource> source = task->Generate(config);
      INFO(task->space().ToText(config) << " " << source.status().message());
      REQUIRE(source.ok());
      kernels.push_back({task, config, *source});
      ++found;
    }
  }
  CHECK(kernels.size() >= 2 * shapes.size());
  const Target built = kernels[0].task->target();
  const bool run = MachineRuns(built);
  if (!run) std::cerr << "built only, this machine cannot run it: winograd for " << target << "\n";
  const absl::StatusOr<std::vector<std::string>> wrong = CheckKernels(kernels, built, run);
  INFO(wrong.status().message());
  REQUIRE(wrong.ok());
  CHECK(*wrong == std::vector<std::string>{});
}

TEST_CASE("WinogradKernelsOfFourLanesAgreeWithTheReference") { CheckKernelsFor("x86-64-v2"); }
TEST_CASE("WinogradKernelsOfEightLanesAgreeWithTheReference") { CheckKernelsFor("x86-64-v3"); }
TEST_CASE("WinogradKernelsOfSixteenLanesAgreeWithTheReference") { CheckKernelsFor("x86-64-v4"); }

TEST_CASE("WinogradCountsItsProductsOnly") {
  const std::shared_ptr<const Task> task =
      MakeTask("conv2d:n=1,h=16,w=16,ci=32,co=32,kh=3,kw=3,pad=1,layout=nhwc", "x86-64-v3");
  Rng rng(4);
  int seen = 0;
  for (int i = 0; i < 200; ++i) {
    const Config config = task->space().Sample(rng);
    if (!IsWinograd(*task, config)) continue;
    ++seen;
    const absl::StatusOr<LoopTree> tree = task->Lower(config);
    REQUIRE(tree.ok());
    // Every access of a statement has a stride for each loop around it, and parents stand before children.
    for (std::size_t n = 0; n < tree->nodes.size(); ++n) {
      const LoopNode& node = tree->nodes[n];
      CHECK(node.parent < static_cast<int>(n));
      CHECK(node.end > static_cast<int>(n));
      if (node.parent >= 0) CHECK(tree->nodes[node.parent].depth + 1 == node.depth);
    }
    CHECK(!DumpLoopTree(*tree, task->loop_compute()).empty());
    const absl::StatusOr<KernelSource> source = task->Generate(config);
    REQUIRE(source.ok());
    CHECK(source->workspace_bytes == static_cast<uint64_t>(tree->workspace_bytes));
    CHECK(source->error_growth >= 1);
  }
  CHECK(seen > 20);
}

TEST_CASE("BothFormsHaveALegalStart") {
  // Many tiles and few, of one thread and several; channels that fill a vector or half of one.
  for (const char* shape :
       {"n=1,h=56,w=56,ci=64,co=64", "n=1,h=7,w=7,ci=512,co=512", "n=1,h=14,w=14,ci=256,co=256",
        "n=2,h=13,w=9,ci=8,co=24", "n=1,h=3,w=3,ci=64,co=8"}) {
    for (const char* layout : {"nhwc", "nchw8c"}) {
      for (const int threads : {1, 2, 4}) {
        const std::shared_ptr<const Task> task = MakeTask(
            absl::StrCat("conv2d:", shape, ",kh=3,kw=3,pad=1,layout=", layout), "x86-64-v4", threads);
        const ConfigSpace& space = task->space();
        INFO(shape << " " << layout << " " << threads);
        std::vector<int64_t> forms;
        for (const Config& start : space.starts()) {
          INFO(shape << " " << layout << " " << threads << ": " << space.ToText(start) << ": "
                     << space.Check(start).message());
          CHECK(space.Check(start).ok());
          const int64_t form = space.number(start, space.FindKnob("algorithm"));
          if (form != 0) forms.push_back(form);
        }
        CHECK(forms == std::vector<int64_t>{2, 4});
      }
    }
  }
}

TEST_CASE("FormsOfStride2HaveALegalStartBesideFastProducts") {
  for (const char* shape :
       {"n=1,h=56,w=56,ci=128,co=128", "n=1,h=14,w=14,ci=512,co=512", "n=2,h=13,w=9,ci=8,co=24"}) {
    for (const int threads : {1, 2}) {
      const std::shared_ptr<const Task> task = MakeTask(
          absl::StrCat("conv2d:", shape, ",kh=3,kw=3,stride=2,pad=1,layout=nhwc"), "x86-64-v3", threads);
      const ConfigSpace& space = task->space();
      const Knob& algorithm = space.knobs()[space.FindKnob("algorithm")];
      CHECK(algorithm.values ==
            std::vector<std::string>{"direct", "winograd_2x2", "winograd_3x3", "winograd_4x4", "fast"});
      std::vector<int> legal(algorithm.values.size(), 0);
      for (const Config& start : space.starts()) {
        if (space.Check(start).ok()) ++legal[start.choice[space.FindKnob("algorithm")]];
      }
      for (std::size_t v = 1; v <= 3; ++v) {
        INFO(shape << " " << threads << " " << algorithm.values[v]);
        CHECK(legal[v] > 0);
      }
    }
  }
}

TEST_CASE("WinogradWithStride2IsOfferedForDenseWindowsOfSeveralChannels") {
  const std::vector<std::pair<const char*, bool>> cases = {
      {"n=1,h=20,w=20,ci=8,co=8,kh=3,kw=3,stride=2,pad=1", true},
      {"n=1,h=20,w=20,ci=3,co=32,kh=3,kw=3,stride=2,pad=1", false},
      {"n=1,h=20,w=20,ci=16,co=16,kh=3,kw=3,stride_h=2,stride_w=1,pad=1", false},
      {"n=1,h=20,w=20,ci=16,co=16,kh=5,kw=5,stride=2,pad=2", false},
      {"n=1,h=20,w=20,ci=16,co=16,kh=3,kw=3,stride=3,pad=1", false},
      {"n=1,h=20,w=20,ci=16,co=16,kh=3,kw=3,stride=2,pad=1,dilation=2", false}};
  for (const auto& [shape, offered] : cases) {
    const std::shared_ptr<const Task> task =
        MakeTask(absl::StrCat("conv2d:", shape, ",layout=nhwc"), "x86-64-v3");
    INFO(shape << " " << task->template_version());
    CHECK(absl::StrContains(task->template_version(), "winograd") == offered);
  }
}

TEST_CASE("KnobsWithoutAMeaningAreRefused") {
  const std::shared_ptr<const Task> task =
      MakeTask("conv2d:n=1,h=16,w=16,ci=32,co=32,kh=3,kw=3,pad=1,layout=nhwc", "x86-64-v3");
  Config config = task->space().default_config();
  REQUIRE(task->space().Check(config).ok());
  // The number of Winograd's tiles says nothing of a direct convolution.
  config.choice[task->space().FindKnob("tiles")] = 1;
  const absl::Status status = task->space().Check(config);
  CHECK(status.code() == absl::StatusCode::kInvalidArgument);
  CHECK(!task->space().IsLegal(config));
  CHECK(!task->Generate(config).ok());
}

}  // namespace
}  // namespace tunefarm::schedules
