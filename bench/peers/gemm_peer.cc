#include "bench/peers/gemm_peer.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace tunefarm::bench {

using schedules::Layout;
using schedules::Operator;
using schedules::Workload;

namespace {

struct ConvShape {
  explicit ConvShape(const Problem& problem) {
    const Workload& w = problem.workload();
    const bool nchw = w.layout() == Layout::kNchw;
    const std::vector<int64_t>& out = problem.compute().tensors.back().shape;
    n = w.dim("n"), h = w.dim("h"), width = w.dim("w"), ci = w.dim("ci"), co = w.dim("co");
    kh = w.dim("kh"), kw = w.dim("kw"), stride_h = w.dim("stride_h"), stride_w = w.dim("stride_w");
    pad_t = w.dim("pad_t"), pad_l = w.dim("pad_l");
    unpadded = pad_t == 0 && pad_l == 0 && w.dim("pad_b") == 0 && w.dim("pad_r") == 0;
    dilation = w.dim("dilation");
    oh = out[nchw ? 2 : 1], ow = out[nchw ? 3 : 2];
  }
  int64_t n, h, width, ci, co, kh, kw, stride_h, stride_w, pad_t, pad_l, dilation, oh, ow;
  bool unpadded;
  bool is_matrix_product() const { return kh == 1 && kw == 1 && stride_h == 1 && stride_w == 1 && unpadded; }
  int64_t columns() const { return kh * kw * ci; }
};

// A row per output pixel of one image: kh, kw, ci.
void ColumnsNhwc(const ConvShape& s, const float* image, float* rows) {
  for (int64_t y = 0; y < s.oh; ++y) {
    for (int64_t x = 0; x < s.ow; ++x) {
      for (int64_t i = 0; i < s.kh; ++i) {
        for (int64_t j = 0; j < s.kw; ++j, rows += s.ci) {
          const int64_t iy = y * s.stride_h - s.pad_t + i * s.dilation,
                        ix = x * s.stride_w - s.pad_l + j * s.dilation;
          if (iy < 0 || iy >= s.h || ix < 0 || ix >= s.width) {
            std::fill_n(rows, s.ci, 0.0f);
          } else {
            std::copy_n(image + (iy * s.width + ix) * s.ci, s.ci, rows);
          }
        }
      }
    }
  }
}

// A row per ci, kh, kw: one element of each output pixel of one image.
void ColumnsNchw(const ConvShape& s, const float* image, float* rows) {
  for (int64_t c = 0; c < s.ci; ++c) {
    for (int64_t i = 0; i < s.kh; ++i) {
      for (int64_t j = 0; j < s.kw; ++j) {
        for (int64_t y = 0; y < s.oh; ++y, rows += s.ow) {
          const int64_t iy = y * s.stride_h - s.pad_t + i * s.dilation;
          if (iy < 0 || iy >= s.h) {
            std::fill_n(rows, s.ow, 0.0f);
            continue;
          }
          const float* line = image + (c * s.h + iy) * s.width;
          for (int64_t x = 0; x < s.ow; ++x) {
            const int64_t ix = x * s.stride_w - s.pad_l + j * s.dilation;
            rows[x] = ix < 0 || ix >= s.width ? 0.0f : line[ix];
          }
        }
      }
    }
  }
}

std::function<void(Buffer&)> RunMatmul(const Problem& problem, const Gemm& gemm) {
  const Workload& w = problem.workload();
  const int batch = w.op() == Operator::kBatchMatmul ? static_cast<int>(w.dim("b")) : 1;
  GemmCall call{};
  call.m = static_cast<int>(w.dim("m"));
  call.n = static_cast<int>(w.dim("n"));
  call.k = static_cast<int>(w.dim("k"));
  call.transposed_b = w.op() == Operator::kDense;
  return [&problem, gemm, batch, call](Buffer& output) mutable {
    for (int b = 0; b < batch; ++b) {
      call.a = problem.input(0) + std::size_t(b) * call.m * call.k;
      call.b = problem.input(1) + std::size_t(b) * call.k * call.n;
      call.c = output.data() + std::size_t(b) * call.m * call.n;
      gemm(call);
    }
    problem.ApplyEpilogue(output.data());
  };
}

std::function<void(Buffer&)> RunConvolution(const Problem& problem, const Gemm& gemm) {
  const ConvShape s(problem);
  const bool nchw = problem.workload().layout() == Layout::kNchw;
  const int64_t pixels = s.oh * s.ow;
  const auto columns = std::make_shared<Buffer>(s.is_matrix_product() ? 0 : pixels * s.columns());
  return [&problem, gemm, s, nchw, pixels, columns](Buffer& output) {
    for (int64_t image = 0; image < s.n; ++image) {
      const float* input = problem.input(0) + image * s.ci * s.h * s.width;
      if (!s.is_matrix_product()) {
        nchw ? ColumnsNchw(s, input, columns->data()) : ColumnsNhwc(s, input, columns->data());
        input = columns->data();
      }
      GemmCall call{};
      call.k = static_cast<int>(s.columns());
      call.c = output.data() + image * pixels * s.co;
      call.m = static_cast<int>(nchw ? s.co : pixels);
      call.n = static_cast<int>(nchw ? pixels : s.co);
      call.a = nchw ? problem.input(1) : input;
      call.b = nchw ? input : problem.input(1);
      call.transposed_b = !nchw;  // Weights are stored as [co][kh * kw * ci].
      gemm(call);
    }
    problem.ApplyEpilogue(output.data());
  };
}

}  // namespace

absl::StatusOr<Peer> MakeGemmPeer(const Problem& problem, std::string name, const std::string& description,
                                  const Gemm& gemm) {
  const Workload& w = problem.workload();
  if (w.op() == Operator::kDepthwiseConv2d || (w.op() == Operator::kConv2d && w.dim("groups") != 1)) {
    return absl::UnimplementedError("a convolution in groups is no matrix product");
  }
  if (schedules::ChannelBlock(w.layout()) > 1)
    return absl::UnimplementedError("blocks of channels are no matrix");
  Peer peer;
  peer.name = std::move(name);
  peer.description =
      absl::StrCat(description, problem.compute().epilogue.empty() ? "" : ", epilogue as a pass of its own");
  peer.flop = problem.compute().flop;
  if (w.layout() == Layout::kNone) {
    peer.run = RunMatmul(problem, gemm);
  } else {
    if (!ConvShape(problem).is_matrix_product()) absl::StrAppend(&peer.description, ", through im2col");
    peer.run = RunConvolution(problem, gemm);
  }
  return peer;
}

}  // namespace tunefarm::bench
