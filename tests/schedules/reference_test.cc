#include "schedules/reference.h"

#include <cmath>

#include "base/rng.h"
#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

Workload Parse(const std::string& text) {
  const absl::StatusOr<Workload> workload = Workload::Parse(text);
  INFO(text << " " << workload.status().message());
  REQUIRE(workload.ok());
  return *workload;
}

using Tensors = std::vector<std::vector<float>>;

// Both evaluations must give these numbers, which are derived by hand.
void CheckBoth(const std::string& text, const Tensors& inputs, const std::vector<float>& want) {
  const Workload workload = Parse(text);
  INFO(text);
  CHECK(Reference(workload, inputs) == want);
  CHECK(EvaluateDirectly(DefineCompute(workload), inputs) == want);
}

TEST_CASE("ReferenceMultipliesMatricesAsByHand") {
  // [1 2 3]   [1 4]   [1+4+9   4+10+18]   [14 32]
  // [4 5 6] * [2 5] = [4+10+18 16+25+36] = [32 77]
  //           [3 6]
  CheckBoth("matmul:m=2,n=2,k=3", {{1, 2, 3, 4, 5, 6}, {1, 4, 2, 5, 3, 6}}, {14, 32, 32, 77});
  // The same weights are stored transposed, a row per output.
  CheckBoth("dense:m=2,n=2,k=3", {{1, 2, 3, 4, 5, 6}, {1, 2, 3, 4, 5, 6}}, {14, 32, 32, 77});
  // Two 1x1x2 products: 1*3 + 2*4 = 11 and 5*7 + 6*8 = 83.
  CheckBoth("batch_matmul:b=2,m=1,n=1,k=2", {{1, 2, 5, 6}, {3, 4, 7, 8}}, {11, 83});
}

TEST_CASE("ReferenceAppliesTheEpilogueInTheOrderOfTheText") {
  // 1*3 + 2*-4 = -5 and 1*2 + 2*3 = 8; bias 1 and 2 gives -4 and 10; residual 10 and -20 gives 6 and -10.
  const Tensors inputs = {{1, 2}, {3, 2, -4, 3}, {1, 2}, {10, -20}};
  CheckBoth("matmul:m=1,n=2,k=2,epilogue=bias+residual", inputs, {6, -10});
  CheckBoth("matmul:m=1,n=2,k=2,epilogue=bias+residual+relu", inputs, {6, 0});
  // Activation first: max(-4, 0) + 10 and max(10, 0) - 20.
  CheckBoth("matmul:m=1,n=2,k=2,epilogue=bias+relu+residual", inputs, {10, -10});
  // min(10, 6) - 20.
  CheckBoth("matmul:m=1,n=2,k=2,epilogue=bias+relu6+residual", inputs, {10, -14});
}

