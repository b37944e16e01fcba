// The oracle of int8 workloads: TFLite's reference operators in plain integer arithmetic, exact to the bit.
#pragma once

#include <cstdint>
#include <vector>

#include "schedules/compute.h"

namespace tunefarm::schedules {

// A tensor an element, in the kernel's argument order without the output; int8 and int32 elements alike.
using IntTensors = std::vector<std::vector<int32_t>>;

// Source, beside fixed_point.h: TensorFlow Lite, kernels/internal/reference/integer_ops/{conv,depthwise_conv,
// fully_connected,pooling,add}.h and reference/softmax.h.

// Contents of every tensor but the output, by base/inputs.h and schedules/contents.h.
IntTensors MakeIntInputs(const ComputeDefinition& compute, uint64_t seed);

// The output for those inputs. Fast enough for every layer of a mobile network (some tenths of a second for
// 10^8 products).
std::vector<int8_t> Int8Reference(const Workload& workload, const IntTensors& inputs);

// The same from the compute definition, read word by word, with the rounding in other words. Shares nothing
// with Int8Reference(), which it checks. Not of softmax, which is no index expression.
std::vector<int8_t> EvaluateInt8Directly(const ComputeDefinition& compute, const IntTensors& inputs);

}  // namespace tunefarm::schedules
