#include "tuner/job_pipeline.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/numbers.h"
#include "proto/policies.h"
#include "tuner/measure_request.h"
#include "tuner/prior_knowledge.h"
#include "tuner/search_strategy.h"

namespace tunefarm::tuner {
namespace {

// What can be measuring or waiting at each device. At one, it idles for a round trip and a build; with more,
// the builders work on while a slow kernel or a confirmation has the device, and the device while a large
// kernel is built. Batches are larger than this, so that the search knows hardly less.
constexpr int kQueuePerDevice = 6;
// After a build that failed for want of disk or memory.
constexpr absl::Duration kRebuildAfter = absl::Seconds(2);

std::string ClassNote(const schedules::Target& target) { return absl::StrCat("device_class/", target.name); }

// Has the session begin with what the records of earlier jobs teach. Which those are is noted with the job,
// so that it goes on with the same knowledge after a crash.
absl::Status AddPrior(db::Database& database, const db::Job& job, JobSpec& spec) {
  constexpr char kNote[] = "prior_before";
  const bool searches = std::any_of(spec.tasks.begin(), spec.tasks.end(),
                                    [](const SessionTask& task) { return task.configs.empty(); });
  TUNEFARM_ASSIGN_OR_RETURN(const auto strategy, MakeStrategy(spec.options.strategy));
  if (!searches || !strategy->uses_model()) return absl::OkStatus();
  db::HistoryFilter filter;
  TUNEFARM_ASSIGN_OR_RETURN(const std::optional<std::string> note, database.JobNote(job.id, kNote));
  if (!note.has_value()) {
    filter.limit = 1;
    TUNEFARM_ASSIGN_OR_RETURN(const std::vector<db::Record> newest, database.History(filter));
    filter.before_id = newest.empty() ? 1 : newest.front().id + 1;
    TUNEFARM_RETURN_IF_ERROR(database.SetJobNote(job.id, kNote, absl::StrCat(filter.before_id)));
  } else if (!absl::SimpleAtoi(*note, &filter.before_id)) {
    return absl::DataLossError(absl::StrCat("job ", job.id, ": the note '", kNote, "' is '", *note, "'"));
  }
  std::set<std::string> targets;
  for (const SessionTask& task : spec.tasks) targets.insert(task.task->target().name);
  std::vector<db::Record> records;
  for (const std::string& target : targets) {
    filter.target_name = target;
    filter.limit = kPriorRecords;
    TUNEFARM_ASSIGN_OR_RETURN(std::vector<db::Record> of_target, database.History(filter));
    std::move(of_target.begin(), of_target.end(), std::back_inserter(records));
  }
  // A job of a version that took no such note.
  std::erase_if(records, [&](const db::Record& record) { return record.job_id == job.id; });
  TUNEFARM_ASSIGN_OR_RETURN(PriorKnowledge prior, LearnFrom(records, spec.tasks));
  spec.options.start_model = std::move(prior.start_model);
  for (std::size_t i = 0; i < spec.tasks.size(); ++i) spec.tasks[i].hints = std::move(prior.hints[i]);
  return absl::OkStatus();
}

}  // namespace

bool JobPipeline::Work::built() const {
  return std::all_of(kernels.begin(), kernels.end(), [](const auto& kernel) { return kernel.has_value(); });
}

JobPipeline::JobPipeline(db::Database& database, EventLog& events, Clock& clock, const db::Job& job,
                         int builders, PipelinePorts ports)
    : database_(database),
      events_(events),
      clock_(clock),
      job_(job),
      builders_(builders),
      ports_(std::move(ports)),
      waiting_since_(clock.Now()),
      totals_(clock.Now()) {}

absl::StatusOr<std::unique_ptr<JobPipeline>> JobPipeline::Load(db::Database& database, EventLog& events,
                                                               Clock& clock, const db::Job& job, int builders,
                                                               bool confirms_last, PipelinePorts ports) {
  TUNEFARM_ASSIGN_OR_RETURN(JobSpec spec, ParseJob(job.request));
  TUNEFARM_RETURN_IF_ERROR(AddPrior(database, job, spec));
  spec.options.confirms_last = confirms_last;
  std::unique_ptr<JobPipeline> pipeline(
      new JobPipeline(database, events, clock, job, builders, std::move(ports)));
  for (const SessionTask& task : spec.tasks) {
    TaskState state;
    state.task = task.task;
    state.requirements = RequirementsOf(task.task->target(), job.request.options());
    TUNEFARM_ASSIGN_OR_RETURN(const std::optional<std::string> chosen,
                              database.JobNote(job.id, ClassNote(task.task->target())));
    if (chosen.has_value()) state.requirements.set_device_class(*chosen);
    pipeline->tasks_.push_back(std::move(state));
  }
  TUNEFARM_ASSIGN_OR_RETURN(std::unique_ptr<JobSession> session,
                            JobSession::Create(std::move(spec.tasks), spec.options));
  TUNEFARM_RETURN_IF_ERROR(pipeline->Restore(std::move(session)));
  return pipeline;
}

absl::Status JobPipeline::Restore(std::unique_ptr<JobSession> session) {
  session_ = std::move(session);
  TUNEFARM_ASSIGN_OR_RETURN(const std::optional<std::string> resumed, database_.JobNote(job_.id, "resumed"));
  if (resumed.has_value() && !absl::SimpleAtoi(*resumed, &resumed_)) {
    return absl::DataLossError(absl::StrCat("job ", job_.id, ": the note 'resumed' is '", *resumed, "'"));
  }
  std::set<std::pair<uint32_t, uint32_t>> announced;
  TUNEFARM_RETURN_IF_ERROR(events_.Load(&announced));
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<db::Trial> open, database_.OpenProposals(job_.id));
  for (int i = 0; i < num_tasks(); ++i) {
    TUNEFARM_RETURN_IF_ERROR(RestoreTask(i, open, announced));
    TUNEFARM_RETURN_IF_ERROR(RestoreConfirmations(i));
  }
  for (const Proposal& proposal : session_->Outstanding()) {
    StartWork({job_.id, proposal.task_index, false, proposal.trial, resumed_}, {proposal});
  }
  return absl::OkStatus();
}

