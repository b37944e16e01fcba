// Small int8 workloads of every operator: sizes at which kernels break, zero points at both
// ends, clamps, uneven padding and strides, both roundings.
#pragma once

#include <string>
#include <vector>

#include "base/rng.h"
#include "schedules/workload.h"

namespace tunefarm::schedules {

// Operators without weights: pooling with windows from one pixel to the whole image, addition, softmax.
inline Workload RandomSmallInt8Workload(Rng& rng, const std::string& op) {
  const auto one_of = [&](const std::vector<int>& values) { return values[rng.Uniform(values.size())]; };
  while (true) {
    std::string text = op + ":dtype=i8";
    const auto add = [&](const char* key, int value) {
      text += "," + std::string(key) + "=" + std::to_string(value);
    };
    if (op == "softmax") {
      add("m", one_of({1, 1, 2, 5}));
      add("n", one_of({1, 2, 3, 10, 12, 33, 100, 1001}));
    } else if (op == "add") {
      add("n", one_of({1, 3, 8, 17, 64, 257, 1000}));
      for (const char* key : {"izp", "izp2", "ozp"}) add(key, one_of({-128, -17, 0, 5, 127}));
    } else {
      add("n", one_of({1, 1, 2}));
      add("h", one_of({1, 3, 5, 7, 8, 9}));
      add("w", one_of({1, 4, 5, 7, 8, 12}));
      add("c", one_of({1, 3, 4, 8, 16, 21, 64, 70}));
      add("kh", one_of({1, 2, 3, 5, 8}));
      add("kw", one_of({1, 2, 3, 4, 7}));
      for (const char* key : {"stride_h", "stride_w"}) add(key, one_of({1, 2, 3}));
      for (const char* key : {"pad_t", "pad_l", "pad_b", "pad_r"}) add(key, one_of({0, 0, 1, 2}));
      text += ",layout=nhwc";
    }
    if (op != "softmax" && rng.Bernoulli(0.4)) {
      add("amin", one_of({-128, -17, 0}));
      add("amax", one_of({0, 99, 127}));
    }
    if (op == "add" || op == "softmax") text += rng.Bernoulli(0.5) ? ",rounding=double" : ",rounding=single";
    // A window larger than its image, or padding that fills one, is refused; another draw fits.
    if (absl::StatusOr<Workload> workload = Workload::Parse(text); workload.ok()) return *workload;
  }
}

// Of an operator with weights when `op` is empty, of one without when it is "small".
inline Workload RandomInt8Workload(Rng& rng, std::string op = "") {
  const auto one_of = [&](const std::vector<int>& values) { return values[rng.Uniform(values.size())]; };
  if (op == "small") {
    const std::vector<std::string> ops = {"avg_pool2d", "max_pool2d", "add", "softmax"};
    op = ops[rng.Uniform(ops.size())];
  }
  const std::vector<int> sizes = {1, 2, 3, 4, 5, 7, 8, 13, 16, 17, 31, 33};
  if (op.empty()) {
    const std::vector<std::string> ops = {"dense", "matmul", "conv2d", "conv2d", "depthwise_conv2d"};
    op = ops[rng.Uniform(ops.size())];
  }
  if (op == "add" || op == "softmax" || op == "avg_pool2d" || op == "max_pool2d") {
    return RandomSmallInt8Workload(rng, op);
  }
  while (true) {
    std::string text = op + ":";
    const auto add = [&](const char* key, int value) {
      text += std::string(key) + "=" + std::to_string(value) + ",";
    };
    if (op == "dense" || op == "matmul") {
      add("m", one_of({1, 1, 2, 3, 5}));
      add("n", one_of(sizes));
      add("k", one_of({1, 3, 4, 8, 17, 64, 257}));
    } else {
      add("n", one_of({1, 1, 2}));
      add("h", one_of({1, 3, 5, 7, 8, 9}));
      add("w", one_of({1, 4, 5, 7, 8, 12}));
      add("kh", one_of({1, 2, 3, 3, 5}));
      add("kw", one_of({1, 2, 3, 3, 4}));
      if (op == "depthwise_conv2d") {
        add("c", one_of({1, 3, 4, 8, 16, 21, 40, 70}));
        add("mult", one_of({1, 1, 1, 2, 3}));
      } else {
        const int groups = one_of({1, 1, 1, 2, 3});
        add("ci", groups * one_of({1, 3, 4, 8, 16, 21}));
        add("co", groups * one_of({1, 3, 4, 8, 16, 20}));
        add("groups", groups);
      }
      if (rng.Bernoulli(0.3)) {
        for (const char* key : {"stride_h", "stride_w"}) add(key, one_of({1, 2, 3}));
        for (const char* key : {"pad_t", "pad_l", "pad_b", "pad_r"}) add(key, one_of({0, 0, 1, 2}));
      } else {
        add("stride", one_of({1, 1, 2}));
        add("pad", one_of({0, 1, 1, 2}));
      }
      add("dilation", one_of({1, 1, 1, 2}));
      text += "layout=nhwc,";
    }
    add("izp", one_of({-128, -128, 0, 5, 127}));
    add("ozp", one_of({-128, -17, 0, 127}));
    if (rng.Bernoulli(0.5)) {
      add("amin", one_of({-128, -17, 0}));
      add("amax", one_of({0, 99, 127}));
    }
    text += rng.Bernoulli(0.5) ? "rounding=double" : "rounding=single";
    if (rng.Bernoulli(0.7)) text += ",epilogue=bias";
    text += ",dtype=i8";
    // A window larger than its image is refused; another draw fits.
    if (absl::StatusOr<Workload> workload = Workload::Parse(text); workload.ok()) return *workload;
  }
}

}  // namespace tunefarm::schedules
