#include "tuner/job_runner.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "spdlog/spdlog.h"
#include "tuner/result_collector.h"
#include "tuner/work_sender.h"

namespace tunefarm::tuner {
namespace {

constexpr absl::Duration kProgressEvery = absl::Seconds(1);
constexpr absl::Duration kRetry = absl::Seconds(1);
// How long a cancelled job waits for results that were complete already. They would not be lost: resuming
// finds them.
constexpr absl::Duration kDrainFor = absl::Seconds(5);

v1::SubmitRequest EnvelopeOf(const db::Job& job) {
  v1::SubmitRequest envelope;
  envelope.set_session_id(job.id);
  envelope.set_user(job.request.options().user());
  envelope.set_priority(job.request.options().priority());
  return envelope;
}

// The database's troubles pass (a full disk, a busy file); anything else about a job does not.
bool MayPass(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status) || absl::IsPermissionDenied(status);
}

}  // namespace

// Started once the pipeline is loaded; gone, with all they run, when destroyed.
class JobRunner::Helpers {
 public:
  Helpers(JobRunner& runner, const JobPipeline& pipeline)
      : runner_(runner),
        sender_(std::make_unique<WorkSender>(runner.services_.client, EnvelopeOf(runner.job_),
                                             [this](const std::string& work_id, const absl::Status& status) {
                                               const uint64_t number = ++counter_;
                                               runner_.Post([=](JobPipeline& p) {
                                                 p.OnSent(work_id, status, number);
                                               });
                                             })),
        collector_(
            runner.services_.client, runner.job_.id, [this] { return counter_.load(); },
            [this](ResultCollector::Update update) {
              auto shared = std::make_shared<ResultCollector::Update>(std::move(update));
              runner_.Post([shared](JobPipeline& p) { p.OnUpdate(std::move(*shared)); });
            },
            [this](const v1::ListDevicesResponse& devices) {
              runner_.Post([devices](JobPipeline& p) { p.OnDevices(devices); });
            }),
        references_([this, &pipeline] { ComputeReferences(pipeline); }) {}

  ~Helpers() {
    stopping_ = true;
    runner_.services_.builders.Drop(runner_.job_.id);
    references_.join();
    if (refit_.joinable()) refit_.join();
  }

  void Build(const JobPipeline& pipeline, const std::string& work_id, int kernel, int task_index,
             const schedules::Config& config) {
    const schedules::Task& task = pipeline.task(task_index);
    runner_.services_.builders.Submit(
        runner_.job_.id, [this, &task, config] { return runner_.services_.build(task, config); },
        [this, work_id, kernel](const absl::StatusOr<Kernel>& result) {
          runner_.Post([=](JobPipeline& p) { p.OnBuilt(work_id, kernel, result); });
        });
  }

  void Refit(std::unique_ptr<RefitWork> work) {
    if (refit_.joinable()) refit_.join();  // The previous one has posted its end.
    auto shared = std::make_shared<std::unique_ptr<RefitWork>>(std::move(work));
    refit_ = std::thread([this, shared] {
      (*shared)->Run();
      runner_.Post([shared](JobPipeline& p) { p.OnRefit(std::move(*shared)); });
    });
  }

  void Send(OutgoingWork work) {
    if (sender_ != nullptr) sender_->Send(std::move(work));
  }
  void StopSending() {
    runner_.services_.builders.Drop(runner_.job_.id);
    sender_.reset();
  }
  // Marks a point: answers of the collector with asked_at of at least this were asked for after it.
  uint64_t Mark() { return ++counter_; }
  ResultCollector& collector() { return collector_; }

 private:
  void ComputeReferences(const JobPipeline& pipeline) {
    for (int i = 0; i < pipeline.num_tasks() && !stopping_; ++i) {
      const Artifact output = runner_.services_.expected_output(pipeline.task(i).workload());
      runner_.Post([=](JobPipeline& p) { p.OnExpectedOutput(i, output); });
    }
  }

