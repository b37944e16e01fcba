// Int8 kernels against the reference, bit by bit, on every target that can run here.
#include <iostream>
#include <set>

#include "schedules/dot_kernel.h"
#include "tests/catch.h"
#include "tests/schedules/program_batch.h"
#include "tests/schedules/random_int8_workload.h"

namespace tunefarm::schedules {
namespace {

// A legal config with that micro-kernel.
Config SampleWith(const ConfigSpace& space, uint16_t kernel, Rng& rng) {
  const int knob = space.FindKnob("kernel");
  for (int i = 0; i < 1000; ++i) {
    Config config = space.Sample(rng);
    config.choice[knob] = kernel;
    if (space.IsLegal(config)) return config;
  }
  return space.default_config();
}

// For random workloads: the default config, and another of each micro-kernel.
void CheckTarget(const char* name) {
  constexpr int kWorkloads = 6, kWindows = 4;  // Any, and depthwise ones.
  const absl::StatusOr<Target> target = FindTarget(name);
  REQUIRE(target.ok());
  if (const std::string reason = WhyNotRun(*target); !reason.empty()) {
    std::cerr << "skipped " << name << ": " << reason << "\n";
    return;
  }
  Rng rng(41);
  std::vector<ProgramKernel> kernels;
  std::set<std::string> used;
  for (int w = 0; w < kWorkloads + kWindows; ++w) {
    const Workload workload = RandomInt8Workload(rng, w < kWorkloads ? "" : "depthwise_conv2d");
    const absl::StatusOr<std::shared_ptr<const Task>> task = Task::Create(workload, *target);
    INFO(workload.ToString() << " " << task.status().message());
    REQUIRE(task.ok());
    const ConfigSpace& space = (*task)->space();
    kernels.push_back({*task, space.default_config()});
    const Knob& knob = space.knobs()[space.FindKnob("kernel")];
    for (std::size_t k = 0; k < knob.values.size(); ++k) {
      kernels.push_back({*task, SampleWith(space, static_cast<uint16_t>(k), rng)});
      used.insert(knob.values[kernels.back().config.choice[space.FindKnob("kernel")]]);
    }
  }
  CHECK(used.size() == DotKernelsOf(*target).size());
  const absl::StatusOr<std::vector<std::string>> wrong = RunProgram(kernels, *target);
  INFO(name << " " << wrong.status().message());
  REQUIRE(wrong.ok());
  CHECK(*wrong == std::vector<std::string>{});
}

TEST_CASE("Int8KernelsAreExactOnX86") {
  for (const char* target : {"x86-64-v2", "x86-64-v3", "x86-64-v4-vnni"}) CheckTarget(target);
}

TEST_CASE("Int8KernelsAreExactOn64BitArm") {
  for (const char* target : {"cortex-a53", "cortex-a76"}) CheckTarget(target);
}

TEST_CASE("Int8KernelsAreExactOnMicrocontrollers") {
  for (const char* target : {"cortex-m4", "cortex-m7", "cortex-m55"}) CheckTarget(target);
}

}  // namespace
}  // namespace tunefarm::schedules
