// tunefarm resume JOB, and tune --resume JOB: goes on with a job that was interrupted or cancelled.
#pragma once

#include <string>

#include "cli/command.h"

namespace tunefarm::cli {

struct ResumeOptions {
  std::string job_id;
  ConnectionFlags connection;
  int builders = 0;
  std::string compiler_launcher;
  bool detach = false;
  bool json = false;
};

absl::StatusOr<ExitCode> RunResume(const ResumeOptions& options);
void AddResume(CLI::App& app, Invocation& invocation);

}  // namespace tunefarm::cli
