#include "cli/doctor.h"

#include <memory>
#include <random>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "cli/chosen_device.h"
#include "cli/doctor_report.h"
#include "cli/event_stream.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/machine_checks.h"
#include "cli/readiness.h"
#include "cli/tuner_session.h"
#include "runner/boards/self_test.h"
#include "schedules/schedule_template.h"

namespace tunefarm::cli {
namespace {

// Small enough to build and time in a second. The first that the target has a template for: a microcontroller
// without vectors has one for int8 only.
constexpr const char* kProbeWorkloads[] = {"matmul:m=64,n=64,k=64,dtype=f32",
                                           "dense:m=64,n=64,k=64,dtype=i8,epilogue=bias"};
// A healthy machine needs a few seconds; a busy farm may let it wait for its turn.
constexpr absl::Duration kProbeDeadline = absl::Seconds(60);

struct DoctorOptions {
  std::string target = "host";
  std::string device;  // Empty: this machine.
  std::string tracker;
  ConnectionFlags connection;
};

absl::StatusOr<std::string> SubmitProbe(TunerClient& client, const schedules::Target& target) {
  absl::StatusOr<std::shared_ptr<const schedules::Task>> found = absl::InternalError("no probe");
  for (const char* text : kProbeWorkloads) {
    TUNEFARM_ASSIGN_OR_RETURN(const auto probe, schedules::Workload::Parse(text));
    if (found = schedules::Task::Create(probe, target); found.ok()) break;
  }
  TUNEFARM_RETURN_IF_ERROR(found.status());
  const schedules::Task* const task = found->get();
  const schedules::Workload& workload = task->workload();
  v1::SubmitJobRequest request;
  std::random_device random;
  request.set_client_token(
      absl::StrFormat("doctor-%08x%08x%08x%08x", random(), random(), random(), random()));
  v1::TaskSpec* spec = request.add_tasks();
  spec->set_workload(workload.ToString());
  spec->set_target(target.ToJson());
  spec->add_configs(task->space().ToText(task->space().default_config()));
  v1::JobOptions* options = request.mutable_options();
  options->set_trials(1);
  options->set_strategy("grid");
  options->set_user("doctor");
  options->set_name("doctor");
  return client.Submit(request);
}

// Compiles, uploads, runs and times one kernel; the detail on success, the phase that failed otherwise.
absl::StatusOr<std::string> Probe(TunerClient& client, const schedules::Target& target) {
  TUNEFARM_ASSIGN_OR_RETURN(const std::string job_id, SubmitProbe(client, target));
  EventStream stream(&client, job_id, 0, absl::Seconds(5));
  const absl::Time deadline = absl::Now() + kProbeDeadline;
  std::string waiting_for;
  while (absl::Now() < deadline) {
    TUNEFARM_RETURN_IF_ERROR(InterruptScope::Check("the test measurement"));
    const auto event = stream.Next(absl::Milliseconds(100));
    if (!event.has_value()) {
      if (const auto ended = stream.ended(); ended.has_value()) {
        return ended->ok() ? absl::AbortedError("the test job ended without a measurement") : *ended;
      }
      continue;
    }
    if (event->has_progress()) waiting_for = event->progress().waiting_for();
    if (event->has_done()) {
      return absl::AbortedError(
          absl::StrCat("the test job ended without a measurement: ", event->done().message()));
    }
    if (!event->has_trial()) continue;
    const v1::TrialEvent& trial = event->trial();
    if (trial.status() != "ok") {
      return WithExitCode(absl::AbortedError(absl::StrCat("the test kernel failed (", trial.status(),
                                                          "): ", trial.message())),
                          ExitCode::kAllTrialsFailed);
    }
    return absl::StrCat(
        "compiled, uploaded, checked and timed a matrix product: ", FormatMicroseconds(trial.median_us()),
        ", ", FormatGflops(trial.gflops()), " GFLOP/s");
  }
  (void)client.Cancel(job_id);  // Best effort: the answer is that nothing came.
  return absl::DeadlineExceededError(absl::StrCat("no measurement within ",
                                                  absl::FormatDuration(kProbeDeadline),
                                                  waiting_for.empty() ? "" : "; it waits: ", waiting_for));
}

void CheckThisMachine(const DoctorOptions& options, const schedules::Target& target, DoctorReport& report) {
  report.Check("programs", CheckPrograms(ProgramDirectory()), ProgramDirectory(),
               "build or install all of tunefarm: its programs belong into one folder");
  const auto version = CompilerVersion(target);
  if (!version.ok()) {
    report.Fail("compiler", version.status(), "");
  } else {
    report.Check(
        "compiler", CheckCompiles(target), *version,
        absl::StrCat("a compiler that knows ", absl::StrJoin(target.flags, " "), ", or another --target"));
  }
  if (options.tracker.empty()) {
    report.Check("sandbox", CheckSandbox(), "bubblewrap makes its namespaces",
                 "`apt-get install bubblewrap`; where it is installed, allow user namespaces:\n"
                 "Ubuntu 24.04: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0\n"
                 "older Debian: sysctl -w kernel.unprivileged_userns_clone=1\n"
                 "Docker: --security-opt seccomp=unconfined --security-opt apparmor=unconfined");
  }
  std::string detail;
  const absl::Status disk = CheckDiskSpace(options.connection.DatabasePath(), &detail);
  report.Check("disk", disk, detail, "free some space, or put the database elsewhere with --db");
  const absl::Status database = CheckDatabase(options.connection.DatabasePath(), &detail);
  report.Check("database", database, detail, "choose another file with --db");
}

// Devices that the tracker knows, against the target.
void CheckTrackersDevices(const std::string& address, const TransportOptions& transport,
                          const schedules::Target& target, DoctorReport& report) {
  const auto tracker = TrackerClient::Connect(address, transport);
  if (!tracker.ok()) return report.Fail("device", tracker.status(), "");
  const auto devices = (*tracker)->ListDevices();
  if (!devices.ok()) return report.Fail("device", devices.status(), "");
  std::vector<v1::DeviceFacts> facts;
  std::vector<std::string> names;
  for (const v1::DeviceStatus& device : devices->devices()) {
    if (!device.online()) continue;
    facts.push_back(device.facts());
    names.push_back(absl::StrCat(device.facts().device_id(), " (", device.facts().cpu_model(), ")"));
  }
  report.Check("device", CheckDevice(target, facts), absl::StrJoin(names, ", "), "");
}

// Its own steps, then a job through a local farm as for this machine.
bool CheckBoard(const ChosenDevice& device, const std::string& scratch, DoctorReport& report) {
  report.Ok("device", absl::StrCat(device.board.name, ": ", device.board.description, "; class ",
                                   device.board.DeviceClass()));
  bool well = true;
  TestBoard(device.board, scratch, /*sandboxed=*/true, [&](const SelfTestStep& step) {
    well = report.Check(step.name, step.status, step.detail, "") && well;
  });
  return well;
}

absl::StatusOr<ExitCode> RunDoctor(const DoctorOptions& options, bool json) {
  const InterruptScope interrupts;
  DoctorReport report(json);
  TUNEFARM_ASSIGN_OR_RETURN(const std::optional<ChosenDevice> device, FindDevice(options.device));
  auto target = device.has_value() ? TargetOf(device->board) : FindTargetOrExplain(options.target);
  if (!target.ok()) return target.status();
  report.Ok("target", absl::StrCat(target->name, ", ", target->architecture, ", ", 8 * target->vector_bytes,
                                   " bit vectors"));
  const bool embedded = options.connection.daemon.empty();
  if (embedded) CheckThisMachine(options, *target, report);

  // The test record goes into a database of its own: it is nobody's measurement.
  TUNEFARM_ASSIGN_OR_RETURN(const TempDir scratch, TempDir::Create("tunefarm-doctor"));
  if (device.has_value() && !CheckBoard(*device, scratch.path(), report)) {
    report.Skip("measurement", "needs the device");
    return report.Finish();
  }
  ConnectionFlags connection = options.connection;
  connection.database = scratch.path() + "/doctor.db";
  LocalFarmOptions farm;
  SetDevice(device, farm);
  farm.tracker = options.tracker;
  farm.tracker_transport = options.connection.transport;
  if (!options.tracker.empty()) {
    const auto tracker = TrackerClient::Connect(options.tracker, options.connection.transport);
    if (!report.Check("tracker", tracker.status(), options.tracker, "")) {
      report.Skip("measurement", "needs the tracker");
      return report.Finish();
    }
  }
  auto session = OpenTunerSession(connection, farm);
  const char* step = embedded ? "farm" : "daemon";
  if (!report.Check(step, session.status(),
                    embedded ? "tracker, runner and daemon start" : options.connection.daemon, "")) {
    report.Skip("measurement", absl::StrCat("needs the ", step));
    return report.Finish();
  }
  if (session->farm != nullptr) {
    CheckTrackersDevices(session->farm->tracker_address(),
                         options.tracker.empty() ? TransportOptions() : options.connection.transport, *target,
                         report);
  }
  const auto probe = Probe(*session->client, *target);
  report.Check("measurement", probe.status(), probe.ok() ? *probe : "", "");
  return report.Finish();
}

}  // namespace

void AddDoctor(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<DoctorOptions>();
  CLI::App* command = app.add_subcommand("doctor", "Prove that tuning works here, or say what is missing");
  command->add_option("--target", options->target, "The target to try")->capture_default_str();
  AddDeviceFlag(command, &options->device);
  AddDaemonFlags(command, &options->connection, "");
  CLI::Option* tracker = command->add_option("--tracker", options->tracker, "Try the devices of this tracker")
                             ->type_name("ADDRESS");
  tracker->excludes(command->get_option("--daemon"));
  for (const char* other : {"--target", "--tracker", "--daemon"}) {
    command->get_option("--device")->excludes(command->get_option(other));
  }
  AddDatabaseFlag(command, &options->connection);
  AddJsonFlag(command, &invocation);
  command->footer(
      "Examples:\n"
      "  tunefarm doctor\n"
      "  tunefarm doctor --device emulated:cortex-m4\n"
      "  tunefarm doctor --device ./my-board.json\n"
      "  tunefarm doctor --target cortex-a72 --tracker farm.example:9190\n"
      "  tunefarm doctor --daemon 127.0.0.1:9191");
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] { return RunDoctor(*options, invocation.json); };
  });
}

}  // namespace tunefarm::cli
