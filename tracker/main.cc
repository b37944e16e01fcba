// tunefarm-tracker: the one place where the tracker's parts are put together.
#include <grpcpp/grpcpp.h>
#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "proto/rpc.h"
#include "tracker/service.h"

namespace tunefarm {
namespace {

struct Flags {
  std::string listen = "127.0.0.1:9190";
  std::string state = DataDirectory() + "/tracker";
  std::uint64_t artifact_limit_mb = 4096;
  std::uint64_t queue_limit = QueueOptions().max_work;
  std::uint32_t lease_ms = static_cast<std::uint32_t>(absl::ToInt64Milliseconds(QueueOptions().lease));
  std::string log_level = "info";
  TransportOptions transport;
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
  app.add_option("--tls-cert", flags.transport.certificate_file, "PEM certificate of this server");
  app.add_option("--tls-key", flags.transport.key_file, "PEM key of this server");
  app.add_option("--tls-ca", flags.transport.ca_file,
                 "PEM certificates that sign runners and users. A client's common name is its user; "
                 "'runner:DEVICE_ID' is the runner of that device");
  app.add_flag("--insecure", flags.transport.insecure,
               "Serve clear text to other machines. Whoever can connect can run code on every device");
  app.add_option("--log-level", flags.log_level, "What goes to stderr")
      ->capture_default_str()
      ->check(CLI::IsMember({"trace", "debug", "info", "warning", "error", "off"}));
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

absl::Status Serve(const Flags& flags, const sigset_t& signals) {
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
  grpc::ServerBuilder builder;
  int port = 0;
  TUNEFARM_RETURN_IF_ERROR(AddListeningPort(builder, flags.listen, flags.transport, &port));
  builder.RegisterService(&worker);
  builder.RegisterService(&tracker);
  builder.RegisterService(&artifact_service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", flags.listen,
                                               ": the address is in use or not of this "
                                               "machine; give another --listen"));
  }
  std::string address = flags.listen;
  if (!absl::StartsWith(address, "unix:"))
    address = absl::StrCat(address.substr(0, address.rfind(':')), ":", port);
  std::printf("tunefarm-tracker listening on %s\n", address.c_str());
  std::fflush(stdout);

  int signal = 0;
  sigwait(&signals, &signal);
  spdlog::info("ending: {}", strsignal(signal));
  coordinator->StopHolding();
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
  server->Wait();
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  CLI::App app("tunefarm-tracker: gives kernels to devices, and results back to those who asked.");
  Flags flags;
  Declare(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
  }
  spdlog::set_default_logger(spdlog::stderr_color_mt("tunefarm-tracker"));
  spdlog::set_level(spdlog::level::from_str(flags.log_level));
  // Blocked before any thread exists, so that only sigwait sees them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const absl::Status status = Serve(flags, signals);
  if (!status.ok()) std::fprintf(stderr, "tunefarm-tracker: %s\n", std::string(status.message()).c_str());
  return static_cast<int>(ExitCodeOf(status));
}

}  // namespace
}  // namespace tunefarm

int main(int argc, char** argv) { return tunefarm::Main(argc, argv); }
