// Int8 kernels of operators without weights against the reference, bit by bit, on every target that can run
// here.
#include <iostream>

#include "tests/catch.h"
#include "tests/schedules/program_batch.h"
#include "tests/schedules/random_int8_workload.h"

namespace tunefarm::schedules {
namespace {

// For each of `workloads` random ones: the default config, and `samples` others.
void CheckTarget(const char* name, int workloads, int samples) {
  const absl::StatusOr<Target> target = FindTarget(name);
  REQUIRE(target.ok());
  if (const std::string reason = WhyNotRun(*target); !reason.empty()) {
    std::cerr << "skipped " << name << ": " << reason << "\n";
    return;
  }
  Rng rng(41);
  std::vector<ProgramKernel> kernels;
  for (int w = 0; w < workloads; ++w) {
    const Workload workload = RandomInt8Workload(rng, "small");
    const absl::StatusOr<std::shared_ptr<const Task>> task = Task::Create(workload, *target);
    INFO(workload.ToString() << " " << task.status().message());
    REQUIRE(task.ok());
    kernels.push_back({*task, (*task)->space().default_config()});
    for (int s = 0; s < samples; ++s) kernels.push_back({*task, (*task)->space().Sample(rng)});
  }
  CheckProgram(kernels, *target);
}

TEST_CASE("KernelsOfOperatorsWithoutWeightsAreExactOnX86") {
  for (const char* target : {"x86-64-v2", "x86-64-v4"}) CheckTarget(target, 12, 2);
}

TEST_CASE("KernelsOfOperatorsWithoutWeightsAreExactOn64BitArm") { CheckTarget("cortex-a53", 8, 2); }

TEST_CASE("KernelsOfOperatorsWithoutWeightsAreExactOn32BitArm") { CheckTarget("cortex-a9", 8, 2); }

TEST_CASE("KernelsOfOperatorsWithoutWeightsAreExactOnMicrocontrollers") {
  for (const char* target : {"cortex-m4", "cortex-m55"}) CheckTarget(target, 16, 3);
}

}  // namespace
}  // namespace tunefarm::schedules
