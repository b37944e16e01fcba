// The health of a device follows the evidence and heals by itself.
#include "tracker/health.h"

#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/tracker/simulated_farm.h"

namespace tunefarm {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1'700'000'000);

v1::Failure Of(v1::FailureKind kind) {
  v1::Failure failure;
  failure.set_kind(kind);
  failure.set_message("why");
  return failure;
}

void Fail(Health& health, int times, v1::FailureKind kind, absl::Time now, int from = 0) {
  for (int i = 0; i < times; ++i)
    RecordInfrastructureFailure(health, absl::StrCat("w", from + i), Of(kind), now);
}

TEST_CASE("OneFailureMakesSuspectAndASuccessClears") {
  Health health;
  Fail(health, 1, v1::FAILURE_KIND_UPLOAD, kStart);
  CHECK(health.state == v1::DEVICE_HEALTH_SUSPECT);
  CHECK(health.reason == "why");
  CHECK(IsUsable(health));
  RecordSuccess(health);
  CHECK(health.state == v1::DEVICE_HEALTH_GOOD);
  CHECK(health.reason.empty());
}

TEST_CASE("ThreeHardOrSixSoftFailuresInARowQuarantine") {
  Health hard;
  Fail(hard, 2, v1::FAILURE_KIND_DEVICE_LOST, kStart);
  CHECK(IsUsable(hard));
  Fail(hard, 1, v1::FAILURE_KIND_DEVICE_LOST, kStart, 2);
  CHECK(hard.state == v1::DEVICE_HEALTH_QUARANTINED);
  Health soft;
  Fail(soft, 5, v1::FAILURE_KIND_NOISY, kStart);
  CHECK(IsUsable(soft));
  Fail(soft, 1, v1::FAILURE_KIND_THROTTLED, kStart, 5);
  CHECK(soft.state == v1::DEVICE_HEALTH_QUARANTINED);
}

TEST_CASE("SuccessBetweenFailuresResetsTheCount") {
  Health health;
  for (int i = 0; i < 20; ++i) {
    Fail(health, 2, v1::FAILURE_KIND_UPLOAD, kStart, 2 * i);
    RecordSuccess(health);
  }
  CHECK(health.state == v1::DEVICE_HEALTH_GOOD);
}

TEST_CASE("QuarantinePassesIntoProbationAndTwoSuccessesHeal") {
  Health health;
  Fail(health, 3, v1::FAILURE_KIND_UPLOAD, kStart);
  CHECK_FALSE(PassTime(health, kStart + absl::Milliseconds(4999)));
  CHECK(PassTime(health, kStart + absl::Seconds(5)));
  CHECK(health.state == v1::DEVICE_HEALTH_PROBATION);
  CHECK(IsUsable(health));
  RecordSuccess(health);
  CHECK(health.state == v1::DEVICE_HEALTH_PROBATION);
  RecordSuccess(health);
  CHECK(health.state == v1::DEVICE_HEALTH_GOOD);
  CHECK(health.relapses == 0);
}

TEST_CASE("EachRelapseDoublesTheQuarantineUpToTenMinutes") {
  Health health;
  absl::Time now = kStart;
  std::vector<std::int64_t> lengths;
  Fail(health, 3, v1::FAILURE_KIND_UPLOAD, now);
  for (int i = 0; i < 10; ++i) {
    lengths.push_back(absl::ToInt64Seconds(health.quarantined_until - now));
    now = health.quarantined_until;
    REQUIRE(PassTime(health, now));
    Fail(health, 1, v1::FAILURE_KIND_UPLOAD, now, 10 + i);  // One failure is enough in probation.
  }
  CHECK(lengths == std::vector<std::int64_t>{5, 10, 20, 40, 80, 160, 320, 600, 600, 600});
}

TEST_CASE("QuarantinedDeviceIsLeftAloneAndHealsWithoutHelp") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a"), b(farm, "b");
  std::vector<v1::SubmittedWork> work;
  for (int i = 0; i < 12; ++i) work.push_back(farm.Item(absl::StrCat("w", i)));
  REQUIRE(farm.Submit("s", "ann", work).ok());
  b.Idle();
  auto response = a.Idle();
  for (int i = 0; i < 3; ++i) {
    REQUIRE(response.has_execute());
    response = a.Complete(response.execute().lease(), v1::FAILURE_KIND_UPLOAD);
  }
  CHECK(response.has_be_idle());
  CHECK(farm.Device("a").health() == v1::DEVICE_HEALTH_QUARANTINED);
  farm.Restart();  // Health survives.
  CHECK(a.Idle().has_be_idle());
  CHECK(farm.Device("a").health_reason() == "quarantined: FAILURE_KIND_UPLOAD");
  farm.queue().Park("a");
  farm.Pass(absl::Seconds(5));
  const auto grants = farm.queue().TakeGrants();
  REQUIRE(grants.size() == 1);
  CHECK(farm.Device("a").health() == v1::DEVICE_HEALTH_PROBATION);
  response = a.Complete(grants[0].second.execute().lease());
  response = a.Complete(response.execute().lease());
  CHECK(farm.Device("a").health() == v1::DEVICE_HEALTH_GOOD);
}

TEST_CASE("HealthyDevicesAreGivenWorkFirst") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a"), b(farm, "b");
  b.Idle();
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w0")}).ok());
  a.Complete(a.Idle().execute().lease(), v1::FAILURE_KIND_NOISY);
  b.Complete(b.Idle().execute().lease());
  a.Idle();
  farm.queue().Park("a");  // Waits longer, but is suspect.
  farm.queue().Park("b");
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());
  const auto grants = farm.queue().TakeGrants();
  REQUIRE(grants.size() == 1);
  CHECK(grants[0].first == "b");
}

}  // namespace
}  // namespace tunefarm
