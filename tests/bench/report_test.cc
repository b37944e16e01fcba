#include "bench/report.h"

#include "tests/catch.h"

namespace tunefarm::bench {
namespace {

// Ours at one second a call, and two libraries that are faster: the first by more, but farther off.
Result TwoLibraries(const Problem& problem, double error_of_faster) {
  Result result;
  result.problem = &problem;
  result.rounds = 3;
  const auto add = [&](const char* name, double seconds, double error, bool competes) {
    PeerFacts peer;
    peer.name = name;
    peer.flop = 100;
    peer.competes = competes;
    result.peers.push_back(peer);
    PeerSamples samples;
    samples.seconds = {seconds, seconds, seconds};
    samples.calls = 1;
    result.samples.push_back(samples);
    result.errors.push_back(error);
  };
  add("tunefarm", 1, 0, false);
  add("fast", 0.25, error_of_faster, true);
  add("exact", 0.5, 0, true);
  return result;
}

Problem MakeProblem(const char* workload) {
  return Problem(schedules::Workload::Parse(workload).value(), schedules::FindTarget("x86-64-v3").value(), 1,
                 1);
}

TEST_CASE("AnInt8LibraryMayBeOneUnitOffAndNoMore") {
  const Problem problem = MakeProblem("dense:m=1,n=2,k=3,dtype=i8");
  const Standing near = StandingOf(TwoLibraries(problem, 1));
  CHECK(near.best == 1);
  CHECK(near.to_best.median == Approx(0.25));
  const Standing far = StandingOf(TwoLibraries(problem, 2));
  CHECK(far.best == 2);
  CHECK(far.to_best.median == Approx(0.5));
}

TEST_CASE("AFloatLibraryMayUseWinograd") {
  const Problem problem = MakeProblem("dense:m=1,n=2,k=3");
  CHECK(StandingOf(TwoLibraries(problem, 10)).best == 1);
  CHECK(StandingOf(TwoLibraries(problem, 2 * kRoughestPeer)).best == 2);
}

TEST_CASE("TheTableNamesTheUnitOfItsType") {
  const Problem int8 = MakeProblem("dense:m=1,n=2,k=3,dtype=i8"), f32 = MakeProblem("dense:m=1,n=2,k=3");
  CHECK(TableText(TwoLibraries(int8, 0)).find("of the int8 peak") != std::string::npos);
  CHECK(TableText(TwoLibraries(f32, 0)).find("of the FMA peak") != std::string::npos);
}

}  // namespace
}  // namespace tunefarm::bench
