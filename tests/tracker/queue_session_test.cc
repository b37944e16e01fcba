// Promises to clients: what is accepted, in which order it runs, how results come back.
#include "tests/catch.h"
#include "tests/tracker/simulated_farm.h"

namespace tunefarm {
namespace {

TEST_CASE("SubmittingKnownWorkAgainChangesNothing") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a");
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());  // Waiting.
  const auto lease = a.Idle().execute().lease();
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());  // Running.
  CHECK(a.Complete(lease).has_be_idle());
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());  // Completed.
  CHECK(a.Idle().has_be_idle());
  CHECK(farm.Collect("s").results_size() == 1);
}

TEST_CASE("ResultsComeAgainUntilAcknowledged") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a");
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1"), farm.Item("w2")}).ok());
  const auto next = a.Complete(a.Idle().execute().lease());
  CHECK(farm.Collect("s").results_size() == 1);
  CHECK(farm.Collect("s").pending() == 1);
  farm.Restart();
  REQUIRE(farm.Collect("s").results_size() == 1);
  CHECK(farm.Collect("s").results(0).work_id() == "w1");
  CHECK(farm.Collect("s", {"w1", "w2"})
            .results()
            .empty());  // w2 has not completed: its acknowledgement is ignored.
  a.Complete(next.execute().lease());
  CHECK(farm.Collect("s").results(0).work_id() == "w2");
}

TEST_CASE("EndedSessionsLeaveNothingBehind") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a");
  for (int i = 0; i < 1000; ++i) {
    const std::string session = absl::StrCat("s", i), work = absl::StrCat("w", i);
    v1::SubmittedWork item = farm.Item(work);
    item.mutable_requirements()->set_memory_bytes(i);  // A line of its own for each.
    REQUIRE(farm.Submit(session, "ann", {item}).ok());
    REQUIRE(a.Complete(a.Idle().execute().lease()).completion_recorded());
    farm.Collect(session, {work});
  }
  CHECK(farm.queue().work_count() == 0);
  CHECK(farm.queue().session_count() == 0);
  CHECK(farm.queue().line_count() <= 256);
  CHECK(farm.queue().ListDevices(farm.now).queues().empty());
  CHECK(farm.stored().work.empty());
  CHECK(farm.stored().sessions.empty());
  CHECK(farm.queue().TakeReleased().size() == 1000);
}

TEST_CASE("AbandonedSessionIsForgottenAfterAWeek") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a");
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1"), farm.Item("w2")}).ok());
  a.Complete(a.Idle().execute().lease());
  farm.Pass(absl::Hours(24 * 7) - absl::Minutes(20));
  CHECK(farm.queue().session_count() == 1);
  farm.Pass(absl::Minutes(40));
  CHECK(farm.queue().session_count() == 0);
  CHECK(farm.queue().work_count() == 0);
}

TEST_CASE("FullQueueRefusesAllOfARequest") {
  QueueOptions options;
  options.max_work = 3;
  SimulatedFarm farm(options);
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1"), farm.Item("w2")}).ok());
  const absl::Status refused = farm.Submit("s", "ann", {farm.Item("w3"), farm.Item("w4")});
  CHECK(refused.code() == absl::StatusCode::kResourceExhausted);
  CHECK(farm.queue().work_count() == 2);
  CHECK(farm.Submit("s", "ann", {farm.Item("w1"), farm.Item("w3")}).ok());  // Known work takes no room.
}

TEST_CASE("WorkAndSessionsOfOthersCannotBeTaken") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());
  CHECK(farm.Submit("s", "bob", {farm.Item("w2")}).code() == absl::StatusCode::kPermissionDenied);
  CHECK(farm.Submit("t", "bob", {farm.Item("w1")}).code() == absl::StatusCode::kAlreadyExists);
}

TEST_CASE("PriorityThenAgeOrdersTheSessionsOfOneUser") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("old", "ann", {farm.Item("old1"), farm.Item("old2")}).ok());
  REQUIRE(farm.Submit("new", "ann", {farm.Item("new1")}).ok());
  REQUIRE(farm.Submit("urgent", "ann", {farm.Item("urgent1")}, 5).ok());
  SimulatedRunner a(farm, "a");
  std::vector<std::string> order;
  auto response = a.Idle();
  while (response.has_execute()) {
    order.push_back(response.execute().lease().work_id());
    response = a.Complete(response.execute().lease());
  }
  CHECK(order == std::vector<std::string>{"urgent1", "old1", "old2", "new1"});
}

TEST_CASE("PriorityCanBeChangedByALaterSubmit") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("old", "ann", {farm.Item("old1")}).ok());
  REQUIRE(farm.Submit("new", "ann", {farm.Item("new1"), farm.Item("new2")}).ok());
  REQUIRE(farm.Submit("new", "ann", {}, 1).ok());
  farm.Restart();
  SimulatedRunner a(farm, "a");
  CHECK(a.Idle().execute().lease().work_id() == "new1");
}

TEST_CASE("WorkGoesOnlyToDevicesThatMeetItsRequirements") {
  SimulatedFarm farm;
  v1::SubmittedWork avx512 = farm.Item("needs-avx512", {"avx512f", "avx2"});
  v1::SubmittedWork pinned = farm.Item("needs-b");
  pinned.mutable_requirements()->set_device_id("b");
  v1::SubmittedWork other_class = farm.Item("needs-pi");
  other_class.mutable_requirements()->set_device_class("pi4");
  v1::SubmittedWork large = farm.Item("needs-memory");
  large.mutable_requirements()->set_memory_bytes(1ull << 31);
  REQUIRE(farm.Submit("s", "ann", {avx512, pinned, other_class, large}).ok());
  SimulatedRunner a(farm, "a");
  CHECK(a.Idle().has_be_idle());
  SimulatedRunner b(farm, "b");
  CHECK(b.Idle().execute().lease().work_id() == "needs-b");
  SimulatedRunner c(farm, farm.Facts("c", {"avx2", "avx512f"}));
  CHECK(c.Idle().execute().lease().work_id() == "needs-avx512");
  v1::DeviceFacts pi = farm.Facts("d");
  pi.set_device_class("pi4");
  pi.set_memory_bytes(1ull << 32);
  SimulatedRunner d(farm, pi);
  const auto first = d.Idle().execute().lease();
  CHECK(first.work_id() == "needs-pi");
  CHECK(d.Complete(first).execute().lease().work_id() == "needs-memory");
}

TEST_CASE("DeviceWhoseFactsChangeIsMatchedAnew") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1", {"avx512f"})}).ok());
  SimulatedRunner a(farm, "a");
  CHECK(a.Idle().has_be_idle());
  a.RestartRunner();
  a.facts.add_isa_features("avx512f");
  CHECK(a.Idle().has_execute());
}

}  // namespace
}  // namespace tunefarm