TEST_CASE("ReferenceConvolvesWithPaddingStrideAndDilationAsByHand") {
  // 1 2 3
  // 4 5 6   with the kernel 1 10 / 100 1000 (rows of y, columns of x)
  // 7 8 9
  const std::vector<float> image = {1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::vector<float> kernel = {1, 10, 100, 1000};
  const std::string conv = "conv2d:n=1,h=3,w=3,ci=1,co=1,kh=2,kw=2,";
  for (const char* layout : {"layout=nchw", "layout=nhwc"}) {
    // Windows 1 2/4 5, 2 3/5 6, 4 5/7 8, 5 6/8 9.
    CheckBoth(conv + layout, {image, kernel}, {5421, 6532, 8754, 9865});
    // Padded by one, every second: windows 0 0/0 1, 0 0/2 3, 0 4/0 7, 5 6/8 9.
    CheckBoth(conv + "stride=2,pad=1," + layout, {image, kernel}, {1000, 3200, 7040, 9865});
    // Taps two apart: 1 3/7 9.
    CheckBoth(conv + "dilation=2," + layout, {image, kernel}, {1 + 30 + 700 + 9000});
  }
}

TEST_CASE("ReferenceKeepsTheLayoutsOfActivationsAndWeights") {
  // A 1x2 image of two channels: channel 0 is 1 2, channel 1 is 3 4. Two outputs of a 1x1 kernel: 1*c0 +
  // 10*c1 is 31 42 and 100*c0 + 1000*c1 is 3100 4200. For a 1x1 kernel both weight layouts are the same.
  const std::string conv = "conv2d:n=1,h=1,w=2,ci=2,co=2,kh=1,kw=1,layout=";
  CheckBoth(conv + "nchw", {{1, 2, 3, 4}, {1, 10, 100, 1000}}, {31, 42, 3100, 4200});
  CheckBoth(conv + "nhwc", {{1, 3, 2, 4}, {1, 10, 100, 1000}}, {31, 3100, 42, 4200});
  // A 1x2 kernel over the whole row: OIHW is [w0c0 w1c0 w0c1 w1c1], OHWI is [w0c0 w0c1 w1c0 w1c1].
  // nchw: 1*1 + 10*2 + 100*3 + 1000*4 = 4321; nhwc reads 1 3 2 4 with the same weights: 1 + 30 + 200 + 4000 =
  // 4231.
  const std::string row = "conv2d:n=1,h=1,w=2,ci=2,co=1,kh=1,kw=2,layout=";
  CheckBoth(row + "nchw", {{1, 2, 3, 4}, {1, 10, 100, 1000}}, {4321});
  CheckBoth(row + "nhwc", {{1, 3, 2, 4}, {1, 10, 100, 1000}}, {4231});
}

TEST_CASE("ReferenceKeepsGroupsAndMultipliersApart") {
  // Two groups of one channel: outputs 0 and 1 read channel 0 (value 2), outputs 2 and 3 channel 1 (value 3).
  const std::string conv = "conv2d:n=1,h=1,w=1,ci=2,co=4,kh=1,kw=1,groups=2,layout=";
  CheckBoth(conv + "nchw", {{2, 3}, {1, 10, 100, 1000}}, {2, 20, 300, 3000});
  CheckBoth(conv + "nhwc", {{2, 3}, {1, 10, 100, 1000}}, {2, 20, 300, 3000});
  // The same as a depthwise convolution with multiplier 2.
  const std::string depthwise = "depthwise_conv2d:n=1,h=1,w=1,c=2,kh=1,kw=1,mult=2,layout=";
  CheckBoth(depthwise + "nchw", {{2, 3}, {1, 10, 100, 1000}}, {2, 20, 300, 3000});
  CheckBoth(depthwise + "nhwc", {{2, 3}, {1, 10, 100, 1000}}, {2, 20, 300, 3000});
  // A 1x2 kernel on two channels 1 2 and 3 4. nchw weights are a channel each: 1*1 + 10*2 = 21, 100*3 +
  // 1000*4 = 4300. nhwc weights are a tap each, and the image is 1 3 2 4: c0 is 1*1 + 100*2 = 201, c1 is 10*3
  // + 1000*4 = 4030.
  const std::string taps = "depthwise_conv2d:n=1,h=1,w=2,c=2,kh=1,kw=2,layout=";
  CheckBoth(taps + "nchw", {{1, 2, 3, 4}, {1, 10, 100, 1000}}, {21, 4300});
  CheckBoth(taps + "nhwc", {{1, 3, 2, 4}, {1, 10, 100, 1000}}, {201, 4030});
}

// Odd and prime sizes, ones, and sizes beside the blocks of a vector.
int64_t Size(Rng& rng) {
  constexpr int64_t kSizes[] = {1, 2, 3, 5, 7, 8, 9, 11, 13, 16, 17};
  return kSizes[rng.Uniform(std::size(kSizes))];
}

std::string RandomEpilogue(Rng& rng) {
  std::vector<std::string> steps = {"bias", "residual", "relu", "relu6"};
  rng.Shuffle(steps);
  steps.resize(rng.Uniform(steps.size() + 1));
  std::string text = ",epilogue=";
  if (steps.empty()) return text + "none";
  for (std::size_t i = 0; i < steps.size(); ++i) text += (i > 0 ? "+" : "") + steps[i];
  return text;
}

std::string RandomWorkload(Rng& rng) {
  const std::string m = absl::StrCat("m=", Size(rng), ",n=", Size(rng), ",k=", Size(rng));
  switch (rng.Uniform(5)) {
    case 0:
      return "matmul:" + m + RandomEpilogue(rng);
    case 1:
      return absl::StrCat("batch_matmul:b=", 1 + rng.Uniform(3), ",", m, RandomEpilogue(rng));
    case 2:
      return "dense:" + m + RandomEpilogue(rng);
    default:
      break;
  }
  const int64_t kh = 1 + rng.Uniform(4), kw = 1 + rng.Uniform(4), dilation = 1 + rng.Uniform(3);
  const int64_t pad = rng.Uniform(4);
  const auto input = [&](int64_t kernel) {
    return std::max<int64_t>(Size(rng), dilation * (kernel - 1) + 1 - 2 * pad);
  };
  const std::string common =
      absl::StrCat("n=", 1 + rng.Uniform(2), ",h=", input(kh), ",w=", input(kw), ",kh=", kh, ",kw=", kw,
                   ",stride=", 1 + rng.Uniform(3), ",pad=", pad, ",dilation=", dilation,
                   ",layout=", rng.Bernoulli(0.5) ? "nchw" : "nhwc", RandomEpilogue(rng));
  if (rng.Bernoulli(0.4)) {
    return absl::StrCat("depthwise_conv2d:c=", Size(rng), ",mult=", 1 + rng.Uniform(3), ",", common);
  }
  const int64_t groups = rng.Bernoulli(0.5) ? 1 : 1 + rng.Uniform(4);
  return absl::StrCat("conv2d:ci=", groups * Size(rng), ",co=", groups * Size(rng), ",groups=", groups, ",",
                      common);
}

// From nchw to blocks of channels.
std::vector<float> Blocked(const std::vector<float>& plain, int64_t channels, int64_t pixels, int64_t block) {
  std::vector<float> result(plain.size());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const int64_t pixel = static_cast<int64_t>(i) % pixels,
                  channel = static_cast<int64_t>(i) / pixels % channels,
                  image = static_cast<int64_t>(i) / pixels / channels;
    result[((image * (channels / block) + channel / block) * pixels + pixel) * block + channel % block] =
        plain[i];
  }
  return result;
}

