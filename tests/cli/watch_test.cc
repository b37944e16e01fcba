// Following a job over gRPC, against a daemon of our own making.
#include <grpcpp/grpcpp.h>

#include <memory>
#include <set>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "cli/event_stream.h"
#include "cli/job_run.h"
#include "tests/catch.h"
#include "tests/cli/events.h"

namespace tunefarm::cli {
namespace {

// Has the events 1, 2, 3, ..., and breaks the stream off after `break_after` of them, once.
class FakeTuner : public v1::Tuner::Service {
 public:
  explicit FakeTuner(std::vector<v1::JobEvent> events, std::size_t break_after = 0)
      : events_(std::move(events)), break_after_(break_after) {
    uint64_t sequence = 0;
    for (v1::JobEvent& event : events_) event.set_sequence(event.has_progress() ? 0 : ++sequence);
  }

  grpc::Status WatchJob(grpc::ServerContext*, const v1::WatchJobRequest* request,
                        grpc::ServerWriter<v1::JobEvent>* writer) override {
    absl::MutexLock lock(&mu_);
    asked_.push_back(request->after_sequence());
    if (request->job_id() != "job-1") return {grpc::StatusCode::NOT_FOUND, "no job of that name", "17"};
    for (const v1::JobEvent& event : events_) {
      if (event.sequence() <= request->after_sequence() && !event.has_progress()) continue;
      if (break_after_ > 0 && event.sequence() > break_after_) {
        break_after_ = 0;
        return {grpc::StatusCode::UNAVAILABLE, "going down"};
      }
      writer->Write(event);
    }
    return grpc::Status::OK;
  }

  std::vector<uint64_t> asked() {
    absl::MutexLock lock(&mu_);
    return asked_;
  }

 private:
  absl::Mutex mu_;
  std::vector<v1::JobEvent> events_;
  std::size_t break_after_;
  std::vector<uint64_t> asked_;
};

struct Served {
  explicit Served(FakeTuner* tuner) {
    address = "unix:" + folder.path() + "/s";
    grpc::ServerBuilder builder;
    REQUIRE(AddListeningPort(builder, address, {}, nullptr).ok());
    builder.RegisterService(tuner);
    server = builder.BuildAndStart();
    REQUIRE(server != nullptr);
    auto connected = TunerClient::Connect(address, {});
    REQUIRE(connected.ok());
    client = *std::move(connected);
  }
  ~Served() { server->Shutdown(); }
  TempDir folder = *TempDir::Create("cli-test");
  std::string address;
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<TunerClient> client;
};

std::vector<v1::JobEvent> AJob() {
  std::vector<v1::JobEvent> events = {Trial(0, kConv, 0, 10), Trial(0, kConv, 1, 0, "crash"),
                                      Trial(0, kConv, 2, 30)};
  v1::JobEvent done;
  done.mutable_done()->set_state(v1::JOB_STATE_DONE);
  *done.mutable_done()->add_tasks() = Summary(0, kConv, 3, 3, 10, 30);
  events.push_back(done);
  return events;
}

JobRun Quiet(const std::string& job_id) {
  JobRun run;
  run.job_id = job_id;
  run.output = Output::kQuiet;
  return run;
}

}  // namespace

TEST_CASE("AJobIsFollowedToItsEnd") {
  FakeTuner tuner(AJob());
  const Served served(&tuner);
  const auto outcome = FollowJob(*served.client, Quiet("job-1"));
  REQUIRE(outcome.ok());
  CHECK_FALSE(outcome->interrupted);
  CHECK(outcome->trials.size() == 3);
  CHECK(outcome->summary.state() == v1::JOB_STATE_DONE);
  REQUIRE(outcome->summary.tasks_size() == 1);
  CHECK(outcome->summary.tasks(0).failures() == 1);
  CHECK(outcome->summary.tasks(0).speedup() == Approx(3));
}

TEST_CASE("ABrokenStreamIsPickedUpAfterTheLastEvent") {
  FakeTuner tuner(AJob(), 2);
  const Served served(&tuner);
  const auto outcome = FollowJob(*served.client, Quiet("job-1"));
  REQUIRE(outcome.ok());
  CHECK(outcome->trials.size() == 3);
  CHECK(tuner.asked() == std::vector<uint64_t>{0, 2});
}

TEST_CASE("AJobHasEndedAlsoWhenItsProgressComesLate") {
  std::vector<v1::JobEvent> events = AJob();
  events.emplace_back().mutable_progress();
  FakeTuner tuner(events);
  const Served served(&tuner);
  const auto outcome = FollowJob(*served.client, Quiet("job-1"));
  REQUIRE(outcome.ok());
  CHECK(outcome->summary.state() == v1::JOB_STATE_DONE);
  CHECK(tuner.asked() == std::vector<uint64_t>{0});
}

TEST_CASE("WhatIsKnownAlreadyIsNotAskedForAgain") {
  FakeTuner tuner(AJob());
  const Served served(&tuner);
  JobRun run = Quiet("job-1");
  run.history = AJob();
  run.history.resize(2);
  run.history[0].set_sequence(1);
  run.history[1].set_sequence(2);
  const auto outcome = FollowJob(*served.client, run);
  REQUIRE(outcome.ok());
  CHECK(tuner.asked() == std::vector<uint64_t>{2});
  CHECK(outcome->trials.size() == 1);
  CHECK(outcome->summary.tasks(0).trials() == 3);
}

TEST_CASE("AJobThatIsNotThereIsNotFound") {
  FakeTuner tuner(AJob());
  const Served served(&tuner);
  const auto outcome = FollowJob(*served.client, Quiet("job-2"));
  CHECK(ExitCodeOf(outcome.status()) == ExitCode::kNotFound);
}

TEST_CASE("AnEndedDaemonIsUnreachableWithinFiveSeconds") {
  const TempDir folder = *TempDir::Create("cli-test");
  const absl::Time start = absl::Now();
  const auto client = TunerClient::Connect("unix:" + folder.path() + "/none", {});
  CHECK(absl::Now() - start < absl::Seconds(6));
  CHECK(ExitCodeOf(client.status()) == ExitCode::kUnreachable);
  CHECK(std::string(client.status().message()).find(folder.path() + "/none") != std::string::npos);
  CHECK(std::string(client.status().message()).find("start one with `tunefarmd --listen") !=
        std::string::npos);
}

TEST_CASE("AnAddressThatIsNoneIsAUsageError") {
  CHECK(ExitCodeOf(TunerClient::Connect("nowhere", {}).status()) == ExitCode::kUsage);
  CHECK(ExitCodeOf(TrackerClient::Connect("farm.example:1", {}).status()) ==
        ExitCode::kUsage);  // Not local, no TLS.
}

}  // namespace tunefarm::cli
