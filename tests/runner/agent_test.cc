#include "runner/agent.h"

#include <unistd.h>

#include <deque>
#include <thread>

#include "base/digest.h"
#include "base/file.h"
#include "tests/catch.h"

namespace tunefarm {
namespace {

// A tracker that answers by script and remembers what it was asked.
class FakeTracker : public v1::Worker::Service {
 public:
  using Answer = std::function<grpc::Status(const v1::SynchronizeRequest&, v1::SynchronizeResponse*)>;

  grpc::Status Synchronize(grpc::ServerContext* context, const v1::SynchronizeRequest* request,
                           v1::SynchronizeResponse* response) override {
    absl::MutexLock lock(&mu_);
    requests_.push_back(*request);
    response->set_next_call_in_ms(10);
    if (!script_.empty()) {
      const Answer answer = script_.front();
      script_.pop_front();
      return answer(*request, response);
    }
    if (request->has_idle()) {
      // The long poll: until the script goes on or the caller leaves.
      while (request->max_wait_ms() > 0 && script_.empty() && !context->IsCancelled()) {
        mu_.AwaitWithTimeout(absl::Condition(this, &FakeTracker::HasScript), absl::Milliseconds(20));
      }
      response->mutable_be_idle();
    } else if (request->has_executing()) {
      response->mutable_keep_going();
    } else {
      response->set_completion_recorded(true);
      response->mutable_be_idle();
    }
    return grpc::Status::OK;
  }

  void Then(Answer answer) {
    absl::MutexLock lock(&mu_);
    script_.push_back(std::move(answer));
  }

  // Waits until some request satisfies `wanted`; fails the test after ten seconds.
  v1::SynchronizeRequest Await(const std::function<bool(const v1::SynchronizeRequest&)>& wanted) {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    absl::MutexLock lock(&mu_);
    std::size_t seen = 0;
    while (absl::Now() < deadline) {
      for (; seen < requests_.size(); ++seen) {
        if (wanted(requests_[seen])) return requests_[seen];
      }
      const auto more = [this, seen]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return requests_.size() > seen; };
      mu_.AwaitWithTimeout(absl::Condition(&more), absl::Seconds(1));
    }
    FAIL("the agent never said it");
    return {};
  }

  std::vector<v1::SynchronizeRequest> requests() {
    absl::MutexLock lock(&mu_);
    return requests_;
  }

 private:
  bool HasScript() const ABSL_NO_THREAD_SAFETY_ANALYSIS { return !script_.empty(); }
  absl::Mutex mu_;
  std::deque<Answer> script_ ABSL_GUARDED_BY(mu_);
  std::vector<v1::SynchronizeRequest> requests_ ABSL_GUARDED_BY(mu_);
};

FakeTracker::Answer Execute(const std::string& id, std::uint64_t fence) {
  return [=](const v1::SynchronizeRequest& request, v1::SynchronizeResponse* response) {
    response->set_completion_recorded(request.has_completed());
    response->mutable_execute()->mutable_lease()->set_work_id(id);
    response->mutable_execute()->mutable_lease()->set_fence(fence);
    response->mutable_execute()->mutable_work()->set_work_id(id);
    return grpc::Status::OK;
  };
}

// A device that works until it is told to finish.
class FakeDevice : public Device {
 public:
  v1::DeviceFacts Facts() const override {
    v1::DeviceFacts facts;
    facts.set_device_id("fake");
    return facts;
  }
  v1::Measurement Measure(const LocalWork& work, WorkControl& control) override {
    v1::Measurement measurement;
    absl::MutexLock lock(&mu_);
    ++started_;
    while (finish_ == 0) {
      mu_.AwaitWithTimeout(
          absl::Condition(+[](int* finish) { return *finish > 0; }, &finish_), absl::Milliseconds(5));
      std::uint64_t count = 0;
      if (finish_ == 0 && read(control.cancel_fd, &count, sizeof count) > 0) {
        ++cancelled_;
        measurement.mutable_failure()->set_kind(v1::FAILURE_KIND_CANCELLED);
        return measurement;
      }
    }
    --finish_;
    measurement.add_kernels()->set_median_us(static_cast<double>(work.item.work_id().size()));
    return measurement;
  }
  void Finish() {
    absl::MutexLock lock(&mu_);
    ++finish_;
  }
  int started() {
    absl::MutexLock lock(&mu_);
    return started_;
  }
  int cancelled() {
    absl::MutexLock lock(&mu_);
    return cancelled_;
  }

