#include "bench/peer_process.h"

#include <unistd.h>

#include <cmath>
#include <ctime>
#include <thread>

#include "bench/rounds.h"
#include "tests/catch.h"

namespace tunefarm::bench {
namespace {

Problem Product(int threads = 1) {
  return Problem(schedules::Workload::Parse("dense:m=1,n=2,k=3").value(),
                 schedules::FindTarget("x86-64-v3").value(), threads, 1);
}

void Spin(double seconds) {
  timespec start, now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &start);
  do {
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  } while (static_cast<double>(now.tv_sec - start.tv_sec) +
               1e-9 * static_cast<double>(now.tv_nsec - start.tv_nsec) <
           seconds);
}

TEST_CASE("APeerRunsInAProcessOfItsOwn") {
  const Problem problem = Product();
  int runs = 0;
  absl::StatusOr<PeerProcess> process = PeerProcess::Start(problem, [&]() -> absl::StatusOr<Peer> {
    Peer peer;
    peer.name = "spinner";
    peer.description = "process " + std::to_string(getpid());
    peer.flop = 12;
    peer.allowed_error = 3;
    peer.run = [&runs](Buffer& output) {
      ++runs;
      output.data()[0] = output.data()[1] = std::nanf("");
      Spin(0.01);
    };
    return peer;
  });
  REQUIRE(process.status() == absl::OkStatus());
  CHECK(process->facts().name == "spinner");
  CHECK(process->facts().description.rfind("process ", 0) == 0);
  CHECK(process->facts().description != "process " + std::to_string(getpid()));
  CHECK(process->facts().flop == 12);
  CHECK(process->facts().allowed_error == 3);
  CHECK(process->facts().is_operator);
  CHECK(process->facts().competes);
  CHECK(std::isinf(process->error()));  // Not a number is as wrong as can be.
  const absl::StatusOr<double> seconds = process->TimeCalls(5);
  REQUIRE(seconds.status() == absl::OkStatus());
  CHECK(*seconds >= 0.05);
  CHECK(*seconds < 0.1);  // Of processor time: the machine may be as busy as it likes.
  CHECK(runs == 0);
}

TEST_CASE("WhyThereIsNoPeerIsPassedOn") {
  const Problem problem = Product();
  const auto absent =
      PeerProcess::Start(problem, [] { return absl::UnimplementedError("computes in float32 only"); });
  CHECK(absent.status() == absl::UnimplementedError("computes in float32 only"));
  const auto crashes = PeerProcess::Start(problem, []() -> absl::StatusOr<Peer> { _exit(1); });
  CHECK(crashes.status().code() == absl::StatusCode::kInternal);
}

TEST_CASE("APeerThatEndsItsProcessIsNamed") {
  const Problem problem = Product();
  absl::StatusOr<PeerProcess> process = PeerProcess::Start(problem, []() -> absl::StatusOr<Peer> {
    Peer peer;
    peer.name = "fragile";
    peer.is_operator = false;
    peer.run = [](Buffer&) { _exit(3); };
    return peer;
  });
  REQUIRE(process.status() == absl::OkStatus());
  CHECK(process->TimeCalls(1).status() == absl::InternalError("fragile ended its process"));
}

TEST_CASE("APeersThreadsSleepWhenTheNextHasItsTurn") {
  const Problem problem = Product(2);
  absl::StatusOr<PeerProcess> process = PeerProcess::Start(problem, []() -> absl::StatusOr<Peer> {
    Peer peer;
    peer.name = "pool";
    peer.is_operator = false;
    peer.run = [](Buffer&) { std::thread([] { Spin(0.03); }).detach(); };
    return peer;
  });
  REQUIRE(process.status() == absl::OkStatus());
  timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  const absl::StatusOr<double> seconds = process->TimeCalls(1);
  clock_gettime(CLOCK_MONOTONIC, &end);
  REQUIRE(seconds.status() == absl::OkStatus());
  // It answered only when its thread had spun its 30 ms, which are not the call's.
  CHECK(static_cast<double>(end.tv_sec - start.tv_sec) +
            1e-9 * static_cast<double>(end.tv_nsec - start.tv_nsec) >
        0.03);
}

TEST_CASE("WithThreadsEvenASingleCallIsTimedWarm") {
  const Problem problem = Product(2);
  absl::StatusOr<PeerProcess> process = PeerProcess::Start(problem, []() -> absl::StatusOr<Peer> {
    Peer peer;
    peer.name = "late riser";
    peer.is_operator = false;
    peer.run = [calls = 0](Buffer&) mutable {
      if (++calls == 1) Spin(0.5);
    };
    return peer;
  });
  REQUIRE(process.status() == absl::OkStatus());
  const absl::StatusOr<double> seconds = process->TimeCalls(1);
  REQUIRE(seconds.status() == absl::OkStatus());
  CHECK(*seconds < 0.25);
}

TEST_CASE("RoundsInterleaveAndRotate") {
  std::string order;
  const auto peer = [&order](char name, double seconds) -> TimeCalls {
    return [=, &order](long calls) -> absl::StatusOr<double> {
      order += name;
      return seconds * static_cast<double>(calls);
    };
  };
  int told = 0;
  // A call of 1 s is longer than a sample; one of 1 ms is repeated for it.
  const auto samples = MeasureRounds({peer('a', 1), peer('b', 1e-3)}, 3, 0.1, [&](int done) { told = done; });
  REQUIRE(samples.status() == absl::OkStatus());
  CHECK(told == 3);
  CHECK((*samples)[0].calls == 1);
  CHECK((*samples)[1].calls == 100);
  CHECK((*samples)[1].seconds.size() == 3);
  CHECK((*samples)[1].seconds[2] == Approx(1e-3));
  CHECK(order.substr(order.size() - 6) == "abbaab");
  const auto broken = MeasureRounds({[](long) { return absl::InternalError("gone"); }}, 3, 0.1, [](int) {});
  CHECK(broken.status() == absl::InternalError("gone"));
}

}  // namespace
}  // namespace tunefarm::bench
