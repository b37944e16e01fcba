#include "cli/replay.h"

#include "cli/replay_verdict.h"
#include "tests/catch.h"
#include "tests/cli/events.h"

namespace tunefarm::cli {
namespace {

db::Record Measured(double low, double median, double high) {
  db::Record record;
  record.id = 1;
  record.workload = kConv;
  record.target_json = "{}";
  record.config = "a=1";
  record.template_version = "direct-1";
  record.toolchain = "gcc 12";
  record.device_id = "host";
  record.device_class = "zen";
  record.policy.set_drift_limit(0.05);
  auto* kernel = record.measurement.add_kernels();
  kernel->set_low_us(low);
  kernel->set_median_us(median);
  kernel->set_high_us(high);
  record.measurement.mutable_environment()->set_reference_us(200);
  record.measurement.mutable_environment()->set_reference_baseline_us(200);
  return record;
}

}  // namespace

TEST_CASE("OverlappingIntervalsAgree") {
  CHECK(CompareReplay(Measured(99, 100, 101), Measured(100.5, 102, 103)).result == ReplayResult::kAgrees);
}

TEST_CASE("TheDriftLimitWidensBothIntervals") {
  // 101 * 1.05 = 106.05 reaches 111.5 * 0.95 = 105.925, but not 112 * 0.95 = 106.4.
  CHECK(CompareReplay(Measured(99, 100, 101), Measured(111.5, 112, 113)).result == ReplayResult::kAgrees);
  CHECK(CompareReplay(Measured(99, 100, 101), Measured(112, 112.5, 113)).result == ReplayResult::kDisagrees);
  CHECK(CompareReplay(Measured(112, 112.5, 113), Measured(99, 100, 101)).result == ReplayResult::kDisagrees);
}

TEST_CASE("ASlowerReferenceKernelMeansTheMachineDrifted") {
  db::Record now = Measured(149, 150, 151);
  now.measurement.mutable_environment()->set_reference_us(260);
  const ReplayVerdict verdict = CompareReplay(Measured(99, 100, 101), now);
  CHECK(verdict.result == ReplayResult::kMachineDrifted);
  CHECK(verdict.explanation ==
        "then 100 us (99 us to 101 us), now 150 us (149 us to 151 us); the machine has drifted: the "
        "reference kernel took "
        "200 us and takes 260 us, 30 % more");
}

TEST_CASE("ADifferenceMustBeThereAgain") {
  const db::Record then = Measured(99, 100, 101);
  const db::Record slow = Measured(149, 150, 151);
  CHECK(CompareReplays(then, {slow}).result == ReplayResult::kDisagrees);
  CHECK(CompareReplays(then, {slow, slow, slow}).result == ReplayResult::kDisagrees);
  const ReplayVerdict passed = CompareReplays(then, {slow, then});
  CHECK(passed.result == ReplayResult::kAgrees);
  CHECK(passed.explanation ==
        "then 100 us (99 us to 101 us), now 100 us (99 us to 101 us) (just before, 150 us)");
  const ReplayVerdict restless = CompareReplays(then, {slow, Measured(199, 200, 201)});
  CHECK(restless.result == ReplayResult::kMachineDrifted);
  CHECK(restless.explanation ==
        "then 100 us (99 us to 101 us), now 200 us (199 us to 201 us), just before, 150 us; the machine does "
        "not agree with itself");
  db::Record failed = slow;
  failed.measurement.clear_kernels();
  failed.measurement.mutable_failure()->set_kind(v1::FAILURE_KIND_CRASH);
  CHECK(CompareReplays(then, {slow, failed}).result == ReplayResult::kFailed);
}

TEST_CASE("AnotherDeviceIsAnotherMachine") {
  db::Record now = Measured(149, 150, 151);
  now.device_id = "other";
  CHECK(CompareReplay(Measured(99, 100, 101), now).result == ReplayResult::kMachineDrifted);
}

TEST_CASE("AnotherToolchainIsAnotherKernel") {
  db::Record now = Measured(149, 150, 151);
  now.toolchain = "gcc 13";
  const ReplayVerdict verdict = CompareReplay(Measured(99, 100, 101), now);
  CHECK(verdict.result == ReplayResult::kSoftwareDiffers);
  CHECK(verdict.explanation.find("the toolchain was 'gcc 12' and is 'gcc 13'") != std::string::npos);
}

TEST_CASE("EstimatedRecordsAgreeOnlyWhenTheyAreTheSame") {
  db::Record then = Measured(100, 100, 100);
  then.estimated = true;
  then.kernel_digest = "one";
  db::Record now = then;
  now.device_id = "another";  // Emulated devices do not differ.
  CHECK(CompareReplay(then, now).result == ReplayResult::kAgrees);
  for (auto* kernel : {now.measurement.mutable_kernels(0)}) {
    kernel->set_low_us(100.001);
    kernel->set_median_us(100.001);
    kernel->set_high_us(100.001);
  }
  CHECK(CompareReplay(then, now).result == ReplayResult::kDisagrees);
  now.kernel_digest = "two";
  const ReplayVerdict verdict = CompareReplay(then, now);
  CHECK(verdict.result == ReplayResult::kSoftwareDiffers);
  CHECK(verdict.explanation.find("the kernel was 'one' and is 'two'") != std::string::npos);
}

TEST_CASE("AKernelThatFailsNowHasNoTime") {
  db::Record now = Measured(1, 1, 1);
  now.measurement.mutable_failure()->set_kind(v1::FAILURE_KIND_COMPILE);
  now.measurement.mutable_failure()->set_message("no such flag");
  const ReplayVerdict verdict = CompareReplay(Measured(99, 100, 101), now);
  CHECK(verdict.result == ReplayResult::kFailed);
  CHECK(verdict.explanation == "compile: no such flag");
}

TEST_CASE("RecordsOfOneTaskShareATaskOfTheReplay") {
  db::Record a = Measured(1, 1, 1), b = a, c = a, d = a;
  b.config = "a=2";
  c.workload = kMatmul;
  d.config = "a=2";  // The same config measured twice.
  const ReplayPlan plan = PlanReplay({a, b, c, d});
  REQUIRE(plan.request.tasks_size() == 2);
  CHECK(plan.request.tasks(0).workload() == kConv);
  REQUIRE(plan.request.tasks(0).configs_size() == 2);
  CHECK(plan.request.tasks(0).configs(1) == "a=2");
  CHECK(plan.request.tasks(1).workload() == kMatmul);
  REQUIRE(plan.places.size() == 4);
  CHECK((plan.places[1].task == 0 && plan.places[1].trial == 1));
  CHECK((plan.places[2].task == 1 && plan.places[2].trial == 0));
  CHECK((plan.places[3].task == 0 && plan.places[3].trial == 1));
}

}  // namespace tunefarm::cli
