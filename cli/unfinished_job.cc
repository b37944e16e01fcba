#include "cli/unfinished_job.h"

#include <iterator>
#include <memory>

#include "base/file.h"

namespace tunefarm::cli {
namespace {

// A message of that many events stays well below a megabyte.
constexpr int64_t kEventsAtOnce = 1000;

std::string WorkOf(v1::SubmitJobRequest request) {
  request.clear_client_token();
  return request.SerializeAsString();  // No maps in it: equal messages have equal bytes within one program.
}

}  // namespace

bool SameWork(const v1::SubmitJobRequest& a, const v1::SubmitJobRequest& b) { return WorkOf(a) == WorkOf(b); }

std::optional<db::Job> FindUnfinished(const std::vector<db::Job>& jobs, const v1::SubmitJobRequest& request) {
  std::optional<db::Job> found;
  for (const db::Job& job : jobs) {
    if (job.state != db::JobState::kRunning && job.state != db::JobState::kCancelled) continue;
    if (!SameWork(job.request, request)) continue;
    if (!found.has_value() || job.submitted_unix_us > found->submitted_unix_us) found = job;
  }
  return found;
}

absl::StatusOr<std::vector<db::Job>> ReadJobs(const std::string& database) {
  auto opened = db::Database::Open(database, db::Database::Mode::kReadOnly);
  if (absl::IsNotFound(opened.status())) return std::vector<db::Job>();
  if (!opened.ok()) return opened.status();
  return (*opened)->Jobs();
}

absl::StatusOr<std::vector<v1::JobEvent>> ReadEvents(const std::string& database, const std::string& job_id) {
  TUNEFARM_ASSIGN_OR_RETURN(const auto opened, db::Database::Open(database, db::Database::Mode::kReadOnly));
  std::vector<v1::JobEvent> all;
  for (;;) {
    TUNEFARM_ASSIGN_OR_RETURN(std::vector<v1::JobEvent> some,
                              opened->Events(job_id, all.empty() ? 0 : all.back().sequence(), kEventsAtOnce));
    if (some.empty()) return all;
    all.insert(all.end(), std::make_move_iterator(some.begin()), std::make_move_iterator(some.end()));
  }
}

}  // namespace tunefarm::cli
