// Int8 kernels with their inputs and expected outputs in one program, which is compiled for a target and run:
// on this machine, under qemu-aarch64 or qemu-arm, or on one of QEMU's microcontroller boards. But for those,
// memory behind the tensors cannot be read.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "schedules/int8_reference.h"
#include "schedules/schedule_template.h"

namespace tunefarm::schedules {

struct ProgramKernel {
  std::shared_ptr<const Task> task;
  Config config;
  std::function<void(IntTensors&)> change = nullptr;  // Of the usual inputs, before anything is computed.
};

// Why kernels of the target cannot be built and run here, naming the program that is missing; empty: they
// can.
std::string WhyNotRun(const Target& target);

// What is wrong, a line for each kernel: an output that is not the reference's, bit by bit, or memory around
// the buffers that was written to. An error when the program could not be built or did not end.
absl::StatusOr<std::vector<std::string>> RunProgram(const std::vector<ProgramKernel>& kernels,
                                                    const Target& target);

}  // namespace tunefarm::schedules