  JobRunner& runner_;
  std::atomic<uint64_t> counter_{0};
  std::atomic<bool> stopping_{false};
  std::unique_ptr<WorkSender> sender_;
  ResultCollector collector_;
  std::thread refit_;
  std::thread references_;
};

JobRunner::JobRunner(const JobServices& services, db::Job job)
    : services_(services),
      job_(std::move(job)),
      events_(services.database, services.clock, job_.id),
      thread_([this] { Run(); }) {}

JobRunner::~JobRunner() {
  {
    absl::MutexLock lock(&mu_);
    stopping_ = true;
  }
  thread_.join();
}

void JobRunner::Cancel() {
  absl::MutexLock lock(&mu_);
  cancelled_ = true;
  inbox_.push_back([](JobPipeline&) {});  // Wakes the job's thread.
}

bool JobRunner::ended() const {
  absl::MutexLock lock(&mu_);
  return ended_;
}

v1::JobProgress JobRunner::progress() const {
  absl::MutexLock lock(&mu_);
  return progress_;
}

void JobRunner::Post(Message message) {
  absl::MutexLock lock(&mu_);
  inbox_.push_back(std::move(message));
}

bool JobRunner::Sleep(absl::Duration duration) {
  absl::MutexLock lock(&mu_);
  return !mu_.AwaitWithTimeout(absl::Condition(&stopping_), duration);
}

// False when the runner is to stop.
bool JobRunner::HandleMessages(JobPipeline& pipeline, absl::Duration timeout) {
  const auto ready = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return stopping_ || !inbox_.empty(); };
  std::deque<Message> messages;
  {
    absl::MutexLock lock(&mu_);
    mu_.AwaitWithTimeout(absl::Condition(&ready), timeout);
    if (stopping_) return false;
    messages.swap(inbox_);
  }
  for (Message& message : messages) message(pipeline);
  return true;
}

void JobRunner::Run() {
  if (const std::unique_ptr<JobPipeline> pipeline = Load()) {
    RunPipeline(*pipeline);
    helpers_.reset();  // They refer to the pipeline's tasks.
  }
  events_.Close();
}

std::unique_ptr<JobPipeline> JobRunner::Load() {
  // The ports are used before the helpers exist when work of an earlier process is restored: those builds
  // wait here.
  auto early = std::make_shared<std::vector<std::function<void(const JobPipeline&)>>>();
  PipelinePorts ports;
  std::shared_ptr<JobPipeline*> self = std::make_shared<JobPipeline*>(nullptr);
  ports.build = [this, early, self](const std::string& work_id, int kernel, int task,
                                    const schedules::Config& config) {
    if (helpers_ != nullptr) return helpers_->Build(**self, work_id, kernel, task, config);
    early->push_back([=, this](const JobPipeline& p) { helpers_->Build(p, work_id, kernel, task, config); });
  };
  ports.send = [this](OutgoingWork work) { helpers_->Send(std::move(work)); };
  ports.acknowledge = [this](std::vector<std::string> ids) {
    helpers_->collector().Acknowledge(std::move(ids));
  };
  ports.refit = [this](std::unique_ptr<RefitWork> work) { helpers_->Refit(std::move(work)); };
  for (;;) {
    early->clear();
    absl::StatusOr<std::unique_ptr<JobPipeline>> pipeline =
        JobPipeline::Load(services_.database, events_, services_.clock, job_, services_.builders.threads(),
                          services_.confirms_last, ports);
    if (pipeline.ok()) {
      *self = pipeline->get();
      helpers_ = std::make_unique<Helpers>(*this, **pipeline);
      for (const auto& build : *early) build(**pipeline);
      return *std::move(pipeline);
    }
    spdlog::error("job {}: {}", job_.id, pipeline.status().ToString());
    if (!MayPass(pipeline.status())) {
      v1::JobSummary summary;
      summary.set_state(v1::JOB_STATE_FAILED);
      summary.set_message(std::string(pipeline.status().message()));
      End(summary);
      return nullptr;
    }
    if (!Sleep(kRetry)) return nullptr;
  }
}

