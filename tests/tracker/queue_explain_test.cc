// Everything explains itself: why work waits, moved or failed.
#include "tests/catch.h"
#include "tests/tracker/simulated_farm.h"

namespace tunefarm {
namespace {

TEST_CASE("ExplainsThatNoDeviceIsOnline") {
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w")}).ok());
  CHECK(farm.Explain("w") == "waiting: no device has what this needs (any device); no device is online");
  CHECK(farm.Collect("s").waiting_for() == "no device has what this needs (any device); no device is online");
}

TEST_CASE("ExplainsWhatTheOnlineDevicesLack") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a"), b(farm, "b");
  a.Idle();
  b.Idle();
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w", {"avx512f"})}).ok());
  CHECK(farm.Explain("w") ==
        "waiting: no device has what this needs (isa avx512f); online devices: a, b lacks avx512f");
}

TEST_CASE("ExplainsWhoHoldsTheDevices") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a"), b(farm, "b");
  a.Idle();
  b.Idle();
  REQUIRE(farm.Submit("x", "xaver", {farm.Item("x1"), farm.Item("x2")}).ok());
  a.Idle();
  b.Idle();
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1"), farm.Item("w2")}).ok());
  CHECK(farm.Explain("w1") ==
        "waiting: all 2 matching devices are busy with user xaver (next of its session)");
  CHECK(farm.Explain("w2") ==
        "waiting: all 2 matching devices are busy with user xaver (1 pieces of its session are before it)");
}

TEST_CASE("ExplainsOfflineDrainedAndQuarantinedDevices") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a"), b(farm, "b"), c(farm, "c");
  a.Idle();
  farm.Pass(QueueOptions().lease);
  b.Idle();
  v1::DrainRequest drain;
  drain.set_pattern("b");
  farm.queue().Drain(drain, farm.now);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(farm.Submit("t", "tom", {farm.Item(absl::StrCat("t", i))}).ok());
    c.Complete(c.Idle().execute().lease(), v1::FAILURE_KIND_UPLOAD);
    v1::CancelRequest cancel;
    cancel.set_session_id("t");
    farm.queue().Cancel(cancel, farm.now);
    c.Idle();
  }
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w")}).ok());
  CHECK(
      farm.Explain("w") ==
      "waiting: no device that can run this is available; quarantined: c for 5s more (FAILURE_KIND_UPLOAD); "
      "draining: b; offline: a");
}

TEST_CASE("ExplainsWhyWorkMovedAndFailed") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a"), b(farm, "b");
  b.Idle();
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w")}).ok());
  a.Complete(a.Idle().execute().lease(), v1::FAILURE_KIND_THROTTLED);
  const auto lease = b.Idle().execute().lease();
  CHECK(farm.Explain("w") == "running: on b since 0; before: failed on a (FAILURE_KIND_THROTTLED)");
  b.Complete(lease, v1::FAILURE_KIND_WRONG_RESULT);
  CHECK(farm.Explain("w") == "completed: failed: FAILURE_KIND_WRONG_RESULT");
  CHECK(farm.queue().Explain("w", farm.now)->attempts_size() == 2);
}

TEST_CASE("UnknownWorkIsNotFound") {
  SimulatedFarm farm;
  CHECK(farm.queue().Explain("nothing", farm.now).status().code() == absl::StatusCode::kNotFound);
}

TEST_CASE("DevicesAreListedWithHolderHealthAndLoad") {
  SimulatedFarm farm;
  SimulatedRunner a(farm, "a");
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1"), farm.Item("w2"), farm.Item("w3")}).ok());
  const auto first = a.Idle().execute().lease();
  farm.Pass(absl::Seconds(6));
  a.Complete(first);
  farm.Pass(absl::Seconds(6));
  const v1::DeviceStatus status = farm.Device("a");
  CHECK(status.online());
  CHECK(status.held_by_user() == "ann");
  CHECK(status.held_by_work() == "w2");
  CHECK(status.completed() == 1);
  CHECK(status.failed() == 0);
  CHECK(status.busy_share() == Approx(12.0 / 60.0));
  const auto queues = farm.queue().ListDevices(farm.now).queues();
  REQUIRE(queues.size() == 1);
  CHECK(queues[0].user() == "ann");
  CHECK(queues[0].waiting() == 1);
  CHECK(queues[0].running() == 1);
}

}  // namespace
}  // namespace tunefarm
