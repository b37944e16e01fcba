// A network being written down for the built-in sets, and the ones that have a file of their own.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "schedules/workload.h"

namespace tunefarm::schedules {

// Collects layers; equal ones are counted.
class Network {
 public:
  // `text` is ours and well-formed.
  void Add(const std::string& text) {
    const Workload workload = Workload::Parse(text).value();
    for (WeightedWorkload& layer : layers_) {
      if (layer.workload == workload) {
        ++layer.weight;
        return;
      }
    }
    layers_.push_back({workload, 1});
  }
  // A square convolution, padded so that stride 1 keeps the size.
  void Conv(int size, int ci, int co, int kernel, int stride, const std::string& epilogue) {
    Add(absl::StrCat("conv2d:n=1,h=", size, ",w=", size, ",ci=", ci, ",co=", co, ",kh=", kernel, ",kw=",
                     kernel, ",stride=", stride, ",pad=", kernel / 2, ",layout=nhwc,epilogue=", epilogue));
  }
  void DepthwiseConv(int size, int channels, int stride, const std::string& epilogue) {
    Add(absl::StrCat("depthwise_conv2d:n=1,h=", size, ",w=", size, ",c=", channels,
                     ",kh=3,kw=3,stride=", stride, ",pad=1,layout=nhwc,epilogue=", epilogue));
  }
  void Dense(int m, int n, int k, const std::string& epilogue) {
    Add(absl::StrCat("dense:m=", m, ",n=", n, ",k=", k, ",epilogue=", epilogue));
  }
  void BatchMatmul(int b, int m, int n, int k) {
    Add(absl::StrCat("batch_matmul:b=", b, ",m=", m, ",n=", n, ",k=", k));
  }

  std::vector<WeightedWorkload> Take() { return std::move(layers_); }

 private:
  std::vector<WeightedWorkload> layers_;
};

// The four networks of MLPerf Tiny as they are deployed, int8 (schedules/tiny_networks.cc), and all together.
void KeywordSpotting(Network& network);
void VisualWakeWords(Network& network);
void ImageClassification(Network& network);
void AnomalyDetection(Network& network);
void MlperfTiny(Network& network);

}  // namespace tunefarm::schedules