void JobRunner::RunPipeline(JobPipeline& pipeline) {
  absl::Time progress_at = absl::InfinitePast();
  for (;;) {
    pipeline.Step();
    const absl::Time now = absl::Now();
    if (now >= progress_at + kProgressEvery) {
      progress_at = now;
      v1::JobEvent event;
      *event.mutable_progress() = pipeline.Progress();
      {
        absl::MutexLock lock(&mu_);
        progress_ = event.progress();
      }
      events_.Publish(std::move(event));
      helpers_->collector().WantDevices(pipeline.WantsDevices());
    }
    bool cancelled;
    {
      absl::MutexLock lock(&mu_);
      cancelled = cancelled_;
    }
    if (cancelled) return TakeBack(pipeline);
    if (pipeline.finished()) return Finish(pipeline);
    if (!HandleMessages(pipeline, std::max(progress_at + kProgressEvery - now, absl::Milliseconds(1))))
      return;
  }
}

void JobRunner::TakeBack(JobPipeline& pipeline) {
  helpers_->StopSending();
  pipeline.Drain();
  v1::CancelRequest request;
  request.set_session_id(job_.id);
  for (;;) {
    const absl::Status status = services_.client.Cancel(request);
    if (status.ok()) break;
    spdlog::warn("job {}: cannot cancel its measurements yet: {}", job_.id, status.ToString());
    if (!IsPassing(status)) break;
    if (!HandleMessages(pipeline, kRetry) || !Sleep(kRetry)) return;
    pipeline.Step();
  }
  const uint64_t mark = helpers_->Mark();
  const absl::Time deadline = absl::Now() + kDrainFor;
  while (!pipeline.drained(mark) && absl::Now() < deadline) {
    if (!HandleMessages(pipeline, deadline - absl::Now())) return;
    pipeline.Step();
  }
  End(pipeline.Summary(v1::JOB_STATE_CANCELLED, "cancelled; resume it to go on"));
}

void JobRunner::Finish(const JobPipeline& pipeline) {
  if (!pipeline.failure().ok()) {
    End(pipeline.Summary(v1::JOB_STATE_FAILED, std::string(pipeline.failure().message())));
  } else if (pipeline.AllFailed()) {
    End(pipeline.Summary(v1::JOB_STATE_FAILED, "not one trial succeeded; the trials' messages say why"));
  } else {
    End(pipeline.Summary(v1::JOB_STATE_DONE, ""));
  }
}

// The last event first: a crash between the two is noticed at the next start (the log has ended, the job has
// not).
void JobRunner::End(const v1::JobSummary& summary) {
  v1::JobEvent event;
  *event.mutable_done() = summary;
  const db::JobState state = summary.state() == v1::JOB_STATE_DONE        ? db::JobState::kDone
                             : summary.state() == v1::JOB_STATE_CANCELLED ? db::JobState::kCancelled
                                                                          : db::JobState::kFailed;
  uint32_t trials = 0;
  for (const v1::TaskSummary& task : summary.tasks()) trials += task.trials();
  {
    // Before the new state can be seen: who reads that the job is done reads all of its trials.
    absl::MutexLock lock(&mu_);
    progress_.mutable_tasks()->CopyFrom(summary.tasks());
  }
  for (;;) {
    absl::Status status;
    if (!events_.ended()) status = events_.Append({event});
    if (status.ok()) status = services_.database.SetJobNote(job_.id, "trials_done", absl::StrCat(trials));
    if (status.ok()) status = services_.database.SetJobState(job_.id, state, summary.message());
    if (status.ok()) break;
    spdlog::error("job {}: its end cannot be stored: {}; trying again", job_.id, status.ToString());
    if (!Sleep(kRetry)) return;
  }
  spdlog::info("job {} ended: {} {}", job_.id, v1::JobState_Name(summary.state()), summary.message());
  {
    absl::MutexLock lock(&mu_);
    ended_ = true;
  }
  events_.Close();
}

}  // namespace tunefarm::tuner
