#include "cli/targets.h"

#include <algorithm>
#include <cstdio>
#include <vector>

#include "absl/strings/str_join.h"
#include "cli/json_output.h"
#include "cli/live_screen.h"
#include "cli/readiness.h"
#include "cli/table.h"

namespace tunefarm::cli {
namespace {

absl::StatusOr<ExitCode> RunTargets(bool json) {
  // The host first; its own name is the level's.
  std::vector<std::string> names = schedules::BuiltinTargetNames();
  names.erase(std::remove(names.begin(), names.end(), "host"), names.end());
  names.insert(names.begin(), "host");
  Table table({{"target"},
               {"architecture"},
               {"vector", Align::kRight},
               {"compiler"},
               {"flags", Align::kLeft, true},
               {"ready"}});
  for (const std::string& name : names) {
    auto target = FindTargetOrExplain(name);
    if (!target.ok()) {
      // A machine that none of the built-in targets fits has no host; the others can still be built for.
      Say(absl::StrCat("note: ", target.status().message()));
      continue;
    }
    const bool ready = CompilerVersion(*target).ok();
    if (json) {
      Json object = {{"event", "target"}, {"target", name}, {"compiler_found", ready}};
      object["facts"] = Json::parse(target->ToJson());
      PrintJson(object);
    }
    table.AddRow({name == "host" ? absl::StrCat("host (", target->name, ")") : name, target->architecture,
                  absl::StrCat(8 * target->vector_bytes, " bit"), target->compiler,
                  absl::StrJoin(target->flags, " "), ready ? "yes" : "no compiler"});
  }
  if (!json) std::fputs(table.ToString(TableWidth()).c_str(), stdout);
  return ExitCode::kOk;
}

}  // namespace

void AddTargets(CLI::App& app, Invocation& invocation) {
  CLI::App* command = app.add_subcommand("targets", "List what code can be generated for");
  AddJsonFlag(command, &invocation);
  command->footer("Example:\n  tunefarm targets");
  command->callback(
      [&invocation] { invocation.run = [&invocation] { return RunTargets(invocation.json); }; });
}

}  // namespace tunefarm::cli