 private:
  absl::Mutex mu_;
  int finish_ = 0;
  int started_ = 0;
  int cancelled_ = 0;
};

struct Farm {
  Farm() {
    Listen();
    AgentOptions options;
    options.long_poll = absl::Seconds(5);
    options.first_retry = absl::Milliseconds(5);
    options.last_retry = absl::Milliseconds(50);
    agent = std::make_unique<Agent>(grpc::CreateChannel(address(), grpc::InsecureChannelCredentials()),
                                    device, cache, options, [this] { ++registered; });
  }
  ~Farm() {
    if (thread.joinable()) {
      agent->Drain();
      device.Finish();
      thread.join();
    }
    server->Shutdown(absl::ToChronoTime(absl::Now()));
  }
  std::string address() const { return absl::StrCat("unix:", folder.path(), "/tracker"); }
  void Listen() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address(), grpc::InsecureServerCredentials());
    builder.RegisterService(&tracker);
    server = builder.BuildAndStart();
    REQUIRE(server != nullptr);
  }
  void Start() {
    thread = std::thread([this] { result = agent->Run(); });
  }
  void Join() { thread.join(); }

  TempDir folder = *TempDir::Create();
  FakeTracker tracker;
  FakeDevice device;
  ArtifactCache cache = *ArtifactCache::Open(folder.path() + "/artifacts", 1 << 20, [](const std::string&) {
    return absl::StatusOr<std::string>(absl::NotFoundError("none"));
  });
  std::unique_ptr<grpc::Server> server;
  std::unique_ptr<Agent> agent;
  std::atomic<int> registered{0};
  absl::Status result;
  std::thread thread;
};

bool Completed(const v1::SynchronizeRequest& request, const std::string& id) {
  return request.has_completed() && request.completed().lease().work_id() == id;
}

}  // namespace

TEST_CASE("WorkIsDoneHeartbeatsSentAndTheNextFollowsTheReport") {
  Farm farm;
  farm.tracker.Then(Execute("one", 1));
  farm.Start();
  farm.tracker.Await(
      [](const auto& r) { return r.has_executing() && r.executing().lease().work_id() == "one"; });
  farm.device.Finish();
  const v1::SynchronizeRequest done = farm.tracker.Await([](const auto& r) { return Completed(r, "one"); });
  CHECK(done.completed().lease().fence() == 1);
  CHECK(done.completed().measurement().kernels(0).median_us() == 3);
  std::uint64_t last = 0;
  for (const v1::SynchronizeRequest& request : farm.tracker.requests()) {
    CHECK(request.sequence() > last);
    last = request.sequence();
    CHECK(request.incarnation() == done.incarnation());
  }
  CHECK(farm.registered == 1);
}

TEST_CASE("AnExecuteThatIsRepeatedStartsTheWorkOnce") {
  Farm farm;
  farm.tracker.Then(Execute("one", 1));
  farm.tracker.Then(Execute("one", 1));
  farm.tracker.Then(Execute("one", 1));
  farm.Start();
  farm.tracker.Await([](const auto& r) { return r.has_executing() && r.sequence() > 3; });
  CHECK(farm.device.started() == 1);
}

TEST_CASE("AbandonedWorkIsStoppedAndNotReported") {
  Farm farm;
  farm.tracker.Then(Execute("one", 1));
  farm.tracker.Then([](const auto&, v1::SynchronizeResponse* response) {
    response->mutable_abandon();
    return grpc::Status::OK;
  });
  farm.tracker.Then(Execute("two", 2));
  farm.Start();
  farm.tracker.Await(
      [](const auto& r) { return r.has_executing() && r.executing().lease().work_id() == "two"; });
  CHECK(farm.device.cancelled() == 1);
  for (const v1::SynchronizeRequest& request : farm.tracker.requests())
    CHECK_FALSE(Completed(request, "one"));
}

