// Follows a job from its submission to its end and shows it as it runs.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/status.h"
#include "cli/local_farm.h"
#include "cli/tuner_client.h"

namespace tunefarm::cli {

enum class Output { kLive, kPlain, kJson, kQuiet };
// A live picture on a terminal that can redraw, plain lines in a pipe, objects with --json.
Output ChooseOutput(bool json);

struct JobRun {
  std::string job_id;
  std::string title;                   // Above the live picture.
  std::vector<std::string> workloads;  // Empty when not known.
  uint32_t trials_planned = 0;         // Per task.
  Output output = Output::kPlain;
  std::vector<v1::JobEvent> history;  // Known already: counted, not shown again.
  LocalFarm* farm = nullptr;          // Embedded: its children are watched. Must outlive the call.
  // What the first Ctrl-C does: cancel the job (embedded: nobody else would go on with it), or only look
  // away.
  bool cancel_on_interrupt = false;
};

struct JobOutcome {
  bool interrupted = false;
  v1::JobSummary summary;              // The job's end, or the state reached when it was interrupted.
  std::vector<v1::TrialEvent> trials;  // That came during the run.
};

// Returns when the job has ended or on the first Ctrl-C (an InterruptScope must live). Errors: a child of the
// farm that died, a daemon that went away for long.
absl::StatusOr<JobOutcome> FollowJob(TunerClient& client, const JobRun& run);

}  // namespace tunefarm::cli
