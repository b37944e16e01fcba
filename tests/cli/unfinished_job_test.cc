#include "cli/unfinished_job.h"

#include "base/file.h"
#include "tests/catch.h"
#include "tests/cli/events.h"

namespace tunefarm::cli {
namespace {

v1::SubmitJobRequest Request(uint32_t trials) {
  v1::SubmitJobRequest request;
  request.add_tasks()->set_workload(kConv);
  request.mutable_options()->set_trials(trials);
  return request;
}

db::Job JobOf(const std::string& id, const v1::SubmitJobRequest& request, db::JobState state,
              int64_t submitted) {
  db::Job job;
  job.id = id;
  job.request = request;
  job.request.set_client_token("token of " + id);
  job.state = state;
  job.submitted_unix_us = submitted;
  return job;
}

}  // namespace

TEST_CASE("TheSameCommandFindsItsUnfinishedJob") {
  const std::vector<db::Job> jobs = {JobOf("job-a", Request(8), db::JobState::kCancelled, 1),
                                     JobOf("job-b", Request(8), db::JobState::kRunning, 3),
                                     JobOf("job-c", Request(9), db::JobState::kRunning, 4)};
  const auto found = FindUnfinished(jobs, Request(8));
  REQUIRE(found.has_value());
  CHECK(found->id == "job-b");
}

TEST_CASE("FinishedAndOtherJobsAreNotGoneOnWith") {
  const std::vector<db::Job> jobs = {JobOf("job-a", Request(8), db::JobState::kDone, 1),
                                     JobOf("job-b", Request(8), db::JobState::kFailed, 2),
                                     JobOf("job-c", Request(9), db::JobState::kRunning, 3)};
  CHECK_FALSE(FindUnfinished(jobs, Request(8)).has_value());
}

TEST_CASE("ADatabaseThatIsNotThereYetHasNoJobs") {
  const auto folder = TempDir::Create("cli-test");
  REQUIRE(folder.ok());
  const auto jobs = ReadJobs(folder->path() + "/none.db");
  REQUIRE(jobs.ok());
  CHECK(jobs->empty());
}

TEST_CASE("JobsAreReadFromTheDatabaseFile") {
  const auto folder = TempDir::Create("cli-test");
  REQUIRE(folder.ok());
  const std::string path = folder->path() + "/t.db";
  {
    auto database = db::Database::Open(path, db::Database::Mode::kReadWrite);
    REQUIRE(database.ok());
    v1::SubmitJobRequest request = Request(8);
    request.set_client_token("x");
    REQUIRE((*database)->InsertJob(request, 5).ok());
  }
  const auto jobs = ReadJobs(path);
  REQUIRE(jobs.ok());
  CHECK(FindUnfinished(*jobs, Request(8)).has_value());
}

}  // namespace tunefarm::cli
