#include "cli/json_output.h"

#include <cmath>
#include <cstdio>

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"
#include "base/exit_code.h"
#include "cli/summary_table.h"

namespace tunefarm::cli {
namespace {

Json Positive(double value) { return value > 0 && std::isfinite(value) ? Json(value) : Json(nullptr); }
Json Identifier(int64_t id) { return id > 0 ? Json(id) : Json(nullptr); }

std::string EnumName(const std::string& name, const char* prefix) {
  return absl::AsciiStrToLower(absl::StripPrefix(name, prefix));
}

}  // namespace

std::string StateName(v1::JobState state) { return EnumName(v1::JobState_Name(state), "JOB_STATE_"); }
std::string HealthName(v1::DeviceHealth health) {
  return EnumName(v1::DeviceHealth_Name(health), "DEVICE_HEALTH_");
}
std::string FailureName(v1::FailureKind kind) {
  if (kind == v1::FAILURE_KIND_UNSPECIFIED) return "ok";
  return EnumName(v1::FailureKind_Name(kind), "FAILURE_KIND_");
}

double GflopsOf(const db::Record& record) {
  return record.median_us() > 0 ? record.flop / record.median_us() / 1e3 : 0;
}

Json TrialJson(const v1::TrialEvent& trial) {
  const bool ok = trial.status() == "ok";
  return {{"event", "trial"},
          {"task", trial.task()},
          {"trial", trial.trial()},
          {"status", trial.status()},
          {"gflops", ok ? Positive(trial.gflops()) : Json(nullptr)},
          {"median_us", ok ? Positive(trial.median_us()) : Json(nullptr)},
          {"config", trial.config()},
          {"record", Identifier(trial.record())},
          {"message", trial.message()},
          {"cycles", ok ? Positive(trial.cycles()) : Json(nullptr)}};
}

Json DoneJson(const std::string& job_id, const std::string& state, const v1::JobSummary& summary) {
  Json tasks = Json::array();
  for (const v1::TaskSummary& task : summary.tasks()) {
    tasks.push_back({{"task", task.task()},
                     {"trials", task.trials()},
                     {"failures", task.failures()},
                     {"default_gflops", Positive(task.default_gflops())},
                     {"best_gflops", Positive(task.best_gflops())},
                     {"speedup", Positive(task.speedup())},
                     {"record", Identifier(task.record())},
                     {"config", task.best_config()},
                     {"tie", task.tie()},
                     {"default_cycles", Positive(task.default_cycles())},
                     {"best_cycles", Positive(task.best_cycles())},
                     {"cycles_per_mac", Positive(CyclesPerMac(task.task(), task.best_cycles()))},
                     {"estimated", task.estimated()},
                     {"cycle_model", task.cycle_model()},
                     {"error_band", task.error_band()}});
  }
  return {{"event", "done"},
          {"tasks", std::move(tasks)},
          {"trials_per_second", summary.trials_per_second()},
          {"device_busy", summary.device_busy()},
          {"wall_s", summary.wall_s()},
          {"job", job_id},
          {"state", state},
          {"message", summary.message()}};
}

Json ErrorJson(const absl::Status& status) {
  return {{"event", "error"},
          {"code", static_cast<int>(ExitCodeOf(status))},
          {"message", std::string(status.message())}};
}

Json JobJson(const v1::JobInfo& job) {
  return {{"event", "job"},
          {"job", job.job_id()},
          {"name", job.name()},
          {"user", job.user()},
          {"state", StateName(job.state())},
          {"submitted_unix_us", job.submitted_unix_us()},
          {"tasks", job.tasks()},
          {"trials_done", job.trials_done()},
          {"trials_planned", job.trials_planned()},
          {"strategy", job.options().strategy()},
          {"message", job.message()}};
}

Json DeviceJson(const v1::DeviceStatus& device) {
  const v1::DeviceFacts& facts = device.facts();
  Json features = Json::array();
  for (const std::string& feature : facts.isa_features()) features.push_back(feature);
  return {{"event", "device"},
          {"device", facts.device_id()},
          {"device_class", facts.device_class()},
          {"kind", facts.kind()},
          {"cpu_model", facts.cpu_model()},
          {"architecture", facts.architecture()},
          {"isa_features", std::move(features)},
          {"cores", facts.cores()},
          {"l1d_bytes", facts.l1d_bytes()},
          {"l2_bytes", facts.l2_bytes()},
          {"l3_bytes", facts.l3_bytes()},
          {"memory_bytes", facts.memory_bytes()},
          {"governor", facts.governor()},
          {"online", device.online()},
          {"health", HealthName(device.health())},
          {"health_reason", device.health_reason()},
          {"draining", device.draining()},
          {"held_by_user", device.held_by_user()},
          {"completed", device.completed()},
          {"failed", device.failed()},
          {"busy_share", device.busy_share()},
          {"cycle_model", facts.cycle_model()},
          {"error_band", facts.error_band()}};
}

Json RecordJson(const db::Record& record) {
  const bool ok = record.ok();
  const auto kernel = ok ? record.measurement.kernels(0) : v1::KernelResult();
  return {{"event", "record"},
          {"record", record.id},
          {"job", record.job_id},
          {"task", record.workload},
          {"target", record.target_name},
          {"device", record.device_id},
          {"device_class", record.device_class},
          {"threads", record.threads},
          {"trial", record.trial},
          {"status", FailureName(record.measurement.failure().kind())},
          {"gflops", Positive(GflopsOf(record))},
          {"median_us", Positive(record.median_us())},
          {"low_us", Positive(kernel.low_us())},
          {"high_us", Positive(kernel.high_us())},
          {"confirmed", record.confirmed},
          {"config", record.config},
          {"created_unix_us", record.created_unix_us},
          {"message", record.measurement.failure().message()},
          {"estimated", record.estimated},
          {"cycles", Positive(kernel.cycles())},
          {"cycles_per_mac", Positive(CyclesPerMac(record.workload, kernel.cycles()))},
          {"instructions", kernel.instructions()},
          {"cycle_model", kernel.cycle_model()},
          {"error_band", kernel.error_band()},
          {"stack_bytes", kernel.stack_bytes()}};
}

std::string ToLine(const Json& object) {
  return object.dump(-1, ' ', false, nlohmann::detail::error_handler_t::replace) + "\n";
}

void PrintJson(const Json& object) {
  const std::string line = ToLine(object);
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fflush(stdout);
}

}  // namespace tunefarm::cli
