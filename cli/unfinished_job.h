// Jobs that were interrupted, and whether a new request is the same work. Pure but for ReadJobs and
// ReadEvents.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "db/database.h"

namespace tunefarm::cli {

// The same tasks under the same options: going on with one is what running the other would do.
bool SameWork(const v1::SubmitJobRequest& a, const v1::SubmitJobRequest& b);

// The youngest job that is not done, not failed, and the same work.
std::optional<db::Job> FindUnfinished(const std::vector<db::Job>& jobs, const v1::SubmitJobRequest& request);

// All jobs of a database file; none when there is no such file yet.
absl::StatusOr<std::vector<db::Job>> ReadJobs(const std::string& database);
// Everything that was told of a job so far.
absl::StatusOr<std::vector<v1::JobEvent>> ReadEvents(const std::string& database, const std::string& job_id);

}  // namespace tunefarm::cli