TEST_CASE("BlockedLayoutsGiveWhatNchwGives") {
  for (const int64_t block : {8, 16}) {
    const std::string layout = absl::StrCat(",layout=nchw", block, "c");
    const int64_t ci = 2 * block, co = 4 * block;
    for (const std::string& text :
         {absl::StrCat("conv2d:n=2,h=5,w=6,ci=", ci, ",co=", co, ",kh=3,kw=2,stride=2,pad=1"),
          absl::StrCat("conv2d:n=1,h=5,w=6,ci=", ci, ",co=", co, ",kh=1,kw=1,groups=2"),
          absl::StrCat("depthwise_conv2d:n=2,h=5,w=6,c=", ci, ",kh=3,kw=3,pad=1,dilation=2")}) {
      const Workload plain = Parse(text + ",layout=nchw,epilogue=bias+residual"),
                     blocked = Parse(text + layout + ",epilogue=bias+residual");
      const ComputeDefinition compute = DefineCompute(plain);
      const std::vector<int64_t>& out = compute.tensors.back().shape;
      Tensors inputs = MakeInputs(compute, 3);
      const std::vector<float> want = Blocked(Reference(plain, inputs), out[1], out[2] * out[3], block);
      inputs[0] = Blocked(inputs[0], ci, 30, block);
      inputs[3] = Blocked(inputs[3], out[1], out[2] * out[3], block);
      CHECK(Reference(blocked, inputs) == want);
      const std::vector<float> direct = EvaluateDirectly(DefineCompute(blocked), inputs);
      double worst = 0;
      for (std::size_t e = 0; e < want.size(); ++e)
        worst = std::max(worst, std::abs(double{direct[e]} - double{want[e]}));
      CHECK(worst < 1e-5);
    }
  }
}

TEST_CASE("ReferenceAgreesWithTheComputeDefinitionOverRandomWorkloads") {
  Rng rng(20261121);
  for (int i = 0; i < 300; ++i) {
    const Workload workload = Parse(RandomWorkload(rng));
    const ComputeDefinition compute = DefineCompute(workload);
    const Tensors inputs = MakeInputs(compute, 7 + i);
    const std::vector<float> want = EvaluateDirectly(compute, inputs);
    const std::vector<float> got = Reference(workload, inputs);
    REQUIRE(got.size() == want.size());
    double worst = 0;
    for (std::size_t e = 0; e < got.size(); ++e) {
      worst = std::max(worst,
                       std::abs(double{got[e]} - double{want[e]}) / std::max(1.0, std::abs(double{want[e]})));
    }
    INFO(workload.ToString());
    // Both sum in double: they differ by one rounding to float at most.
    CHECK(worst <= 0x1.0p-23);
  }
}

