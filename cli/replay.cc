#include "cli/replay.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <random>
#include <set>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/chosen_device.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/job_model.h"
#include "cli/job_run.h"
#include "cli/json_output.h"
#include "cli/replay_verdict.h"
#include "cli/tuner_session.h"
#include "cli/unfinished_job.h"

namespace tunefarm::cli {
namespace {

struct ReplayOptions {
  std::vector<int64_t> records;
  std::string job;
  std::string device;  // For records of a device file's board.
  ConnectionFlags connection;
};

// The best record of each task of a job, as the job itself judged it.
absl::StatusOr<std::vector<int64_t>> BestRecords(const std::string& database, const std::string& job_id) {
  TUNEFARM_ASSIGN_OR_RETURN(const auto events, ReadEvents(database, job_id));
  JobModel model;
  for (const v1::JobEvent& event : events) model.Apply(event);
  std::vector<int64_t> records;
  for (const TaskStatus& task : model.tasks()) {
    if (task.summary.record() > 0) records.push_back(task.summary.record());
  }
  if (records.empty()) {
    return absl::NotFoundError(absl::StrCat("job '", job_id, "' has no best record in ", database,
                                            "; `tunefarm jobs --db ", ShellQuote(database),
                                            "` lists its jobs"));
  }
  return records;
}

absl::StatusOr<std::vector<db::Record>> ReadRecords(const std::string& database,
                                                    const std::vector<int64_t>& ids) {
  TUNEFARM_ASSIGN_OR_RETURN(const auto opened, db::Database::Open(database, db::Database::Mode::kReadOnly));
  std::vector<db::Record> records;
  for (const int64_t id : ids) {
    TUNEFARM_ASSIGN_OR_RETURN(db::Record record, opened->FindRecord(id));
    records.push_back(std::move(record));
  }
  return records;
}

void Tell(const db::Record& then, const db::Record& now, const ReplayVerdict& verdict, bool json) {
  const std::string name = ReplayResultName(verdict.result);
  if (!json) {
    std::printf("record %lld  %s: %s\n  %s\n", static_cast<long long>(then.id),
                TaskLabel(then.workload).c_str(), absl::StrJoin(absl::StrSplit(name, '_'), " ").c_str(),
                verdict.explanation.c_str());
    return;
  }
  const Json before = RecordJson(then);
  const Json after = RecordJson(now);
  Json object = {{"event", "replay"},
                 {"task", then.workload},
                 {"record", then.id},
                 {"replayed_as", now.id},
                 {"result", name}};
  for (const char* field : {"median_us", "low_us", "high_us"}) {
    object[absl::StrCat("then_", field)] = before[field];
    object[absl::StrCat("now_", field)] = after[field];
  }
  object["message"] = verdict.explanation;
  PrintJson(object);
}

// What a local farm starts for a record; empty: this machine.
absl::StatusOr<std::string> DeviceFor(const ReplayOptions& options, const db::Record& record) {
  if (!options.device.empty() || !options.connection.daemon.empty()) return options.device;
  std::string device = ShippedDeviceOf(record.device_class);
  if (device.empty() && record.estimated) {
    return absl::FailedPreconditionError(
        absl::StrCat("record ", record.id, " is of device class ", record.device_class,
                     ", which no shipped device has now; name its device file with --device"));
  }
  return device;
}

// A difference that nothing explains is looked at so often.
constexpr int kAttempts = 3;

// Measures records that share a number of threads again. Result i is that of record i.
absl::StatusOr<std::vector<db::Record>> MeasureAgain(const ReplayOptions& options,
                                                     const std::vector<db::Record>& records,
                                                     const std::string& device_text, bool json) {
  LocalFarmOptions farm;
  TUNEFARM_ASSIGN_OR_RETURN(const auto device, FindDevice(device_text));
  SetDevice(device, farm);
  farm.kernel_threads = records[0].threads;
  TUNEFARM_ASSIGN_OR_RETURN(TunerSession session, OpenTunerSession(options.connection, farm));
  const bool embedded = session.farm != nullptr;
  if (embedded) TUNEFARM_RETURN_IF_ERROR(CancelOthers(*session.client, "", options.connection));
  ReplayPlan plan = PlanReplay(records);
  std::random_device random;
  plan.request.set_client_token(
      absl::StrFormat("replay-%08x%08x%08x%08x", random(), random(), random(), random()));
  TUNEFARM_ASSIGN_OR_RETURN(const std::string job_id, session.client->Submit(plan.request));
  JobRun run;
  run.job_id = job_id;
  run.title = absl::StrCat(job_id, ": replay");
  run.output = json ? Output::kQuiet : ChooseOutput(false) == Output::kLive ? Output::kLive : Output::kQuiet;
  run.farm = session.farm.get();
  run.cancel_on_interrupt = true;  // Nobody else waits for a replay.
  TUNEFARM_ASSIGN_OR_RETURN(const JobOutcome outcome, FollowJob(*session.client, run));
  TUNEFARM_RETURN_IF_ERROR(InterruptScope::Check("the replay"));
  if (outcome.summary.state() != v1::JOB_STATE_DONE) {
    return absl::AbortedError(absl::StrCat("the replay (", job_id, ") ended as ",
                                           StateName(outcome.summary.state()), ": ",
                                           outcome.summary.message()));
  }
  std::map<std::pair<uint32_t, uint32_t>, int64_t> measured;
  for (const v1::TrialEvent& trial : outcome.trials)
    measured[{trial.task_index(), trial.trial()}] = trial.record();
  std::vector<db::Record> again;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto found = measured.find({plan.places[i].task, plan.places[i].trial});
    if (found == measured.end()) {
      return absl::InternalError(absl::StrCat("the daemon did not measure record ", records[i].id, " again"));
    }
    auto now = ReadRecords(options.connection.DatabasePath(), {found->second});
    if (!now.ok()) {
      return WithContext(now.status(),
                         embedded ? "reading the new measurement"
                                  : "reading the new measurement (with --daemon, --db must be the daemon's "
                                    "own database)");
    }
    again.push_back(std::move(now->front()));
  }
  return again;
}

// Measures them again, those that disagree more than once, and tells; true when each agrees or the machine
// has drifted.
absl::StatusOr<bool> ReplayTogether(const ReplayOptions& options, std::vector<db::Record> records,
                                    const std::string& device_text, bool json) {
  std::vector<std::vector<db::Record>> now(records.size());
  bool explained = true;
  for (int attempt = 1; !records.empty(); ++attempt) {
    TUNEFARM_ASSIGN_OR_RETURN(std::vector<db::Record> measured,
                              MeasureAgain(options, records, device_text, json));
    std::vector<db::Record> left;
    std::vector<std::vector<db::Record>> left_now;
    for (std::size_t i = 0; i < records.size(); ++i) {
      now[i].push_back(std::move(measured[i]));
      const ReplayVerdict verdict = CompareReplays(records[i], now[i]);
      // A model gives the same number every time.
      if (verdict.result == ReplayResult::kDisagrees && !records[i].estimated && attempt < kAttempts) {
        left.push_back(std::move(records[i]));
        left_now.push_back(std::move(now[i]));
        continue;
      }
      Tell(records[i], now[i].back(), verdict, json);
      explained = explained && (verdict.result == ReplayResult::kAgrees ||
                                verdict.result == ReplayResult::kMachineDrifted);
    }
    records = std::move(left);
    now = std::move(left_now);
  }
  return explained;
}

absl::StatusOr<ExitCode> RunReplay(const ReplayOptions& options, bool json) {
  const InterruptScope interrupts;
  const std::string database = options.connection.DatabasePath();
  std::vector<int64_t> ids = options.records;
  if (!options.job.empty()) {
    TUNEFARM_ASSIGN_OR_RETURN(const std::vector<int64_t> best, BestRecords(database, options.job));
    ids.insert(ids.end(), best.begin(), best.end());
  }
  std::set<int64_t> seen;
  ids.erase(std::remove_if(ids.begin(), ids.end(), [&](int64_t id) { return !seen.insert(id).second; }),
            ids.end());
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<db::Record> records, ReadRecords(database, ids));
  std::map<std::pair<int32_t, std::string>, std::vector<db::Record>> together;
  for (const db::Record& record : records) {
    TUNEFARM_ASSIGN_OR_RETURN(const std::string device, DeviceFor(options, record));
    together[{record.threads, device}].push_back(record);
  }
  bool explained = true;
  for (const auto& [where, some] : together) {
    TUNEFARM_ASSIGN_OR_RETURN(const bool ok, ReplayTogether(options, some, where.second, json));
    explained = explained && ok;
  }
  return explained ? ExitCode::kOk : ExitCode::kFailure;
}

}  // namespace