TEST_CASE("AResultSurvivesATrackerThatGoesAway") {
  Farm farm;
  farm.tracker.Then(Execute("one", 1));
  farm.Start();
  farm.tracker.Await([](const auto& r) { return r.has_executing(); });
  farm.server->Shutdown(absl::ToChronoTime(absl::Now()));
  farm.device.Finish();
  farm.Listen();
  farm.tracker.Await([](const auto& r) { return Completed(r, "one"); });
}

TEST_CASE("AReportIsRepeatedUntilItIsAnsweredAndThenForgotten") {
  Farm farm;
  farm.tracker.Then(Execute("one", 1));
  farm.Start();
  farm.tracker.Await([](const auto& r) { return r.has_executing(); });
  const auto lost = [](const auto&, auto*) { return grpc::Status(grpc::StatusCode::UNAVAILABLE, "lost"); };
  farm.tracker.Then(lost);
  farm.tracker.Then(lost);
  farm.device.Finish();
  const v1::SynchronizeRequest first = farm.tracker.Await([](const auto& r) { return Completed(r, "one"); });
  farm.tracker.Await([&first](const auto& r) { return r.has_idle() && r.sequence() > first.sequence(); });
  CHECK(farm.device.started() == 1);
}

TEST_CASE("AStaleCompletionIsForgotten") {
  Farm farm;
  farm.tracker.Then(Execute("one", 1));
  farm.device.Finish();
  farm.tracker.Then([](const auto& request, v1::SynchronizeResponse* response) {
    if (request.has_executing()) response->mutable_keep_going();
    response->set_completion_recorded(false);
    return grpc::Status::OK;
  });
  farm.Start();
  const v1::SynchronizeRequest done = farm.tracker.Await([](const auto& r) { return Completed(r, "one"); });
  farm.tracker.Await([&done](const auto& r) { return r.has_idle() && r.sequence() > done.sequence(); });
}

TEST_CASE("DrainingFinishesReportsAndLeaves") {
  Farm farm;
  farm.tracker.Then(Execute("one", 1));
  farm.Start();
  farm.tracker.Await([](const auto& r) { return r.has_executing(); });
  farm.agent->Drain();
  farm.tracker.Await([](const auto& r) { return r.has_executing() && r.draining(); });
  farm.device.Finish();
  farm.Join();
  CHECK(farm.result.ok());
  farm.tracker.Await([](const auto& r) { return Completed(r, "one"); });
}

TEST_CASE("DrainingCutsALongPollShort") {
  Farm farm;
  farm.Start();
  farm.tracker.Await([](const auto& r) { return r.has_idle(); });
  const absl::Time start = absl::Now();
  farm.agent->Drain();
  farm.Join();
  CHECK(farm.result.ok());
  CHECK(absl::Now() - start < absl::Seconds(4));
}

TEST_CASE("AProtocolThatTheTrackerDoesNotSpeakEndsTheRunner") {
  Farm farm;
  farm.tracker.Then([](const auto&, auto*) {
    return grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "speak version 2");
  });
  farm.Start();
  farm.Join();
  CHECK(farm.result.message().find("speak version 2") != std::string::npos);
}

TEST_CASE("AKernelThatCannotBeFetchedIsAnUploadFailure") {
  Farm farm;
  farm.tracker.Then([](const auto& request, v1::SynchronizeResponse* response) {
    const grpc::Status status = Execute("one", 1)(request, response);
    response->mutable_execute()->mutable_work()->add_kernel_digests(Sha256Hex("kernel"));
    return status;
  });
  farm.Start();
  const v1::SynchronizeRequest done = farm.tracker.Await([](const auto& r) { return Completed(r, "one"); });
  CHECK(done.completed().measurement().failure().kind() == v1::FAILURE_KIND_UPLOAD);
}

}  // namespace tunefarm
