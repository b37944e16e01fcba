// tunefarm-runner: offers the machine it runs on to a tracker.
#include <signal.h>
#include <sys/personality.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#include "base/exit_code.h"
#include "base/file.h"
#include "proto/program.h"
#include "runner/agent.h"
#include "runner/device/native_device.h"
#include "runner/make_device.h"
#include "runner/version.h"
#include "spdlog/spdlog.h"

namespace tunefarm {
namespace {

struct Flags {
  std::string tracker = "127.0.0.1:9190";
  std::string device = "native";
  std::string device_id;
  std::string device_class;
  std::string cpus;
  std::string scratch;
  std::uint64_t cache_mib = 512;
  bool unsandboxed = false;
  ProgramFlags program;
};

std::string HostName() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "localhost";
}

struct OpenedDevice {
  std::string id;
  std::string state_directory;
  std::unique_ptr<Device> device;
};

absl::StatusOr<std::string> StateDirectory(const Flags& flags, const std::string& device_id) {
  std::string folder =
      flags.scratch.empty() ? absl::StrCat(DataDirectory(), "/runner/", device_id) : flags.scratch;
  TUNEFARM_RETURN_IF_ERROR(MakeDirectories(folder));
  return folder;
}

absl::StatusOr<OpenedDevice> OpenNative(const Flags& flags) {
  const std::string executor = ProgramDirectory() + "/tunefarm-executor";
  TUNEFARM_ASSIGN_OR_RETURN(const Sandbox sandbox, flags.unsandboxed
                                                       ? absl::StatusOr<Sandbox>(Sandbox::Dangerous(executor))
                                                       : Sandbox::Create(executor));
  NativeDeviceOptions options;
  options.device_id = flags.device_id.empty() ? HostName() : flags.device_id;
  options.device_class = flags.device_class;
  options.cpus = AllowedCpus();
  if (!flags.cpus.empty()) {
    TUNEFARM_ASSIGN_OR_RETURN(options.cpus, ParseCpuList(flags.cpus));
  }
  TUNEFARM_ASSIGN_OR_RETURN(options.state_directory, StateDirectory(flags, options.device_id));
  TUNEFARM_ASSIGN_OR_RETURN(std::unique_ptr<NativeDevice> device, NativeDevice::Create(options, sandbox));
  return OpenedDevice{options.device_id, options.state_directory, std::move(device)};
}

absl::StatusOr<OpenedDevice> OpenBoard(const Flags& flags) {
  TUNEFARM_ASSIGN_OR_RETURN(const Board board, FindBoard(flags.device));
  BoardRunnerOptions options;
  options.device_id = flags.device_id.empty() ? absl::StrCat(HostName(), "-", board.name) : flags.device_id;
  options.device_class = flags.device_class;
  options.sandboxed = !flags.unsandboxed;
  TUNEFARM_ASSIGN_OR_RETURN(options.state_directory, StateDirectory(flags, options.device_id));
  TUNEFARM_ASSIGN_OR_RETURN(std::unique_ptr<Device> device, MakeBoardDevice(board, options));
  return OpenedDevice{options.device_id, options.state_directory, std::move(device)};
}

absl::Status Serve(const Flags& flags, sigset_t endings) {
  // Ends the thread below when the agent is done.
  sigaddset(&endings, SIGUSR2);
  pthread_sigmask(SIG_BLOCK, &endings, nullptr);
  // For the executors: the same addresses in every one, so that two runs of a kernel differ in nothing but
  // the moment.
  personality(ADDR_NO_RANDOMIZE);
  if (flags.unsandboxed) {
    spdlog::warn("--dangerously-unsandboxed: kernels run with this user's rights and see this user's files");
  }
  TUNEFARM_ASSIGN_OR_RETURN(const OpenedDevice opened,
                            flags.device == "native" ? OpenNative(flags) : OpenBoard(flags));
  TUNEFARM_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel,
                            Dial(flags.tracker, flags.program.transport));
  TUNEFARM_ASSIGN_OR_RETURN(
      ArtifactCache artifacts,
      ArtifactCache::Open(opened.state_directory + "/artifacts", flags.cache_mib << 20, FetchOver(channel)));
  Agent agent(channel, *opened.device, artifacts, {}, [&opened] {
    std::printf("tunefarm-runner registered as %s\n", opened.id.c_str());
    std::fflush(stdout);
  });
  // The first SIGTERM or SIGINT drains, a second one ends at once.
  std::thread signals([&agent, &endings] {
    int signal = 0;
    sigwait(&endings, &signal);
    if (signal == SIGUSR2) return;
    spdlog::info("draining: finishing and reporting what is in hand");
    agent.Drain();
    sigwait(&endings, &signal);
    if (signal != SIGUSR2) _exit(static_cast<int>(ExitCode::kInterrupted));
  });
  const absl::Status status = agent.Run();
  pthread_kill(signals.native_handle(), SIGUSR2);
  signals.join();
  return status;
}

int Main(int argc, char** argv) {
  Flags flags;
  CLI::App app("Offers this machine to a tunefarm tracker as a device to measure kernels on.",
               "tunefarm-runner");
  app.add_option("--tracker", flags.tracker, "Address of the tracker: HOST:PORT or unix:PATH")
      ->capture_default_str();
  app.add_option("--device", flags.device,
                 "What to offer: native (this machine), emulated:NAME, or a device file (docs/devices.md)")
      ->capture_default_str();
  app.add_option(
      "--device-id", flags.device_id,
      "Name of this device in the farm (default: the host name, and the board's where there is one)");
  app.add_option("--device-class", flags.device_class,
                 "Devices whose times may be compared (default: from the core)");
  app.add_option("--cpus", flags.cpus,
                 "Cpus that kernels run on, such as 1 or 0,2-3; the first is the one for single-threaded "
                 "kernels (default: all)");
  app.add_option("--scratch", flags.scratch,
                 "Folder for cached kernels and state (default: in the data folder)");
  app.add_option("--cache-mib", flags.cache_mib, "Bound of the cached kernels")->capture_default_str();
  app.add_flag("--dangerously-unsandboxed", flags.unsandboxed, "Run kernels without the sandbox");
  AddProgramFlags(app, flags.program, "PEM certificates that sign the tracker's",
                  "Clear text to a tracker on another machine");
  app.set_version_flag("--version", kRunnerVersion);
  return RunProgram(app, flags.program, argc, argv,
                    [&](const sigset_t& endings) { return Serve(flags, endings); });
}

}  // namespace
}  // namespace tunefarm

int main(int argc, char** argv) { return tunefarm::Main(argc, argv); }
