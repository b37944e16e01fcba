// The schema of --json (docs/formats.md): which fields there are, in which order, and of which type.
#include "cli/json_output.h"

#include "base/exit_code.h"
#include "tests/catch.h"
#include "tests/cli/events.h"

namespace tunefarm::cli {
namespace {

std::vector<std::string> Keys(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

// As a reader of the line sees it.
Json Read(const Json& object) {
  const std::string line = ToLine(object);
  REQUIRE(line.back() == '\n');
  REQUIRE(line.find('\n') == line.size() - 1);
  return Json::parse(line);
}

}  // namespace

TEST_CASE("TrialObjectHasTheDocumentedFields") {
  const Json trial = Read(TrialJson(Trial(0, kConv, 3, 50).trial()));
  CHECK(Keys(trial) == std::vector<std::string>{"event", "task", "trial", "status", "gflops", "median_us",
                                                "config", "record", "message", "cycles"});
  CHECK(trial["event"] == "trial");
  CHECK(trial["task"] == kConv);
  CHECK(trial["trial"] == 3);
  CHECK(trial["trial"].is_number_integer());
  CHECK(trial["status"] == "ok");
  CHECK(trial["gflops"] == 50.0);
  CHECK(trial["median_us"] == 20.0);
  CHECK(trial["config"] == "tile_m=4");
  CHECK(trial["record"] == 103);
}

TEST_CASE("AFailedTrialHasNoTime") {
  const Json trial = Read(TrialJson(Trial(0, kConv, 1, 0, "wrong_result").trial()));
  CHECK(trial["status"] == "wrong_result");
  CHECK(trial["gflops"].is_null());
  CHECK(trial["median_us"].is_null());
  CHECK(trial["record"] == 101);
}

TEST_CASE("DoneObjectHasTheDocumentedFields") {
  v1::JobSummary summary;
  *summary.add_tasks() = Summary(0, kConv, 64, 64, 10, 35);
  summary.mutable_tasks(0)->set_failures(2);
  summary.mutable_tasks(0)->set_record(17);
  *summary.add_tasks() = Summary(1, kMatmul, 3, 64, 0, 0);
  summary.set_trials_per_second(6.5);
  summary.set_device_busy(0.9);
  summary.set_wall_s(12);
  const Json done = Read(DoneJson("job-1", "done", summary));
  CHECK(Keys(done) == std::vector<std::string>{"event", "tasks", "trials_per_second", "device_busy", "wall_s",
                                               "job", "state", "message"});
  CHECK(done["event"] == "done");
  CHECK(done["trials_per_second"] == 6.5);
  CHECK(done["device_busy"] == 0.9);
  CHECK(done["wall_s"] == 12.0);
  REQUIRE(done["tasks"].size() == 2);
  const Json& task = done["tasks"][0];
  CHECK(Keys(task) == std::vector<std::string>{"task", "trials", "failures", "default_gflops", "best_gflops",
                                               "speedup", "record", "config", "tie", "default_cycles",
                                               "best_cycles", "cycles_per_mac", "estimated", "cycle_model",
                                               "error_band"});
  CHECK(task["trials"] == 64);
  CHECK(task["failures"] == 2);
  CHECK(task["default_gflops"] == 10.0);
  CHECK(task["best_gflops"] == 35.0);
  CHECK(task["speedup"] == 3.5);
  CHECK(task["record"] == 17);
  CHECK(done["tasks"][1]["best_gflops"].is_null());
  CHECK(done["tasks"][1]["record"].is_null());
}

TEST_CASE("ErrorObjectCarriesTheExitStatus") {
  const Json error =
      Read(ErrorJson(WithExitCode(absl::NotFoundError("no target 'x'"), ExitCode::kUnknownTarget)));
  CHECK(Keys(error) == std::vector<std::string>{"event", "code", "message"});
  CHECK(error["code"] == 5);
  CHECK(error["message"] == "no target 'x'");
}

TEST_CASE("RecordObjectOfAFailureNamesItsKind") {
  db::Record record;
  record.id = 4;
  record.flop = 1e6;
  record.measurement.mutable_failure()->set_kind(v1::FAILURE_KIND_FORBIDDEN_CALL);
  record.measurement.mutable_failure()->set_message("ptrace");
  const Json object = Read(RecordJson(record));
  CHECK(object["status"] == "forbidden_call");
  CHECK(object["gflops"].is_null());
  CHECK(object["message"] == "ptrace");
}

TEST_CASE("GflopsFollowFromFlopAndMedian") {
  db::Record record;
  record.flop = 2e6;
  record.measurement.add_kernels()->set_median_us(100);
  CHECK(GflopsOf(record) == Approx(20.0));
  CHECK(RecordJson(record)["gflops"] == Approx(20.0));
}

TEST_CASE("BytesThatAreNotTextDoNotBreakTheLine") {
  v1::TrialEvent trial = Trial(0, kConv, 0, 0, "compile").trial();
  trial.set_message("error: \xff\n next");
  CHECK_NOTHROW(Read(TrialJson(trial)));
}

TEST_CASE("EnumsAreNamedAsTheyAreStored") {
  CHECK(StateName(v1::JOB_STATE_CANCELLED) == "cancelled");
  CHECK(HealthName(v1::DEVICE_HEALTH_QUARANTINED) == "quarantined");
  CHECK(FailureName(v1::FAILURE_KIND_UNSPECIFIED) == "ok");
  CHECK(FailureName(v1::FAILURE_KIND_OUT_OF_MEMORY) == "out_of_memory");
}

}  // namespace tunefarm::cli
