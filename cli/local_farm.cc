#include "cli/local_farm.h"

#include <filesystem>
#include <utility>

#include "base/exit_code.h"

namespace tunefarm::cli {
namespace {

constexpr char kFolderPrefix[] = "tunefarm-farm";  // Short: a Unix socket's path has 107 bytes.
// The daemon stores what it has and ends its compilers well within that.
constexpr absl::Duration kStopGrace = absl::Seconds(5);
// Where there is no core to spare, compilers have a tenth of it while a kernel is measured. Not less: beside
// other work on the machine they would not end within a build's deadline.
constexpr int kSharedBuilderNice = 10;

void AppendTransport(const TransportOptions& transport, std::vector<std::string>* arguments) {
  const std::pair<const char*, const std::string*> files[] = {{"--tls-cert", &transport.certificate_file},
                                                              {"--tls-key", &transport.key_file},
                                                              {"--tls-ca", &transport.ca_file}};
  for (const auto& [flag, file] : files) {
    if (!file->empty()) arguments->insert(arguments->end(), {flag, *file});
  }
  if (transport.insecure) arguments->push_back("--insecure");
}

}  // namespace

absl::Status LocalFarm::StartTracker(const LocalFarmOptions& options, const std::string& programs) {
  const std::string state = folder_.path() + "/tracker";
  TUNEFARM_RETURN_IF_ERROR(MakeDirectories(state));
  TUNEFARM_ASSIGN_OR_RETURN(
      tracker_,
      FarmChild::Start(programs + "/tunefarm-tracker",
                       {"--listen", absl::StrCat("unix:", folder_.path(), "/t.sock"), "--state", state},
                       cpus_.others, folder_.path() + "/tracker.log"));
  TUNEFARM_ASSIGN_OR_RETURN(tracker_address_,
                            tracker_->AwaitReady("tunefarm-tracker listening on ", options.start_deadline));
  return absl::OkStatus();
}

absl::Status LocalFarm::StartRunners(const LocalFarmOptions& options, const std::string& programs) {
  // No --scratch: the runner's own folder keeps the baseline of its reference kernel from one farm to the
  // next, without which times of different days could not be compared. The agent itself may run anywhere; it
  // pins what it times.
  std::vector<std::vector<std::string>> commands = {{"--cpus", CpuListText(cpus_.device)}};
  if (!options.device.empty()) {
    const std::size_t count = options.emulated ? AllowedCpus().size() : 1;
    commands.assign(count, {"--device", options.device});
    for (std::size_t i = 0; count > 1 && i < count; ++i) {
      commands[i].insert(commands[i].end(), {"--device-id", absl::StrCat("emulated-", i + 1)});
    }
  }
  for (std::size_t i = 0; i < commands.size(); ++i) {
    commands[i].insert(commands[i].end(), {"--tracker", tracker_address_});
    TUNEFARM_ASSIGN_OR_RETURN(FarmChild runner,
                              FarmChild::Start(programs + "/tunefarm-runner", std::move(commands[i]), {},
                                               absl::StrCat(folder_.path(), "/runner", i + 1, ".log")));
    runners_.push_back(std::move(runner));
  }
  return absl::OkStatus();
}

absl::Status LocalFarm::AwaitRunners(const LocalFarmOptions& options) {
  for (FarmChild& runner : runners_) {
    TUNEFARM_ASSIGN_OR_RETURN(device_id_,
                              runner.AwaitReady("tunefarm-runner registered as ", options.start_deadline));
  }
  return absl::OkStatus();
}

absl::Status LocalFarm::StartDaemon(const LocalFarmOptions& options, const std::string& programs) {
  const std::string folder = std::filesystem::path(options.database).parent_path().string();
  if (!folder.empty())
    TUNEFARM_RETURN_IF_ERROR(WithContext(MakeDirectories(folder), "making the database's folder"));
  if (options.emulated) cpus_.others = AllowedCpus();  // No times to be disturbed.
  const int builders = options.builders > 0 ? options.builders : static_cast<int>(cpus_.others.size());
  std::vector<std::string> arguments = {"--listen",       absl::StrCat("unix:", folder_.path(), "/d.sock"),
                                        "--tracker",      tracker_address_,
                                        "--db",           options.database,
                                        "--builders",     absl::StrCat(builders),
                                        "--builder-cpus", CpuListText(cpus_.others)};
  if (!options.compiler_launcher.empty()) {
    arguments.insert(arguments.end(), {"--compiler-launcher", options.compiler_launcher});
  }
  if (cpus_.shared && !options.emulated) {
    arguments.insert(arguments.end(), {"--builder-nice", absl::StrCat(kSharedBuilderNice), "--confirm-last"});
  }
  AppendTransport(options.tracker_transport, &arguments);
  TUNEFARM_ASSIGN_OR_RETURN(daemon_, FarmChild::Start(programs + "/tunefarmd", std::move(arguments),
                                                      cpus_.others, folder_.path() + "/daemon.log"));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<LocalFarm>> LocalFarm::Start(const LocalFarmOptions& options) {
  TUNEFARM_ASSIGN_OR_RETURN(TempDir folder, TempDir::Create(kFolderPrefix));
  std::unique_ptr<LocalFarm> farm(new LocalFarm(std::move(folder)));
  farm->cpus_ = SplitCpus(AllowedCpus(), options.kernel_threads);

  const std::string programs =
      options.program_directory.empty() ? ProgramDirectory() : options.program_directory;
  if (options.tracker.empty()) {
    TUNEFARM_RETURN_IF_ERROR(farm->StartTracker(options, programs));
    TUNEFARM_RETURN_IF_ERROR(farm->StartRunners(options, programs));
  } else {
    farm->tracker_address_ = options.tracker;
  }
  // Runner and daemon get ready side by side.
  if (!options.database.empty()) TUNEFARM_RETURN_IF_ERROR(farm->StartDaemon(options, programs));
  if (farm->daemon_.has_value()) {
    auto address = farm->daemon_->AwaitReady("tunefarmd listening on ", options.start_deadline);
    if (!address.ok()) {
      if (ExitCodeOf(address.status()) != ExitCode::kDatabaseLocked) return address.status();
      return WithContext(
          address.status(),
          absl::StrCat("another tunefarm is using ", options.database,
                       "; wait for it, give another --db, or share one daemon between both (start "
                       "tunefarmd and pass --daemon)"));
    }
    farm->daemon_address_ = *address;
  }
  TUNEFARM_RETURN_IF_ERROR(farm->AwaitRunners(options));
  return farm;
}

absl::Status LocalFarm::CheckAlive() {
  for (std::optional<FarmChild>* child : {&tracker_, &daemon_}) {
    if (child->has_value()) TUNEFARM_RETURN_IF_ERROR((*child)->CheckAlive());
  }
  for (FarmChild& runner : runners_) TUNEFARM_RETURN_IF_ERROR(runner.CheckAlive());
  return absl::OkStatus();
}

LocalFarm::~LocalFarm() {
  if (daemon_.has_value()) daemon_->Stop(kStopGrace);
  for (FarmChild& runner : runners_) runner.Stop(kStopGrace);
  if (tracker_.has_value()) tracker_->Stop(kStopGrace);
}

}  // namespace tunefarm::cli
