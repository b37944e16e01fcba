#include "db/shape.h"

#include <cmath>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace tunefarm::db {

bool IsQuantisation(absl::string_view key) {
  return key == "izp" || key == "izp2" || key == "ozp" || key == "amin" || key == "amax";
}

const char* SpeedUnit(absl::string_view workload) {
  return absl::StrContains(workload, "dtype=i8") ? "GOP/s" : "GFLOP/s";
}

Shape ParseShape(absl::string_view workload) {
  Shape unparsed{std::string(workload), "", {}};
  const std::size_t colon = workload.find(':');
  if (colon == absl::string_view::npos) return unparsed;
  std::map<std::string, float> numbers;
  std::map<std::string, std::string> words;
  Shape shape;
  for (absl::string_view item : absl::StrSplit(workload.substr(colon + 1), ',')) {
    const std::pair<std::string, std::string> pair = absl::StrSplit(item, absl::MaxSplits('=', 1));
    const auto& [key, value] = pair;
    int64_t number = 0;
    if (key.empty() || value.empty()) return unparsed;
    if (IsQuantisation(key)) continue;
    if (key == "epilogue") {
      shape.epilogue = value == "none" ? "" : value;
    } else if (absl::SimpleAtoi(value, &number) && number >= 0) {
      numbers[key] = static_cast<float>(std::log2(1.0 + static_cast<double>(number)));
    } else {
      words[key] = value;
    }
  }
  std::vector<std::string> names;
  for (const auto& [name, octaves] : numbers) {
    names.push_back(name);
    shape.octaves.push_back(octaves);
  }
  shape.family = absl::StrCat(workload.substr(0, colon), ":", absl::StrJoin(names, ","), ";",
                              absl::StrJoin(words, ",", absl::PairFormatter("=")));
  return shape;
}

float Distance(const Shape& a, const Shape& b) {
  float sum = a.epilogue == b.epilogue ? 0.0f : kEpilogueOctaves;
  for (std::size_t i = 0; i < a.octaves.size(); ++i) sum += std::fabs(a.octaves[i] - b.octaves[i]);
  return sum;
}

}  // namespace tunefarm::db
