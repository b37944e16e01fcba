// bench-search: how good the search is.
//
//   bench-search record --workload matmul:m=512,n=512,k=512 --configs 1000 --db tables.db
//   bench-search replay --db tables.db --seeds 20
//   bench-search model --db tables.db
//   bench-search speed
//
// docs/search.md says what each measures.
#include <CLI/CLI.hpp>
#include <iostream>

#include "base/exit_code.h"
#include "bench/search_model.h"
#include "bench/search_record.h"
#include "bench/search_replay.h"
#include "bench/search_speed.h"

namespace tunefarm::bench {
namespace {

void AddSelection(CLI::App* command, cli::WorkloadSelection& selection) {
  command->add_option("--workload", selection.texts, "A workload's text; repeatable");
  command->add_option("--workload-file", selection.files, "A file with a workload a line");
  command->add_option("--workloads", selection.sets, "A built-in set (tunefarm workloads)");
  command->add_option("--only", selection.only, "Only workloads whose text contains this");
  command->add_option("--limit", selection.limit, "Only the first so many");
}

void AddRecord(CLI::App& app, std::function<absl::Status()>& run) {
  auto options = std::make_shared<RecordOptions>();
  CLI::App* command = app.add_subcommand("record", "Measure every config of a thinned space, or a sample");
  AddSelection(command, options->selection);
  CLI::Option* target = command->add_option("--target", options->target, "What to generate code for");
  command->add_option("--device", options->device, "emulated:NAME, or a device file")->excludes(target);
  command->add_option("--configs", options->configs, "At most so many of each task")
      ->capture_default_str()
      ->check(CLI::Range(8, 1'000'000));
  command->add_option("--sample", options->sample, "So many random configs of each whole space instead")
      ->check(CLI::Range(8, 1'000'000));
  command->add_option("--seed", options->seed, "Decides which knobs are frozen, or which configs are drawn")
      ->capture_default_str();
  command->add_option("--threads", options->threads, "Threads of a kernel")->check(CLI::Range(1, 1024));
  command->add_option("--db", options->database, "Where to")->required();
  command->callback([options, &run] { run = [options] { return RecordTables(*options); }; });
}

void AddReplay(CLI::App& app, std::function<absl::Status()>& run) {
  auto options = std::make_shared<ReplayOptions>();
  CLI::App* command = app.add_subcommand("replay", "Strategies on recorded tasks");
  command->add_option("--db", options->databases, "Recorded trials; repeatable")->required();
  command->add_option("--strategy", options->strategies, "Only these; repeatable");
  command->add_option("--seeds", options->seeds, "Searches of each task")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000));
  command->add_option("--in-flight", options->in_flight, "Trials under way at a time")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command->add_flag("--transfer", options->transfer, "Also with a model of the other tasks");
  command->add_flag("--json", options->json, "One JSON object a line");
  command->callback([options, &run] { run = [options] { return ReplayTables(*options); }; });
}

void AddModel(CLI::App& app, std::function<absl::Status()>& run) {
  auto options = std::make_shared<ModelOptions>();
  CLI::App* command = app.add_subcommand("model", "How well the cost model orders recorded trials");
  command->add_option("--db", options->databases, "Recorded trials; repeatable")->required();
  command->add_option("--train", options->train, "Trials of the task to train on; the rest is held out")
      ->capture_default_str()
      ->check(CLI::Range(16, 100'000));
  command->add_option("--splits", options->splits, "Random splits; medians are shown")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  command->add_flag("--json", options->json, "One JSON object a line");
  command->callback([options, &run] { run = [options] { return JudgeModels(*options); }; });
}

void AddSpeed(CLI::App& app, std::function<absl::Status()>& run) {
  auto options = std::make_shared<SpeedOptions>();
  CLI::App* command = app.add_subcommand("speed", "Configs a second from features to predictions");
  AddSelection(command, options->selection);
  command->add_option("--target", options->target, "Target")->capture_default_str();
  command->add_option("--configs", options->configs, "How many, of each workload")
      ->capture_default_str()
      ->check(CLI::Range(1, 10'000'000));
  command->add_flag("--json", options->json, "One JSON object a line");
  command->callback([options, &run] { run = [options] { return MeasureSpeed(*options); }; });
}

}  // namespace
}  // namespace tunefarm::bench

int main(int argc, char** argv) {
  CLI::App app("How good the search is, on recorded tasks.");
  app.require_subcommand(1);
  std::function<absl::Status()> run;
  tunefarm::bench::AddRecord(app, run);
  tunefarm::bench::AddReplay(app, run);
  tunefarm::bench::AddModel(app, run);
  tunefarm::bench::AddSpeed(app, run);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : static_cast<int>(tunefarm::ExitCode::kUsage);
  }
  const absl::Status status = run();
  if (status.ok()) return 0;
  std::cerr << "bench-search: " << status.message() << "\n";
  return static_cast<int>(tunefarm::ExitCodeOf(status));
}