ReplayPlan PlanReplay(const std::vector<db::Record>& records) {
  ReplayPlan plan;
  std::map<std::pair<std::string, std::string>, uint32_t> tasks;
  for (const db::Record& record : records) {
    const auto [it, is_new] = tasks.try_emplace({record.workload, record.target_json},
                                                static_cast<uint32_t>(plan.request.tasks_size()));
    if (is_new) {
      v1::TaskSpec* task = plan.request.add_tasks();
      task->set_workload(record.workload);
      task->set_target(record.target_json);
      task->set_weight(1);
    }
    // A task measures each config once: records of the same config share it.
    v1::TaskSpec* task = plan.request.mutable_tasks(static_cast<int>(it->second));
    int trial = 0;
    while (trial < task->configs_size() && task->configs(trial) != record.config) ++trial;
    if (trial == task->configs_size()) task->add_configs(record.config);
    plan.places.push_back({it->second, static_cast<uint32_t>(trial)});
  }
  v1::JobOptions* options = plan.request.mutable_options();
  uint32_t most = 1;
  for (const v1::TaskSpec& task : plan.request.tasks())
    most = std::max(most, static_cast<uint32_t>(task.configs_size()));
  options->set_trials(most);
  options->set_strategy("grid");
  if (!records.empty()) {
    options->set_threads(static_cast<uint32_t>(records[0].threads));
    options->set_seed(records[0].search_seed);
    options->set_name(absl::StrCat("replay of ", records.size() == 1
                                                     ? absl::StrCat("record ", records[0].id)
                                                     : absl::StrCat(records.size(), " records")));
  }
  return plan;
}

void AddReplay(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = app.add_subcommand("replay", "Build and measure records again, and compare");
  command->add_option("record", options->records, "Records, by number")->type_name("RECORD");
  command->add_option("--job", options->job, "The best record of each task of this job")->type_name("JOB");
  AddDatabaseFlag(command, &options->connection);
  AddDaemonFlags(command, &options->connection, "");
  AddDeviceFlag(command, &options->device);
  AddJsonFlag(command, &invocation);
  command->footer(
      "Agrees when the 95 % intervals of both medians overlap, each widened by the drift limit of its "
      "measurement\n"
      "policy; otherwise the reference kernel's times say whether the machine has drifted. What neither "
      "explains "
      "is\n"
      "measured up to three times: a machine that does not agree with itself has drifted as well. Exit "
      "status 0 "
      "for\n"
      "both.\n\n"
      "Examples:\n"
      "  tunefarm replay 17 42\n"
      "  tunefarm replay --job job-7f3a2c");
  command->callback([options, &invocation] {
    if (options->records.empty() && options->job.empty()) throw CLI::RequiredError("RECORD or --job");
    invocation.run = [options, &invocation] { return RunReplay(*options, invocation.json); };
  });
}

}  // namespace tunefarm::cli
