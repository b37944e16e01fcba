#include "base/exit_code.h"
#include "schedules/workload.h"
#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

struct Totals {
  double layers = 0;  // With multiplicity.
  double mac = 0;
  std::size_t distinct = 0;
};

Totals TotalsOf(const std::string& name) {
  const auto set = BuiltinWorkloads(name);
  REQUIRE(set.ok());
  Totals totals;
  for (const WeightedWorkload& layer : *set) {
    totals.layers += layer.weight;
    if (!layer.workload.has_weights()) continue;
    totals.mac += layer.weight * layer.workload.flop() / 2;
  }
  totals.distinct = set->size();
  return totals;
}

double WeightOf(const std::string& name, const std::string& text) {
  const Workload wanted = Workload::Parse(text).value();
  const auto set = BuiltinWorkloads(name).value();
  for (const WeightedWorkload& layer : set) {
    if (layer.workload == wanted) return layer.weight;
  }
  return 0;
}

TEST_CASE("ResNet18HasTheLayersAndWorkOfThePaper") {
  const Totals totals = TotalsOf("resnet18");
  // 1 + 8 blocks of 2, 3 projections, 1 dense layer.
  CHECK(totals.layers == 21);
  // The paper, table 1: 1.8 GFLOPs, by which it means multiply-adds. By hand, in units of 56*56*64*64 =
  // 12,845,056: a 3x3 convolution of any stage is 9 units, one that halves the size and doubles the
  // channels 4.5, a projection 0.5. Stage 1: 4*9 = 36; stages 2 to 4: 3 * (3*9 + 4.5 + 0.5) = 96; first layer
  // 112*112*64*147 = 118,013,952; dense 512,000. 132 * 12,845,056 + 118,013,952 + 512,000.
  CHECK(totals.mac == 1814073344.0);
  const std::string conv = "conv2d:n=1,h=56,w=56,ci=64,co=64,kh=3,kw=3,stride=1,pad=1,layout=nhwc,epilogue=";
  CHECK(WeightOf("resnet18", conv + "bias+relu") == 2);
  CHECK(WeightOf("resnet18", conv + "bias+residual+relu") == 2);
}

TEST_CASE("ResNet50HasTheLayersAndWorkOfVersion15") {
  const Totals totals = TotalsOf("resnet50");
  // 1 + 16 blocks of 3, 4 projections, 1 dense layer.
  CHECK(totals.layers == 54);
  // torchvision's model page: 4.09 GFLOPS, by which it means multiply-adds (v1 has 3.86). By hand, in the
  // same units: a 3x3 convolution is 9 (in v1.5 also the one with stride 2: it writes a quarter of the pixels
  // of 4 times the work), a 1x1 within a block 4, the first of stage 1 is 1, of stages 2 to 4 is 8;
  // projections 4, 8, 8, 8. Stage 1: 3*9 + 3*4 + 1 + 2*4 + 4 = 52. A later stage of b blocks: b*9 + b*4 + 8 +
  // (b-1)*4 + 8 = 17 b + 12: 80, 114, 63. Sum 309 * 12,845,056 + 118,013,952 + 2,048,000.
  CHECK(totals.mac == 4089184256.0);
  CHECK(WeightOf("resnet50",
                 "conv2d:n=1,h=14,w=14,ci=256,co=1024,kh=1,kw=1,layout=nhwc,epilogue=bias+residual+relu") ==
        6);
}

TEST_CASE("MobileNetV2HasTheLayersAndWorkOfThePaper") {
  const Totals totals = TotalsOf("mobilenet_v2");
  // 17 blocks of 3 without the first expansion, first and last convolution, dense: 17*3 - 1 + 2 + 1.
  CHECK(totals.layers == 53);
  // The paper, table 4: 300 M multiply-adds.
  CHECK(totals.mac == Approx(300e6).epsilon(0.01));
  // The 14x14 stages of 64 channels repeat: three blocks with residual, all four depthwise layers but the
  // first at 14.
  CHECK(WeightOf("mobilenet_v2",
                 "conv2d:n=1,h=14,w=14,ci=384,co=64,kh=1,kw=1,layout=nhwc,epilogue=bias+residual") == 3);
}

TEST_CASE("BertBaseHasTheLayersAndWorkOfTwelveTransformerBlocks") {
  const Totals totals = TotalsOf("bert_base");
  // 12 blocks of 6 dense layers and 2 batched products, and the pooler.
  CHECK(totals.layers == 97);
  // A block: 128 * (4*768*768 + 2*768*3072) = 905,969,664 and 2*12*128*128*64 = 25,165,824; the pooler
  // 589,824.
  CHECK(totals.mac == 12 * (905969664.0 + 25165824.0) + 589824.0);
  CHECK(WeightOf("bert_base", "dense:m=128,n=768,k=768,epilogue=bias") == 36);
  CHECK(totals.distinct == 7);
}

TEST_CASE("MlperfTinySetsHaveTheWorkOfTheirModelFiles") {
  // Multiply-adds counted from the tensors in the model files: DS-CNN 2,656,768; MobileNet v1 0.25 at 96 x 96
  // 7,489,664; ResNet-8 12,501,632; autoencoder 264,192.
  CHECK(TotalsOf("kws").mac == 2656768);
  CHECK(TotalsOf("vww").mac == 7489664);
  CHECK(TotalsOf("ic").mac == 12501632);
  CHECK(TotalsOf("ad").mac == 264192);
  const Totals all = TotalsOf("mlperf_tiny");
  CHECK(all.mac == 2656768 + 7489664 + 12501632 + 264192);
  CHECK(WeightOf("vww",
                 "conv2d:n=1,h=6,w=6,ci=128,co=128,kh=1,kw=1,layout=nhwc,dtype=i8,izp=-128,ozp=-128,"
                 "epilogue=bias") == 5);
  for (const char* name : {"kws", "vww", "ic", "ad", "mlperf_tiny"}) {
    const auto set = BuiltinWorkloads(name).value();
    for (const WeightedWorkload& layer : set) CHECK(layer.workload.dtype() == DType::kI8);
  }
}

TEST_CASE("BuiltinSetsHoldEachWorkloadOnce") {
  for (const std::string& name : BuiltinWorkloadNames()) {
    const auto set = BuiltinWorkloads(name).value();
    for (std::size_t i = 0; i < set.size(); ++i) {
      CHECK(set[i].weight >= 1);
      for (std::size_t j = 0; j < i; ++j) CHECK(!(set[i].workload == set[j].workload));
    }
  }
}

TEST_CASE("UnknownSetNamesTheKnownOnes") {
  const absl::Status status = BuiltinWorkloads("resnet19").status();
  CHECK(status.code() == absl::StatusCode::kNotFound);
  CHECK(std::string(status.message()).find("'resnet18'") != std::string::npos);
  CHECK(std::string(status.message()).find("bert_base") != std::string::npos);
}

}  // namespace
}  // namespace tunefarm::schedules
