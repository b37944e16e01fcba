// Nobody starves, nobody gets more than their share, and nobody holds two devices while another has none.
#include "tracker/fair_share.h"

#include <algorithm>
#include <map>

#include "base/rng.h"
#include "tests/catch.h"
#include "tests/tracker/simulated_farm.h"

namespace tunefarm {
namespace {

TEST_CASE("FewestDevicesThenLeastTimeGoesFirst") {
  FairShare share;
  share.AddWaiting("ann");
  share.AddWaiting("ann");
  share.AddWaiting("bob");
  CHECK(share.Before("ann", "bob"));  // Came first.
  share.Grant("ann");
  CHECK(share.Before("bob", "ann"));
  share.Grant("bob");
  share.Finish("ann", absl::Seconds(3));
  CHECK(share.Before("ann", "bob"));  // Holds nothing.
  share.AddWaiting("bob");
  share.Finish("bob", absl::Seconds(2));
  CHECK(share.Before("bob", "ann"));  // Has used less.
}

TEST_CASE("NewcomerStartsLevelWithTheLeastUser") {
  FairShare share;
  share.AddWaiting("ann");
  share.Grant("ann");
  share.AddWaiting("ann");
  share.Finish("ann", absl::Hours(1));
  share.AddWaiting("bob");
  CHECK(share.active().at("bob").used == absl::Hours(1));
  share.Grant("bob");
  share.AddWaiting("bob");
  share.Finish("bob", absl::Seconds(1));
  CHECK(share.Before("ann", "bob"));  // One grant, not an hour of them.
}

TEST_CASE("UsersWithNothingToDoAreForgotten") {
  FairShare share;
  share.AddWaiting("ann");
  share.Grant("ann");
  share.Finish("ann", absl::Seconds(1));
  share.AddWaiting("bob");
  share.DropWaiting("bob");
  CHECK(share.active().empty());
}

// Random users, bursts and job lengths on a few devices: at no moment does a user wait longer than (users x
// longest job) while another holds two devices.
TEST_CASE("NobodyWaitsLongWhileAnotherHoldsTwoDevices") {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Rng rng(seed);
    SimulatedFarm farm;
    const int users = 2 + static_cast<int>(rng.Uniform(5));
    const int devices = 1 + static_cast<int>(rng.Uniform(6));
    const absl::Duration longest = absl::Seconds(5);
    struct Running {
      std::unique_ptr<SimulatedRunner> runner;
      v1::LeaseToken lease;
      std::string user;
      absl::Time end = absl::InfinitePast();
    };
    std::vector<Running> runners(devices);
    for (int i = 0; i < devices; ++i) {
      runners[i].runner = std::make_unique<SimulatedRunner>(farm, absl::StrCat("d", i));
    }
    std::vector<int> waiting(users, 0);
    std::map<std::string, absl::Time> starving_since;
    int submitted = 0, completed = 0;
    const auto user_name = [](int user) { return absl::StrCat("u", user); };
    for (int step = 0; step < 600; ++step) {
      farm.Pass(absl::Milliseconds(250));
      for (int user = 0; user < users; ++user) {
        if (step > 400 || !rng.Bernoulli(0.05)) continue;
        std::vector<v1::SubmittedWork> work;
        const int burst = 1 + static_cast<int>(rng.Uniform(10));
        for (int i = 0; i < burst; ++i)
          work.push_back(farm.Item(absl::StrCat(user_name(user), "-", submitted++)));
        REQUIRE(farm.Submit(absl::StrCat("session", user), user_name(user), work).ok());
        waiting[user] += burst;
      }
      for (Running& device : runners) {
        v1::SynchronizeResponse response;
        if (device.user.empty()) {
          response = device.runner->Idle();
        } else if (device.end <= farm.now) {
          response = device.runner->Complete(device.lease);
          REQUIRE(response.completion_recorded());
          ++completed;
          device.user.clear();
        } else {
          device.runner->Execute(device.lease);
          continue;
        }
        if (!response.has_execute()) continue;
        device.lease = response.execute().lease();
        device.user = device.lease.work_id().substr(0, device.lease.work_id().find('-'));
        device.end = farm.now + absl::Milliseconds(100 + rng.Uniform(4900));
        --waiting[std::stoi(device.user.substr(1))];
      }
      std::map<std::string, int> held;
      for (const Running& device : runners) {
        if (!device.user.empty()) ++held[device.user];
      }
      const bool somebody_has_two =
          std::any_of(held.begin(), held.end(), [](const auto& entry) { return entry.second >= 2; });
      for (int user = 0; user < users; ++user) {
        const std::string name = user_name(user);
        if (waiting[user] == 0 || held.count(name) > 0 || !somebody_has_two) {
          starving_since.erase(name);
          continue;
        }
        const absl::Time since = starving_since.emplace(name, farm.now).first->second;
        REQUIRE(farm.now - since <= users * longest);
      }
    }
    // What was submitted has been served, but for what overload leaves.
    CHECK(completed > 0);
    int left = 0;
    for (int user = 0; user < users; ++user) left += waiting[user];
    int running = 0;
    for (const Running& device : runners) running += device.user.empty() ? 0 : 1;
    CHECK(completed + left + running == submitted);
  }
}

TEST_CASE("TwoGreedyUsersShareOneDeviceEqually") {
  SimulatedFarm farm;
  std::vector<v1::SubmittedWork> long_jobs, short_jobs;
  for (int i = 0; i < 100; ++i) long_jobs.push_back(farm.Item(absl::StrCat("long", i)));
  for (int i = 0; i < 1000; ++i) short_jobs.push_back(farm.Item(absl::StrCat("short", i)));
  REQUIRE(farm.Submit("s", "slow", long_jobs).ok());
  REQUIRE(farm.Submit("t", "quick", short_jobs).ok());
  SimulatedRunner a(farm, "a");
  std::map<std::string, absl::Duration> used;
  auto response = a.Idle();
  for (int i = 0; i < 500; ++i) {
    const bool is_long = response.execute().lease().work_id()[0] == 'l';
    const absl::Duration length = is_long ? absl::Seconds(5) : absl::Milliseconds(500);
    used[is_long ? "slow" : "quick"] += length;
    farm.Pass(length);
    response = a.Complete(response.execute().lease());
  }
  // Within one of the longest jobs.
  CHECK(absl::AbsDuration(used["slow"] - used["quick"]) <= absl::Seconds(5));
}

}  // namespace
}  // namespace tunefarm
