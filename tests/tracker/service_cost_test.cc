// What a call costs end to end: over gRPC, with the journal's commit. Hidden: run `tracker_test "[cost]"`.
#include <iostream>

#include "tests/catch.h"
#include "tests/tracker/served_tracker.h"

namespace tunefarm {
namespace {

double MillisecondsEach(absl::Time start, int times) {
  return absl::ToDoubleMilliseconds(absl::Now() - start) / times;
}

TEST_CASE("CostOfSubmitCompletionAndHeartbeat", "[.cost]") {
  ServedTracker served;
  TrackerClient client(served.address());
  const std::string kernel = client.Put("kernel");
  constexpr int kSubmits = 300, kItems = 64, kCompletions = 3000;
  absl::Time start = absl::Now();
  for (int i = 0; i < kSubmits; ++i) {
    std::vector<v1::SubmittedWork> work;
    for (int j = 0; j < kItems; ++j) work.push_back(client.Item(absl::StrCat("w", i, ".", j), kernel));
    REQUIRE(client.Submit("s", work).ok());
  }
  std::cout << "Submit of " << kItems << " items: " << MillisecondsEach(start, kSubmits) << " ms\n";
  RemoteRunner runner(client, "a");
  auto response = runner.Idle(0);
  start = absl::Now();
  for (int i = 0; i < kCompletions; ++i) {
    response = runner.Complete(response->execute().lease());
    REQUIRE(response->completion_recorded());
  }
  std::cout << "Completion, answered with the next work: " << MillisecondsEach(start, kCompletions)
            << " ms\n";
  const v1::LeaseToken lease = response->execute().lease();
  start = absl::Now();
  for (int i = 0; i < kCompletions; ++i) {
    v1::SynchronizeRequest request = runner.Message();
    *request.mutable_executing()->mutable_lease() = lease;
    REQUIRE(runner.Send(request)->has_keep_going());
  }
  std::cout << "Heartbeat: " << MillisecondsEach(start, kCompletions) << " ms\n";
}

}  // namespace
}  // namespace tunefarm