absl::Status JobPipeline::RestoreTask(int task_index, const std::vector<db::Trial>& open,
                                      const std::set<std::pair<uint32_t, uint32_t>>& announced) {
  TaskState& task = TaskOf(task_index);
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<db::Record> records, database_.JobRecords(job_.id, task_index));
  struct Known {
    std::string config;
    std::optional<Outcome> outcome;
  };
  std::map<int, Known> known;
  for (const db::Record& record : records) {
    known[record.trial] = {record.config, OutcomeOf(record.measurement, record.kernel_digest)};
    task.records[record.trial] = record.id;
    if (record.ok() && (task.best_us == 0 || record.median_us() < task.best_us))
      task.best_us = record.median_us();
    const auto key = std::pair(static_cast<uint32_t>(task_index), static_cast<uint32_t>(record.trial));
    if (!announced.contains(key)) AddTrialEvent(record);
  }
  for (const db::Trial& trial : open) {
    if (trial.task_index == task_index) known.insert({trial.trial, {trial.config, std::nullopt}});
  }
  for (const auto& [trial, what] : known) {
    TUNEFARM_RETURN_IF_ERROR(session_->Restore(task_index, trial, what.config, what.outcome));
  }
  return absl::OkStatus();
}

int JobPipeline::InFlightLimit() const { return kQueuePerDevice * std::max(devices_, 1) + 2 * builders_ + 2; }

void JobPipeline::Propose() {
  const int room = InFlightLimit() - static_cast<int>(works_.size());
  // Several at a time: one transaction stores them all.
  if (room < std::max(1, InFlightLimit() / 4)) return;
  for (Proposal& proposal : session_->Propose(room)) {
    unstored_.push_back({job_.id, proposal.task_index, proposal.trial, proposal.config_text});
    proposed_.push_back(std::move(proposal));
  }
}

void JobPipeline::Confirm() {
  while (std::optional<Confirmation> confirmation = session_->NextConfirmation()) {
    const std::vector<StoredConfirmation>& known = TaskOf(confirmation->task_index).confirmations;
    std::vector<int> trials;
    for (const Proposal& kernel : confirmation->kernels) trials.push_back(kernel.trial);
    const auto before = std::find_if(known.begin(), known.end(), [&](const StoredConfirmation& stored) {
      return stored.trials == trials;
    });
    if (before != known.end()) {
      confirmations_.push_back({*std::move(confirmation), before->measurement, "", /*noted=*/true});
      StoreConfirmations();
    } else {
      const int number = static_cast<int>(known.size());
      StartWork({job_.id, confirmation->task_index, true, number, resumed_}, std::move(confirmation->kernels),
                confirmation->round_us);
    }
  }
}

