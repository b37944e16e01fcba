#include "tuner/work_id.h"

#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace tunefarm::tuner {
namespace {

bool ParseCount(absl::string_view text, int* value) { return absl::SimpleAtoi(text, value) && *value >= 0; }

}  // namespace

std::string WorkId::ToString() const {
  return absl::StrCat(job_id, "/", task_index, "/", confirmation ? "confirm." : "", number,
                      resumed > 0 ? absl::StrCat("~", resumed) : "");
}

std::optional<WorkId> WorkId::Parse(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, '/');
  if (parts.size() != 3 || parts[0].empty()) return std::nullopt;
  WorkId id;
  id.job_id = std::string(parts[0]);
  const std::vector<absl::string_view> tail = absl::StrSplit(parts[2], '~');
  absl::string_view number = tail[0];
  id.confirmation = absl::ConsumePrefix(&number, "confirm.");
  if (!ParseCount(parts[1], &id.task_index) || !ParseCount(number, &id.number) || tail.size() > 2)
    return std::nullopt;
  if (tail.size() == 2 && !ParseCount(tail[1], &id.resumed)) return std::nullopt;
  if (id.ToString() != text) return std::nullopt;
  return id;
}

}  // namespace tunefarm::tuner
