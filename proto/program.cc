#include "proto/program.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <cstdio>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/exit_code.h"

namespace tunefarm {

void AddProgramFlags(CLI::App& app, ProgramFlags& flags, const std::string& ca_help,
                     const std::string& insecure_help) {
  app.add_option("--tls-cert", flags.transport.certificate_file, "PEM certificate of this program");
  app.add_option("--tls-key", flags.transport.key_file, "PEM key of this program");
  app.add_option("--tls-ca", flags.transport.ca_file, ca_help);
  app.add_flag("--insecure", flags.transport.insecure, insecure_help);
  app.add_option("--log-level", flags.log_level, "What goes to stderr")
      ->capture_default_str()
      ->check(CLI::IsMember({"trace", "debug", "info", "warning", "warn", "error", "off"}));
}

int RunProgram(CLI::App& app, const ProgramFlags& flags, int argc, char** argv,
               const std::function<absl::Status(const sigset_t& endings)>& serve) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::kUsage);
  }
  spdlog::set_default_logger(spdlog::stderr_color_mt(app.get_name()));
  spdlog::set_level(spdlog::level::from_str(flags.log_level));
  sigset_t endings;
  sigemptyset(&endings);
  sigaddset(&endings, SIGTERM);
  sigaddset(&endings, SIGINT);
  pthread_sigmask(SIG_BLOCK, &endings, nullptr);
  signal(SIGPIPE, SIG_IGN);
  const absl::Status status = serve(endings);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), std::string(status.message()).c_str());
  return static_cast<int>(ExitCodeOf(status));
}

absl::StatusOr<ListeningServer> Listen(const std::string& listen, const TransportOptions& transport,
                                       const std::vector<grpc::Service*>& services) {
  grpc::ServerBuilder builder;
  int port = 0;
  TUNEFARM_RETURN_IF_ERROR(AddListeningPort(builder, listen, transport, &port));
  for (grpc::Service* service : services) builder.RegisterService(service);
  ListeningServer listening{builder.BuildAndStart(), listen};
  if (listening.server == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", listen,
                     ": the address is in use or not of this machine; give another --listen"));
  }
  if (!absl::StartsWith(listen, "unix:")) {
    listening.address = absl::StrCat(listen.substr(0, listen.rfind(':')), ":", port);
  }
  return listening;
}

void ServeUntilEnded(const char* name, const ListeningServer& listening, const sigset_t& endings,
                     const std::function<void()>& before) {
  std::printf("%s listening on %s\n", name, listening.address.c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&endings, &signal);
  spdlog::info("ending: {}", strsignal(signal));
  before();
  listening.server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
  listening.server->Wait();
}

}  // namespace tunefarm
