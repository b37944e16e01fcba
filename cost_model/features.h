// What the cost model knows of a candidate: a fixed number of floats, computed from the scheduled loop tree
// without printing or compiling anything, in some microseconds. Sizes and counts are log2; shares are 0..1 or
// small ratios.
#pragma once

#include <string>
#include <vector>

#include "schedules/compute.h"
#include "schedules/loop_tree.h"
#include "schedules/schedule_template.h"
#include "schedules/target.h"

namespace tunefarm::cost_model {

// Grows with every change of what a feature means, or of their number or order.
inline constexpr int kFeatureVersion = 6;

// Names, in order; their number is the width of a row.
const std::vector<std::string>& FeatureNames();
int NumFeatures();

// Fills out[0 .. NumFeatures()), finite numbers only. `compute` is what the tree numbers axes and tensors by
// (Task::loop_compute()); `threads` share its parallel loops. Thread safe.
void ExtractFeatures(const schedules::LoopTree& tree, const schedules::ComputeDefinition& compute,
                     const schedules::Target& target, int threads, float* out);

// Rows for configs of one task; a config that does not lower has a row of zeros. Returns row-major floats.
std::vector<float> ExtractRows(const schedules::Task& task, const std::vector<schedules::Config>& configs);

}  // namespace tunefarm::cost_model
