#include "tuner/kernel_id.h"

#include "absl/hash/hash.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace tunefarm::tuner {

uint64_t KernelId(const schedules::Task& task, const schedules::Config& config) {
  const absl::StatusOr<schedules::KernelSource> source = task.Generate(config);
  if (!source.ok()) return 0;
  absl::string_view c = source->c;
  // The comment at the top names the config.
  while (absl::StartsWith(c, "//") && c.find('\n') != absl::string_view::npos)
    c.remove_prefix(c.find('\n') + 1);
  const uint64_t id = absl::HashOf(c, source->flags);
  return id == 0 ? 1 : id;
}

}  // namespace tunefarm::tuner
