// MLPerf Tiny's reference models, layer by layer as their int8 files have them (github.com/mlcommons/tiny,
// benchmark/training/*/trained_models): shapes, TFLite's SAME padding, zero points, fused activations. An
// output zero point of -128 makes ReLU the clamp of int8 itself, so that amin and amax stay at their
// defaults.
#include "schedules/network.h"

namespace tunefarm::schedules {
namespace {

// What a layer between two ReLUs has.
constexpr char kRelu[] = ",dtype=i8,izp=-128,ozp=-128,epilogue=bias";

// A square layer with a square kernel. SAME: an odd kernel keeps the size at stride 1; at stride 2 and an
// even size what is padded lies below and to the right (a kernel of 1 needs none).
std::string Square(int size, int kernel, int stride) {
  const char* pad = kernel == 1 ? ",pad=0" : stride == 1 ? ",pad=1" : ",pad_b=1,pad_r=1";
  return absl::StrCat("n=1,h=", size, ",w=", size, ",kh=", kernel, ",kw=", kernel, ",stride=", stride, pad,
                      ",layout=nhwc");
}

void Conv(Network& network, int size, int ci, int co, int kernel, int stride, const char* quantisation) {
  network.Add(absl::StrCat("conv2d:", Square(size, kernel, stride), ",ci=", ci, ",co=", co, quantisation));
}

void Depthwise(Network& network, int size, int channels, int stride) {
  network.Add(absl::StrCat("depthwise_conv2d:", Square(size, 3, stride), ",c=", channels, kRelu));
}

}  // namespace

// kws_ref_model.tflite: DS-CNN over 49 x 10 MFCC features.
void KeywordSpotting(Network& network) {
  network.Add(
      "conv2d:n=1,h=49,w=10,ci=1,co=64,kh=10,kw=4,stride=2,pad_t=4,pad_l=1,pad_b=5,pad_r=1,layout=nhwc,dtype="
      "i8,"
      "izp=83,ozp=-128,epilogue=bias");
  for (int block = 0; block < 4; ++block) {
    network.Add(absl::StrCat("depthwise_conv2d:n=1,h=25,w=5,c=64,kh=3,kw=3,pad=1,layout=nhwc", kRelu));
    network.Add(absl::StrCat("conv2d:n=1,h=25,w=5,ci=64,co=64,kh=1,kw=1,layout=nhwc", kRelu));
  }
  network.Add("avg_pool2d:n=1,h=25,w=5,c=64,kh=25,kw=5,stride_h=25,stride_w=5,layout=nhwc");
  network.Add("dense:m=1,n=12,k=64,dtype=i8,izp=-128,ozp=14,epilogue=bias");
  network.Add("softmax:m=1,n=12");
}

// vww_96_int8.tflite: MobileNet v1, width 0.25, over 96 x 96 pixels.
void VisualWakeWords(Network& network) {
  Conv(network, 96, 3, 8, 3, 2, kRelu);
  int size = 48, ci = 8;
  struct Block {
    int co, stride;
  };
  for (const Block& block :
       {Block{16, 1}, Block{32, 2}, Block{32, 1}, Block{64, 2}, Block{64, 1}, Block{128, 2}, Block{128, 1},
        Block{128, 1}, Block{128, 1}, Block{128, 1}, Block{128, 1}, Block{256, 2}, Block{256, 1}}) {
    Depthwise(network, size, ci, block.stride);
    size /= block.stride;
    Conv(network, size, ci, block.co, 1, 1, kRelu);
    ci = block.co;
  }
  network.Add("avg_pool2d:n=1,h=3,w=3,c=256,kh=3,kw=3,stride=3,layout=nhwc");
  network.Add("dense:m=1,n=2,k=256,dtype=i8,izp=-128,ozp=-5,epilogue=bias");
  network.Add("softmax:m=1,n=2");
}

// pretrainedResnet_quant.tflite: ResNet-8 over 32 x 32 pixels.
void ImageClassification(Network& network) {
  Conv(network, 32, 3, 16, 3, 1, kRelu);
  Conv(network, 32, 16, 16, 3, 1, kRelu);
  Conv(network, 32, 16, 16, 3, 1, ",dtype=i8,izp=-128,ozp=4,epilogue=bias");
  network.Add("add:n=16384,izp=-128,izp2=4,ozp=-128");
  Conv(network, 32, 16, 32, 3, 2, kRelu);
  Conv(network, 16, 32, 32, 3, 1, ",dtype=i8,izp=-128,ozp=4,epilogue=bias");
  Conv(network, 32, 16, 32, 1, 2, ",dtype=i8,izp=-128,ozp=-17,epilogue=bias");
  network.Add("add:n=8192,izp=-17,izp2=4,ozp=-128");
  Conv(network, 16, 32, 64, 3, 2, kRelu);
  Conv(network, 8, 64, 64, 3, 1, ",dtype=i8,izp=-128,ozp=-2,epilogue=bias");
  Conv(network, 16, 32, 64, 1, 2, ",dtype=i8,izp=-128,ozp=38,epilogue=bias");
  network.Add("add:n=4096,izp=38,izp2=-2,ozp=-128");
  network.Add("avg_pool2d:n=1,h=8,w=8,c=64,kh=8,kw=8,stride=8,layout=nhwc");
  network.Add("dense:m=1,n=10,k=64,dtype=i8,izp=-128,ozp=24,epilogue=bias");
  network.Add("softmax:m=1,n=10");
}

// ad01_int8.tflite: an autoencoder over 640 features.
void AnomalyDetection(Network& network) {
  network.Add("dense:m=1,n=128,k=640,dtype=i8,izp=89,ozp=-128,epilogue=bias");
  for (int layer = 0; layer < 3; ++layer) network.Add(absl::StrCat("dense:m=1,n=128,k=128", kRelu));
  network.Add(absl::StrCat("dense:m=1,n=8,k=128", kRelu));
  network.Add(absl::StrCat("dense:m=1,n=128,k=8", kRelu));
  for (int layer = 0; layer < 3; ++layer) network.Add(absl::StrCat("dense:m=1,n=128,k=128", kRelu));
  network.Add("dense:m=1,n=640,k=128,dtype=i8,izp=-128,ozp=96,epilogue=bias");
}

void MlperfTiny(Network& network) {
  KeywordSpotting(network);
  VisualWakeWords(network);
  ImageClassification(network);
  AnomalyDetection(network);
}

}  // namespace tunefarm::schedules
