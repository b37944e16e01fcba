#include "cli/job_report.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/live_screen.h"
#include "cli/summary_table.h"

namespace tunefarm::cli {
namespace {

bool NothingSucceeded(const v1::JobSummary& summary) {
  uint32_t trials = 0;
  for (const v1::TaskSummary& task : summary.tasks()) {
    if (task.best_gflops() > 0) return false;
    trials += task.trials();
  }
  return trials > 0;
}

}  // namespace

std::string ResumeCommand(const std::string& job_id, const ConnectionFlags& connection) {
  return absl::StrCat("tunefarm tune --resume ", ShellQuote(job_id),
                      connection.daemon.empty() ? connection.DatabaseText() : connection.DaemonText());
}

absl::StatusOr<ExitCode> ReportJob(const JobReport& report, const JobOutcome& outcome) {
  const v1::JobSummary& summary = outcome.summary;
  const std::string state = outcome.interrupted ? "interrupted" : StateName(summary.state());
  if (report.json) {
    PrintJson(DoneJson(report.job_id, state, summary));
  } else if (summary.tasks_size() > 0) {
    std::printf("\n%s", SummaryTable(summary, TableWidth()).c_str());
    std::fflush(stdout);
  }
  if (outcome.interrupted) {
    const bool goes_on = !report.connection.daemon.empty();
    if (goes_on) {
      Say(absl::StrCat("\n", report.job_id, " goes on in the daemon. Look again:  tunefarm watch ",
                       report.job_id, report.connection.DaemonText(), "\nEnd it:  tunefarm cancel ",
                       report.job_id, report.connection.DaemonText()));
    } else {
      Say(absl::StrCat("\n", report.job_id, " is not finished. Go on with it:\n  ",
                       ResumeCommand(report.job_id, report.connection)));
    }
    return ExitCode::kInterrupted;
  }
  if (summary.state() == v1::JOB_STATE_FAILED) {
    return absl::AbortedError(
        absl::StrCat(report.job_id, " could not go on: ", summary.message(),
                     "; when that is solved: ", ResumeCommand(report.job_id, report.connection)));
  }
  if (summary.state() == v1::JOB_STATE_CANCELLED) {
    return absl::CancelledError(absl::StrCat(
        report.job_id, " was cancelled", summary.message().empty() ? "" : ": ", summary.message(),
        "; go on with it: ", ResumeCommand(report.job_id, report.connection)));
  }
  if (NothingSucceeded(summary)) {
    return WithExitCode(absl::AbortedError(absl::StrCat("all trials of ", report.job_id,
                                                        " failed; see why: tunefarm query history --job ",
                                                        report.job_id, report.connection.DatabaseText())),
                        ExitCode::kAllTrialsFailed);
  }
  if (!report.json && !report.target.empty()) {
    const std::string database = report.connection.DatabaseText();
    const std::string query =
        NextQuery(summary,
                  report.device.empty() ? absl::StrCat("--target ", ShellQuote(report.target))
                                        : absl::StrCat("--device ", ShellQuote(report.device)),
                  report.threads, database.empty() ? "" : database.substr(1));
    if (!query.empty()) std::printf("\nThe best kernel of a task, when you need it:\n  %s\n", query.c_str());
  }
  return ExitCode::kOk;
}

}  // namespace tunefarm::cli
