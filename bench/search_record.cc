#include "bench/search_record.h"

#include <limits>
#include <random>

#include "absl/strings/str_format.h"
#include "bench/thinned_space.h"
#include "cli/interrupt.h"
#include "cli/job_run.h"
#include "cli/resume.h"
#include "cli/tune.h"
#include "cli/tuner_session.h"
#include "cli/unfinished_job.h"
#include "schedules/schedule_template.h"

namespace tunefarm::bench {
namespace {

// The configs of a thinned space, around a random one: around the default every search would have won before
// it began.
std::vector<schedules::Config> ThinnedTable(const schedules::ConfigSpace& space, int64_t most, Rng& rng) {
  const schedules::Config anchor = space.Sample(rng);
  return LegalConfigs(space, ThinSpace(space, anchor, most, rng), std::numeric_limits<int64_t>::max());
}

// Gives each task of a request the configs to measure.
absl::Status AddConfigs(const RecordOptions& options, const schedules::Target& target,
                        v1::SubmitJobRequest& request) {
  for (v1::TaskSpec& spec : *request.mutable_tasks()) {
    TUNEFARM_ASSIGN_OR_RETURN(const schedules::Workload workload,
                              schedules::Workload::Parse(spec.workload()));
    TUNEFARM_ASSIGN_OR_RETURN(const auto task, schedules::Task::Create(workload, target, options.threads));
    const schedules::ConfigSpace& space = task->space();
    Rng rng = Rng(options.seed).Fork(spec.workload());
    std::vector<schedules::Config> configs = options.sample > 0 ? RandomSample(space, options.sample, rng)
                                                                : ThinnedTable(space, options.configs, rng);
    // A run that is cut short has measured everywhere.
    rng.Shuffle(configs);
    for (const schedules::Config& config : configs) spec.add_configs(space.ToText(config));
    cli::Say(absl::StrCat(spec.workload(), ": ", configs.size(), " configs of ", space.size()));
  }
  return absl::OkStatus();
}

std::string NewToken() {
  std::random_device random;
  return absl::StrFormat("bench-%08x%08x%08x%08x", random(), random(), random(), random());
}

}  // namespace

absl::Status RecordTables(const RecordOptions& options) {
  TUNEFARM_ASSIGN_OR_RETURN(const auto workloads, cli::SelectWorkloads(options.selection));
  TUNEFARM_ASSIGN_OR_RETURN(const auto device, cli::FindDevice(options.device));
  TUNEFARM_ASSIGN_OR_RETURN(const schedules::Target target, device.has_value()
                                                                ? cli::TargetOf(device->board)
                                                                : schedules::FindTarget(options.target));
  cli::TuneOptions tune;
  tune.threads = static_cast<uint32_t>(options.threads);
  tune.name = "bench-search record";
  tune.connection.database = options.database;
  v1::SubmitJobRequest request = cli::MakeRequest(tune, workloads, target, device);
  TUNEFARM_RETURN_IF_ERROR(AddConfigs(options, target, request));
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<db::Job> jobs, cli::ReadJobs(tune.connection.DatabasePath()));
  if (const auto unfinished = cli::FindUnfinished(jobs, request); unfinished.has_value()) {
    return cli::RunResume({unfinished->id, tune.connection}).status();
  }
  const cli::InterruptScope interrupts;
  cli::LocalFarmOptions farm;
  farm.kernel_threads = options.threads;
  cli::SetDevice(device, farm);
  TUNEFARM_ASSIGN_OR_RETURN(cli::TunerSession session, cli::OpenTunerSession(tune.connection, farm));
  TUNEFARM_RETURN_IF_ERROR(cli::CancelOthers(*session.client, "", tune.connection));
  request.set_client_token(NewToken());
  cli::JobRun run;
  TUNEFARM_ASSIGN_OR_RETURN(run.job_id, session.client->Submit(request));
  run.title = absl::StrCat(run.job_id, " on ", target.name);
  for (const v1::TaskSpec& task : request.tasks()) run.workloads.push_back(task.workload());
  run.output = cli::ChooseOutput(/*json=*/false);
  run.farm = session.farm.get();
  run.cancel_on_interrupt = true;
  TUNEFARM_ASSIGN_OR_RETURN(const cli::JobOutcome outcome, cli::FollowJob(*session.client, run));
  if (outcome.interrupted) return absl::CancelledError("interrupted; the same command goes on");
  return absl::OkStatus();
}

}  // namespace tunefarm::bench