void JobPipeline::StartWork(WorkId id, std::vector<Proposal> proposals, double round_us) {
  Work work;
  work.id = std::move(id);
  work.kernels.resize(proposals.size());
  work.proposals = std::move(proposals);
  work.round_us = round_us;
  const std::string name = work.id.ToString();
  Build(works_.insert_or_assign(name, std::move(work)).first->second);
}

void JobPipeline::Build(const Work& work) {
  for (std::size_t i = 0; i < work.kernels.size(); ++i) {
    if (work.kernels[i].has_value()) continue;
    ports_.build(work.id.ToString(), static_cast<int>(i), work.id.task_index, work.proposals[i].config);
  }
}

void JobPipeline::OnBuilt(const std::string& work_id, int kernel, absl::StatusOr<Kernel> result) {
  const auto it = works_.find(work_id);
  if (it == works_.end() || kernel >= static_cast<int>(it->second.kernels.size())) return;
  if (!result.ok()) {
    build_trouble_ = result.status();
    const bool planned =
        std::any_of(rebuilds_.begin(), rebuilds_.end(), [&](const auto& r) { return r.second == work_id; });
    if (!planned) rebuilds_.emplace_back(clock_.Now() + kRebuildAfter, work_id);
    return;
  }
  build_trouble_ = absl::OkStatus();
  if (!result->cache_trouble.empty() && !std::exchange(told_cache_trouble_, true)) {
    AddNotice(v1::Notice::WARNING,
              absl::StrCat("compiled kernels are not kept for reuse: ", result->cache_trouble));
  }
  it->second.kernels[static_cast<std::size_t>(kernel)] = *std::move(result);
  Advance(work_id);
}

void JobPipeline::OnExpectedOutput(int task_index, Artifact output) {
  TaskOf(task_index).expected_output = std::move(output);
}

void JobPipeline::Advance(const std::string& work_id) {
  const auto it = works_.find(work_id);
  if (it == works_.end() || !it->second.built() || it->second.sent) return;
  if (CompleteWithoutMeasuring(it->second)) {
    works_.erase(it);
  } else if (!draining_) {
    Send(it->second);
  }
}

bool JobPipeline::CompleteWithoutMeasuring(Work& work) {
  if (work.early.has_value()) {
    Complete(work, work.early->measurement(), work.early->work_id());
    return true;
  }
  for (std::size_t i = 0; i < work.kernels.size(); ++i) {
    if (work.kernels[i]->ok()) continue;
    v1::Measurement failed;
    *failed.mutable_failure() = work.kernels[i]->failure;
    failed.set_failed_kernel(static_cast<uint32_t>(i));
    failed.set_started_unix_us(absl::ToUnixMicros(clock_.Now()));
    Complete(work, failed, "");
    return true;
  }
  if (work.id.confirmation) return false;
  TaskState& task = TaskOf(work.id.task_index);
  const std::optional<int> twin = session_->FindTwin(work.id.task_index, work.kernels[0]->digest);
  if (!twin.has_value() || !task.records.contains(*twin)) return false;
  const absl::StatusOr<db::Record> record = database_.FindRecord(task.records[*twin]);
  if (!record.ok()) return false;
  v1::Measurement same = record->measurement;
  same.set_busy_us(0);  // No device was used for this one.
  work.policy = record->policy;
  Complete(work, same, "");
  return true;
}

void JobPipeline::Send(Work& work) {
  TaskState& task = TaskOf(work.id.task_index);
  if (!task.expected_output.has_value() || task.requirements.device_class().empty()) return;
  MeasureRequest request;
  request.work_id = work.id.ToString();
  OutgoingWork out;
  out.artifacts.push_back(*task.expected_output);
  for (const std::optional<Kernel>& kernel : work.kernels) {
    request.kernels.push_back(*kernel);
    out.artifacts.push_back({kernel->digest, kernel->object});
  }
  request.expected_output_digest = task.expected_output->digest;
  request.best_us = task.best_us;
  if (work.id.confirmation) {
    work.policy = ConfirmationPolicy(work.round_us);
  } else {
    const v1::JobOptions& options = job_.request.options();
    work.policy = options.has_policy() ? options.policy() : WithCutoff(ScreeningPolicy(), task.best_us);
  }
  request.policy = work.policy;
  *out.work.mutable_item() = MakeWorkItem(*task.task, request);
  *out.work.mutable_requirements() = task.requirements;
  work.sent = true;
  ports_.send(std::move(out));
}

