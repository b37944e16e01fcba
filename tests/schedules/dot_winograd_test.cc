// Int8 convolutions by Winograd's minimal filtering in integers: exact to the last bit.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "schedules/dot_winograd_form.h"
#include "schedules/loop_tree.h"
#include "tests/catch.h"
#include "tests/schedules/bilinear_batch.h"

namespace tunefarm::schedules {
namespace {

// Of what differs from case to case.
std::string Conv(const std::string& shape) {
  return absl::StrCat("conv2d:", shape, ",kh=3,kw=3,layout=nhwc");
}

void CheckExact(std::vector<BilinearCase> cases, int configs = 1) {
  for (BilinearCase& each : cases) each.workload = Conv(each.workload);
  CheckBilinear(cases, configs);
}

std::vector<DotWinogradForm> Forms() {
  std::vector<DotWinogradForm> forms;
  for (const int stride : {1, 2}) {
    for (const int outputs : DotWinogradOutputs(stride)) forms.push_back(DotWinogradFormOf(outputs, stride));
  }
  return forms;
}

TEST_CASE("IntegerWinogradTransformsComputeAMultipleOfACorrelation") {
  for (const DotWinogradForm& form : Forms()) {
    REQUIRE(form.points == (form.outputs - 1) * form.stride + 3);
    Rng rng(3);
    std::vector<int> data(form.points), weights(3);
    for (int& x : data) x = static_cast<int>(rng.Uniform(511)) - 255;
    for (int& x : weights) x = static_cast<int>(rng.Uniform(256)) - 128;
    for (int i = 0; i < form.outputs; ++i) {
      int got = 0, want = 0;
      for (int a = 0; a < form.points; ++a) {
        int d = 0, g = 0;
        for (int j = 0; j < form.points; ++j) d += form.input[a][j] * data[j];
        for (int j = 0; j < 3; ++j) g += form.weights[form.weights_of[a]][j] * weights[j];
        got += form.output[i][a] * d * g;
      }
      for (int j = 0; j < 3; ++j) want += data[i * form.stride + j] * weights[j];
      INFO("stride " << form.stride << ", output " << i << " of " << form.outputs);
      CHECK(got == want * form.odd * (1 << form.shifts[i]));
    }
    CHECK(form.inverse() * static_cast<uint32_t>(form.odd * form.odd) == 1);
  }
}

TEST_CASE("IntegerWinogradOperandsAndTheirSumsFitInto16Bits") {
  for (const DotWinogradForm& form : Forms()) {
    const int input = form.input_growth() * form.input_growth() * 255,
              weight = form.weight_growth() * form.weight_growth() * 128;
    INFO("stride " << form.stride << ", " << form.outputs << " outputs: " << input << " and " << weight);
    CHECK(input + weight <= 32767);
  }
}

// Channels that fill no vector and no group, images that fill no tile, all paddings, one tile and many.
TEST_CASE("IntegerWinogradIsExactForAnyShape") {
  CheckExact({{"n=1,h=7,w=7,ci=16,co=16,pad=1,izp=-128,ozp=-128,epilogue=bias"},
              {"n=2,h=13,w=9,ci=9,co=21,pad=1,izp=127,ozp=3,rounding=single"},
              {"n=1,h=5,w=17,ci=33,co=13,izp=0,ozp=-7,amin=-100,amax=90,epilogue=bias"},
              {"n=1,h=4,w=4,ci=8,co=8,izp=5,epilogue=bias"},
              {"n=3,h=8,w=11,ci=17,co=40,pad=2,izp=-3,ozp=127,epilogue=bias,rounding=single"},
              {"n=1,h=19,w=14,ci=10,co=70,pad_t=0,pad_l=1,pad_b=2,pad_r=0,izp=-1,amin=-7"},
              {"n=1,h=6,w=5,ci=67,co=131,pad=1,izp=-128,epilogue=bias"}});
}

TEST_CASE("IntegerWinogradWithStride2IsExactForAnyShape") {
  CheckExact({{"n=1,h=15,w=15,ci=16,co=16,stride=2,pad=1,izp=-128,ozp=-128,epilogue=bias"},
              {"n=2,h=14,w=19,ci=9,co=21,stride=2,pad_b=1,pad_r=1,izp=127,ozp=3,rounding=single"},
              {"n=1,h=22,w=5,ci=33,co=13,stride=2,izp=0,ozp=-7,amin=-100,amax=90,epilogue=bias"},
              {"n=1,h=11,w=28,ci=68,co=20,stride=2,pad=2,izp=-3,epilogue=bias"}});
}

TEST_CASE("IntegerWinogradIsExactForAnyConfig") {
  CheckExact({{"n=1,h=15,w=18,ci=19,co=44,pad=1,izp=-128,ozp=-128,epilogue=bias"},
              {"n=2,h=9,w=9,ci=32,co=36,pad=1,izp=127,ozp=11,epilogue=bias"},
              {"n=1,h=27,w=22,ci=14,co=24,stride=2,pad=1,izp=3,epilogue=bias"}},
             3);
}

// Operands and results as large as they can be, of either sign, at every point: with 100 channels all results
// are in the range of both forms, whatever the weights.
TEST_CASE("IntegerWinogradIsExactAtTheEndsOfInt8") {
  std::vector<BilinearCase> cases;
  for (const int izp : {-128, 0, 127}) {
    for (const bool alternating : {false, true}) {
      const auto change = [=](IntTensors& inputs) {
        for (std::size_t i = 0; i < inputs[0].size(); ++i)
          inputs[0][i] = alternating && i / 100 % 2 == 0 ? -128 : izp > 0 ? -128 : 127;
        for (std::size_t i = 0; i < inputs[1].size(); ++i)
          inputs[1][i] = alternating && i / 100 % 2 == 0 ? 127 : -128;
        for (int32_t& shift : inputs[4]) shift -= 6;
        for (std::size_t c = 0; c < inputs[4].size(); ++c) inputs[4][c] -= static_cast<int32_t>(c % 4);
      };
      const char* const shape = alternating ? "n=1,h=7,w=9" : "n=1,h=8,w=17,stride=2";
      cases.push_back({absl::StrCat(shape, ",ci=100,co=20,pad=1,epilogue=bias,izp=", izp), change});
      if (!alternating)
        cases.push_back({absl::StrCat("n=1,h=7,w=9,ci=100,co=20,pad=1,epilogue=bias,izp=", izp), change});
    }
  }
  CheckExact(cases);
}

// Sums of which F(4x4,3x3) would lose a bit, and scales and biases that requantisation has no short cut for.
TEST_CASE("IntegerWinogradIsExactOutOfItsRange") {
  const auto large_sums = [](IntTensors& inputs) {
    std::ranges::fill(inputs[0], 127);
    for (std::size_t i = 0; i < inputs[1].size(); ++i) inputs[1][i] = i % 5 == 0 ? 127 : 125;
    for (int32_t& shift : inputs[4]) shift -= 12;
  };
  const auto large_scale = [](IntTensors& inputs) { inputs[4][3] = 1; };
  const auto large_bias = [](IntTensors& inputs) { inputs[2][5] = 1 << 29; };
  CheckExact({{"n=1,h=6,w=6,ci=120,co=16,pad=1,izp=-128,epilogue=bias", large_sums},
              {"n=1,h=5,w=6,ci=12,co=16,pad=1,izp=3,epilogue=bias", large_scale},
              {"n=1,h=5,w=6,ci=12,co=16,pad=1,izp=3,epilogue=bias", large_bias}});
}

TEST_CASE("IntegerWinogradIsOfferedForDense3x3WindowsAlone") {
  const auto offered = [](const char* text, const char* target) {
    const Workload workload = Workload::Parse(text).value();
    const std::shared_ptr<const Task> task = Task::Create(workload, FindTarget(target).value()).value();
    const bool has = task->space().FindKnob("algorithm") >= 0;
    CHECK(absl::StrContains(task->template_version(), "winograd") == has);
    return has;
  };
  const char* const served = "conv2d:n=1,h=8,w=8,ci=16,co=16,kh=3,kw=3,pad=1,layout=nhwc,dtype=i8";
  CHECK(offered(served, "x86-64-v3"));
  CHECK(!offered(served, "cortex-m4"));
  CHECK(!offered(served, "cortex-a53"));
  for (const char* text : {"conv2d:n=1,h=8,w=8,ci=16,co=16,kh=3,kw=3,stride=3,pad=1,layout=nhwc,dtype=i8",
                           "conv2d:n=1,h=8,w=8,ci=16,co=16,kh=3,kw=3,stride_w=2,pad=1,layout=nhwc,dtype=i8",
                           "conv2d:n=1,h=8,w=8,ci=16,co=16,kh=3,kw=3,dilation=2,layout=nhwc,dtype=i8",
                           "conv2d:n=1,h=8,w=8,ci=16,co=16,kh=3,kw=3,groups=2,layout=nhwc,dtype=i8",
                           "conv2d:n=1,h=8,w=8,ci=16,co=16,kh=1,kw=1,layout=nhwc,dtype=i8",
                           "conv2d:n=1,h=3,w=8,ci=16,co=16,kh=3,kw=3,layout=nhwc,dtype=i8",
                           "conv2d:n=1,h=8,w=8,ci=3,co=16,kh=3,kw=3,pad=1,layout=nhwc,dtype=i8"}) {
    INFO(text);
    CHECK(!offered(text, "x86-64-v3"));
  }
  // Results of 600 channels would often leave the range of F(4x4,3x3).
  const std::shared_ptr<const Task> deep = MakeInt8Task(Conv("n=1,h=8,w=8,ci=600,co=16,pad=1"), "x86-64-v3");
  const std::vector<std::string> values = {"direct", "winograd_2x2"};
  CHECK(deep->space().knobs()[deep->space().FindKnob("algorithm")].values == values);
}

TEST_CASE("KnobsThatIntegerWinogradDoesNotUseAreRefused") {
  const std::shared_ptr<const Task> task = MakeInt8Task(Conv("n=1,h=16,w=16,ci=32,co=32,pad=1"), "x86-64-v3");
  const ConfigSpace& space = task->space();
  Rng rng(5);
  Config winograd = SampleBilinear(*task, "winograd_2x2", "vpmaddwd", rng);
  CHECK(task->Generate(winograd).ok());
  winograd.choice[space.FindKnob("block_r2")] ^= 1;
  CHECK(!space.IsLegal(winograd));
  CHECK(task->Generate(winograd).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("IntegerWinogradsTreeCountsItsProductsOnly") {
  const std::shared_ptr<const Task> task = MakeInt8Task(Conv("n=1,h=16,w=16,ci=32,co=32,pad=1"), "x86-64-v3");
  Rng rng(4);
  const Config config = SampleBilinear(*task, "winograd_4x4", "vpmaddwd_paired", rng);
  const LoopTree tree = task->Lower(config).value();
  double products = 0;
  for (const LoopNode& node : tree.nodes) {
    if (node.is_loop || node.statement != StatementKind::kMultiplyAdd) continue;
    products = 1;
    for (int n = node.parent; n >= 0; n = tree.nodes[n].parent) products *= tree.nodes[n].average;
  }
  // 16 tiles, 36 points; rounded up to whole register tiles.
  CHECK(products >= 16 * 36 * 32 * 32);
  CHECK(products < 16 * 16 * 9 * 32 * 32);
  const KernelSource source = task->Generate(config).value();
  CHECK(source.workspace_bytes == static_cast<uint64_t>(tree.workspace_bytes));
  CHECK(source.packed_bytes == static_cast<uint64_t>(tree.packed_bytes));
  CHECK(!DumpLoopTree(tree, task->loop_compute()).empty());
}

}  // namespace
}  // namespace tunefarm::schedules
