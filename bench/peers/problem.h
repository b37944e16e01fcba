// What all peers are given: one workload with its inputs.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "schedules/compute.h"
#include "schedules/int8_reference.h"
#include "schedules/target.h"
#include "schedules/workload.h"

namespace tunefarm::bench {

// Elements on a 64-byte boundary, as the kernel ABI and the libraries like them: room for so many floats,
// which int8 results share. From 64 KiB on at the end of huge pages of their own, as the executor's
// (runner/executor/guarded_buffer.h): with small pages it is luck which of their lines displace each other,
// and the same kernel ran at 81 and at 90 GFLOP/s in two processes.
class Buffer {
 public:
  explicit Buffer(std::size_t elements = 0);
  Buffer(const std::vector<float>& values);  // NOLINT: a copy.
  float* data() { return data_.get(); }
  const float* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  int8_t* bytes() { return reinterpret_cast<int8_t*>(data_.get()); }
  const int8_t* bytes() const { return reinterpret_cast<const int8_t*>(data_.get()); }

 private:
  struct Free {
    void* mapping;
    std::size_t bytes;
    void operator()(float*) const;
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

// The inputs are those of `tunefarm tune`, but for the weights of int8 workloads where the target has no
// VNNI: they are halved twice and doubled, even numbers up to 62. The libraries' byte multiplications of such
// machines (vpmaddubsw) add pairs in 16 bits, and halve weights to make up for a signed input: with these
// weights neither loses a bit, so that a wrong peer can be told from an inexact one. No kernel's time depends
// on them.
class Problem {
 public:
  // `threads`: how many each peer may use.
  Problem(const schedules::Workload& workload, const schedules::Target& target, int threads, uint64_t seed);

  const schedules::Workload& workload() const { return workload_; }
  const schedules::Target& target() const { return target_; }
  int threads() const { return threads_; }
  const schedules::ComputeDefinition& compute() const { return compute_; }
  bool is_int8() const { return workload_.dtype() == schedules::DType::kI8; }
  // What a kernel is given for this tensor.
  const void* argument(int tensor) const { return inputs_[tensor].data(); }
  const float* input(int tensor) const { return inputs_[tensor].data(); }
  // The same of int8 workloads, an element each.
  const std::vector<int32_t>& ints(int tensor) const { return ints_[tensor]; }
  // The tensor of this name ("bias", "residual"), or nullptr; float32 workloads only.
  const float* Find(const char* name) const;
  std::size_t output_elements() const { return output_elements_; }
  OutputView output_view() const;
  // float32: the largest share of the tolerance that an element of `output` uses: at most 1 for a correct
  // result, infinite for NaN. int8: how many units the farthest element is off.
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
  void MakeInt8(uint64_t seed);

  schedules::IntTensors ints_;
  std::vector<float> expected_;
  std::vector<int8_t> expected_bytes_;
};

}  // namespace tunefarm::bench
