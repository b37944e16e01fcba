// What the farm's programs have in common: flags for transport and logging, how they end, and serving.
#pragma once

#include <grpcpp/grpcpp.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "proto/rpc.h"

namespace tunefarm {

struct ProgramFlags {
  TransportOptions transport;
  std::string log_level = "info";
};

// --tls-cert, --tls-key, --tls-ca, --insecure and --log-level. `ca_help` and `insecure_help` say what they
// mean for this program. `flags` must outlive the parsing.
void AddProgramFlags(CLI::App& app, ProgramFlags& flags, const std::string& ca_help,
                     const std::string& insecure_help);

// The body of main: parses, logs to stderr under the app's name, blocks SIGTERM and SIGINT (before any thread
// exists, so that only who waits for `endings` sees them), runs `serve`, and prints its error. Returns the
// exit status.
int RunProgram(CLI::App& app, const ProgramFlags& flags, int argc, char** argv,
               const std::function<absl::Status(const sigset_t& endings)>& serve);

// Serves `services`, which must outlive the server, at `listen`. kUnavailable when the address cannot be had.
struct ListeningServer {
  std::unique_ptr<grpc::Server> server;
  std::string address;  // `listen` with the port that was bound.
};
absl::StatusOr<ListeningServer> Listen(const std::string& listen, const TransportOptions& transport,
                                       const std::vector<grpc::Service*>& services);

// Prints "NAME listening on ADDRESS", waits for one of `endings`, calls `before` (which ends calls that would
// be held open), and shuts the server down, leaving calls in hand two seconds.
void ServeUntilEnded(const char* name, const ListeningServer& listening, const sigset_t& endings,
                     const std::function<void()>& before);

}  // namespace tunefarm
