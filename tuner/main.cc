// tunefarmd: the one place where the tuner daemon's parts are put together.
#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "proto/rpc.h"
#include "tuner/artifact_cache.h"
#include "tuner/cpu_list.h"
#include "tuner/daemon_service.h"
#include "tuner/expected_output.h"
#include "tuner/tracker_client.h"

namespace tunefarm::tuner {
namespace {

struct Flags {
  std::string listen = "127.0.0.1:9191";
  std::string tracker = "127.0.0.1:9190";
  std::string database = DataDirectory() + "/tunefarm.db";
  std::string cache = DataDirectory() + "/cache";
  std::int64_t cache_limit_mb = 1024;
  int builders = 0;
  std::string builder_cpus;
  std::string compiler_launcher;
  std::string log_level = "info";
  TransportOptions transport;
};

void Declare(CLI::App& app, Flags& flags) {
  app.add_option("--listen", flags.listen, "HOST:PORT or unix:/PATH to serve on; port 0 takes a free one")
      ->capture_default_str();
  app.add_option("--tracker", flags.tracker, "Where tunefarm-tracker serves")->capture_default_str();
  app.add_option("--db", flags.database, "The log database; made if it is not there")->capture_default_str();
  app.add_option("--cache", flags.cache,
                 "Folder for compiled kernels and expected outputs, to be lost at will")
      ->capture_default_str();
  app.add_option("--cache-limit-mb", flags.cache_limit_mb,
                 "What that folder may hold; the least recently used goes")
      ->capture_default_str()
      ->check(CLI::Range(1, 1 << 24));
  app.add_option("--builders", flags.builders,
                 "Compilers that run at once; 0: as many as there are cores for them")
      ->capture_default_str()
      ->check(CLI::Range(0, 4096));
  app.add_option(
      "--builder-cpus", flags.builder_cpus,
      "Cores for the daemon and its compilers, such as 0,2-3; keep them apart from those that measure");
  app.add_option("--compiler-launcher", flags.compiler_launcher,
                 "A program put before the compiler, with its arguments: ccache, distcc, icecc");
  app.add_option("--tls-cert", flags.transport.certificate_file, "PEM certificate of this daemon");
  app.add_option("--tls-key", flags.transport.key_file, "PEM key of this daemon");
  app.add_option("--tls-ca", flags.transport.ca_file, "PEM certificates that sign users and the tracker");
  app.add_flag("--insecure", flags.transport.insecure, "Clear text even to and from other machines");
  app.add_option("--log-level", flags.log_level, "What goes to stderr")
      ->capture_default_str()
      ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "off"}));
  app.footer(
      "Jobs survive kill -9 of this program and go on when it starts again with the same --db; SIGTERM ends "
      "it in\n"
      "order, with the same effect.\n"
      "Exit status: 2 bad flags, 7 the compiler launcher is missing, 8 database not writable, 9 database "
      "written by\n"
      "a newer version, 10 database in use by another daemon, 11 disk full, 12 database damaged, 1 anything "
      "else.");
}

absl::StatusOr<CompilerOptions> CompilerOptionsOf(const Flags& flags) {
  CompilerOptions options;
  if (!flags.builder_cpus.empty()) {
    TUNEFARM_ASSIGN_OR_RETURN(options.cpus, ParseCpuList(flags.builder_cpus));
  }
  options.launcher = absl::StrSplit(flags.compiler_launcher, ' ', absl::SkipWhitespace());
  if (!options.launcher.empty()) {
    TUNEFARM_RETURN_IF_ERROR(
        WithContext(CompilerVersion(options.launcher[0]).status(), "--compiler-launcher"));
  }
  return options;
}

absl::Status Serve(const Flags& flags, const sigset_t& signals) {
  TUNEFARM_ASSIGN_OR_RETURN(const CompilerOptions compiler, CompilerOptionsOf(flags));
  TUNEFARM_RETURN_IF_ERROR(StayOnCpus(compiler.cpus));
  const std::filesystem::path folder = std::filesystem::path(flags.database).parent_path();
  if (!folder.empty()) TUNEFARM_RETURN_IF_ERROR(MakeDirectories(folder.string()));
  TUNEFARM_ASSIGN_OR_RETURN(const std::unique_ptr<db::Database> database,
                            db::Database::Open(flags.database, db::Database::Mode::kReadWrite));
  absl::StatusOr<std::unique_ptr<ArtifactCache>> opened =
      ArtifactCache::Open(flags.cache, flags.cache_limit_mb << 20);
  if (!opened.ok()) spdlog::warn("working without a cache of kernels: {}", opened.status().ToString());
  ArtifactCache* cache = opened.ok() ? opened->get() : nullptr;
  TUNEFARM_ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel,
                            Dial(flags.tracker, flags.transport));
  TrackerClient client(channel, flags.tracker);
  BuilderPool builders(flags.builders > 0 ? flags.builders : AllowedCpuCount());
  const JobServices services{
      *database,
      builders,
      client,
      RealClock(),
      [&](const schedules::Task& task, const schedules::Config& config) {
        return BuildKernel(task, config, cache, compiler);
      },
      [&](const schedules::Workload& workload) { return ExpectedOutput(workload, cache); },
  };
  Daemon daemon(services);
  DaemonService service(daemon);
  grpc::ServerBuilder server_builder;
  int port = 0;
  TUNEFARM_RETURN_IF_ERROR(AddListeningPort(server_builder, flags.listen, flags.transport, &port));
  server_builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = server_builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", flags.listen,
                     ": the address is in use or not of this machine; give another --listen"));
  }
  TUNEFARM_RETURN_IF_ERROR(daemon.Start());
  std::string address = flags.listen;
  if (!absl::StartsWith(address, "unix:")) {
    address = absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
  }
  std::printf("tunefarmd listening on %s\n", address.c_str());
  std::fflush(stdout);

  int signal = 0;
  sigwait(&signals, &signal);
  spdlog::info("ending: {}", strsignal(signal));
  daemon.StopWatching();
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
  server->Wait();
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  CLI::App app("tunefarmd: searches, builds, and has measured the schedules of the jobs it is given.");
  Flags flags;
  Declare(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
  }
  spdlog::set_default_logger(spdlog::stderr_color_mt("tunefarmd"));
  spdlog::set_level(spdlog::level::from_str(flags.log_level));

  // Before any thread starts, so that all inherit the mask and only sigwait sees the signals.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  const absl::Status status = Serve(flags, signals);
  if (status.ok()) return 0;
  std::fprintf(stderr, "tunefarmd: %s\n", std::string(status.message()).c_str());
  return static_cast<int>(ExitCodeOf(status));
}

}  // namespace
}  // namespace tunefarm::tuner

int main(int argc, char** argv) { return tunefarm::tuner::Main(argc, argv); }
