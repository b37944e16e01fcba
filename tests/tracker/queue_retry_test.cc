// Promises about failures: the farm's are tried elsewhere, the candidate's are final, and everything ends.
#include "tests/catch.h"
#include "tests/tracker/simulated_farm.h"
#include "tracker/verdict.h"

namespace tunefarm {
namespace {

v1::Measurement OnlyResult(SimulatedFarm& farm) {
  const auto collected = farm.Collect("s");
  REQUIRE(collected.results_size() == 1);
  return collected.results(0).measurement();
}

TEST_CASE("CandidateFailureIsFinalAtOnce") {
  for (const auto kind : {v1::FAILURE_KIND_CRASH, v1::FAILURE_KIND_TIMEOUT, v1::FAILURE_KIND_WRONG_RESULT,
                          v1::FAILURE_KIND_OUT_OF_MEMORY, v1::FAILURE_KIND_FORKED, v1::FAILURE_KIND_LOAD}) {
    SimulatedFarm farm;
    SimulatedRunner a(farm, "a"), b(farm, "b");
    REQUIRE(farm.Submit("s", "ann", {farm.Item("w")}).ok());
    CHECK(a.Complete(a.Idle().execute().lease(), kind).completion_recorded());
    CHECK(b.Idle().has_be_idle());
    CHECK(OnlyResult(farm).failure().kind() == kind);
    CHECK(farm.Device("a").health() == v1::DEVICE_HEALTH_GOOD);
  }
}

TEST_CASE("InfrastructureFailureMovesToAnotherDevice") {
  for (const auto kind : {v1::FAILURE_KIND_UPLOAD, v1::FAILURE_KIND_THROTTLED, v1::FAILURE_KIND_NOISY,
                          v1::FAILURE_KIND_DEVICE_LOST, v1::FAILURE_KIND_INTERNAL}) {
    SimulatedFarm farm;
    SimulatedRunner a(farm, "a"), b(farm, "b");
    b.Idle();
    REQUIRE(farm.Submit("s", "ann", {farm.Item("w")}).ok());
    const auto after = a.Complete(a.Idle().execute().lease(), kind);
    CHECK(after.completion_recorded());
    CHECK(after.has_be_idle());  // Not again on the same device.
    const auto lease = b.Idle().execute().lease();
    CHECK(b.Complete(lease).completion_recorded());
    CHECK(OnlyResult(farm).failure().kind() == v1::FAILURE_KIND_UNSPECIFIED);
    const auto result = farm.Collect("s").results(0);
    REQUIRE(result.attempts_size() == 2);
    CHECK(result.attempts(0).device_id() == "a");
    CHECK(result.attempts(0).failure().kind() == kind);
    CHECK(result.attempts(1).device_id() == "b");
  }
}

TEST_CASE("FailedWorkStaysWhereItIsIfThereIsNoOtherDevice") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a");
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w")}).ok());
  const auto again = a.Complete(a.Idle().execute().lease(), v1::FAILURE_KIND_NOISY);
  REQUIRE(again.has_execute());
  CHECK(again.execute().lease().work_id() == "w");
  CHECK(a.Complete(again.execute().lease()).completion_recorded());
  CHECK(OnlyResult(farm).failure().kind() == v1::FAILURE_KIND_UNSPECIFIED);
}

TEST_CASE("FailedWorkReturnsWhenTheOtherDeviceLeaves") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a"), b(farm, "b");
  b.Idle();
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w")}).ok());
  REQUIRE(a.Complete(a.Idle().execute().lease(), v1::FAILURE_KIND_UPLOAD).has_be_idle());
  farm.queue().Park("a");
  CHECK(farm.queue().TakeGrants().empty());
  farm.Pass(QueueOptions().lease);  // b has gone silent.
  const auto grants = farm.queue().TakeGrants();
  REQUIRE(grants.size() == 1);
  CHECK(grants[0].first == "a");
}

TEST_CASE("WorkIsGivenUpAfterThreeAttempts") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a"), b(farm, "b"), c(farm, "c"), d(farm, "d");
  for (auto* runner : {&a, &b, &c, &d}) runner->Idle();
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w")}).ok());
  for (auto* runner : {&a, &b, &c}) {
    const auto response = runner->Idle();
    REQUIRE(response.has_execute());
    runner->Complete(response.execute().lease(), v1::FAILURE_KIND_UPLOAD);
  }
  CHECK(d.Idle().has_be_idle());
  CHECK(OnlyResult(farm).failure().kind() == v1::FAILURE_KIND_UPLOAD);
  CHECK(farm.Collect("s").results(0).attempts_size() == 3);
  CHECK(farm.Collect("s").pending() == 0);
}

TEST_CASE("KillerOfDevicesIsNamedAndTheSessionGoesOn") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a"), b(farm, "b");
  REQUIRE(farm.Submit("s", "ann", {farm.Item("killer"), farm.Item("good")}).ok());
  int good = 0;
  for (int call = 0; call < 20; ++call) {
    SimulatedRunner& runner = call % 2 == 0 ? a : b;
    const auto response = runner.Idle();
    if (!response.has_execute()) continue;
    if (response.execute().lease().work_id() == "killer") {
      runner.RestartRunner();
      runner.facts.set_boot_id(runner.facts.boot_id() + "'");
    } else {
      CHECK(runner.Complete(response.execute().lease()).completion_recorded());
      ++good;
    }
  }
  CHECK(good == 1);
  const auto collected = farm.Collect("s");
  REQUIRE(collected.results_size() == 2);
  const auto& verdict =
      collected.results(0).work_id() == "killer" ? collected.results(0) : collected.results(1);
  CHECK(verdict.measurement().failure().kind() == v1::FAILURE_KIND_DEVICE_LOST);
  CHECK(verdict.measurement().failure().message().find("probably kills its device") != std::string::npos);
  CHECK(verdict.attempts_size() == kMaxAttempts);
}

TEST_CASE("RepeatedFailuresOfOneWorkDoNotCondemnTheDevice") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a");
  REQUIRE(farm.Submit("s", "ann", {farm.Item("killer"), farm.Item("good")}).ok());
  for (int i = 0; i < kMaxAttempts; ++i) {
    CHECK(a.Idle().execute().lease().work_id() == "killer");
    a.RestartRunner();
  }
  const auto next = a.Idle();
  CHECK(farm.Device("a").health() == v1::DEVICE_HEALTH_SUSPECT);
  REQUIRE(next.has_execute());
  CHECK(next.execute().lease().work_id() == "good");
}

TEST_CASE("SuccessWithoutAResultForEachKernelIsTheRunnersFault") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a"), b(farm, "b");
  b.Idle();
  v1::SubmittedWork pair = farm.Item("w");
  pair.mutable_item()->add_kernel_digests(std::string(64, 'b'));
  REQUIRE(farm.Submit("s", "ann", {pair}).ok());
  CHECK(a.Complete(a.Idle().execute().lease()).completion_recorded());  // One result for two kernels.
  CHECK(farm.Collect("s").results().empty());
  CHECK(b.Idle().has_execute());
}

TEST_CASE("AttemptsSurviveARestart") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a"), b(farm, "b");
  b.Idle();
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w")}).ok());
  a.Complete(a.Idle().execute().lease(), v1::FAILURE_KIND_UPLOAD);
  farm.Restart();
  CHECK(b.Idle().has_execute());
  CHECK(farm.queue().Explain("w", farm.now)->attempts_size() == 1);
}

}  // namespace
}  // namespace tunefarm
