// Builds many generated kernels in one compiler run, calls them in this process and compares them with the
// oracle.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "schedules/schedule_template.h"

namespace tunefarm::schedules {

struct BatchKernel {
  std::shared_ptr<const Task> task;
  Config config;
  KernelSource source;
  // What lhs and rhs are multiplied by, to see what a kernel makes of magnitudes far from 1. Without
  // epilogue.
  float lhs_magnitude = 1, rhs_magnitude = 1;
  // Of a matmul, a row of lhs that has an infinity; the results of the group of so many rows, as the kernel
  // counts them, that it belongs to may be anything.
  int64_t infinite_row = -1, rows_in_group = 1;
};

// What is wrong with a kernel of the batch, one text each: a wrong element, or a byte written before or after
// the output, the packed area or the workspace. Empty when all are right. kInternal with the compiler's words
// when one does not build without warnings. `run`: false only builds. -O1 compiles several times
// faster than what users get, -O2, and reads the same C.
absl::StatusOr<std::vector<std::string>> CheckKernels(const std::vector<BatchKernel>& kernels,
                                                      const Target& target, bool run,
                                                      const char* optimisation = "-O1");

// Of a workload's text and a built-in target; both must be right.
std::shared_ptr<const Task> MakeTask(const std::string& workload, const char* target_name, int threads = 1);

// This machine has every instruction of a built-in x86-64 target.
bool MachineRuns(const Target& target);

}  // namespace tunefarm::schedules
