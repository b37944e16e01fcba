// A task whose times are a known function of its config, so that a test knows the optimum.
#pragma once

#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "schedules/loop_tree.h"
#include "schedules/schedule_template.h"
#include "tuner/trial.h"

namespace tunefarm::tuner {

// A matmul of side `side`, tiled by powers of two. Illegal where the register tile is larger than 32.
class FakeTask : public schedules::Task {
 public:
  static std::shared_ptr<const FakeTask> Make(int side = 256) {
    return std::make_shared<const FakeTask>(
        *schedules::Workload::Parse(absl::StrCat("matmul:m=", side, ",n=", side, ",k=", side, ",dtype=f32")));
  }

  explicit FakeTask(const schedules::Workload& workload)
      : Task(workload, schedules::Target{}, 1),
        side_(static_cast<int>(workload.dim("m"))),
        space_(MakeSpace()) {}

  const schedules::ComputeDefinition& loop_compute() const override { return compute(); }
  const schedules::ConfigSpace& space() const override { return space_; }
  std::string template_version() const override { return "fake 1"; }

  absl::StatusOr<schedules::LoopTree> Lower(const schedules::Config& config) const override {
    using namespace schedules;
    const int tm = Number(config, 0), tn = Number(config, 1), tk = Number(config, 2), tb = Number(config, 3);
    const bool swap = config.choice[4] == 1;
    LoopTree tree;
    tree.buffers.resize(3);
    for (int i = 0; i < 3; ++i) tree.buffers[i].tensor = static_cast<int16_t>(i);
    tree.buffers[2].scope = BufferScope::kRegister;
    tree.accumulators = tm * tn;
    tree.vector_lanes = 4;
    struct Level {
      int axis, extent, step;
      LoopKind kind;
    };
    std::vector<Level> levels = {{0, side_ / (tm * tb), tm * tb, LoopKind::kSerial},
                                 {1, side_ / (4 * tn), 4 * tn, LoopKind::kSerial}};
    if (swap) std::swap(levels[0], levels[1]);
    levels.insert(levels.end(), {{2, side_ / tk, tk, LoopKind::kSerial},
                                 {0, tb, tm, LoopKind::kSerial},
                                 {2, tk, 1, LoopKind::kSerial},
                                 {0, tm, 1, LoopKind::kUnrolled},
                                 {1, tn, 4, LoopKind::kUnrolled},
                                 {1, 4, 1, LoopKind::kVectorized}});
    LoopNode statement;
    statement.is_loop = false;
    statement.num_accesses = 3;
    tree.accesses.resize(3);
    for (int i = 0; i < 3; ++i) tree.accesses[i].buffer = static_cast<uint8_t>(i);
    const int32_t by_axis[3][3] = {{side_, 0, 1}, {0, 1, side_}, {side_, 1, 0}};
    for (std::size_t d = 0; d < levels.size(); ++d) {
      LoopNode loop;
      loop.parent = static_cast<int16_t>(d) - 1;
      loop.depth = static_cast<int16_t>(d);
      loop.end = static_cast<int16_t>(levels.size() + 1);
      loop.kind = levels[d].kind;
      loop.axis = static_cast<int8_t>(levels[d].axis);
      loop.extent = levels[d].extent;
      loop.average = static_cast<float>(levels[d].extent);
      loop.step = levels[d].step;
      tree.nodes.push_back(loop);
      for (int i = 0; i < 3; ++i) tree.accesses[i].strides[d] = by_axis[i][levels[d].axis] * levels[d].step;
    }
    statement.parent = statement.depth = static_cast<int16_t>(levels.size());
    --statement.parent;
    statement.end = static_cast<int16_t>(levels.size() + 1);
    tree.nodes.push_back(statement);
    return tree;
  }

  absl::StatusOr<schedules::KernelSource> Generate(const schedules::Config&) const override {
    return absl::UnimplementedError("a fake task has no source");
  }

  // 100 us times how far each knob is from its best value; the optimum is tm=4, tn=4, tk=64, tb=2, order=nm.
  double TimeUs(const schedules::Config& config) const {
    const auto off = [&](int knob, double best) { return std::abs(std::log2(Number(config, knob) / best)); };
    return 100 * (1 + 0.3 * off(0, 4)) * (1 + 0.3 * off(1, 4)) * (1 + 0.2 * off(2, 64)) *
           (1 + 0.2 * off(3, 2)) * (config.choice[4] == 1 ? 1 : 1.25);
  }
  static constexpr double kBestUs = 100;

  Outcome Measure(const schedules::Config& config) const {
    Outcome outcome;
    outcome.ok = true;
    outcome.median_us = TimeUs(config);
    outcome.low_us = outcome.median_us * 0.99;
    outcome.high_us = outcome.median_us * 1.01;
    return outcome;
  }

 private:
  int Number(const schedules::Config& config, int knob) const {
    return static_cast<int>(space_.number(config, knob));
  }

  static schedules::ConfigSpace MakeSpace() {
    using namespace schedules;
    const auto powers = [](std::string name, int count) {
      Knob knob{std::move(name), KnobKind::kSplit, {}, {}};
      for (int i = 0; i < count; ++i) {
        knob.values.push_back(std::to_string(1 << i));
        knob.numbers.push_back(1 << i);
      }
      return knob;
    };
    std::vector<Knob> knobs = {powers("tm", 6), powers("tn", 6), powers("tk", 9), powers("tb", 6),
                               Knob{"order", KnobKind::kReorder, {"mn", "nm"}, {0, 1}, false}};
    const auto fast = [](const ConfigSpace& space, const Config& config) {
      return space.number(config, 0) * space.number(config, 1) <= 32;
    };
    const auto legal = [fast](const ConfigSpace& space, const Config& config) -> absl::Status {
      if (fast(space, config)) return absl::OkStatus();
      return absl::InvalidArgumentError("the register tile is too large");
    };
    return ConfigSpace(std::move(knobs), Config{{0, 0, 3, 0, 0}}, legal, fast);
  }

  int side_;
  schedules::ConfigSpace space_;
};

}  // namespace tunefarm::tuner
