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

// Of the built-in targets of these names, those whose kernels can be built and run here; says which cannot.
std::vector<Target> TargetsThatRun(const std::vector<const char*>& names);

// Checks for each kernel that the output is the reference's, bit by bit, and that memory around the buffers
// is as it was; and that the program could be built and ended.
void CheckProgram(const std::vector<ProgramKernel>& kernels, const Target& target);

}  // namespace tunefarm::schedules
