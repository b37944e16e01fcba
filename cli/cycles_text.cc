#include "cli/cycles_text.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace tunefarm::cli {
namespace {

// Each cause is rounded to a cycle; a calibration changes more than that.
constexpr double kRounding = 1e-3;

}  // namespace

std::vector<std::pair<std::string, double>> ParseCycleBreakdown(absl::string_view text) {
  const std::size_t colon = text.find(": ");
  if (colon == absl::string_view::npos) return {};
  std::vector<std::pair<std::string, double>> causes;
  for (const absl::string_view part : absl::StrSplit(text.substr(colon + 2), ", ")) {
    const std::size_t space = part.rfind(' ');
    double cycles = 0;
    if (space == absl::string_view::npos || space == 0 ||
        !absl::SimpleAtod(part.substr(space + 1), &cycles)) {
      return {};
    }
    causes.emplace_back(part.substr(0, space), cycles);
  }
  return causes;
}

std::string DescribeCycles(const v1::KernelResult& result) {
  double sum = 0;
  std::size_t width = 10;
  const auto causes = ParseCycleBreakdown(result.cycle_breakdown());
  for (const auto& [cause, cycles] : causes) {
    sum += cycles;
    width = std::max(width, cause.size());
  }
  if (!(sum > 0)) return "";
  std::string text;
  for (const auto& [cause, cycles] : causes) {
    absl::StrAppendFormat(&text, "%-*s %12.0f %6.1f %%\n", static_cast<int>(width), cause, cycles,
                          100 * cycles / sum);
  }
  const double scale = result.cycles() / sum;
  if (std::abs(scale - 1) > kRounding) {
    absl::StrAppendFormat(&text, "%-*s %12.0f, their sum times the board's calibration of %.3f\n",
                          static_cast<int>(width), "in all", result.cycles(), scale);
  }
  return text;
}

}  // namespace tunefarm::cli
