// What all peers are given: one workload with its inputs.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "schedules/compute.h"
#include "schedules/target.h"
#include "schedules/workload.h"

namespace tunefarm::bench {

// Floats on a 64-byte boundary, as the kernel ABI and the libraries like them.
class Buffer {
 public:
  explicit Buffer(std::size_t elements = 0);
  Buffer(const std::vector<float>& values);  // NOLINT: a copy.
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(float* p) const;
  };
  std::unique_ptr<float[], Free> data_;
  std::size_t size_;
};

// The sizes of the output as a matrix: rows of channels, or channels of rows for nchw, or blocks of channels.
struct OutputView {
  std::size_t outer, channels, inner;
  std::size_t
      block;  // Element (o, c, i) is at (o * channels + c / block * block) * inner + i * block + c % block.
};

class Problem {
 public:
  // `threads`: how many each peer may use.
  Problem(const schedules::Workload& workload, const schedules::Target& target, int threads, uint64_t seed);

  const schedules::Workload& workload() const { return workload_; }
  const schedules::Target& target() const { return target_; }
  int threads() const { return threads_; }
  const schedules::ComputeDefinition& compute() const { return compute_; }
  const float* input(int tensor) const { return inputs_[tensor].data(); }
  // The tensor of this name ("bias", "residual"), or nullptr.
  const float* Find(const char* name) const;
  std::size_t output_elements() const { return output_elements_; }
  const std::vector<float>& expected() const { return expected_; }
  OutputView output_view() const;
  // The largest share of the tolerance that an element of `output` uses: at most 1 for a correct result,
  // infinite for NaN.
  double Error(const Buffer& output) const;

  // The epilogue as passes of their own, for peers that cannot fuse it: all steps but the first `done`.
  void ApplyEpilogue(float* output, std::size_t done = 0) const;

 private:
  schedules::Workload workload_;
  schedules::Target target_;
  int threads_;
  schedules::ComputeDefinition compute_;
  std::vector<Buffer> inputs_;
  std::size_t output_elements_;
  std::vector<float> expected_;
};

}  // namespace tunefarm::bench
