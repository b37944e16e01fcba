#include "cli/resume.h"

#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "cli/chosen_device.h"
#include "cli/interrupt.h"
#include "cli/job_report.h"
#include "cli/json_output.h"
#include "cli/tuner_session.h"
#include "cli/unfinished_job.h"
#include "schedules/target.h"

namespace tunefarm::cli {
namespace {

// For the title and the query command: the name of a target that is stored as its text.
std::string TargetName(const std::string& target) {
  if (!absl::StartsWith(target, "{")) return target;
  const auto parsed = schedules::ParseTarget(target);
  return parsed.ok() ? parsed->name : "";
}

}  // namespace

absl::StatusOr<ExitCode> RunResume(const ResumeOptions& options) {
  const InterruptScope interrupts;
  const bool embedded = options.connection.daemon.empty();
  LocalFarmOptions farm;
  farm.builders = options.builders;
  farm.compiler_launcher = options.compiler_launcher;
  JobRun run;
  run.job_id = options.job_id;
  run.title = options.job_id;
  run.output = ChooseOutput(options.json);
  JobReport report{options.job_id, "", 1, options.connection, options.json};
  if (embedded) {
    const std::string path = options.connection.DatabasePath();
    TUNEFARM_ASSIGN_OR_RETURN(const auto database, db::Database::Open(path, db::Database::Mode::kReadOnly));
    TUNEFARM_ASSIGN_OR_RETURN(const db::Job job, database->FindJob(options.job_id));
    const v1::JobOptions& job_options = job.request.options();
    if (job.state == db::JobState::kDone) {
      Say(absl::StrCat(job.id, " is done already; this is what came out:"));
    }
    TUNEFARM_ASSIGN_OR_RETURN(const auto device, DeviceOfJob(job_options));
    SetDevice(device, farm);
    report.device = job_options.device();
    report.threads = farm.kernel_threads = std::max<int>(1, static_cast<int>(job_options.threads()));
    for (const v1::TaskSpec& task : job.request.tasks()) run.workloads.push_back(task.workload());
    run.trials_planned = job_options.trials();
    if (job.request.tasks_size() > 0) report.target = TargetName(job.request.tasks(0).target());
    if (!report.target.empty()) run.title = absl::StrCat(options.job_id, " on ", report.target);
    TUNEFARM_ASSIGN_OR_RETURN(run.history, ReadEvents(path, job.id));
    if (job.state == db::JobState::kDone && !run.history.empty() && run.history.back().has_done()) {
      return ReportJob(report, {false, run.history.back().done(), {}});
    }
  }
  TUNEFARM_ASSIGN_OR_RETURN(TunerSession session, OpenTunerSession(options.connection, farm));
  if (embedded) TUNEFARM_RETURN_IF_ERROR(CancelOthers(*session.client, options.job_id, options.connection));
  TUNEFARM_RETURN_IF_ERROR(session.client->Resume(options.job_id));
  if (options.detach) {
    if (options.json) PrintJson({{"event", "submitted"}, {"job", options.job_id}, {"resumed", true}});
    if (!options.json)
      Say(absl::StrCat("going on: tunefarm watch ", options.job_id, options.connection.DaemonText()));
    return ExitCode::kOk;
  }
  run.farm = session.farm.get();
  run.cancel_on_interrupt = embedded;
  TUNEFARM_ASSIGN_OR_RETURN(const JobOutcome outcome, FollowJob(*session.client, run));
  return ReportJob(report, outcome);
}

void AddResume(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ResumeOptions>();
  CLI::App* command = app.add_subcommand("resume", "Go on with a job that was interrupted or cancelled");
  command->add_option("job", options->job_id, "The job, as `tunefarm jobs` lists it")
      ->required()
      ->type_name("JOB");
  AddDaemonFlags(command, &options->connection, "");
  AddDatabaseFlag(command, &options->connection);
  command->add_option("--builders", options->builders, "Compilers at a time")->check(AtLeastOne(4096));
  command->add_option("--compiler-launcher", options->compiler_launcher,
                      "Put before the compiler: ccache, distcc, icecc");
  command->add_flag("--detach", options->detach, "With --daemon: do not wait for the job");
  AddJsonFlag(command, &invocation);
  command->footer(
      "Examples:\n"
      "  tunefarm resume job-7f3a2c\n"
      "  tunefarm resume job-7f3a2c --daemon 127.0.0.1:9191 --detach");
  command->callback([options, &invocation] {
    options->json = invocation.json;
    if (options->detach && options->connection.daemon.empty()) {
      throw CLI::ValidationError("--detach", "needs --daemon: without one, nobody would go on with the job");
    }
    invocation.run = [options] { return RunResume(*options); };
  });
}

}  // namespace tunefarm::cli
