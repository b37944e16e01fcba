// The layers of known networks, written as the networks are built: one call a layer. Batch normalisation is
// folded into weights and bias; activations and residual additions are fused into the layer that feeds them.
#include "absl/strings/str_join.h"
#include "base/exit_code.h"
#include "schedules/network.h"
#include "schedules/text_error.h"
#include "schedules/workload.h"

namespace tunefarm::schedules {
namespace {

// He et al., "Deep Residual Learning for Image Recognition" (2015), table 1, 18 layers.
void ResNet18(Network& network) {
  network.Conv(224, 3, 64, 7, 2, "bias+relu");
  int size = 56, ci = 64;  // After the 3x3 max-pooling.
  for (const int co : {64, 128, 256, 512}) {
    for (int block = 0; block < 2; ++block) {
      const int stride = block == 0 && co != 64 ? 2 : 1;
      if (ci != co) network.Conv(size, ci, co, 1, stride, "bias");  // The shortcut's projection.
      network.Conv(size, ci, co, 3, stride, "bias+relu");
      size /= stride;
      network.Conv(size, co, co, 3, 1, "bias+residual+relu");
      ci = co;
    }
  }
  network.Dense(1, 1000, 512, "bias");
}

// The same, 50 layers, in the variant v1.5 that all frameworks ship: the stride is in the 3x3 convolution.
void ResNet50(Network& network) {
  network.Conv(224, 3, 64, 7, 2, "bias+relu");
  int size = 56, ci = 64;
  const int blocks[] = {3, 4, 6, 3};
  for (int stage = 0; stage < 4; ++stage) {
    const int width = 64 << stage, co = 4 * width;
    for (int block = 0; block < blocks[stage]; ++block) {
      const int stride = block == 0 && stage > 0 ? 2 : 1;
      if (ci != co) network.Conv(size, ci, co, 1, stride, "bias");
      network.Conv(size, ci, width, 1, 1, "bias+relu");
      network.Conv(size, width, width, 3, stride, "bias+relu");
      size /= stride;
      network.Conv(size, width, co, 1, 1, "bias+residual+relu");
      ci = co;
    }
  }
  network.Dense(1, 1000, 2048, "bias");
}

// Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018), table 2, width 1.0.
void MobileNetV2(Network& network) {
  network.Conv(224, 3, 32, 3, 2, "bias+relu6");
  int size = 112, ci = 32;
  struct Stage {
    int expansion, co, repeats, stride;
  };
  for (const Stage& stage : {Stage{1, 16, 1, 1}, Stage{6, 24, 2, 2}, Stage{6, 32, 3, 2}, Stage{6, 64, 4, 2},
                             Stage{6, 96, 3, 1}, Stage{6, 160, 3, 2}, Stage{6, 320, 1, 1}}) {
    for (int block = 0; block < stage.repeats; ++block) {
      const int stride = block == 0 ? stage.stride : 1;
      const int hidden = ci * stage.expansion;
      if (stage.expansion > 1) network.Conv(size, ci, hidden, 1, 1, "bias+relu6");
      network.DepthwiseConv(size, hidden, stride, "bias+relu6");
      size /= stride;
      network.Conv(size, hidden, stage.co, 1, 1, stride == 1 && ci == stage.co ? "bias+residual" : "bias");
      ci = stage.co;
    }
  }
  network.Conv(size, ci, 1280, 1, 1, "bias+relu6");
  network.Dense(1, 1000, 1280, "bias");
}

// Devlin et al., "BERT" (2018), base: 12 layers of 768, 12 heads of 64, feed-forward 3072; one sequence of
// 128 tokens. GELU, softmax and layer normalisation lie between the layers.
void BertBase(Network& network) {
  constexpr int kTokens = 128, kHidden = 768, kHeads = 12, kHead = 64, kFeedForward = 3072;
  for (int layer = 0; layer < 12; ++layer) {
    for (int projection = 0; projection < 3; ++projection)
      network.Dense(kTokens, kHidden, kHidden, "bias");    // Q, K, V.
    network.BatchMatmul(kHeads, kTokens, kTokens, kHead);  // Scores: Q times K, which is stored transposed.
    network.BatchMatmul(kHeads, kTokens, kHead, kTokens);  // Context: scores times V.
    network.Dense(kTokens, kHidden, kHidden, "bias+residual");
    network.Dense(kTokens, kFeedForward, kHidden, "bias");
    network.Dense(kTokens, kHidden, kFeedForward, "bias+residual");
  }
  network.Dense(1, kHidden, kHidden, "bias");  // The pooler, on the first token.
}

struct Set {
  const char* name;
  void (*build)(Network&);
};
constexpr Set kSets[] = {{"resnet18", ResNet18},   {"resnet50", ResNet50},      {"mobilenet_v2", MobileNetV2},
                         {"bert_base", BertBase},  {"mlperf_tiny", MlperfTiny}, {"kws", KeywordSpotting},
                         {"vww", VisualWakeWords}, {"ic", ImageClassification}, {"ad", AnomalyDetection}};

}  // namespace

absl::StatusOr<std::vector<WeightedWorkload>> BuiltinWorkloads(absl::string_view name) {
  for (const Set& set : kSets) {
    if (name != set.name) continue;
    Network network;
    set.build(network);
    return network.Take();
  }
  const std::vector<std::string> names = BuiltinWorkloadNames();
  return WithExitCode(
      absl::NotFoundError(absl::StrCat("there is no built-in set of workloads ", Quoted(name),
                                       DidYouMean(name, names), "; known are ", absl::StrJoin(names, ", "))),
      ExitCode::kBadWorkload);
}

std::vector<std::string> BuiltinWorkloadNames() {
  std::vector<std::string> names;
  for (const Set& set : kSets) names.emplace_back(set.name);
  return names;
}

}  // namespace tunefarm::schedules
