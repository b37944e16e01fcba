#include <iostream>

#include "absl/strings/match.h"
#include "schedules/line_transform.h"
#include "schedules/loop_tree.h"
#include "schedules/schedule_template.h"
#include "tests/catch.h"
#include "tests/schedules/kernel_batch.h"

namespace tunefarm::schedules {
namespace {

bool IsOfLines(const Task& task, const Config& config) {
  const int knob = task.space().FindKnob("algorithm");
  return knob >= 0 && absl::StartsWith(task.space().knobs()[knob].values[config.choice[knob]], "lines_of_");
}

// By their definition: A^T [ (G g) * (B^T d) ] is the valid correlation of d with g.
TEST_CASE("LineTransformsComputeACorrelation") {
  for (int taps = 2; taps <= 7; ++taps) {
    for (int outputs = 2; outputs + taps - 1 <= kMostLinePoints; ++outputs) {
      const LineForm form = MakeLineForm(outputs, taps);
      REQUIRE(form.points == outputs + taps - 1);
      Rng rng(5);
      std::vector<double> data(form.points), weights(taps);
      for (double& x : data) x = static_cast<double>(rng.Uniform(1000)) / 500 - 1;
      for (double& x : weights) x = static_cast<double>(rng.Uniform(1000)) / 500 - 1;
      for (int i = 0; i < outputs; ++i) {
        double got = 0, want = 0;
        for (int a = 0; a < form.points; ++a) {
          double d = 0, g = 0;
          for (int j = 0; j < form.points; ++j) d += form.input[a][j] * data[j];
          for (int j = 0; j < taps; ++j) g += form.weights[a][j] * weights[j];
          got += form.output[i][a] * d * g;
        }
        for (int j = 0; j < taps; ++j) want += data[i + j] * weights[j];
        INFO(outputs << " outputs of " << taps << " taps");
        CHECK(got == Approx(want).margin(1e-12));
      }
    }
  }
}

TEST_CASE("InputTransformsOfLinesAreExact") {
  for (const auto& [outputs, taps] : {std::pair{5, 4}, {4, 4}, {2, 7}, {4, 5}, {6, 3}, {7, 2}}) {
    for (const std::vector<double>& row : MakeLineForm(outputs, taps).input) {
      for (const double x : row) CHECK((x == static_cast<int>(x) && std::abs(x) <= 32));
    }
  }
}

TEST_CASE("LinesStateTheirErrorGrowth") {
  // F(2, 2) at 0, 1 and infinity: B has the rows 1 -1 0 | 0 1 0 | 0 -1 1 and G 1 0 | 1 1 | 0 1 up to signs,
  // so that the larger sum is 1 * 2 * 1 + 1 * 1 * 2 = 4 of 2^2: never better than direct.
  CHECK(LineErrorGrowth(MakeLineForm(2, 2)) == 1);
  // F(4, 3) is Winograd's in one dimension, where the two-dimensional form has 94.2 / 9.
  CHECK(LineErrorGrowth(MakeLineForm(4, 3)) == Approx(std::sqrt(34.0 / 6 + 1280 * 21.0 / 576 + 42) / 3));
}

void CheckKernelsFor(const char* target) {
  // Lines along either dimension, strides along and across them, channels and sizes that fit nothing, lines
  // that lie in the padding, all layouts.
  const std::vector<std::string> shapes = {
      "n=1,h=21,w=23,ci=3,co=16,kh=7,kw=7,stride=2,pad=3",
      "n=2,h=9,w=13,ci=5,co=21,kh=5,kw=5,pad=2",
      "n=1,h=12,w=17,ci=17,co=24,kh=1,kw=7,pad_t=0,pad_l=3,pad_b=0,pad_r=3",
      "n=1,h=19,w=6,ci=8,co=33,kh=7,kw=1,pad_t=3,pad_l=0,pad_b=3,pad_r=0",
      "n=1,h=31,w=40,ci=2,co=8,kh=11,kw=11,stride=4,pad=2",
      "n=3,h=14,w=11,ci=4,co=9,kh=3,kw=5,pad=2",
      "n=1,h=15,w=15,ci=16,co=16,kh=5,kw=5,stride=2,pad=2",
      "n=2,h=8,w=10,ci=8,co=40,kh=4,kw=4,pad=0",
      "n=1,h=3,w=25,ci=6,co=8,kh=2,kw=6,stride=3,pad=4",
      "n=1,h=18,w=20,ci=24,co=16,kh=5,kw=3,pad=1",
      "n=1,h=1,w=60,ci=7,co=12,kh=1,kw=5,pad=0",
      "n=2,h=16,w=18,ci=16,co=24,kh=6,kw=5,stride_h=2,stride_w=1,pad_t=1,pad_l=0,pad_b=2,pad_r=4"};
  const std::vector<std::string> epilogues = {"", ",epilogue=bias+residual+relu", ",epilogue=bias+relu6"};
  Rng rng = Rng(11).Fork(target);
  std::vector<BatchKernel> kernels;
  for (std::size_t s = 0; s < shapes.size(); ++s) {
    const char* layout = s == 6 || s == 11 ? "nchw8c" : s % 3 == 1 ? "nchw" : "nhwc";
    const int threads = s % 2 == 0 && s != 10 ? 2 : 1;  // The tenth has one line, which is not shared.
    const std::shared_ptr<const Task> task =
        MakeTask("conv2d:" + shapes[s] + ",layout=" + layout + epilogues[s % 3], target, threads);
    int found = 0;
    for (int tries = 0; found < 4 && tries < 1000; ++tries) {
      const Config config = task->space().Sample(rng);
      if (!IsOfLines(*task, config)) continue;
      const absl::StatusOr<KernelSource> source = task->Generate(config);
      INFO(task->space().ToText(config) << " " << source.status().message());
      REQUIRE(source.ok());
      kernels.push_back({task, config, *source});
      ++found;
    }
    INFO(shapes[s]);
    CHECK(found > 0);
  }
  const Target built = kernels[0].task->target();
  const bool run = MachineRuns(built);
  if (!run) std::cerr << "built only, this machine cannot run it: lines for " << target << "\n";
  const absl::StatusOr<std::vector<std::string>> wrong = CheckKernels(kernels, built, run);
  INFO(wrong.status().message());
  REQUIRE(wrong.ok());
  CHECK(*wrong == std::vector<std::string>{});
}

TEST_CASE("KernelsOfLinesOfFourLanesAgreeWithTheReference") { CheckKernelsFor("x86-64-v2"); }
TEST_CASE("KernelsOfLinesOfEightLanesAgreeWithTheReference") { CheckKernelsFor("x86-64-v3"); }
TEST_CASE("KernelsOfLinesOfSixteenLanesAgreeWithTheReference") { CheckKernelsFor("x86-64-v4"); }

TEST_CASE("NestsOfLinesAreWhole") {
  const std::shared_ptr<const Task> task =
      MakeTask("conv2d:n=1,h=40,w=40,ci=6,co=32,kh=5,kw=5,stride=2,pad=2,layout=nhwc", "x86-64-v3");
  Rng rng(4);
  int seen = 0;
  for (int i = 0; i < 400; ++i) {
    const Config config = task->space().Sample(rng);
    if (!IsOfLines(*task, config)) continue;
    ++seen;
    const absl::StatusOr<LoopTree> tree = task->Lower(config);
    REQUIRE(tree.ok());
    // Parents stand before children.
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

TEST_CASE("EachFormOfLinesHasALegalStart") {
  // Wide and narrow outputs, one tile, of one thread and several.
  for (const char* shape :
       {"n=1,h=224,w=224,ci=3,co=64,kh=7,kw=7,stride=2,pad=3", "n=1,h=35,w=35,ci=48,co=64,kh=5,kw=5,pad=2",
        "n=1,h=17,w=17,ci=160,co=192,kh=7,kw=1,pad_t=3,pad_l=0,pad_b=3,pad_r=0",
        "n=1,h=4,w=8,ci=16,co=8,kh=4,kw=5,pad=0"}) {
    for (const char* layout : {"nhwc", "nchw"}) {
      for (const int threads : {1, 2}) {
        const std::shared_ptr<const Task> task =
            MakeTask(absl::StrCat("conv2d:", shape, ",layout=", layout), "x86-64-v3", threads);
        const ConfigSpace& space = task->space();
        const int knob = space.FindKnob("algorithm");
        INFO(shape << " " << layout << " " << threads);
        REQUIRE(knob >= 0);
        int forms = 0, starts = 0;
        for (const std::string& value : space.knobs()[knob].values)
          forms += absl::StartsWith(value, "lines_of_");
        for (const Config& start : space.starts())
          starts += IsOfLines(*task, start) && space.Check(start).ok();
        CHECK(forms >= 1);
        // Of one output line two threads can share nothing.
        CHECK(starts == (threads > 1 && absl::StrContains(shape, "h=4") ? 0 : forms));
      }
    }
  }
}

TEST_CASE("LinesAreOfferedForDenseWindowsOfFourTapsOrMore") {
  const std::vector<std::pair<const char*, bool>> cases = {
      {"n=1,h=20,w=20,ci=8,co=8,kh=5,kw=5,pad=2", true},
      {"n=1,h=20,w=20,ci=8,co=8,kh=1,kw=4,pad=0", true},
      {"n=1,h=20,w=20,ci=8,co=8,kh=3,kw=3,pad=1", false},
      {"n=1,h=20,w=20,ci=8,co=4,kh=5,kw=5,pad=2", false},
      {"n=1,h=20,w=20,ci=8,co=8,kh=4,kw=4,stride=4,pad=0", false},  // One tap of four neighbours.
      {"n=1,h=40,w=40,ci=8,co=8,kh=9,kw=9,pad=4", false},           // Too many points.
      {"n=1,h=20,w=20,ci=8,co=8,kh=5,kw=5,pad=4,dilation=2", false},
      {"n=1,h=20,w=20,ci=8,co=8,kh=5,kw=5,pad=2,groups=2", false}};
  for (const auto& [shape, offered] : cases) {
    const std::shared_ptr<const Task> task =
        MakeTask(absl::StrCat("conv2d:", shape, ",layout=nhwc"), "x86-64-v3");
    INFO(shape << " " << task->template_version());
    CHECK(absl::StrContains(task->template_version(), "lines") == offered);
  }
}

}  // namespace
}  // namespace tunefarm::schedules
