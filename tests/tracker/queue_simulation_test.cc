// Runners whose messages get lost, repeated and reordered, that die, and a tracker that is killed: every
// piece of accepted work ends exactly once, and the device never runs two things at once under valid leases.
#include <deque>
#include <map>
#include <optional>

#include "base/rng.h"
#include "tests/catch.h"
#include "tests/tracker/simulated_farm.h"

namespace tunefarm {
namespace {

struct Node {
  std::unique_ptr<SimulatedRunner> runner;
  std::optional<v1::LeaseToken> lease;   // Executing.
  std::optional<v1::LeaseToken> report;  // Completed, not confirmed yet.
  v1::FailureKind outcome = v1::FAILURE_KIND_UNSPECIFIED;
  absl::Time done_at;
  std::deque<v1::SynchronizeRequest> delayed;  // Still travelling.
};

struct World {
  World(std::uint64_t seed, int devices, double lost_share) : rng(seed), loss(lost_share) {
    for (int i = 0; i < devices; ++i) {
      nodes.emplace_back();
      nodes.back().runner = std::make_unique<SimulatedRunner>(farm, absl::StrCat("d", i));
    }
  }

  v1::SynchronizeRequest NextMessage(Node& node) {
    if (node.report.has_value()) return node.runner->CompletedMessage(*node.report, node.outcome);
    if (node.lease.has_value()) return node.runner->ExecutingMessage(*node.lease);
    return node.runner->IdleMessage();
  }

  void Receive(Node& node, const v1::SynchronizeRequest& request, const v1::SynchronizeResponse& response) {
    if (request.sequence() != node.runner->sequence) return;  // An answer to an older question.
    if (request.has_completed()) node.report.reset();
    if (response.has_abandon()) node.lease.reset();
    if (response.has_execute()) {
      node.lease = response.execute().lease();
      node.done_at = farm.now + absl::Milliseconds(100 + rng.Uniform(3000));
    }
  }

  // One call over the bad network.
  void Call(Node& node) {
    if (node.lease.has_value() && node.done_at <= farm.now) {
      node.report = node.lease;
      node.lease.reset();
      node.outcome = rng.Bernoulli(0.1)   ? v1::FAILURE_KIND_NOISY
                     : rng.Bernoulli(0.1) ? v1::FAILURE_KIND_CRASH
                                          : v1::FAILURE_KIND_UNSPECIFIED;
    }
    const v1::SynchronizeRequest request = NextMessage(node);
    if (rng.Bernoulli(loss)) return;  // Lost on the way there.
    if (rng.Bernoulli(loss)) {        // Delayed: later ones overtake it.
      node.delayed.push_back(request);
      return;
    }
    auto response = node.runner->Send(request);
    if (rng.Bernoulli(loss)) response = node.runner->Send(request);  // Repeated.
    if (!response.ok() || rng.Bernoulli(loss)) return;               // Lost on the way back.
    Receive(node, request, *response);
  }

  void Step() {
    farm.Pass(absl::Milliseconds(200));
    for (Node& node : nodes) {
      if (!node.delayed.empty() && rng.Bernoulli(0.3)) {
        (void)node.runner->Send(node.delayed.front());  // Its answer arrives too late to matter.
        node.delayed.pop_front();
      }
      if (loss > 0 && rng.Bernoulli(0.002)) {  // The runner dies.
        node.runner->RestartRunner();
        node.lease.reset();
        node.report.reset();
        node.delayed.clear();
      }
      if (rng.Bernoulli(0.7)) Call(node);
    }
    if (loss > 0 && rng.Bernoulli(0.01)) farm.Restart();  // The tracker dies.
  }

  SimulatedFarm farm;
  Rng rng;
  const double loss;
  std::vector<Node> nodes;
};

// Runs until all work has ended; how often each result was seen before its acknowledgement arrived.
void RunToTheEnd(World& world, int items, int sessions) {
  for (int i = 0; i < items; ++i) {
    const int session = i % sessions;
    REQUIRE(world.farm
                .Submit(absl::StrCat("s", session), absl::StrCat("u", session % 3),
                        {world.farm.Item(absl::StrCat("w", i))})
                .ok());
  }
  std::map<std::string, std::string> results;  // By work: the bytes of its one result.
  for (int step = 0; step < 20000 && static_cast<int>(results.size()) < items; ++step) {
    world.Step();
    for (int session = 0; session < sessions; ++session) {
      const std::string name = absl::StrCat("s", session);
      std::vector<std::string> acknowledge;
      const v1::CollectResponse collected = world.farm.Collect(name);
      for (const auto& result : collected.results()) {
        // The same result again is the same; a second, different one would be a second measurement.
        const auto [first, fresh] = results.emplace(result.work_id(), result.SerializeAsString());
        REQUIRE((fresh || first->second == result.SerializeAsString()));
        REQUIRE((result.measurement().failure().kind() != v1::FAILURE_KIND_UNSPECIFIED ||
                 result.measurement().kernels_size() == 1));
        REQUIRE(result.attempts_size() <= 3);
        acknowledge.push_back(result.work_id());
      }
      if (!acknowledge.empty() && !world.rng.Bernoulli(world.loss)) world.farm.Collect(name, acknowledge);
    }
  }
  REQUIRE(static_cast<int>(results.size()) == items);
  for (int session = 0; session < sessions; ++session) {
    const std::string name = absl::StrCat("s", session);
    const auto rest = world.farm.Collect(name);
    REQUIRE(rest.pending() == 0);
    std::vector<std::string> acknowledge;
    for (const auto& result : rest.results()) {
      REQUIRE(results.count(result.work_id()) == 1);
      acknowledge.push_back(result.work_id());
    }
    world.farm.Collect(name, acknowledge);
  }
  CHECK(world.farm.queue().work_count() == 0);
  CHECK(world.farm.queue().session_count() == 0);
  CHECK(world.farm.stored().work.empty());
}

TEST_CASE("EveryWorkEndsExactlyOnceOnAPerfectNetwork") {
  World world(1, 4, 0);
  RunToTheEnd(world, 200, 3);
}

TEST_CASE("EveryWorkEndsExactlyOnceWhenAFifthOfAllMessagesIsLostRepeatedOrReordered") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    INFO("seed " << seed);
    World world(seed, 1 + seed % 7, 0.2);
    RunToTheEnd(world, 60, 3);
  }
}

TEST_CASE("TwoHundredDevicesOnABadNetworkFinishAll") {
  World world(7, 250, 0.2);
  RunToTheEnd(world, 3000, 10);
}

}  // namespace
}  // namespace tunefarm
