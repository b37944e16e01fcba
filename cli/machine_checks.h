// What tuning on this machine needs of it, each checked on its own.
#pragma once

#include <string>

#include "base/status.h"

namespace tunefarm::cli {

// The programs of a local farm, in `directory`. kNotFound names those that are missing.
absl::Status CheckPrograms(const std::string& directory);

// bubblewrap, and a kernel that lets it make its namespaces. kNoSandbox.
absl::Status CheckSandbox();

// At least kNeededBytes free where `path` is or will be. kDiskFull. `detail` receives what is free.
absl::Status CheckDiskSpace(const std::string& path, std::string* detail);
inline constexpr long long kNeededBytes =
    256ll << 20;  // A day of tuning: kernels in the cache, records, the journal.

// That the database can be opened, or made. `detail` receives which.
absl::Status CheckDatabase(const std::string& path, std::string* detail);

}  // namespace tunefarm::cli
