#include "cli/version.h"

#include <grpcpp/grpcpp.h>

#include <cstdio>

#include "cli/json_output.h"

namespace tunefarm::cli {
namespace {

#if defined(__clang__)
constexpr char kCompiler[] = "clang " __clang_version__;
#else
constexpr char kCompiler[] = "gcc " __VERSION__;
#endif

ExitCode RunVersion(bool json) {
  if (json) {
    PrintJson({{"event", "version"},
               {"version", TUNEFARM_VERSION},
               {"compiler", kCompiler},
               {"grpc", grpc::Version()}});
  } else {
    std::printf("tunefarm %s (%s, gRPC %s)\n", TUNEFARM_VERSION, kCompiler, grpc::Version().c_str());
  }
  return ExitCode::kOk;
}

}  // namespace

void AddVersion(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("version", "Print the version");
  AddJsonFlag(command, &invocation);
  command->callback([&invocation] {
    invocation.run = [&invocation]() -> absl::StatusOr<ExitCode> { return RunVersion(invocation.json); };
  });
}

}  // namespace tunefarm::cli
