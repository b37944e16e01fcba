// Promises about leases: who may use a device, until when, and whose word counts.
#include "base/exit_code.h"
#include "tests/catch.h"
#include "tests/tracker/simulated_farm.h"

namespace tunefarm {
namespace {

const absl::Duration kLease = QueueOptions().lease;

TEST_CASE("IdleRunnerIsGivenTheOldestWork") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1"), farm.Item("w2")}).ok());
  SimulatedRunner a(farm, "a");
  const auto response = a.Idle();
  REQUIRE(response.has_execute());
  CHECK(response.execute().lease().work_id() == "w1");
  CHECK(response.execute().work().work_id() == "w1");
  CHECK(response.execute().lease().fence() > 0);
  CHECK(response.execute().lease_ms() == absl::ToInt64Milliseconds(kLease));
}

TEST_CASE("CompletionIsAnsweredWithTheNextWork") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1"), farm.Item("w2")}).ok());
  SimulatedRunner a(farm, "a");
  const auto first = a.Idle().execute().lease();
  const auto response = a.Complete(first);
  CHECK(response.completion_recorded());
  REQUIRE(response.has_execute());
  CHECK(response.execute().lease().work_id() == "w2");
  CHECK(response.execute().lease().fence() > first.fence());
}

TEST_CASE("ParkedRunnerIsGivenWorkWhenItArrives") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a");
  CHECK(a.Idle().has_be_idle());
  farm.queue().Park("a");
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());
  const auto grants = farm.queue().TakeGrants();
  REQUIRE(grants.size() == 1);
  CHECK(grants[0].first == "a");
  CHECK(grants[0].second.execute().lease().work_id() == "w1");
}

TEST_CASE("HeartbeatsKeepALeaseAlive") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());
  SimulatedRunner a(farm, "a");
  const auto lease = a.Idle().execute().lease();
  for (int i = 0; i < 10; ++i) {
    farm.Pass(kLease * 0.9);
    CHECK(a.Execute(lease).has_keep_going());
  }
  CHECK(a.Complete(lease).completion_recorded());
}

TEST_CASE("ExpiredLeaseIsRegrantedElsewhere") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());
  SimulatedRunner a(farm, "a"), b(farm, "b");
  a.Idle();
  CHECK(b.Idle().has_be_idle());
  farm.queue().Park("b");
  farm.Pass(kLease - absl::Milliseconds(1));
  CHECK(farm.queue().TakeGrants().empty());
  farm.Pass(absl::Milliseconds(1));
  const auto grants = farm.queue().TakeGrants();
  REQUIRE(grants.size() == 1);
  CHECK(grants[0].first == "b");
  CHECK(grants[0].second.execute().lease().work_id() == "w1");
}

TEST_CASE("ReportUnderAnExpiredLeaseIsRefused") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());
  SimulatedRunner a(farm, "a"), b(farm, "b");
  const auto old = a.Idle().execute().lease();
  farm.Pass(kLease);
  const auto lease = b.Idle().execute().lease();
  CHECK(a.Execute(old).has_abandon());
  const auto late = a.Complete(old);
  CHECK_FALSE(late.completion_recorded());
  CHECK(late.has_abandon());
  CHECK(farm.Collect("s").results().empty());
  CHECK(b.Complete(lease).completion_recorded());
  REQUIRE(farm.Collect("s").results_size() == 1);
  CHECK(farm.Collect("s").results(0).measurement().environment().device_id() == "b");
}

TEST_CASE("DuplicateCompletionIsConfirmedAndRecordedOnce") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());
  SimulatedRunner a(farm, "a");
  const auto report = a.CompletedMessage(a.Idle().execute().lease());
  CHECK(a.Send(report)->completion_recorded());
  CHECK(a.Send(report)->completion_recorded());
  CHECK(farm.Collect("s").results_size() == 1);
  CHECK(farm.Device("a").completed() == 1);
  // Also after the client has taken it, and after a restart.
  farm.Collect("s", {"w1"});
  farm.Restart();
  CHECK(a.Send(report)->completion_recorded());
  CHECK(farm.Collect("s").results().empty());
}

TEST_CASE("ReplayedCallIsRefusedWithItsOwnStatus") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a");
  const auto old = a.IdleMessage();
  a.Idle();
  const auto refused = a.Send(old);
  CHECK(refused.status().code() == absl::StatusCode::kAborted);
  CHECK(ExitCodeOf(refused.status()) == ExitCode::kReplayed);
}

TEST_CASE("LostGrantIsHandedOutAgainUnderTheSameLease") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1"), farm.Item("w2")}).ok());
  SimulatedRunner a(farm, "a");
  const auto first = a.Idle().execute();
  const auto again = a.Idle().execute();
  CHECK(again.lease().work_id() == first.lease().work_id());
  CHECK(again.lease().fence() == first.lease().fence());
  CHECK(again.work().work_id() == "w1");
}

TEST_CASE("RunnerThatNeverStartsItsWorkLosesIt") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());
  SimulatedRunner a(farm, "a");
  for (int i = 0; i < 100 && farm.Collect("s").results().empty(); ++i) {
    a.Idle();
    farm.Pass(absl::Seconds(1));
  }
  REQUIRE(farm.Collect("s").results_size() == 1);
  CHECK(farm.Collect("s").results(0).measurement().failure().kind() == v1::FAILURE_KIND_INTERNAL);
}

