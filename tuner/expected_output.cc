#include "tuner/expected_output.h"

#include <optional>
#include <utility>

#include "base/digest.h"
#include "schedules/reference.h"
#include "tuner/job_spec.h"

namespace tunefarm::tuner {

Artifact ExpectedOutput(const schedules::Workload& workload, ArtifactCache* cache) {
  const uint64_t seed = InputSeedOf(workload);
  // The number is the version of the reference and of base/inputs.h: to be raised when either changes its
  // values.
  const std::string key = Sha256Hex(absl::StrCat("expected output 1\n", workload.ToString(), "\n", seed));
  std::optional<std::string> bytes;
  if (cache != nullptr) bytes = cache->Get(key);
  if (!bytes.has_value()) {
    bytes = schedules::ReferenceBytes(workload, seed);
    if (cache != nullptr) cache->Put(key, *bytes);
  }
  Artifact artifact;
  artifact.digest = Sha256Hex(*bytes);
  artifact.content = std::make_shared<const std::string>(*std::move(bytes));
  return artifact;
}

}  // namespace tunefarm::tuner
