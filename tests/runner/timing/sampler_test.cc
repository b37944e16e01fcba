#include "runner/timing/sampler.h"

#include "tests/catch.h"

namespace tunefarm {
namespace {

TimingPolicy Policy() {
  TimingPolicy policy;
  policy.min_samples = 10;
  policy.reference_every = 1;
  policy.min_time_us = 0;
  policy.max_time_us = 100e3;
  policy.target_half_width = 0.01;
  policy.min_sample_us = 1000;
  policy.max_warm_up_us = 10e3;
  policy.warm_up_agreement = 0.02;
  policy.drift_limit = 0.04;
  return policy;
}

// A machine whose state follows a script: `crowded(i)` tells whether somebody shares the core during sample
// i.
struct Machine {
  std::function<bool(int)> crowded = [](int) { return false; };
  std::function<bool(int)> preempted = [](int) { return false; };
  double clock_factor = 1;
  std::vector<double> call_us = {100};
  bool sampling = false;
  int samples = 0;
  std::vector<std::size_t> order;

  Bench bench() {
    Bench bench;
    bench.run = [this](std::size_t k, std::uint64_t iterations) {
      const int i = sampling ? samples++ : -1;
      if (sampling) order.push_back(k);
      const double crowd = i >= 0 && crowded(i) ? 1.3 : 1;
      return Reading{call_us[k] * static_cast<double>(iterations) * crowd * clock_factor,
                     i >= 0 && preempted(i)};
    };
    bench.reference = [this] {
      return CoreReading{10 * clock_factor, crowded(samples) || crowded(samples - 1) ? 14. : 10., false,
                         false};
    };
    bench.begin_sampling = [this] { sampling = true; };
    return bench;
  }
};

}  // namespace

TEST_CASE("ACalmMachineIsDoneAfterTheFewestSamples") {
  Machine machine;
  double calm = 0;
  const std::vector<KernelSamples> result = Sample(Policy(), 1, machine.bench(), &calm);
  REQUIRE(result.size() == 1);
  CHECK(result[0].iterations == 10);  // Tenfold growth after the first reading, and 10 * 100 us are enough.
  CHECK(result[0].samples_us == std::vector<double>(10, 100));
  CHECK(result[0].dropped == 0);
  CHECK_FALSE(result[0].noisy);
  CHECK(result[0].reference_us.size() == 11);  // Before the first and after each.
  CHECK(result[0].reference_positions.back() == 10);
  CHECK(calm == 10);
}

TEST_CASE("AnInterruptionThatNobodyCountsIsNoSlowClock") {
  for (const bool first : {true, false}) {
    const CoreReading reading =
        Combine({first ? 17.0 : 11.0, false}, {110, false}, {first ? 11.0 : 17.0, false});
    CHECK(reading.clock_us == 11);
    CHECK(reading.contention == 10);
    CHECK(reading.uneven);
    CHECK_FALSE(reading.disturbed);
  }
  const CoreReading slow = Combine({17, false}, {170, false}, {17.2, false});
  CHECK(slow.clock_us == 17);
  CHECK(slow.calm());
  CHECK(Combine({11, false}, {110, true}, {11, false}).disturbed);
}

TEST_CASE("OneFalseReadingOfTheClockDoesNotPassForTheCalmestMoment") {
  Machine machine;
  Bench bench = machine.bench();
  int readings = 0;
  bench.reference = [&] {  // Every fifth reading finds the clock slow and the neighbours calm.
    return ++readings % 5 == 0 ? CoreReading{16, 6.25, false, true} : CoreReading{10, 10, false, false};
  };
  double calm = 0;
  const std::vector<KernelSamples> result = Sample(Policy(), 1, bench, &calm);
  CHECK(calm == 10);
  CHECK(result[0].dropped == 0);
  CHECK_FALSE(result[0].noisy);
}

TEST_CASE("SamplesOfACrowdedCoreAreDropped") {
  Machine machine;
  machine.crowded = [](int i) { return i % 8 < 4; };
  double calm = 0;
  const std::vector<KernelSamples> result = Sample(Policy(), 1, machine.bench(), &calm);
  CHECK(result[0].samples_us == std::vector<double>(10, 100));
  CHECK(result[0].dropped > 0);
  CHECK_FALSE(result[0].noisy);
}

TEST_CASE("ACoreThatIsNeverCalmGivesANoisyResult") {
  Machine machine;
  machine.crowded = [](int) { return true; };
  TimingPolicy policy = Policy();
  policy.calm_contention = 10;
  double calm = 0;
  const std::vector<KernelSamples> result = Sample(policy, 1, machine.bench(), &calm);
  CHECK(result[0].samples_us.size() == 10);
  CHECK(result[0].noisy);
  CHECK(result[0].dropped > 0);
  CHECK(calm == 14);
}

TEST_CASE("ASampleAfterAPreemptionIsDroppedWithIt") {
  Machine machine;
  machine.preempted = [](int i) { return i == 2; };
  double calm = 0;
  const std::vector<KernelSamples> result = Sample(Policy(), 1, machine.bench(), &calm);
  CHECK(result[0].dropped == 2);
  CHECK(result[0].samples_us.size() == 10);
}

TEST_CASE("SeveralKernelsAreInterleavedThereAndBack") {
  Machine machine;
  machine.call_us = {100, 200};
  double calm = 0;
  const std::vector<KernelSamples> result = Sample(Policy(), 2, machine.bench(), &calm);
  // Each has a call to itself before it is timed, as the other has had the caches.
  CHECK(std::vector<std::size_t>(machine.order.begin(), machine.order.begin() + 8) ==
        std::vector<std::size_t>{0, 0, 1, 1, 1, 1, 0, 0});
  CHECK(result[0].samples_us.size() == result[1].samples_us.size());
  CHECK(result[1].samples_us[0] == 200);
}

TEST_CASE("OnlyCallsThatFillTheCachesThemselvesGoWithoutACallBefore") {
  Machine machine;
  machine.call_us = {5e3, 60e3};
  TimingPolicy policy = Policy();
  policy.max_time_us = 1e6;
  double calm = 0;
  const std::vector<KernelSamples> result = Sample(policy, 2, machine.bench(), &calm);
  CHECK(result[0].iterations == 1);
  CHECK(result[1].iterations == 1);
  // How long they take is known after the first round.
  REQUIRE(machine.order.size() >= 10);
  CHECK(std::vector<std::size_t>(machine.order.begin(), machine.order.begin() + 10) ==
        std::vector<std::size_t>{0, 0, 1, 1, 1, 0, 0, 0, 0, 1});
}

TEST_CASE("AKernelOverTheCutoffIsCensoredAfterThreeSamples") {
  Machine machine;
  machine.call_us = {5000};
  TimingPolicy policy = Policy();
  policy.cutoff_us = 1000;
  double calm = 0;
  const std::vector<KernelSamples> result = Sample(policy, 1, machine.bench(), &calm);
  CHECK(result[0].censored);
  CHECK(result[0].samples_us.size() == 3);
  CHECK(result[0].iterations == 1);
}

TEST_CASE("AHopelessKernelIsCalledTwice") {
  Machine machine;
  machine.call_us = {200e3};
  int calls = 0;
  Bench bench = machine.bench();
  const auto run = bench.run;
  bench.run = [&](std::size_t k, std::uint64_t iterations) {
    calls += static_cast<int>(iterations);
    return run(k, iterations);
  };
  TimingPolicy policy = Policy();
  policy.cutoff_us = 1000;
  double calm = 0;
  const std::vector<KernelSamples> result = Sample(policy, 1, bench, &calm);
  CHECK(result[0].censored);
  CHECK(result[0].samples_us == std::vector<double>{200e3});
  CHECK(calls == 2);  // One that says so, one that is kept.
}

TEST_CASE("AnInterruptionDoesNotPassForASlowKernel") {
  Machine machine;
  TimingPolicy policy = Policy();
  policy.cutoff_us = 300;
  Bench bench = machine.bench();
  // Two of three readings before the samples take ten times as long.
  const auto run = bench.run;
  int readings = 0;
  bench.run = [&](std::size_t k, std::uint64_t iterations) {
    Reading reading = run(k, iterations);
    if (!machine.sampling && ++readings % 3 != 0) {
      reading.us *= 10;
      reading.disturbed = true;
    }
    return reading;
  };
  double calm = 0;
  const std::vector<KernelSamples> result = Sample(policy, 1, bench, &calm);
  CHECK_FALSE(result[0].censored);
  CHECK(result[0].samples_us.size() >= 10);
}

TEST_CASE("WhereEveryCallIsInterruptedTheirOwnTimesCount") {
  Machine machine;
  machine.call_us = {6000, 9000};
  machine.preempted = [](int) { return true; };
  Bench bench = machine.bench();
  const auto run = bench.run;
  bench.run = [&](std::size_t k, std::uint64_t iterations) {
    Reading reading = run(k, iterations);
    reading.own_time = reading.disturbed;
    return reading;
  };
  TimingPolicy policy = Policy();
  policy.max_time_us *= 2;  // A call before each that is timed.
  double calm = 0;
  const std::vector<KernelSamples> result = Sample(policy, 2, bench, &calm);
  CHECK(result[0].noisy);
  CHECK(result[0].samples_us.size() >= 6);
  CHECK(result[0].samples_us.size() == result[1].samples_us.size());
  CHECK(result[1].samples_us[0] == 9000);
}

TEST_CASE("OfThreadsThatAreAlwaysInterruptedTheShortestRoundsCount") {
  // Their processor time says nothing. Every fourth interruption takes a third of a call.
  Machine machine;
  machine.call_us = {6000};
  machine.preempted = [](int) { return true; };
  Bench bench = machine.bench();
  const auto run = bench.run;
  int calls = 0;
  bench.run = [&](std::size_t k, std::uint64_t iterations) {
    Reading reading = run(k, iterations);
    if (++calls % 4 == 0) reading.us += 2000;
    reading.of_threads = true;
    return reading;
  };
  double calm = 0;
  const TimingPolicy policy = Policy();
  const std::vector<KernelSamples> result = Sample(policy, 1, bench, &calm);
  CHECK(result[0].noisy);
  REQUIRE(result[0].samples_us.size() == policy.min_samples);
  CHECK(result[0].samples_us == std::vector<double>(policy.min_samples, 6000));
}

TEST_CASE("UndisturbedRoundsGoBeforeInterruptedOnes") {
  Machine machine;
  machine.call_us = {3000};
  machine.preempted = [](int i) { return i % 3 == 0; };
  Bench bench = machine.bench();
  const auto run = bench.run;
  bench.run = [&](std::size_t k, std::uint64_t iterations) {
    Reading reading = run(k, iterations);
    reading.own_time = reading.disturbed;
    if (reading.disturbed) reading.us += 500;
    return reading;
  };
  double calm = 0;
  // A third of some forty rounds is left alone, which is enough.
  const std::vector<KernelSamples> result = Sample(Policy(), 1, bench, &calm);
  CHECK(result[0].samples_us.size() >= 10);
  CHECK(result[0].samples_us == std::vector<double>(result[0].samples_us.size(), 3000));
}

TEST_CASE("ASlowKernelThatIsAlwaysInterruptedStillHasATime") {
  Machine machine;
  machine.preempted = [](int) { return true; };
  double calm = 0;
  SECTION("over the cutoff") {
    machine.call_us = {5000};
    TimingPolicy policy = Policy();
    policy.cutoff_us = 1000;
    const std::vector<KernelSamples> result = Sample(policy, 1, machine.bench(), &calm);
    CHECK(result[0].censored);
    CHECK(result[0].samples_us == std::vector<double>{5000});
  }
  SECTION("a call as long as the budget") {
    machine.call_us = {200e3};
    const std::vector<KernelSamples> result = Sample(Policy(), 1, machine.bench(), &calm);
    CHECK(result[0].noisy);
    CHECK(result[0].samples_us == std::vector<double>{200e3});
  }
  SECTION("but not a short one") {
    const std::vector<KernelSamples> result = Sample(Policy(), 1, machine.bench(), &calm);
    CHECK(result[0].noisy);
    CHECK(result[0].samples_us.empty());
  }
}

}  // namespace tunefarm