TEST_CASE("NewIncarnationEndsTheOldLeaseAtOnce") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());
  SimulatedRunner a(farm, "a"), b(farm, "b");
  const auto old = a.Idle().execute().lease();
  b.Idle();
  a.RestartRunner();
  a.Idle();
  const auto moved = b.Idle();
  REQUIRE(moved.has_execute());
  CHECK(moved.execute().lease().work_id() == "w1");
  CHECK_FALSE(a.Complete(old).completion_recorded());
}

TEST_CASE("SupersededRunnerIsToldThatItsNameIsTaken") {
  SimulatedFarm farm;
  SimulatedRunner first(farm, "a"), second(farm, "a");
  second.incarnation = "second";
  first.Idle();
  second.Idle();
  const auto refused = first.Send(first.IdleMessage());
  CHECK(refused.status().code() == absl::StatusCode::kAlreadyExists);
  CHECK(second.Send(second.IdleMessage()).ok());
}

TEST_CASE("AttemptThatTakesForEverEndsEvenWithHeartbeats") {
  QueueOptions options;
  options.longest_attempt = absl::Minutes(1);
  SimulatedFarm farm(options);
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());
  SimulatedRunner a(farm, "a");
  const auto lease = a.Idle().execute().lease();
  for (int i = 0; i < 59; ++i) {
    farm.Pass(absl::Seconds(1));
    REQUIRE(a.Execute(lease).has_keep_going());
  }
  farm.Pass(absl::Seconds(1));
  CHECK(a.Execute(lease).has_abandon());
}

TEST_CASE("CancelledWorkIsAbandonedAndItsDeviceFreed") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1"), farm.Item("w2")}).ok());
  REQUIRE(farm.Submit("t", "bob", {farm.Item("w3")}).ok());
  SimulatedRunner a(farm, "a");
  const auto lease = a.Idle().execute().lease();
  v1::CancelRequest cancel;
  cancel.set_session_id("s");
  CHECK(farm.queue().Cancel(cancel, farm.now) == 2);
  CHECK(farm.Collect("s").pending() == 0);
  CHECK(a.Execute(lease).has_abandon());
  const auto next = a.Idle();
  REQUIRE(next.has_execute());
  CHECK(next.execute().lease().work_id() == "w3");
}

TEST_CASE("RestartedTrackerReadoptsARunningLease") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1"), farm.Item("w2")}).ok());
  SimulatedRunner a(farm, "a"), b(farm, "b");
  const auto lease = a.Idle().execute().lease();
  farm.now += absl::Hours(1);  // Down for long.
  farm.Restart();
  CHECK(b.Idle().execute().lease().work_id() == "w2");
  farm.Pass(kLease / 2);
  CHECK(a.Execute(lease).has_keep_going());
  CHECK(a.Complete(lease).completion_recorded());
  REQUIRE(farm.Collect("s").results_size() == 1);
  CHECK(farm.Collect("s").results(0).attempts_size() == 1);
}

TEST_CASE("RestartedTrackerMovesWorkWhoseRunnerDoesNotReturn") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());
  SimulatedRunner a(farm, "a"), b(farm, "b");
  a.Idle();
  farm.Restart();
  CHECK(b.Idle().has_be_idle());
  farm.Pass(kLease);
  CHECK(b.Idle().execute().lease().work_id() == "w1");
}

TEST_CASE("FenceGrowsAcrossRestartsAndClockJumps") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1"), farm.Item("w2"), farm.Item("w3")}).ok());
  SimulatedRunner a(farm, "a");
  const auto first = a.Idle().execute().lease();
  farm.Restart();
  farm.now -= absl::Hours(24);  // The clock was set back.
  const auto second = a.Complete(first).execute().lease();
  CHECK(second.fence() > first.fence());
  const auto third = a.Complete(second).execute().lease();
  CHECK(third.fence() > second.fence());
}

TEST_CASE("DrainingRunnerFinishesAndTakesNothingNew") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1"), farm.Item("w2")}).ok());
  SimulatedRunner a(farm, "a");
  const auto lease = a.Idle().execute().lease();
  a.draining = true;
  const auto last = a.Complete(lease);
  CHECK(last.completion_recorded());
  CHECK(last.has_be_idle());
}

TEST_CASE("DrainByPatternSurvivesRestartsAndCanBeUndone") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "pi-1"), b(farm, "host");
  a.Idle();
  b.Idle();
  v1::DrainRequest drain;
  drain.set_pattern("pi-*");
  const auto matching = farm.queue().Drain(drain, farm.now);
  REQUIRE(matching.matching_size() == 1);
  CHECK(matching.matching(0) == "pi-1");
  farm.Restart();
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1"), farm.Item("w2")}).ok());
  CHECK(a.Idle().has_be_idle());
  CHECK(farm.Device("pi-1").draining());
  CHECK(b.Idle().has_execute());
  farm.queue().Park("pi-1");
  drain.set_undo(true);
  farm.queue().Drain(drain, farm.now);
  CHECK(farm.queue().TakeGrants().size() == 1);
}

}  // namespace
}  // namespace tunefarm
