// What is told after a job: the table, what to do next, and the exit status.
#pragma once

#include <string>

#include "base/exit_code.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/job_run.h"

namespace tunefarm::cli {

struct JobReport {
  std::string job_id;
  std::string target;  // As the user names it, for the query command; empty when not known.
  int threads = 1;
  ConnectionFlags connection;
  bool json = false;
  std::string device;  // As --device takes it; empty: this machine.
};

// Prints the table (or the "done" object) and the commands to try next.
absl::StatusOr<ExitCode> ReportJob(const JobReport& report, const JobOutcome& outcome);

// The command that goes on with a job: "tunefarm tune --resume JOB --db FILE".
std::string ResumeCommand(const std::string& job_id, const ConnectionFlags& connection);

}  // namespace tunefarm::cli
