// JobPipeline's way back: from a measurement to its record, and from there to the session, the watchers and
// the tracker.
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "spdlog/spdlog.h"
#include "tuner/job_pipeline.h"

namespace tunefarm::tuner {
namespace {

using Json = nlohmann::json;

std::string ConfirmationNote(int task_index, std::size_t number) {
  return absl::StrCat("confirmation/", task_index, "/", number);
}

std::vector<int> TrialsOf(const Confirmation& confirmation) {
  std::vector<int> trials;
  trials.reserve(confirmation.kernels.size());
  for (const Proposal& kernel : confirmation.kernels) trials.push_back(kernel.trial);
  return trials;
}

std::string ToNote(const Confirmation& confirmation, const v1::Measurement& measurement) {
  std::string text;
  const auto status = google::protobuf::util::MessageToJsonString(measurement, &text);
  if (!status.ok())
    spdlog::error("a measurement has no JSON form: {}", status.ToString());  // It has no Any fields.
  return Json{{"trials", TrialsOf(confirmation)}, {"measurement", Json::parse(text)}}.dump();
}

// One kernel of a measurement of several, as records keep it.
v1::Measurement Single(const v1::Measurement& measurement, int kernel) {
  v1::Measurement single = measurement;
  single.clear_kernels();
  *single.add_kernels() = measurement.kernels(kernel);
  return single;
}

bool WasCancelled(const v1::Measurement& measurement) {
  return measurement.failure().kind() == v1::FAILURE_KIND_CANCELLED;
}

}  // namespace

absl::Status JobPipeline::RestoreConfirmations(int task_index) {
  std::vector<StoredConfirmation>& known = TaskOf(task_index).confirmations;
  for (;;) {
    const std::string key = ConfirmationNote(task_index, known.size());
    TUNEFARM_ASSIGN_OR_RETURN(const std::optional<std::string> note, database_.JobNote(job_.id, key));
    if (!note.has_value()) return absl::OkStatus();
    const Json json = Json::parse(*note, nullptr, /*allow_exceptions=*/false);
    StoredConfirmation stored;
    const bool good =
        json.is_object() && json.contains("trials") && json["trials"].is_array() &&
        json.contains("measurement") &&
        std::all_of(json["trials"].begin(), json["trials"].end(),
                    [](const Json& trial) { return trial.is_number_integer(); }) &&
        google::protobuf::util::JsonStringToMessage(json["measurement"].dump(), &stored.measurement).ok();
    if (!good) return absl::DataLossError(absl::StrCat("job ", job_.id, ": the note '", key, "' is damaged"));
    stored.trials = json["trials"].get<std::vector<int>>();
    known.push_back(std::move(stored));
  }
}

void JobPipeline::OnUpdate(ResultCollector::Update update) {
  tracker_trouble_ = update.trouble;
  if (!update.trouble.ok()) return;
  tracker_waits_for_ = update.waiting_for;
  std::vector<std::string> unwanted;
  for (v1::WorkResult& result : update.results) {
    std::optional<WorkId> id = WorkId::Parse(result.work_id());
    const bool superseded = id.has_value() && id->resumed != resumed_;
    if (id.has_value()) id->resumed = resumed_;
    const auto it = id.has_value() ? works_.find(id->ToString()) : works_.end();
    // Recorded before, or cancelled by us.
    const bool cancelled = WasCancelled(result.measurement()) && (draining_ || superseded);
    if (it == works_.end() || cancelled || (superseded && id->confirmation)) {
      unwanted.push_back(result.work_id());
    } else if (!it->second.built()) {
      it->second.early = std::move(result);
    } else {
      Complete(it->second, result.measurement(), result.work_id());
      works_.erase(it);
    }
  }
  if (!unwanted.empty()) ports_.acknowledge(std::move(unwanted));
  if (update.pending > 0 || !update.results.empty()) return;
  if (draining_) {
    drained_at_ = std::max(drained_at_, update.asked_at);
    return;
  }
  // The other side has nothing to do for us, and nothing to tell. If it ought to have, it has lost its state.
  for (auto& [name, work] : works_) {
    if (work.early.has_value() || !work.accepted.has_value() || *work.accepted > update.asked_at) continue;
    spdlog::warn("the tracker does not know the work {} any more; sending it again", name);
    work.sent = false;
    work.accepted.reset();
  }
}

void JobPipeline::Complete(const Work& work, const v1::Measurement& measurement,
                           const std::string& acknowledge) {
  totals_.AddMeasurement(measurement);
  if (work.id.confirmation) {
    confirmations_.push_back({{work.id.task_index, work.proposals}, measurement, acknowledge});
    return;
  }
  const TaskState& task = TaskOf(work.id.task_index);
  const Kernel& kernel = *work.kernels[0];
  const v1::JobOptions& options = job_.request.options();
  Completion completion;
  db::Record& record = completion.record;
  record.job_id = job_.id;
  record.task_index = work.id.task_index;
  record.trial = work.id.number;
  record.workload = task.task->workload().ToString();
  record.target_name = task.task->target().name;
  record.target_json = task.task->target().ToJson();
  record.config = work.proposals[0].config_text;
  record.template_version = task.task->template_version();
  record.toolchain = kernel.toolchain;
  record.kernel_digest = kernel.digest;
  const v1::Environment& environment = measurement.environment();
  record.device_id = environment.device_id();
  record.device_class =
      environment.device_class().empty() ? task.requirements.device_class() : environment.device_class();
  const auto emulated = emulated_.find(record.device_id);
  // A failure has no time that would tell; its device, or the class it was meant for, does.
  record.estimated = measurement.kernels_size() > 0 ? measurement.kernels(0).estimated()
                                                    : (emulated != emulated_.end() && emulated->second) ||
                                                          absl::StartsWith(record.device_class, "emulated:");
  record.input_seed = InputSeedOf(task.task->workload());
  record.search_seed = options.seed();
  record.threads = task.task->threads();
  record.flop = task.task->compute().flop;
  record.policy = work.policy;
  record.measurement = measurement;
  record.created_unix_us = absl::ToUnixMicros(clock_.Now());
  completion.outcome = OutcomeOf(measurement, kernel.digest);
  completion.acknowledge = acknowledge;
  completions_.push_back(std::move(completion));
}

bool JobPipeline::Check(const absl::Status& status) {
  if (storage_trouble_.ok() && !status.ok()) spdlog::error("job {}: {}", job_.id, status.ToString());
  storage_trouble_ = status;
  return status.ok();
}

bool JobPipeline::StoreCompletions() {
  if (completions_.empty()) return true;
  std::vector<db::Record> records;
  records.reserve(completions_.size());
  for (const Completion& completion : completions_) records.push_back(completion.record);
  const absl::StatusOr<std::vector<int64_t>> ids = database_.InsertRecords(records);
  if (!Check(ids.status())) return false;
  std::vector<std::string> acknowledge;
  for (std::size_t i = 0; i < records.size(); ++i) {
    db::Record& record = records[i];
    record.id = (*ids)[i];
    TaskState& task = TaskOf(record.task_index);
    task.records[record.trial] = record.id;
    const Outcome& outcome = completions_[i].outcome;
    if (outcome.ok && !outcome.censored && (task.best_us == 0 || outcome.median_us < task.best_us)) {
      task.best_us = outcome.median_us;
    }
    const absl::Status reported = session_->Report(record.task_index, record.trial, outcome);
    if (!reported.ok()) spdlog::error("job {}: {}", job_.id, reported.ToString());
    totals_.AddTrial();
    AddTrialEvent(record);
    if (!completions_[i].acknowledge.empty()) acknowledge.push_back(completions_[i].acknowledge);
  }
  completions_.clear();
  if (!acknowledge.empty()) ports_.acknowledge(std::move(acknowledge));
  return true;
}

bool JobPipeline::StoreConfirmations() {
  while (!confirmations_.empty()) {
    ConfirmationResult& result = confirmations_.front();
    const int index = result.confirmation.task_index;
    TaskState& task = TaskOf(index);
    if (!result.noted) {
      const absl::Status noted =
          database_.SetJobNote(job_.id, ConfirmationNote(index, task.confirmations.size()),
                               ToNote(result.confirmation, result.measurement));
      if (!Check(noted)) return false;
      task.confirmations.push_back({TrialsOf(result.confirmation), result.measurement});
      result.noted = true;
    }
    if (!result.reported) {
      const absl::Status reported =
          session_->ReportConfirmation(index, ConfirmationOutcomeOf(result.measurement));
      if (!reported.ok()) spdlog::error("job {}: {}", job_.id, reported.ToString());
      result.reported = true;
    }
    const std::vector<int> trials = TrialsOf(result.confirmation);
    const auto winner = std::find(trials.begin(), trials.end(), session_->best_trial(index));
    const int kernel = static_cast<int>(winner - trials.begin());
    if (session_->finished(index) && winner != trials.end() && kernel < result.measurement.kernels_size()) {
      const absl::Status marked =
          database_.MarkConfirmed(task.records[*winner], Single(result.measurement, kernel));
      if (absl::IsInvalidArgument(marked) || absl::IsFailedPrecondition(marked) || absl::IsNotFound(marked)) {
        spdlog::error("job {}: {}", job_.id, marked.ToString());  // Trying again would not help.
      } else if (!Check(marked)) {
        return false;
      }
    }
    if (!result.acknowledge.empty()) ports_.acknowledge({result.acknowledge});
    confirmations_.erase(confirmations_.begin());
  }
  return true;
}

bool JobPipeline::StoreProposals() {
  if (unstored_.empty()) return true;
  if (!Check(database_.InsertProposals(unstored_))) return false;
  unstored_.clear();
  for (Proposal& proposal : std::exchange(proposed_, {})) {
    WorkId id{job_.id, proposal.task_index, false, proposal.trial, resumed_};
    StartWork(std::move(id), {std::move(proposal)});
  }
  return true;
}

bool JobPipeline::StoreEvents() {
  if (new_events_.empty()) return true;
  if (!Check(events_.Append(new_events_))) return false;
  new_events_.clear();
  return true;
}

}  // namespace tunefarm::tuner
