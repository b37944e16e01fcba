#include "cli/query.h"

#include <cstdio>
#include <memory>

#include "absl/strings/str_format.h"
#include "cli/chosen_device.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/live_screen.h"
#include "cli/readiness.h"
#include "cli/summary_table.h"
#include "cli/table.h"
#include "schedules/schedule_template.h"

namespace tunefarm::cli {
namespace {

struct QueryOptions {
  std::string workload;
  std::string target = "host";
  std::string device;
  std::string device_class;
  std::string job;
  int threads = 1;
  int64_t limit = 20;
  int64_t before = 0;
  bool no_failures = false;
  ConnectionFlags connection;
};

absl::StatusOr<std::unique_ptr<db::Database>> OpenDatabase(const QueryOptions& options) {
  return db::Database::Open(options.connection.DatabasePath(), db::Database::Mode::kReadOnly);
}

struct Question {
  schedules::Workload workload;
  schedules::Target target;
  db::LookupKey key;
};

absl::StatusOr<Question> ParseQuestion(const QueryOptions& options) {
  TUNEFARM_ASSIGN_OR_RETURN(schedules::Workload workload, schedules::Workload::Parse(options.workload));
  TUNEFARM_ASSIGN_OR_RETURN(const std::optional<ChosenDevice> device, FindDevice(options.device));
  TUNEFARM_ASSIGN_OR_RETURN(schedules::Target target, device.has_value()
                                                          ? TargetOf(device->board)
                                                          : FindTargetOrExplain(options.target));
  const std::string device_class = device.has_value() ? device->board.DeviceClass() : options.device_class;
  db::LookupKey key{workload.ToString(), target.name, device_class, options.threads,
                    IsEstimatedClass(device_class)};
  return Question{std::move(workload), std::move(target), std::move(key)};
}

std::string MatchName(db::Match match) {
  return match == db::Match::kExact ? "exact" : match == db::Match::kNear ? "near" : "default";
}

absl::StatusOr<ExitCode> RunBest(const QueryOptions& options, bool json) {
  TUNEFARM_ASSIGN_OR_RETURN(const Question question, ParseQuestion(options));
  TUNEFARM_ASSIGN_OR_RETURN(const auto database, OpenDatabase(options));
  TUNEFARM_ASSIGN_OR_RETURN(const db::Lookup lookup, database->FindBest(question.key));
  std::string config;
  if (lookup.record.has_value()) {
    config = lookup.record->config;
  } else {
    TUNEFARM_ASSIGN_OR_RETURN(const auto task,
                              schedules::Task::Create(question.workload, question.target, options.threads));
    config = task->space().ToText(task->space().default_config());
  }
  if (json) {
    Json object = {{"event", "best"},
                   {"match", MatchName(lookup.match)},
                   {"task", question.key.workload},
                   {"target", question.key.target_name},
                   {"threads", question.key.threads},
                   {"config", config},
                   {"gflops", nullptr},
                   {"median_us", nullptr},
                   {"low_us", nullptr},
                   {"high_us", nullptr},
                   {"device_class", nullptr},
                   {"record", nullptr},
                   {"found", nullptr},
                   {"expected_loss", lookup.expected_loss},
                   {"explanation", lookup.explanation},
                   {"estimated", question.key.estimated},
                   {"cycles", nullptr},
                   {"cycles_per_mac", nullptr},
                   {"cycle_model", ""},
                   {"error_band", 0}};
    if (lookup.record.has_value()) {
      const Json record = RecordJson(*lookup.record);
      for (const char* field : {"gflops", "median_us", "low_us", "high_us", "device_class", "record",
                                "cycles", "cycles_per_mac", "cycle_model", "error_band"}) {
        object[field] = record[field];
      }
      object["found"] = lookup.record->workload;
    }
    PrintJson(object);
    return ExitCode::kOk;
  }
  std::printf("match     %s: %s\n", MatchName(lookup.match).c_str(), lookup.explanation.c_str());
  if (lookup.match == db::Match::kNear)
    std::printf("loss      about %s against a tuned kernel\n", FormatShare(lookup.expected_loss).c_str());
  if (lookup.record.has_value()) {
    const db::Record& record = *lookup.record;
    if (record.workload != question.key.workload) std::printf("found     %s\n", record.workload.c_str());
    const auto& kernel = record.measurement.kernels(0);
    std::printf("speed     %s %s, %s (%s)\n", FormatGflops(GflopsOf(record)).c_str(),
                SpeedUnit(record.workload).c_str(), FormatMicroseconds(kernel.median_us()).c_str(),
                record.estimated ? EstimateText(kernel.cycle_model(), kernel.error_band()).c_str()
                                 : absl::StrCat("95 %: ", FormatMicroseconds(kernel.low_us()), " to ",
                                                FormatMicroseconds(kernel.high_us()))
                                       .c_str());
    if (kernel.cycles() > 0) {
      std::printf("cycles    %.0f, %.2f for a multiply-add\n", kernel.cycles(),
                  CyclesPerMac(record.workload, kernel.cycles()));
    }
    std::printf("device    %s (class %s)\n", record.device_id.c_str(), record.device_class.c_str());
    std::printf("record    %d (tunefarm show %d%s)\n", static_cast<int>(record.id),
                static_cast<int>(record.id), options.connection.DatabaseText().c_str());
  } else {
    std::printf("tune it   tunefarm tune --workload %s %s %s%s\n", ShellQuote(question.key.workload).c_str(),
                options.device.empty() ? "--target" : "--device",
                ShellQuote(options.device.empty() ? options.target : options.device).c_str(),
                options.connection.DatabaseText().c_str());
  }
  std::printf("config    %s\n", config.c_str());
  return ExitCode::kOk;
}

std::string Interval(const db::Record& record) {
  if (!record.ok()) return "-";
  const auto& kernel = record.measurement.kernels(0);
  if (record.estimated) return absl::StrFormat("%.0f %% (model)", 100 * kernel.error_band());
  return absl::StrFormat("%.1f %%", 50 * (kernel.high_us() - kernel.low_us()) / kernel.median_us());
}

absl::StatusOr<ExitCode> RunTop(const QueryOptions& options, bool json) {
  TUNEFARM_ASSIGN_OR_RETURN(const Question question, ParseQuestion(options));
  TUNEFARM_ASSIGN_OR_RETURN(const auto database, OpenDatabase(options));
  TUNEFARM_ASSIGN_OR_RETURN(const auto records, database->Top(question.key, options.limit));
  Table table({{"rank", Align::kRight},
               {SpeedUnit(question.key.workload), Align::kRight},
               {"median", Align::kRight},
               {"+-", Align::kRight},
               {"record", Align::kRight},
               {"config", Align::kLeft, true}});
  for (const db::Record& record : records) {
    if (json) PrintJson(RecordJson(record));
    table.AddRow({absl::StrCat(&record - records.data() + 1), FormatGflops(GflopsOf(record)),
                  FormatMicroseconds(record.median_us()), Interval(record), absl::StrCat(record.id),
                  record.config});
  }
  if (!json && table.empty()) {
    std::printf("nothing is recorded for %s on %s\n", question.key.workload.c_str(),
                question.key.target_name.c_str());
  } else if (!json) {
    std::fputs(table.ToString(TableWidth()).c_str(), stdout);
  }
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> RunHistory(const QueryOptions& options, bool has_target, bool json) {
  db::HistoryFilter filter;
  if (!options.workload.empty()) {
    TUNEFARM_ASSIGN_OR_RETURN(const auto workload, schedules::Workload::Parse(options.workload));
    filter.workload = workload.ToString();
  }
  if (has_target) {
    TUNEFARM_ASSIGN_OR_RETURN(const auto target, FindTargetOrExplain(options.target));
    filter.target_name = target.name;
  }
  if (!options.device_class.empty()) filter.device_class = options.device_class;
  if (!options.job.empty()) filter.job_id = options.job;
  filter.failures = !options.no_failures;
  filter.limit = options.limit;
  filter.before_id = options.before;
  TUNEFARM_ASSIGN_OR_RETURN(const auto database, OpenDatabase(options));
  TUNEFARM_ASSIGN_OR_RETURN(const auto records, database->History(filter));
  std::vector<std::string> workloads;
  workloads.reserve(records.size());
  for (const db::Record& record : records) workloads.push_back(record.workload);
  Table table({{"record", Align::kRight},
               {"when"},
               {"job"},
               {"task", Align::kLeft, true},
               {"target"},
               {"trial", Align::kRight},
               {"status"},
               {SpeedUnit(workloads), Align::kRight}});
  for (const db::Record& record : records) {
    if (json) PrintJson(RecordJson(record));
    table.AddRow({absl::StrCat(record.id), FormatUnixMicroseconds(record.created_unix_us), record.job_id,
                  TaskLabel(record.workload), record.target_name, absl::StrCat(record.trial),
                  FailureName(record.measurement.failure().kind()), FormatGflops(GflopsOf(record))});
  }
  if (json) return ExitCode::kOk;
  if (table.empty()) {
    std::printf("no records%s\n", options.before > 0 ? " before that one" : "");
    return ExitCode::kOk;
  }
  std::fputs(table.ToString(TableWidth()).c_str(), stdout);
  if (records.size() == static_cast<std::size_t>(options.limit)) {
    std::printf("\nOlder ones:  add --before %lld\n", static_cast<long long>(records.back().id));
  }
  return ExitCode::kOk;
}

}  // namespace

void AddQuery(CLI::App& app, Invocation& invocation) {
  CLI::App* query = app.add_subcommand("query", "Look up what was measured");
  query->require_subcommand(1);
  query->footer(
      "Examples:\n  tunefarm query best --workload matmul:m=1024,n=1024,k=1024,dtype=f32 --target host\n"
      "  tunefarm query history --job job-7f3a2c --no-failures");
  auto options = std::make_shared<QueryOptions>();
  const auto common = [&](CLI::App* command) {
    command->add_option("--device-class", options->device_class,
                        "Only this class (best, top: default the one with most records)");
    AddDatabaseFlag(command, &options->connection);
    AddJsonFlag(command, &invocation);
  };
  const auto task = [&](CLI::App* command) {
    command->add_option("--workload", options->workload, "The workload")->required()->type_name("TEXT");
    CLI::Option* target =
        command->add_option("--target", options->target, "The target")->capture_default_str();
    AddDeviceFlag(command, &options->device);
    command->get_option("--device")->excludes(target);
    command->add_option("--threads", options->threads, "Threads of the kernel")
        ->check(AtLeastOne(1024))
        ->capture_default_str();
    common(command);
  };
  const auto limit = [&](CLI::App* command) {
    command->add_option("--limit", options->limit, "At most N")->check(AtLeastOne())->capture_default_str();
  };

  CLI::App* best =
      query->add_subcommand("best", "The fastest known kernel of a task, the nearest, or the default");
  task(best);
  best->callback([options, &invocation] {
    invocation.run = [options, &invocation] { return RunBest(*options, invocation.json); };
  });

  CLI::App* top = query->add_subcommand("top", "The fastest configs of a task");
  task(top);
  limit(top);
  top->callback([options, &invocation] {
    invocation.run = [options, &invocation] { return RunTop(*options, invocation.json); };
  });

  CLI::App* history = query->add_subcommand("history", "Records, newest first");
  history->add_option("--workload", options->workload, "Only this workload")->type_name("TEXT");
  CLI::Option* target = history->add_option("--target", options->target, "Only this target");
  history->add_option("--job", options->job, "Only of this job")->type_name("JOB");
  history->add_flag("--no-failures", options->no_failures, "Only what was timed");
  history->add_option("--before", options->before, "Only records older than this one")->type_name("RECORD");
  limit(history);
  common(history);
  history->callback([options, target, &invocation] {
    const bool has_target = target->count() > 0;
    invocation.run = [options, has_target, &invocation] {
      return RunHistory(*options, has_target, invocation.json);
    };
  });
}

}  // namespace tunefarm::cli
