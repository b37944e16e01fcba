// SIGTERM of a runner in the middle of its work.
#include <signal.h>

#include "proto/rpc.h"
#include "tests/catch.h"
#include "tests/e2e/farm_harness.h"
#include "tunefarm/v1/tracker.grpc.pb.h"

namespace tunefarm {
namespace {

TEST_CASE("ATerminatedRunnerFinishesItsWorkReportsItAndLeaves") {
  constexpr int kTrials = 20;
  Farm farm;
  farm.Start();
  const auto tracker = v1::Tracker::NewStub(*Dial(farm.tracker_address(), {}));
  const auto device = [&] {
    grpc::ClientContext context;
    v1::ListDevicesResponse response;
    const grpc::Status status = tracker->ListDevices(&context, {}, &response);
    INFO(status.error_message());
    REQUIRE(status.ok());
    REQUIRE(response.devices_size() == 1);
    return response.devices(0);
  };

  const std::string job = farm.Submit(QuickJob("ada", 1, kTrials));
  REQUIRE(Eventually([&] { return device().completed() >= 2 && !device().held_by_work().empty(); }));
  farm.runners[0].Signal(SIGTERM);
  REQUIRE(farm.runners[0].AwaitExit() == 0);
  const v1::DeviceStatus left = device();
  REQUIRE(left.draining());  // It gets no more, whether its absence was noticed yet or not.
  REQUIRE(left.held_by_work().empty());
  REQUIRE(left.failed() == 0);  // Nothing that it had taken was lost.

  farm.runners[0].Start();
  REQUIRE(farm.AwaitEnd(job) == v1::JOB_STATE_DONE);
  REQUIRE(device().failed() == 0);
  REQUIRE_FALSE(device().draining());
  CheckComplete(farm.database(), job, 1, kTrials);
}

}  // namespace
}  // namespace tunefarm
