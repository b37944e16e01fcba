#include "cli/job_run.h"

#include <cstdio>
#include <cstdlib>
#include <optional>

#include "absl/time/clock.h"
#include "cli/command.h"
#include "cli/event_stream.h"
#include "cli/interrupt.h"
#include "cli/job_model.h"
#include "cli/json_output.h"
#include "cli/live_screen.h"
#include "cli/plain_view.h"
#include "cli/progress_view.h"

namespace tunefarm::cli {
namespace {

// A farm's daemon may be restarted or moved in that time; a local one is watched as a process.
constexpr absl::Duration kRemotePatience = absl::Seconds(60);
constexpr absl::Duration kLocalPatience = absl::Seconds(5);
// Between two looks at Ctrl-C and the children.
constexpr absl::Duration kTick = absl::Milliseconds(100);
// A cancelled job ends when what is being measured is: seconds.
constexpr absl::Duration kCancelGrace = absl::Seconds(10);

void PrintLines(const std::vector<std::string>& lines) {
  for (const std::string& line : lines) std::printf("%s\n", line.c_str());
  if (!lines.empty()) std::fflush(stdout);
}

// The views behind one name.
class Display {
 public:
  Display(const JobRun& run, absl::Time start) : run_(run), start_(start), plain_(start) {}

  void Event(const JobModel& model, const v1::JobEvent& event, absl::Time now) {
    if (run_.output == Output::kPlain) PrintLines(plain_.Event(model, event, now));
    if (run_.output != Output::kJson) return;
    if (event.has_trial()) PrintJson(TrialJson(event.trial()));
    if (event.has_notice()) Say(event.notice().text());
  }

  void Tick(const JobModel& model, absl::Time now) {
    if (run_.output == Output::kPlain) PrintLines(plain_.Tick(model, now));
    if (run_.output != Output::kLive) return;
    const TerminalSize size = StdoutSize();
    // One column and line less than there is: a full line or screen makes some terminals scroll.
    screen_.Draw(
        RenderProgress(model, {run_.title, absl::ToDoubleSeconds(now - start_),
                               size.width > 1 ? size.width - 1 : 1, size.height > 1 ? size.height - 1 : 1}),
        now);
  }

  void Finish() { screen_.Clear(); }

 private:
  const JobRun& run_;
  absl::Time start_;
  PlainView plain_;
  LiveScreen screen_;
};

v1::JobSummary SummaryOf(const JobModel& model, absl::Duration elapsed) {
  if (model.done().has_value()) {
    v1::JobSummary summary = *model.done();
    // What came after the daemon's last count is counted too.
    summary.clear_tasks();
    for (const TaskStatus& task : model.tasks()) *summary.add_tasks() = task.summary;
    return summary;
  }
  v1::JobSummary summary;
  summary.set_state(v1::JOB_STATE_RUNNING);
  for (const TaskStatus& task : model.tasks()) *summary.add_tasks() = task.summary;
  summary.set_trials_per_second(model.progress().trials_per_second());
  summary.set_device_busy(model.progress().device_busy());
  summary.set_wall_s(model.progress().elapsed_s() > 0 ? model.progress().elapsed_s()
                                                      : absl::ToDoubleSeconds(elapsed));
  return summary;
}

}  // namespace

Output ChooseOutput(bool json) {
  if (json) return Output::kJson;
  const char* term = std::getenv("TERM");
  const bool can_redraw = StdoutIsTerminal() && term != nullptr && std::string(term) != "dumb";
  return can_redraw ? Output::kLive : Output::kPlain;
}

absl::StatusOr<JobOutcome> FollowJob(TunerClient& client, const JobRun& run) {
  const absl::Time start = absl::Now();
  JobModel model(run.workloads, run.trials_planned);
  uint64_t after_sequence = 0;
  for (const v1::JobEvent& event : run.history) {
    model.Apply(event);
    after_sequence = std::max<uint64_t>(after_sequence, event.sequence());
  }
  EventStream stream(&client, run.job_id, after_sequence,
                     run.farm != nullptr ? kLocalPatience : kRemotePatience);
  Display display(run, start);
  JobOutcome outcome;
  std::optional<absl::Time>
      give_up;  // When a cancelled job has not ended by then, we go without its last word.
  absl::Status error;
  for (;;) {
    const std::optional<v1::JobEvent> event = stream.Next(kTick);
    const absl::Time now = absl::Now();
    if (event.has_value()) {
      model.Apply(*event);
      if (event->has_trial()) outcome.trials.push_back(event->trial());
      display.Event(model, *event, now);
    }
    display.Tick(model, now);
    if (InterruptScope::requested() && !outcome.interrupted) {
      outcome.interrupted = true;
      if (!run.cancel_on_interrupt) break;
      display.Finish();
      Say("\nstopping; what is being measured is still recorded (Ctrl-C again leaves at once)");
      give_up = now + kCancelGrace;
      if (!client.Cancel(run.job_id).ok()) break;
    }
    if (give_up.has_value() && now > *give_up) break;
    if (const auto ended = stream.ended(); ended.has_value()) {
      error = *ended;
      break;
    }
    if (!event.has_value() && run.farm != nullptr) {
      if (error = run.farm->CheckAlive(); !error.ok()) break;
    }
  }
  display.Finish();
  if (!error.ok() && !outcome.interrupted) return error;
  outcome.summary = SummaryOf(model, absl::Now() - start);
  return outcome;
}

}  // namespace tunefarm::cli