void JobPipeline::OnSent(const std::string& work_id, const absl::Status& status, uint64_t number) {
  if (!status.ok()) {
    failure_ = WithContext(status, absl::StrCat("the tracker refuses the work ", work_id));
    return;
  }
  const auto it = works_.find(work_id);
  if (it != works_.end()) it->second.accepted = number;
}

void JobPipeline::OnDevices(const v1::ListDevicesResponse& devices) {
  int most = 0;
  no_device_.clear();
  for (const v1::DeviceStatus& device : devices.devices()) {
    emulated_[device.facts().device_id()] = device.facts().kind() == "emulated";
  }
  for (TaskState& task : tasks_) {
    if (task.requirements.device_class().empty()) {
      const DeviceChoice choice = ChooseDeviceClass(devices, task.requirements);
      if (choice.device_class.empty()) {
        no_device_ = choice.why_none;
        continue;
      }
      // Fixed from now on, for every task of the target.
      const schedules::Target& target = task.task->target();
      if (!Check(database_.SetJobNote(job_.id, ClassNote(target), choice.device_class))) return;
      for (TaskState& other : tasks_) {
        if (other.task->target().name == target.name)
          other.requirements.set_device_class(choice.device_class);
      }
      AddNotice(v1::Notice::INFO,
                absl::StrCat("measuring target ", target.name, " on devices of class ", choice.device_class));
    }
    most = std::max(most, CountSuitable(devices, task.requirements));
  }
  devices_ = most;
}

bool JobPipeline::WantsDevices() const {
  return std::any_of(tasks_.begin(), tasks_.end(),
                     [](const TaskState& task) { return task.requirements.device_class().empty(); });
}

void JobPipeline::OnRefit(std::unique_ptr<RefitWork> work) {
  refitting_ = false;
  const absl::Status status = session_->FinishRefit(std::move(work));
  if (!status.ok()) {
    AddNotice(v1::Notice::WARNING, absl::StrCat("the cost model could not be trained: ", status.message()));
    return;
  }
  for (int i = 0; i < num_tasks(); ++i) {
    if (!session_->finished(i)) AddSummaryEvent(i);
  }
}

void JobPipeline::Step() {
  if (!draining_) {
    BuildAgain();
    std::vector<std::string> names;  // Advance takes completed work out of the map.
    names.reserve(works_.size());
    for (const auto& [name, work] : works_) names.push_back(name);
    for (const std::string& name : names) Advance(name);
  }
  const bool all_stored = StoreCompletions() && StoreConfirmations() && StoreProposals() && StoreEvents();
  if (all_stored && !draining_ && failure_.ok()) {
    if (!refitting_) {
      if (std::unique_ptr<RefitWork> refit = session_->StartRefit()) {
        refitting_ = true;
        ports_.refit(std::move(refit));
      }
    }
    Confirm();
    Propose();
    for (const v1::Notice& notice : session_->TakeNotices()) AddNotice(notice.severity(), notice.text());
    for (int i = 0; i < num_tasks(); ++i) {
      if (!session_->finished(i) || std::exchange(TaskOf(i).announced_end, true)) continue;
      AddSummaryEvent(i);
    }
    StoreProposals();
    StoreEvents();
  }
  ExplainWaiting();
}

void JobPipeline::BuildAgain() {
  const absl::Time now = clock_.Now();
  std::vector<std::string> due;
  std::erase_if(rebuilds_, [&](const auto& rebuild) {
    if (rebuild.first > now) return false;
    due.push_back(rebuild.second);
    return true;
  });
  for (const std::string& name : due) {
    const auto work = works_.find(name);
    if (work != works_.end()) Build(work->second);
  }
}

void JobPipeline::Drain() {
  draining_ = true;
  std::erase_if(works_, [](const auto& entry) { return !entry.second.sent; });
}

bool JobPipeline::finished() const {
  return !failure_.ok() || (session_->finished() && works_.empty() && stored() && !refitting_);
}

}  // namespace tunefarm::tuner
