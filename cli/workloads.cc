#include "cli/workloads.h"

#include <cstdio>
#include <memory>

#include "absl/strings/str_format.h"
#include "cli/json_output.h"
#include "cli/live_screen.h"
#include "cli/table.h"
#include "schedules/workload.h"

namespace tunefarm::cli {
namespace {

absl::StatusOr<ExitCode> ListSets(bool json) {
  Table table(
      {{"set"}, {"tasks", Align::kRight}, {"layers", Align::kRight}, {"GFLOP or GOP", Align::kRight}});
  for (const std::string& name : schedules::BuiltinWorkloadNames()) {
    TUNEFARM_ASSIGN_OR_RETURN(const auto workloads, schedules::BuiltinWorkloads(name));
    double layers = 0;
    double flop = 0;
    for (const auto& [workload, weight] : workloads) {
      layers += weight;
      flop += weight * workload.flop();
    }
    if (json)
      PrintJson(
          {{"event", "set"}, {"set", name}, {"tasks", workloads.size()}, {"layers", layers}, {"flop", flop}});
    table.AddRow(
        {name, absl::StrCat(workloads.size()), absl::StrCat(layers), absl::StrFormat("%.3g", flop / 1e9)});
  }
  if (!json) std::printf("%s\nOf one set:  tunefarm workloads SET\n", table.ToString(TableWidth()).c_str());
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> ListWorkloads(const std::string& set, bool json) {
  auto workloads = schedules::BuiltinWorkloads(set);
  if (!workloads.ok()) return workloads.status();
  // As --workload-file takes it.
  if (!json) std::printf("# %s: workload and how often it occurs\n", set.c_str());
  for (const auto& [workload, weight] : *workloads) {
    if (json) {
      PrintJson({{"event", "workload"},
                 {"task", workload.ToString()},
                 {"weight", weight},
                 {"flop", workload.flop()}});
    } else {
      std::printf("%s %g\n", workload.ToString().c_str(), weight);
    }
  }
  return ExitCode::kOk;
}

}  // namespace

void AddWorkloads(CLI::App& app, Invocation& invocation) {
  auto set = std::make_shared<std::string>();
  CLI::App* command =
      app.add_subcommand("workloads", "List the built-in sets of workloads, or those of one set");
  command->add_option("set", *set, "A set; prints a file for --workload-file")->type_name("SET");
  AddJsonFlag(command, &invocation);
  command->footer("Examples:\n  tunefarm workloads\n  tunefarm workloads resnet18 >my.workloads");
  command->callback([set, &invocation] {
    invocation.run = [set, &invocation] {
      return set->empty() ? ListSets(invocation.json) : ListWorkloads(*set, invocation.json);
    };
  });
}

}  // namespace tunefarm::cli
