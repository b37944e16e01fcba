#include "cli/show.h"

#include <cstdio>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cli/cycles_text.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/record_kernel.h"
#include "cli/samples_text.h"
#include "cli/summary_table.h"

namespace tunefarm::cli {
namespace {

struct ShowOptions {
  int64_t record = 0;
  std::string part;
  ConnectionFlags connection;
};

void Field(const char* name, const std::string& value) {
  if (!value.empty()) std::printf("%-10s %s\n", name, value.c_str());
}

void Heading(const char* text) { std::printf("\n-- %s\n", text); }

void PrintFacts(const db::Record& record) {
  Field("record", absl::StrCat(record.id, record.confirmed ? ", confirmed by interleaved pairs" : ""));
  Field("workload", record.workload);
  Field("target", absl::StrCat(record.target_name,
                               record.threads > 1 ? absl::StrCat(", ", record.threads, " threads") : ""));
  Field("job", absl::StrCat(record.job_id, ", task ", record.task_index, ", trial ", record.trial));
  Field("made", FormatUnixMicroseconds(record.created_unix_us));
  if (record.ok()) {
    Field("speed", absl::StrCat(FormatGflops(GflopsOf(record)), " ", SpeedUnit(record.workload),
                                record.estimated ? " (estimated)" : ""));
    const v1::KernelResult& kernel = record.measurement.kernels(0);
    if (kernel.cycles() > 0) {
      Field("cycles",
            absl::StrFormat(
                "%.0f a call, %.2f for a multiply-add%s", kernel.cycles(),
                CyclesPerMac(record.workload, kernel.cycles()),
                record.estimated
                    ? absl::StrCat(" (", EstimateText(kernel.cycle_model(), kernel.error_band()), ")")
                    : ""));
    }
    if (kernel.instructions() > 0)
      Field("executed", absl::StrCat(kernel.instructions(), " instructions a call"));
    if (kernel.stack_bytes() > 0) Field("stack", absl::StrCat(kernel.stack_bytes(), " bytes"));
  }
  Field("template", record.template_version);
  Field("toolchain", record.toolchain);
  Field("kernel", record.kernel_digest);
  Field("seed", absl::StrCat("inputs ", record.input_seed, ", search ", record.search_seed));
}

void PrintEnvironment(const v1::Environment& environment) {
  Heading("environment");
  Field("device", absl::StrCat(environment.device_id(), " (class ", environment.device_class(), "), core ",
                               environment.cpu()));
  Field("kernel", environment.kernel_release());
  Field("boot", environment.boot_id());
  Field("governor", environment.governor());
  if (environment.mhz() > 0) Field("clock", absl::StrCat(static_cast<int>(environment.mhz()), " MHz"));
  if (environment.temperature_c() > 0) Field("heat", absl::StrCat(environment.temperature_c(), " C"));
  Field("load", absl::StrCat(environment.load()));
  if (environment.reference_us() > 0) {
    Field("reference",
          absl::StrCat(FormatMicroseconds(environment.reference_us()), ", the device's baseline ",
                       FormatMicroseconds(environment.reference_baseline_us())));
  }
  Field("switches", absl::StrCat(environment.context_switches(), " involuntary while timing"));
  Field("runner", environment.runner_version());
}

void PrintFailure(const v1::Failure& failure) {
  Heading("failure");
  Field("kind", FailureName(failure.kind()));
  std::string phase = v1::Phase_Name(failure.phase());
  if (failure.phase() != v1::PHASE_UNSPECIFIED) Field("phase", absl::AsciiStrToLower(phase.substr(6)));
  if (failure.signal() != 0) Field("signal", absl::StrCat(failure.signal()));
  Field("message", failure.message());
  if (!failure.detail().empty()) std::printf("%s\n", failure.detail().c_str());
}

void PrintConfig(const std::string& config) {
  for (absl::string_view knob : absl::StrSplit(config, ',')) std::printf("%s\n", std::string(knob).c_str());
}

absl::StatusOr<ExitCode> ShowJson(const db::Record& record) {
  Json object = RecordJson(record);
  object["template_version"] = record.template_version;
  object["toolchain"] = record.toolchain;
  object["kernel_digest"] = record.kernel_digest;
  object["search_seed"] = record.search_seed;
  object["input_seed"] = record.input_seed;
  Json samples = Json::array();
  Json reference = Json::array();
  if (record.ok()) {
    for (const double us : record.measurement.kernels(0).samples_us()) samples.push_back(us);
    for (const double us : record.measurement.kernels(0).reference_us()) reference.push_back(us);
  }
  object["samples_us"] = std::move(samples);
  Json breakdown = Json::object();
  if (record.ok()) {
    for (const auto& [cause, cycles] : ParseCycleBreakdown(record.measurement.kernels(0).cycle_breakdown())) {
      breakdown[cause] = cycles;
    }
  }
  object["cycle_breakdown"] = breakdown.empty() ? Json(nullptr) : std::move(breakdown);
  object["reference_samples_us"] = std::move(reference);
  const v1::Environment& environment = record.measurement.environment();
  object["environment"] = {{"device", environment.device_id()},
                           {"device_class", environment.device_class()},
                           {"boot_id", environment.boot_id()},
                           {"kernel_release", environment.kernel_release()},
                           {"governor", environment.governor()},
                           {"mhz", environment.mhz()},
                           {"temperature_c", environment.temperature_c()},
                           {"reference_us", environment.reference_us()},
                           {"reference_baseline_us", environment.reference_baseline_us()},
                           {"cpu", environment.cpu()},
                           {"load", environment.load()},
                           {"context_switches", environment.context_switches()},
                           {"runner_version", environment.runner_version()}};
  object["detail"] = record.measurement.failure().detail();
  const auto kernel = RebuildKernel(record);
  object["loop_nest"] = kernel.ok() ? Json(kernel->loop_nest) : Json(nullptr);
  object["c"] = kernel.ok() ? Json(kernel->source.c) : Json(nullptr);
  object["caution"] = kernel.ok() ? kernel->caution : std::string(kernel.status().message());
  PrintJson(object);
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> RunShow(const ShowOptions& options, bool json) {
  TUNEFARM_ASSIGN_OR_RETURN(const auto database, db::Database::Open(options.connection.DatabasePath(),
                                                                    db::Database::Mode::kReadOnly));
  TUNEFARM_ASSIGN_OR_RETURN(const db::Record record, database->FindRecord(options.record));
  if (json) return ShowJson(record);
  const auto wanted = [&](const char* part) { return options.part.empty() || options.part == part; };
  const bool everything = options.part.empty();
  if (everything) PrintFacts(record);
  if (wanted("config")) {
    if (everything) Heading("config");
    PrintConfig(record.config);
  }
  const std::string cycles = record.ok() ? DescribeCycles(record.measurement.kernels(0)) : "";
  if (wanted("cycles") && !cycles.empty()) {
    if (everything) Heading("cycles");
    std::fputs(cycles.c_str(), stdout);
  } else if (options.part == "cycles") {
    return absl::NotFoundError(absl::StrCat("record ", options.record, " has no estimate of cycles"));
  }
  // An estimate's one sample says no more than the cycles do.
  if (wanted("samples") && !(everything && !cycles.empty())) {
    if (record.ok()) {
      if (everything) Heading("samples");
      std::fputs(DescribeSamples(record.measurement.kernels(0)).c_str(), stdout);
      if (!everything) {
        for (const double us : record.measurement.kernels(0).samples_us()) std::printf("%.6g\n", us);
      }
    } else {
      PrintFailure(record.measurement.failure());
    }
  }
  if (everything) PrintEnvironment(record.measurement.environment());
  if (!wanted("nest") && !wanted("c")) return ExitCode::kOk;
  const auto kernel = RebuildKernel(record);
  if (!kernel.ok()) {
    // The rest was shown; that the code cannot be made again is worth a sentence, and an error when it was
    // asked for.
    if (!everything) return kernel.status();
    Say(absl::StrCat("\nnote: the code cannot be made again: ", kernel.status().message()));
    return ExitCode::kOk;
  }
  if (!kernel->caution.empty()) Say(absl::StrCat("\nnote: ", kernel->caution));
  if (wanted("nest")) {
    if (everything) Heading("loop nest");
    std::fputs(kernel->loop_nest.c_str(), stdout);
  }
  if (wanted("c")) {
    if (everything) Heading("C source");
    if (!kernel->source.flags.empty())
      std::printf("/* flags: %s */\n", absl::StrJoin(kernel->source.flags, " ").c_str());
    std::fputs(kernel->source.c.c_str(), stdout);
  }
  return ExitCode::kOk;
}

}  // namespace

void AddShow(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ShowOptions>();
  CLI::App* command = app.add_subcommand(
      "show", "Show a record: config, loop nest, C source, samples or cycles, environment");
  command->add_option("record", options->record, "The record's number")->required()->type_name("RECORD");
  command->add_option("--part", options->part, "Only this part")
      ->check(CLI::IsMember({"c", "nest", "samples", "cycles", "config"}));
  AddDatabaseFlag(command, &options->connection);
  AddJsonFlag(command, &invocation);
  command->footer("Examples:\n  tunefarm show 17\n  tunefarm show 17 --part c >kernel.c");
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] { return RunShow(*options, invocation.json); };
  });
}

}  // namespace tunefarm::cli
