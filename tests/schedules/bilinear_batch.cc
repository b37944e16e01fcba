#include "tests/schedules/bilinear_batch.h"

#include <algorithm>
#include <iostream>

#include "tests/catch.h"

namespace tunefarm::schedules {

std::shared_ptr<const Task> MakeInt8Task(const std::string& workload, const char* target, int threads) {
  return Task::Create(Workload::Parse(workload + ",dtype=i8").value(), FindTarget(target).value(), threads)
      .value();
}

Config SampleBilinear(const Task& task, const std::string& algorithm, const std::string& product, Rng& rng) {
  const ConfigSpace& space = task.space();
  const int chosen = space.FindKnob("algorithm"), at = space.FindKnob("product");
  for (int i = 0; i < 20000; ++i) {
    Config config = space.Sample(rng);
    if (space.knobs()[chosen].values[config.choice[chosen]] != algorithm) continue;
    const std::vector<std::string>& products = space.knobs()[at].values;
    config.choice[at] = static_cast<uint16_t>(std::ranges::find(products, product) - products.begin());
    if (space.IsLegal(config)) return config;
  }
  FAIL("no config with " << algorithm << " and " << product);
  return {};
}

void CheckBilinear(const std::vector<BilinearCase>& cases, int configs) {
  // With VNNI the kernels are the same, but for those of paired products, which are not offered.
  for (const Target& target : TargetsThatRun({"x86-64-v3", "x86-64-v4"})) {
    Rng rng = Rng(1969).Fork(target.name);
    std::vector<ProgramKernel> kernels;
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const std::shared_ptr<const Task> task =
          MakeInt8Task(cases[i].workload, target.name.c_str(), i % 3 == 2 ? 2 : 1);
      const std::vector<Knob>& knobs = task->space().knobs();
      INFO(target.name << " " << cases[i].workload);
      REQUIRE(task->space().FindKnob("algorithm") >= 0);
      for (const std::string& algorithm : knobs[task->space().FindKnob("algorithm")].values) {
        if (algorithm == "direct") continue;
        for (const std::string& product : knobs[task->space().FindKnob("product")].values) {
          for (int c = 0; c < configs; ++c)
            kernels.push_back({task, SampleBilinear(*task, algorithm, product, rng), cases[i].change});
        }
      }
    }
    CheckProgram(kernels, target);
  }
}

}  // namespace tunefarm::schedules
