// tunefarm-tracker: the one place where the tracker's parts are put together.
#include <memory>
#include <string>

#include "base/file.h"
#include "proto/program.h"
#include "tracker/service.h"

namespace tunefarm {
namespace {

struct Flags {
  std::string listen = "127.0.0.1:9190";
  std::string state = DataDirectory() + "/tracker";
  std::uint64_t artifact_limit_mb = 4096;
  std::uint64_t queue_limit = QueueOptions().max_work;
  std::uint32_t lease_ms = static_cast<std::uint32_t>(absl::ToInt64Milliseconds(QueueOptions().lease));
  ProgramFlags program;
};

void Declare(CLI::App& app, Flags& flags) {
  app.add_option("--listen", flags.listen, "HOST:PORT or unix:/PATH to serve on; port 0 takes a free one")
      ->capture_default_str();
  app.add_option("--state", flags.state, "Folder for the journal of accepted work and for artifacts")
      ->capture_default_str();
  app.add_option("--artifact-limit-mb", flags.artifact_limit_mb,
                 "Most disk space for kernels and expected outputs; what no waiting work needs is evicted, "
                 "oldest first")
      ->capture_default_str()
      ->check(CLI::Range(1u, 1u << 24));
  app.add_option("--queue-limit", flags.queue_limit,
                 "Most pieces of work held at once; more is refused for the moment")
      ->capture_default_str()
      ->check(CLI::Range(1u, 10'000'000u));
  app.add_option("--lease-ms", flags.lease_ms,
                 "A runner that is silent for so long has lost its device's lease, and the work moves on")
      ->capture_default_str()
      ->check(CLI::Range(100u, 3'600'000u));
  AddProgramFlags(app, flags.program,
                  "PEM certificates that sign runners and users. A client's common name is its user; "
                  "'runner:DEVICE_ID' is the runner of that device",
                  "Serve clear text to other machines. Whoever can connect can run code on every device");
  app.footer(
      "Examples:\n"
      "  tunefarm-tracker                                  serve this machine\n"
      "  tunefarm-tracker --listen unix:/run/tunefarm.sock  serve this machine, by file permissions\n"
      "  tunefarm-tracker --listen 0.0.0.0:9190 --tls-cert tracker.pem --tls-key tracker.key --tls-ca "
      "farm.pem\n"
      "                                                    serve a lab\n"
      "Then start runners (tunefarm-runner --tracker ADDRESS) and a tuner (tunefarmd --tracker ADDRESS).\n"
      "Accepted work survives kill -9 of this program; SIGTERM ends it in order.\n"
      "Exit status: 2 bad flags, 8 state folder not writable, 9 written by a newer version, 10 in use by "
      "another\n"
      "tracker, 11 disk full, 12 journal damaged, 1 anything else.");
}

absl::Status Serve(const Flags& flags, const sigset_t& endings) {
  TUNEFARM_ASSIGN_OR_RETURN(std::unique_ptr<Journal> journal, Journal::Open(flags.state));
  TUNEFARM_ASSIGN_OR_RETURN(const std::unique_ptr<ArtifactStore> artifacts,
                            ArtifactStore::Open(flags.state + "/artifacts", flags.artifact_limit_mb << 20));
  QueueOptions options;
  options.lease = absl::Milliseconds(flags.lease_ms);
  options.max_work = flags.queue_limit;
  TUNEFARM_ASSIGN_OR_RETURN(const std::unique_ptr<Coordinator> coordinator,
                            Coordinator::Start(options, std::move(journal), artifacts.get()));
  WorkerService worker(coordinator.get());
  TrackerService tracker(coordinator.get());
  ArtifactService artifact_service(artifacts.get());
  TUNEFARM_ASSIGN_OR_RETURN(const ListeningServer listening, Listen(flags.listen, flags.program.transport,
                                                                    {&worker, &tracker, &artifact_service}));
  ServeUntilEnded("tunefarm-tracker", listening, endings, [&] { coordinator->StopHolding(); });
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  CLI::App app("Gives kernels to devices, and results back to those who asked.", "tunefarm-tracker");
  Flags flags;
  Declare(app, flags);
  return RunProgram(app, flags.program, argc, argv,
                    [&](const sigset_t& endings) { return Serve(flags, endings); });
}

}  // namespace
}  // namespace tunefarm

int main(int argc, char** argv) { return tunefarm::Main(argc, argv); }
