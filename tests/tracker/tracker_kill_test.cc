// kill -9 of the real tracker process, again and again, under load: accepted work is neither lost nor
// recorded twice.
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <cstdlib>
#include <map>
#include <thread>

#include "base/rng.h"
#include "base/subprocess.h"
#include "tests/catch.h"
#include "tests/tracker/served_tracker.h"

namespace tunefarm {
namespace {

constexpr int kItems = 300, kRunners = 4, kKills = 10;

std::string Program() { return std::string(std::getenv("TUNEFARM_BIN_DIR")) + "/tunefarm-tracker"; }

Subprocess StartTracker(const std::string& folder) {
  SubprocessOptions options;
  options.argv = {Program(),     "--listen", "unix:" + folder + "/socket", "--state", folder + "/state",
                  "--log-level", "warning"};
  options.output_path = folder + "/log";
  auto tracker = Subprocess::Spawn(options);
  REQUIRE(tracker.ok());
  return *std::move(tracker);
}

// A runner as it should be: it keeps asking, keeps its result until that is confirmed, and counts what it
// ran.
void Run(const std::string& address, int index, const std::atomic<bool>& stop, std::atomic<int>& executions) {
  TrackerClient client(address);
  RemoteRunner runner(client, absl::StrCat("d", index));
  v1::LeaseToken lease;
  while (!stop) {
    const auto response = lease.work_id().empty() ? runner.Idle(200) : runner.Complete(lease, 200);
    if (!response.ok()) continue;
    lease.Clear();
    if (response->has_execute()) {
      lease = response->execute().lease();
      ++executions;
    }
  }
}

TEST_CASE("KilledTrackerLosesNoAcceptedWorkAndRecordsNothingTwice") {
  const TempDir folder = TempDir::Create().value();
  const std::string address = "unix:" + folder.path() + "/socket";
  Subprocess tracker = StartTracker(folder.path());
  std::atomic<bool> stop{false};
  std::atomic<int> executions{0};
  std::vector<std::thread> runners;
  for (int i = 0; i < kRunners; ++i) runners.emplace_back([&, i] { Run(address, i, stop, executions); });

  TrackerClient client(address);
  std::map<std::string, std::string> results;
  Rng rng(42);
  int submitted = 0, kills = 0;
  bool twice = false;
  const absl::Time deadline = absl::Now() + absl::Seconds(80);
  while (static_cast<int>(results.size()) < kItems && absl::Now() < deadline) {
    // One after the other: put, submit a handful, collect, and kill at moments that progress decides.
    if (submitted < kItems) {
      const std::string kernel = client.Put(absl::StrCat("kernel ", submitted));
      std::vector<v1::SubmittedWork> work;
      for (int i = 0; i < 5; ++i) work.push_back(client.Item(absl::StrCat("w", submitted + i), kernel));
      if (client.Submit("s", work).ok()) submitted += 5;
    }
    std::vector<std::string> acknowledge;
    const auto collected = client.Collect("s", 50);
    if (collected.ok()) {
      for (const auto& result : collected->results()) {
        const auto [first, fresh] = results.emplace(result.work_id(), result.SerializeAsString());
        if (!fresh && first->second != result.SerializeAsString()) twice = true;
        acknowledge.push_back(result.work_id());
      }
      (void)client.Collect("s", 0, acknowledge);
    }
    if (kills < kKills && static_cast<int>(results.size()) >= (kills + 1) * kItems / (kKills + 2)) {
      // Right behind, or in the middle of, what the runners and this thread are doing.
      std::thread busy([&] { (void)client.Submit("s", {}); });
      kill(tracker.pid(), SIGKILL);
      REQUIRE(tracker.Wait(absl::Seconds(10)).has_value());
      tracker = StartTracker(folder.path());
      ++kills;
      busy.join();
    }
  }
  stop = true;
  for (std::thread& runner : runners) runner.join();
  CHECK(kills == kKills);
  CHECK(submitted == kItems);
  CHECK(results.size() == kItems);
  CHECK_FALSE(twice);
  for (const auto& [id, bytes] : results) {
    v1::WorkResult result;
    REQUIRE(result.ParseFromString(bytes));
    CHECK(result.measurement().failure().kind() == v1::FAILURE_KIND_UNSPECIFIED);
  }
  // Runners that live through it are re-adopted: nothing ran twice.
  CHECK(executions == kItems);
  const auto rest = client.Collect("s", 0);
  REQUIRE(rest.ok());
  CHECK(rest->pending() == 0);
  CHECK(rest->results().empty());
  // SIGTERM still ends it in order.
  tracker.Signal(SIGTERM);
  const auto status = tracker.Wait(absl::Seconds(10));
  REQUIRE(status.has_value());
  CHECK(WIFEXITED(*status));
  CHECK(WEXITSTATUS(*status) == 0);
}

}  // namespace
}  // namespace tunefarm
