// tunefarmd: the one place where the tuner daemon's parts are put together.
#include <spdlog/spdlog.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "base/file.h"
#include "proto/program.h"
#include "tuner/artifact_cache.h"
#include "tuner/cpu_list.h"
#include "tuner/daemon_service.h"
#include "tuner/expected_output.h"
#include "tuner/tracker_client.h"
#include "tuner/warm_compilers.h"

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
  int builder_nice = kBuilderNice;
  bool confirm_last = false;
  std::string compiler_launcher;
  ProgramFlags program;
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
  app.add_option(
         "--builder-nice", flags.builder_nice,
         "How much compilers yield to everything else; more where kernels are measured on their cores")
      ->capture_default_str()
      ->check(CLI::Range(0, 19));
  app.add_flag(
      "--confirm-last", flags.confirm_last,
      "Confirm a job's winners when all its trials are done: where kernels are measured on the cores "
      "of compilers, which would disturb it");
  app.add_option("--compiler-launcher", flags.compiler_launcher,
                 "A program put before the compiler, with its arguments: ccache, distcc, icecc");
  AddProgramFlags(app, flags.program, "PEM certificates that sign users and the tracker",
                  "Clear text even to and from other machines");
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

absl::Status Serve(const Flags& flags, const sigset_t& endings) {
  TUNEFARM_ASSIGN_OR_RETURN(CompilerOptions compiler, CompilerOptionsOf(flags));
  WarmCompilers warm;
  compiler.warm = &warm;
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
                            Dial(flags.tracker, flags.program.transport));
  TrackerClient client(channel, flags.tracker);
  BuilderPool builders(flags.builders > 0 ? flags.builders : AllowedCpuCount(), flags.builder_nice);
  const JobServices services{
      *database,
      builders,
      client,
      RealClock(),
      [&](const schedules::Task& task, const schedules::Config& config) {
        return BuildKernel(task, config, cache, compiler);
      },
      [&](const schedules::Workload& workload) { return ExpectedOutput(workload, cache); },
      flags.confirm_last,
  };
  Daemon daemon(services);
  DaemonService service(daemon);
  TUNEFARM_ASSIGN_OR_RETURN(const ListeningServer listening,
                            Listen(flags.listen, flags.program.transport, {&service}));
  TUNEFARM_RETURN_IF_ERROR(daemon.Start());
  ServeUntilEnded("tunefarmd", listening, endings, [&] { daemon.StopWatching(); });
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  CLI::App app("Searches, builds, and has measured the schedules of the jobs it is given.", "tunefarmd");
  Flags flags;
  Declare(app, flags);
  return RunProgram(app, flags.program, argc, argv,
                    [&](const sigset_t& endings) { return Serve(flags, endings); });
}

}  // namespace
}  // namespace tunefarm::tuner

int main(int argc, char** argv) { return tunefarm::tuner::Main(argc, argv); }
