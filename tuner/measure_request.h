// How a trial's kernels are to be run and measured: the run description and its deadlines. Pure.
#pragma once

#include <string>
#include <vector>

#include "schedules/schedule_template.h"
#include "tunefarm/v1/measurement.pb.h"
#include "tunefarm/v1/tracker.pb.h"
#include "tuner/builder_pool.h"

namespace tunefarm::tuner {

// What differs from work to work of one task.
struct MeasureRequest {
  std::string work_id;
  std::vector<Kernel> kernels;  // Built; more than one are measured interleaved.
  std::string expected_output_digest;
  v1::MeasurementPolicy policy;
  double best_us = 0;  // Of one call, the fastest known kernel of the task; 0: none yet.
};

v1::WorkItem MakeWorkItem(const schedules::Task& task, const MeasureRequest& request);

// The policy for a single candidate: one much slower than the best is cut short, its time then a lower bound.
v1::MeasurementPolicy WithCutoff(v1::MeasurementPolicy policy, double best_us);

}  // namespace tunefarm::tuner
