#include "bench/peers/problem.h"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <new>

#include "schedules/reference.h"

namespace tunefarm::bench {

using schedules::EpilogueOp;
using schedules::EpilogueStep;

namespace {

constexpr std::size_t kHugePage = 2 << 20, kHugeFrom = 64 << 10, kPage = 4096;

std::size_t RoundUp(std::size_t value, std::size_t to) { return (value + to - 1) / to * to; }

}  // namespace

Buffer::Buffer(std::size_t elements) : size_(elements) {
  const std::size_t bytes = RoundUp(elements * sizeof(float), 64) + 64;
  const std::size_t unit = bytes < kHugeFrom ? kPage : kHugePage;
  const std::size_t body = RoundUp(bytes, unit), all = body + unit;
  void* const mapping = mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  const auto begin = reinterpret_cast<std::uintptr_t>(mapping);
  char* const first = static_cast<char*>(mapping) + (RoundUp(begin, unit) - begin);
  if (unit == kHugePage) madvise(first, body, MADV_HUGEPAGE);  // Where there are none, small ones do.
  std::memset(first, 0, body);                                 // Also brings every page in.
  data_ = {reinterpret_cast<float*>(first + body - bytes), Free{mapping, all}};
}

Buffer::Buffer(const std::vector<float>& values) : Buffer(values.size()) {
  std::copy(values.begin(), values.end(), data_.get());
}

void Buffer::Free::operator()(float*) const { munmap(mapping, bytes); }

Problem::Problem(const schedules::Workload& workload, const schedules::Target& target, int threads,
                 uint64_t seed)
    : workload_(workload), target_(target), threads_(threads), compute_(schedules::DefineCompute(workload)) {
  if (is_int8()) {
    MakeInt8(seed);
    return;
  }
  const std::vector<std::vector<float>> inputs = schedules::MakeInputs(compute_, seed);
  for (const std::vector<float>& input : inputs) inputs_.emplace_back(input);
  expected_ = schedules::Reference(workload, inputs);
  output_elements_ = expected_.size();
}

void Problem::MakeInt8(uint64_t seed) {
  ints_ = schedules::MakeIntInputs(compute_, seed);
  if (std::ranges::find(target_.isa_features, "avx512_vnni") == target_.isa_features.end() &&
      std::ranges::find(target_.isa_features, "avx_vnni") == target_.isa_features.end()) {
    for (int32_t& weight : ints_[compute_.rhs.tensor]) weight = weight / 4 * 2;
  }
  for (std::size_t i = 0; i < ints_.size(); ++i) {
    inputs_.emplace_back(ints_[i].size());
    if (compute_.tensors[i].dtype == schedules::DType::kI8) {
      std::copy(ints_[i].begin(), ints_[i].end(), inputs_[i].bytes());
    } else {
      std::memcpy(inputs_[i].data(), ints_[i].data(), ints_[i].size() * sizeof(int32_t));
    }
  }
  expected_bytes_ = schedules::Int8Reference(workload_, ints_);
  output_elements_ = expected_bytes_.size();
}

const float* Problem::Find(const char* name) const {
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    if (compute_.tensors[i].name == name) return inputs_[i].data();
  }
  return nullptr;
}

OutputView Problem::output_view() const {
  const std::vector<int64_t>& shape = compute_.tensors.back().shape;
  if (workload_.layout() != schedules::Layout::kNone && workload_.layout() != schedules::Layout::kNhwc) {
    const auto block = static_cast<std::size_t>(schedules::ChannelBlock(workload_.layout()));
    return {static_cast<std::size_t>(shape[0]), static_cast<std::size_t>(shape[1]) * block,
            static_cast<std::size_t>(shape[2] * shape[3]), block};
  }
  const auto channels = static_cast<std::size_t>(shape.back());
  return {output_elements_ / channels, channels, 1, 1};
}

double Problem::Error(const Buffer& output) const {
  if (is_int8()) {
    int farthest = 0;
    for (std::size_t i = 0; i < output_elements_; ++i) {
      farthest = std::max(farthest, std::abs(output.bytes()[i] - expected_bytes_[i]));
    }
    return farthest;
  }
  const schedules::Tolerance tolerance = schedules::ToleranceOf(workload_);
  double worst = 0;
  for (std::size_t i = 0; i < output_elements_; ++i) {
    const double want = expected_[i];
    const double error =
        std::abs(output.data()[i] - want) / (tolerance.absolute + tolerance.relative * std::abs(want));
    if (!(error <= worst)) worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : error;
  }
  return worst;
}

void Problem::ApplyEpilogue(float* output, std::size_t done) const {
  const OutputView view = output_view();
  for (std::size_t step = done; step < compute_.epilogue.size(); ++step) {
    const EpilogueOp& op = compute_.epilogue[step];
    const float* operand = op.operand.tensor < 0 ? nullptr : input(op.operand.tensor);
    switch (op.step) {
      case EpilogueStep::kBias:
        for (std::size_t o = 0; o < view.outer; ++o) {
          for (std::size_t c = 0; c < view.channels; ++c) {
            float* row =
                output + (o * view.channels + c / view.block * view.block) * view.inner + c % view.block;
            for (std::size_t i = 0; i < view.inner; ++i) row[i * view.block] += operand[c];
          }
        }
        break;
      case EpilogueStep::kResidual:
        for (std::size_t i = 0; i < output_elements_; ++i) output[i] += operand[i];
        break;
      case EpilogueStep::kRelu:
        for (std::size_t i = 0; i < output_elements_; ++i) output[i] = std::max(output[i], 0.0f);
        break;
      case EpilogueStep::kRelu6:
        for (std::size_t i = 0; i < output_elements_; ++i) output[i] = std::clamp(output[i], 0.0f, 6.0f);
        break;
    }
  }
}

}  // namespace tunefarm::bench
