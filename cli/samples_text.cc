#include "cli/samples_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cli/format.h"

namespace tunefarm::cli {

std::string Sparkline(const std::vector<double>& samples, std::size_t width) {
  static constexpr const char* kBars[] = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (samples.empty() || width == 0) return "";
  const std::size_t bars = std::min(width, samples.size());
  std::vector<double> heights(bars);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    double& height = heights[i * bars / samples.size()];
    height = std::max(height, samples[i]);
  }
  const auto [low, high] = std::minmax_element(heights.begin(), heights.end());
  std::string line;
  for (const double height : heights) {
    const double share = *high > *low ? (height - *low) / (*high - *low) : 0;
    line += kBars[std::min(7, static_cast<int>(share * 8))];
  }
  return line;
}

std::string DescribeSamples(const v1::KernelResult& result) {
  std::vector<double> samples(result.samples_us().begin(), result.samples_us().end());
  std::string text =
      absl::StrFormat("median     %s (95 %%: %s to %s)%s%s\n", FormatMicroseconds(result.median_us()),
                      FormatMicroseconds(result.low_us()), FormatMicroseconds(result.high_us()),
                      result.noisy() ? ", noisy: the interval is wider than asked" : "",
                      result.censored() ? ", cut short: at least that slow" : "");
  if (result.raw_median_us() > 0 && result.raw_median_us() != result.median_us()) {
    absl::StrAppend(&text, "raw        ", FormatMicroseconds(result.raw_median_us()),
                    " before the correction by the reference kernel\n");
  }
  absl::StrAppendFormat(&text, "samples    %d of %d calls each", samples.size(), result.iterations());
  if (result.dropped() > 0) absl::StrAppendFormat(&text, ", %d dropped", result.dropped());
  text += "\n";
  if (samples.empty()) return text;
  const std::string line = Sparkline(samples, 60);
  std::sort(samples.begin(), samples.end());
  absl::StrAppend(&text, "spread     ", FormatMicroseconds(samples.front()), " to ",
                  FormatMicroseconds(samples.back()), "\n           ", line, "\n");
  if (result.reference_us_size() > 0) {
    absl::StrAppend(&text, "reference  ",
                    Sparkline({result.reference_us().begin(), result.reference_us().end()}, 60), "\n");
  }
  return text;
}

}  // namespace tunefarm::cli
