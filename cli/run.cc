#include "cli/run.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "cli/cancel.h"
#include "cli/command.h"
#include "cli/devices.h"
#include "cli/doctor.h"
#include "cli/jobs.h"
#include "cli/json_output.h"
#include "cli/query.h"
#include "cli/replay.h"
#include "cli/resume.h"
#include "cli/show.h"
#include "cli/targets.h"
#include "cli/tune.h"
#include "cli/version.h"
#include "cli/watch.h"
#include "cli/workloads.h"

namespace tunefarm::cli {
namespace {

int Tell(const absl::Status& status, bool json) {
  if (json) PrintJson(ErrorJson(status));
  Say(absl::StrCat("tunefarm: ", std::string(status.message())));
  return static_cast<int>(ExitCodeOf(status));
}

// The command that was being parsed, with the one below it: "tunefarm query best".
std::string CommandName(const CLI::App& app) {
  std::string name = app.get_name();
  for (const CLI::App* command : app.get_subcommands()) name += " " + CommandName(*command);
  return name;
}

// The word in the place of a command that is none; empty when the error lies elsewhere.
std::string UnknownCommand(const CLI::App& app, int argc, char** argv) {
  const CLI::App* command = &app;
  for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
    const std::vector<const CLI::App*> known = command->get_subcommands([](const CLI::App*) { return true; });
    if (known.empty()) return "";
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const CLI::App* k) { return k->get_name() == argv[i]; });
    if (found == known.end()) return argv[i];
    command = *found;
  }
  return "";
}

}  // namespace

int Run(int argc, char** argv) {
  CLI::App app("Finds fast kernels for neural networks by measuring them.", "tunefarm");
  app.require_subcommand(1);
  app.set_version_flag("--version", TUNEFARM_VERSION);
  app.footer(
      "Begin with:\n"
      "  tunefarm doctor                              what is missing here, if anything\n"
      "  tunefarm tune --workloads resnet18 --limit 3 three layers, on this machine\n"
      "`tunefarm COMMAND --help` has examples. Exit statuses: docs/formats.md.");
  Invocation invocation;
  AddTune(app, invocation);
  AddResume(app, invocation);
  AddJobs(app, invocation);
  AddWatch(app, invocation);
  AddCancel(app, invocation);
  AddQuery(app, invocation);
  AddShow(app, invocation);
  AddReplay(app, invocation);
  AddDevices(app, invocation);
  AddTargets(app, invocation);
  AddWorkloads(app, invocation);
  AddDoctor(app, invocation);
  AddVersion(app, invocation);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    bool json = false;  // The parser may not have come that far.
    for (int i = 1; i < argc; ++i) json = json || std::strcmp(argv[i], "--json") == 0;
    const std::string command = CommandName(app);
    const std::string unknown = UnknownCommand(app, argc, argv);
    if (!unknown.empty()) {
      return Tell(WithExitCode(absl::InvalidArgumentError(absl::StrCat(
                                   "'", unknown, "' is not a command\nSee `", command, " --help`")),
                               ExitCode::kUsage),
                  json);
    }
    return Tell(
        WithExitCode(absl::InvalidArgumentError(absl::StrCat(error.what(), "\nSee `", command, " --help`")),
                     ExitCode::kUsage),
        json);
  }
  try {
    const absl::StatusOr<ExitCode> result = invocation.run();
    return result.ok() ? static_cast<int>(*result) : Tell(result.status(), invocation.json);
  } catch (const std::exception& error) {  // Libraries throw when memory or threads run out.
    return Tell(absl::InternalError(error.what()), invocation.json);
  }
}

}  // namespace tunefarm::cli
