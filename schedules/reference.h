// The oracle of float32 workloads: slow, obvious, in double precision.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schedules/compute.h"

namespace tunefarm::schedules {

// Contents of every tensor but the output, by base/inputs.h.
std::vector<std::vector<float>> MakeInputs(const ComputeDefinition& compute, uint64_t seed);

// The output for those inputs, accumulated in double and rounded once. Evaluates the compute definition
// directly; used by tests to check Reference().
std::vector<float> EvaluateDirectly(const ComputeDefinition& compute,
                                    const std::vector<std::vector<float>>& inputs);

// The same by Eigen in double, fast enough for every layer of ResNet-50 (well below a second each).
std::vector<float> Reference(const Workload& workload, const std::vector<std::vector<float>>& inputs);

// What a correct kernel of the workload writes for the inputs of `seed`, of either dtype (int8: by
// schedules/int8_reference.h): raw little-endian elements.
std::string ReferenceBytes(const Workload& workload, uint64_t seed);

// How far a correct float32 kernel may be from Reference(): |got - want| <= absolute + relative * |want|.
// From the usual bound on a dot product's rounding error for this many terms and inputs in [-1, 1).
struct Tolerance {
  double absolute;
  double relative;
};
// Both are 0 for int8: it is exact.
Tolerance ToleranceOf(const Workload& workload);

}  // namespace tunefarm::schedules
