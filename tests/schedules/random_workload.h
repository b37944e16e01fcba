// Small workloads of every operator, with the sizes at which kernels break: 1, primes, one more or less than
// a vector.
#pragma once

#include <string>
#include <vector>

#include "base/rng.h"
#include "schedules/workload.h"

namespace tunefarm::schedules {

inline Workload RandomWorkload(const std::string& op, const std::string& layout, Rng& rng) {
  const auto one_of = [&](const std::vector<int>& values) { return values[rng.Uniform(values.size())]; };
  const std::vector<int> sizes = {1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 33, 40};
  while (true) {
    std::string text = op + ":";
    const auto add = [&](const char* key, int value) {
      text += std::string(key) + "=" + std::to_string(value) + ",";
    };
    if (op == "matmul" || op == "dense" || op == "batch_matmul") {
      if (op == "batch_matmul") add("b", one_of({1, 2, 3}));
      add("m", one_of(sizes));
      add("n", one_of(sizes));
      add("k", one_of({1, 3, 8, 17, 64, 257, 300, 520}));
    } else {
      const bool depthwise = op == "depthwise_conv2d";
      const int block = layout == "nchw8c" ? 8 : layout == "nchw16c" ? 16 : 1;  // Of channels.
      const auto channels = [&](const std::vector<int>& values) {
        return block == 1 ? one_of(values) : block * one_of({1, 2, 3, 5});
      };
      const int groups = depthwise ? 1 : one_of({1, 1, 1, 2, 3});
      add("n", one_of({1, 1, 2}));
      add("h", one_of({5, 7, 8, 9, 14, 17}));
      add("w", one_of({5, 7, 8, 12, 19, 23}));
      if (depthwise) {
        add("c", channels({1, 3, 8, 16, 21, 40}));
        if (block == 1) add("mult", one_of({1, 1, 2}));
      } else {
        add("ci", groups * channels({1, 3, 4, 8, 16, 21}));
        add("co", groups * channels({1, 3, 8, 16, 20, 33}));
        add("groups", groups);
      }
      const int kernel = one_of({1, 2, 3, 3, 5});
      add("kh", kernel);
      add("kw", one_of({kernel, kernel, 1}));
      add("stride", one_of({1, 1, 2, 3}));
      add("pad", one_of({0, 1, 1, 2}));
      add("dilation", one_of({1, 1, 2}));
      text += "layout=" + layout + ",";
    }
    text += "dtype=f32";
    const std::vector<std::string> epilogues = {
        "", "bias", "bias+relu", "relu6", "bias+residual+relu", "residual", "bias+relu6"};
    const std::string& epilogue = epilogues[rng.Uniform(epilogues.size())];
    if (!epilogue.empty()) text += ",epilogue=" + epilogue;
    // A window larger than its image is refused; another draw fits.
    if (absl::StatusOr<Workload> workload = Workload::Parse(text); workload.ok()) return *workload;
  }
}

}  // namespace tunefarm::schedules
