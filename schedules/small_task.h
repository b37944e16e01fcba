// Tasks of int8 operators without weights: pooling, addition, softmax. Each has a written template with a
// space of its own, because nothing is reused in them that tiling could keep near.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "schedules/compute_facts.h"
#include "schedules/schedule_template.h"

namespace tunefarm::schedules {

class SmallTask : public Task {
 public:
  const ComputeDefinition& loop_compute() const override { return facts_.compute; }
  const ConfigSpace& space() const override { return space_; }

 protected:
  SmallTask(const Workload& workload, const Target& target, int threads, ConfigSpace space)
      : Task(workload, target, threads), facts_(Analyze(compute())), space_(std::move(space)) {}

  const ComputeFacts& facts() const { return facts_; }
  int64_t number(const Config& config, absl::string_view knob) const {
    return space_.number(config, space_.FindKnob(knob));
  }
  // The two lines that every kernel begins with, and <stdint.h>.
  std::string Heading(const Config& config) const;
  // The line before a loop whose iterations threads share; empty for one thread.
  std::string ParallelLine() const;
  // What the printed text and the choice of flags make.
  KernelSource ToSource(std::string text, const Config& config) const;

 private:
  const ComputeFacts facts_;
  const ConfigSpace space_;
};

// A space in which `default_config` names a value for each knob, and `legal` says why a config is not.
ConfigSpace MakeSmallSpace(std::vector<Knob> knobs, std::vector<uint16_t> default_config,
                           ConfigSpace::Constraint legal = nullptr);

// "compile": -O2, or -O3, with which compilers vectorise plain loops.
Knob CompileKnob();

// The clamp of the int32 expression `value`, in C; `value` itself where it cannot leave int8.
std::string ClampText(const std::string& value, const Requantize& requantize, bool can_leave_int8);

std::shared_ptr<const Task> CreatePoolTask(const Workload& workload, const Target& target, int threads);
std::shared_ptr<const Task> CreateAddTask(const Workload& workload, const Target& target, int threads);
std::shared_ptr<const Task> CreateSoftmaxTask(const Workload& workload, const Target& target, int threads);

}  // namespace tunefarm::schedules
