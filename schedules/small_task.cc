#include "schedules/small_task.h"

#include "schedules/knobs.h"

namespace tunefarm::schedules {

std::string SmallTask::Heading(const Config& config) const {
  return absl::StrCat("// ", workload().ToString(), " for ", target().name, "\n// ", template_version(), ": ",
                      space_.ToText(config), "\n#include <stdint.h>\n");
}

std::string SmallTask::ParallelLine() const {
  return threads() > 1 ? absl::StrCat("#pragma omp parallel for num_threads(", threads(), ")\n") : "";
}

KernelSource SmallTask::ToSource(std::string text, const Config& config) const {
  KernelSource source;
  source.c = std::move(text);
  source.flags = ThreadFlags();
  if (number(config, "compile") == 3) source.flags.push_back("-O3");
  return source;
}

ConfigSpace MakeSmallSpace(std::vector<Knob> knobs, std::vector<uint16_t> default_config,
                           ConfigSpace::Constraint legal) {
  if (legal == nullptr) legal = [](const ConfigSpace&, const Config&) { return absl::OkStatus(); };
  const auto fast = [legal](const ConfigSpace& space, const Config& config) {
    return legal(space, config).ok();
  };
  return ConfigSpace(std::move(knobs), Config{std::move(default_config)}, legal, fast);
}

Knob CompileKnob() { return ChoiceKnob("compile", KnobKind::kAnnotate, {{"O2", 2}, {"O3", 3}}); }

std::string ClampText(const std::string& value, const Requantize& requantize, bool can_leave_int8) {
  std::string text = value;
  if (can_leave_int8 || requantize.output_min > -128) {
    text = absl::StrCat("max(", text, ", ", requantize.output_min, ")");
  }
  if (can_leave_int8 || requantize.output_max < 127) {
    text = absl::StrCat("min(", text, ", ", requantize.output_max, ")");
  }
  return text;
}

}  // namespace tunefarm::schedules
