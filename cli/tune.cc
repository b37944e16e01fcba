#include "cli/tune.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <random>

#include "absl/strings/str_format.h"
#include "base/exit_code.h"
#include "cli/interrupt.h"
#include "cli/job_report.h"
#include "cli/json_output.h"
#include "cli/readiness.h"
#include "cli/resume.h"
#include "cli/tuner_session.h"
#include "cli/unfinished_job.h"
#include "schedules/schedule_template.h"

namespace tunefarm::cli {
namespace {

std::string UserName() {
  if (const passwd* entry = getpwuid(geteuid()); entry != nullptr) return entry->pw_name;
  return absl::StrCat("uid", geteuid());
}

// Makes a repeated submission of ours the same job, and two users' jobs different ones.
std::string NewToken() {
  std::random_device random;
  return absl::StrFormat("cli-%08x%08x%08x%08x", random(), random(), random(), random());
}

// What can be known to be wrong before anything is started.
absl::Status CheckTasks(const std::vector<schedules::WeightedWorkload>& workloads,
                        const schedules::Target& target, uint32_t threads) {
  for (const auto& [workload, weight] : workloads) {
    auto task = schedules::Task::Create(workload, target, static_cast<int>(threads));
    if (!task.ok()) return WithContext(task.status(), workload.ToString());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<v1::DeviceFacts>> DevicesOf(const LocalFarm& farm) {
  TUNEFARM_ASSIGN_OR_RETURN(const auto tracker, TrackerClient::Connect(farm.tracker_address(), {}));
  TUNEFARM_ASSIGN_OR_RETURN(const v1::ListDevicesResponse response, tracker->ListDevices());
  std::vector<v1::DeviceFacts> facts;
  for (const v1::DeviceStatus& device : response.devices()) facts.push_back(device.facts());
  return facts;
}

absl::StatusOr<ExitCode> Submitted(const TuneOptions& options, const std::string& job_id) {
  if (options.json) {
    PrintJson({{"event", "submitted"}, {"job", job_id}, {"resumed", false}});
  } else {
    std::printf("%s\n", job_id.c_str());
    Say(absl::StrCat("watch it:  tunefarm watch ", job_id, options.connection.DaemonText()));
  }
  return ExitCode::kOk;
}

}  // namespace

v1::SubmitJobRequest MakeRequest(const TuneOptions& options,
                                 const std::vector<schedules::WeightedWorkload>& workloads,
                                 const schedules::Target& target, const std::optional<ChosenDevice>& device) {
  v1::SubmitJobRequest request;
  for (const auto& [workload, weight] : workloads) {
    v1::TaskSpec* task = request.add_tasks();
    task->set_workload(workload.ToString());
    // The whole text: "host" and files mean something on this machine only.
    task->set_target(target.ToJson());
    task->set_weight(weight);
  }
  v1::JobOptions* job = request.mutable_options();
  job->set_trials(options.trials);
  job->set_strategy(options.strategy);
  job->set_seed(options.seed);
  job->set_early_stopping(options.early_stopping);
  job->set_user(options.user.empty() ? UserName() : options.user);
  job->set_priority(options.priority);
  job->set_device_class(options.device_class);
  if (device.has_value()) {
    job->set_device(device->text);
    job->set_device_class(device->board.DeviceClass());
  }
  job->set_threads(options.threads);
  job->set_name(options.name);
  return request;
}

absl::StatusOr<ExitCode> RunTune(const TuneOptions& options) {
  if (!options.resume.empty()) {
    return RunResume({options.resume, options.connection, options.builders, options.compiler_launcher,
                      options.detach, options.json});
  }
  TUNEFARM_ASSIGN_OR_RETURN(const auto workloads, SelectWorkloads(options.selection));
  TUNEFARM_ASSIGN_OR_RETURN(const std::optional<ChosenDevice> device, FindDevice(options.device));
  TUNEFARM_ASSIGN_OR_RETURN(const schedules::Target target, device.has_value()
                                                                ? TargetOf(device->board)
                                                                : FindTargetOrExplain(options.target));
  if (device.has_value() && options.threads > 1) {
    return WithExitCode(
        absl::InvalidArgumentError(absl::StrCat("the device ", device->board.name,
                                                " runs a kernel on one core: leave --threads out")),
        ExitCode::kUsage);
  }
  TUNEFARM_RETURN_IF_ERROR(CheckTasks(workloads, target, options.threads));
  v1::SubmitJobRequest request = MakeRequest(options, workloads, target, device);
  const bool embedded = options.connection.daemon.empty();
  if (embedded) {
    TUNEFARM_RETURN_IF_ERROR(CompilerVersion(target).status());
    TUNEFARM_ASSIGN_OR_RETURN(const std::vector<db::Job> jobs, ReadJobs(options.connection.DatabasePath()));
    if (const auto unfinished = FindUnfinished(jobs, request); unfinished.has_value() && !options.fresh) {
      Say(absl::StrCat("going on with ", unfinished->id,
                       ", the same work left unfinished (--fresh starts anew)"));
      return RunResume({unfinished->id, options.connection, options.builders, options.compiler_launcher,
                        false, options.json});
    }
  }

  const InterruptScope interrupts;
  LocalFarmOptions farm;
  farm.kernel_threads = static_cast<int>(options.threads);
  farm.builders = options.builders;
  farm.compiler_launcher = options.compiler_launcher;
  SetDevice(device, farm);
  TUNEFARM_ASSIGN_OR_RETURN(TunerSession session, OpenTunerSession(options.connection, farm));
  if (embedded) {
    TUNEFARM_ASSIGN_OR_RETURN(const auto devices, DevicesOf(*session.farm));
    TUNEFARM_RETURN_IF_ERROR(CheckDevice(target, devices));
    TUNEFARM_RETURN_IF_ERROR(CancelOthers(*session.client, "", options.connection));
    if (session.farm->cpus().shared && !farm.emulated && !options.json) {
      Say("note: there is no core to spare for building, so that times are noisier");
    }
  }
  request.set_client_token(NewToken());
  TUNEFARM_ASSIGN_OR_RETURN(const std::string job_id, session.client->Submit(request));
  if (options.detach) return Submitted(options, job_id);

  JobRun run;
  run.job_id = job_id;
  run.title = absl::StrCat(job_id, " on ", device.has_value() ? device->board.name : target.name);
  for (const v1::TaskSpec& task : request.tasks()) run.workloads.push_back(task.workload());
  run.trials_planned = options.trials;
  run.output = ChooseOutput(options.json);
  run.farm = session.farm.get();
  run.cancel_on_interrupt = embedded;
  if (run.output != Output::kLive) {
    Say(absl::StrCat(job_id, ": ", workloads.size(), workloads.size() == 1 ? " task" : " tasks", " on ",
                     target.name, ", ", options.trials, " trials each"));
  }
  TUNEFARM_ASSIGN_OR_RETURN(const JobOutcome outcome, FollowJob(*session.client, run));
  return ReportJob({job_id, target.name, static_cast<int>(options.threads), options.connection, options.json,
                    request.options().device()},
                   outcome);
}

void AddTune(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<TuneOptions>();
  CLI::App* command = app.add_subcommand("tune", "Search for fast kernels, on this machine or on a farm");
  WorkloadSelection& selection = options->selection;
  command->add_option("--workload", selection.texts, "A workload (repeatable)")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  command->add_option("--workload-file", selection.files, "A file: a workload and its weight a line")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command
      ->add_option("--workloads", selection.sets,
                   "A built-in set: resnet18, resnet50, mobilenet_v2, bert_base")
      ->type_name("SET")
      ->allow_extra_args(false);
  command->add_option("--only", selection.only, "Only workloads with this in their text")
      ->type_name("SUBSTRING");
  command->add_option("--limit", selection.limit, "Only the first N tasks")
      ->check(AtLeastOne())
      ->type_name("N");
  CLI::Option* target =
      command->add_option("--target", options->target, "What to generate code for: a name or a file")
          ->capture_default_str();
  AddDeviceFlag(command, &options->device);
  command->get_option("--device")->excludes(target);
  command->add_option("--trials", options->trials, "Measurements a task")
      ->check(AtLeastOne())
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--strategy", options->strategy, "How to search")
      ->check(CLI::IsMember({"random", "grid", "ga", "xgb"}))
      ->capture_default_str();
  command->add_option("--seed", options->seed, "Of the search: the same seed proposes the same")
      ->capture_default_str();
  command
      ->add_option("--early-stopping", options->early_stopping,
                   "End a task after N trials without improvement")
      ->check(AtLeastOne())
      ->type_name("N");
  command->add_option("--threads", options->threads, "Threads of a kernel")
      ->check(AtLeastOne(1024))
      ->capture_default_str();
  AddDatabaseFlag(command, &options->connection);
  AddDaemonFlags(command, &options->connection, "");
  command->add_option("--user", options->user, "Whose job it is (default: you)");
  command->add_option("--priority", options->priority, "Larger first, among your jobs")
      ->capture_default_str();
  command->add_option("--device-class", options->device_class, "Measure only on devices of this class");
  command->add_option("--name", options->name, "A name for the job");
  command->add_option("--builders", options->builders, "Compilers at a time (embedded)")
      ->check(AtLeastOne(4096));
  command->add_option("--compiler-launcher", options->compiler_launcher,
                      "Put before the compiler: ccache, distcc, icecc (embedded)");
  command->add_option("--resume", options->resume, "Go on with this job instead")->type_name("JOB");
  command->add_flag("--fresh", options->fresh, "Start anew even where the same work was left unfinished");
  command->add_flag("--detach", options->detach, "With --daemon: print the job's id and do not wait");
  AddJsonFlag(command, &invocation);
  command->footer(
      "Ctrl-C stops cleanly and prints the command that goes on.\n\n"
      "Examples:\n"
      "  tunefarm tune --workloads resnet18 --trials 64\n"
      "  tunefarm tune --workloads resnet50 --only kh=3 --limit 2\n"
      "  tunefarm tune --workload matmul:m=1024,n=1024,k=1024,dtype=f32 --trials 200\n"
      "  tunefarm tune --workloads mlperf_tiny --device emulated:cortex-m4 --trials 200\n"
      "  tunefarm tune --workloads bert_base --target cortex-a72 --daemon farm.example:9191 --detach");
  command->callback([options, &invocation] {
    options->json = invocation.json;
    const WorkloadSelection& chosen = options->selection;
    if (!options->resume.empty() && !(chosen.texts.empty() && chosen.files.empty() && chosen.sets.empty())) {
      throw CLI::ValidationError("--resume", "goes on with the job's own workloads; leave out the others");
    }
    if (options->detach && options->connection.daemon.empty()) {
      throw CLI::ValidationError("--detach", "needs --daemon: without one, nobody would go on with the job");
    }
    if (!options->connection.daemon.empty() &&
        (options->builders > 0 || !options->compiler_launcher.empty())) {
      throw CLI::ValidationError("--daemon",
                                 "has its own --builders and --compiler-launcher; leave them out here");
    }
    invocation.run = [options] { return RunTune(*options); };
  });
}

}  // namespace tunefarm::cli