TEST_CASE("ReferenceAgreesWhereItsBlocksEnd") {
  // One more than the blocks of rows (256), columns (1024) and terms (2048), with few of the others.
  for (const char* text :
       {"matmul:m=257,n=3,k=5", "matmul:m=3,n=1025,k=5", "dense:m=3,n=5,k=2049", "dense:m=257,n=1025,k=3",
        "matmul:m=257,n=2,k=2049", "conv2d:n=1,h=17,w=17,ci=229,co=3,kh=3,kw=3,pad=1,layout=nhwc",
        "conv2d:n=1,h=17,w=17,ci=229,co=3,kh=3,kw=3,pad=1,layout=nchw"}) {
    const Workload workload = Parse(text);
    const Tensors inputs = MakeInputs(DefineCompute(workload), 1);
    const std::vector<float> want = EvaluateDirectly(DefineCompute(workload), inputs);
    const std::vector<float> got = Reference(workload, inputs);
    REQUIRE(got.size() == want.size());
    double worst = 0;
    for (std::size_t e = 0; e < got.size(); ++e) {
      worst = std::max(worst,
                       std::abs(double{got[e]} - double{want[e]}) / std::max(1.0, std::abs(double{want[e]})));
    }
    INFO(text);
    CHECK(worst <= 0x1.0p-23);
  }
}

// A float32 kernel as a person would write it, with `skip` of its terms left out.
std::vector<float> NaiveDense(const Tensors& inputs, int64_t m, int64_t n, int64_t k, int64_t skip) {
  std::vector<float> output(m * n);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      float sum = 0;
      for (int64_t p = 0; p + skip < k; ++p) sum += inputs[0][i * k + p] * inputs[1][j * k + p];
      output[i * n + j] = sum;
    }
  }
  return output;
}

int64_t CountWrong(const std::vector<float>& got, const std::vector<float>& want,
                   const Tolerance& tolerance) {
  int64_t wrong = 0;
  for (std::size_t i = 0; i < want.size(); ++i) {
    const double limit = tolerance.absolute + tolerance.relative * std::abs(double{want[i]});
    wrong += !(std::abs(double{got[i]} - double{want[i]}) <= limit);
  }
  return wrong;
}

TEST_CASE("ToleranceLetsRoundingPassAndAMissingTermNot") {
  for (const int64_t k : {1, 2, 9, 64, 576, 4608, 25088}) {
    const int64_t m = 16, n = 16;
    const Workload workload = Parse(absl::StrCat("dense:m=", m, ",n=", n, ",k=", k));
    const Tensors inputs = MakeInputs(DefineCompute(workload), 3);
    const std::vector<float> want = Reference(workload, inputs);
    const Tolerance tolerance = ToleranceOf(workload);
    INFO("k = " << k);
    CHECK(CountWrong(NaiveDense(inputs, m, n, k, 0), want, tolerance) == 0);
    // Products below the tolerance are rare; a kernel that forgets the last term fails in almost every
    // element.
    CHECK(CountWrong(NaiveDense(inputs, m, n, k, 1), want, tolerance) > m * n * 9 / 10);
  }
}

TEST_CASE("ToleranceGrowsWithTheTermsOfASum") {
  // 4 u (N + 8) with u = 2^-24: N = 3*3*64 and N = 3*3.
  CHECK(ToleranceOf(Parse("conv2d:n=1,h=9,w=9,ci=64,co=1,kh=3,kw=3,layout=nhwc")).absolute ==
        Approx(4 * 584 / 16777216.0));
  CHECK(ToleranceOf(Parse("depthwise_conv2d:n=1,h=9,w=9,c=64,kh=3,kw=3,layout=nhwc")).absolute ==
        Approx(4 * 17 / 16777216.0));
}

TEST_CASE("InputsDependOnSeedAndArgument") {
  const ComputeDefinition compute = DefineCompute(Parse("matmul:m=8,n=8,k=8,epilogue=bias"));
  const Tensors a = MakeInputs(compute, 1);
  REQUIRE(a.size() == 3);
  CHECK(a[0].size() == 64);
  CHECK(a[2].size() == 8);
  CHECK(a[0] != a[1]);
  CHECK(a[0] != MakeInputs(compute, 2)[0]);
  CHECK(a == MakeInputs(compute, 1));
}

}  // namespace
}  // namespace tunefarm::schedules
