// Int8 kernels against the reference, bit by bit, on every target that can run here.
#include <iostream>

#include "tests/catch.h"
#include "tests/schedules/program_batch.h"
#include "tests/schedules/random_int8_workload.h"

namespace tunefarm::schedules {
namespace {

// For each of `workloads` random ones: the default config, and `samples` others.
void CheckTarget(const char* name, const std::string& op, int workloads, int samples) {
  const absl::StatusOr<Target> target = FindTarget(name);
  REQUIRE(target.ok());
  if (const std::string reason = WhyNotRun(*target); !reason.empty()) {
    std::cerr << "skipped " << name << ": " << reason << "\n";
    return;
  }
  Rng rng(41);
  std::vector<ProgramKernel> kernels;
  for (int w = 0; w < workloads; ++w) {
    const Workload workload = RandomInt8Workload(rng, op);
    const absl::StatusOr<std::shared_ptr<const Task>> task = Task::Create(workload, *target);
    INFO(workload.ToString() << " " << task.status().message());
    REQUIRE(task.ok());
    kernels.push_back({*task, (*task)->space().default_config()});
    for (int s = 0; s < samples; ++s) kernels.push_back({*task, (*task)->space().Sample(rng)});
  }
  const absl::StatusOr<std::vector<std::string>> wrong = RunProgram(kernels, *target);
  INFO(name << " " << wrong.status().message());
  REQUIRE(wrong.ok());
  CHECK(*wrong == std::vector<std::string>{});
}

TEST_CASE("Int8KernelsAreExactOnX86") {
  for (const char* target : {"x86-64-v2", "x86-64-v3", "x86-64-v4", "x86-64-v4-vnni"}) {
    CheckTarget(target, "", 8, 2);
  }
}

TEST_CASE("Int8KernelsAreExactOn64BitArm") {
  for (const char* target : {"cortex-a53", "cortex-a76"}) CheckTarget(target, "", 8, 2);
}

TEST_CASE("Int8KernelsAreExactOnMicrocontrollers") {
  for (const char* target : {"cortex-m4", "cortex-m7", "cortex-m55"}) CheckTarget(target, "", 10, 4);
}

}  // namespace
}  // namespace tunefarm::schedules
