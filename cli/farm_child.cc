#include "cli/farm_child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "cli/interrupt.h"

namespace tunefarm::cli {
namespace {

// Between two looks at the log: short against the start of a program, and no load.
constexpr absl::Duration kPollInterval = absl::Milliseconds(10);
// Enough for an error and its cause, not so much that the error scrolls away.
constexpr int kTailLines = 12;

std::string ReadLog(const std::string& path) {
  auto log = ReadFile(path);
  return log.ok() ? *log : "";
}

}  // namespace

std::string FindReadyLine(absl::string_view log, absl::string_view prefix) {
  std::vector<absl::string_view> lines = absl::StrSplit(log, '\n');
  lines.pop_back();  // Not complete yet, or empty.
  for (absl::string_view line : lines) {
    if (absl::ConsumePrefix(&line, prefix)) return std::string(absl::StripAsciiWhitespace(line));
  }
  return "";
}

std::string LogTail(absl::string_view log, int lines) {
  std::vector<absl::string_view> all = absl::StrSplit(absl::StripTrailingAsciiWhitespace(log), '\n');
  const std::size_t first =
      all.size() > static_cast<std::size_t>(lines) ? all.size() - static_cast<std::size_t>(lines) : 0;
  std::string tail;
  for (std::size_t i = first; i < all.size(); ++i)
    absl::StrAppend(&tail, i == first ? "" : "\n", "  ", all[i]);
  return tail;
}

absl::StatusOr<FarmChild> FarmChild::Start(const std::string& program, std::vector<std::string> arguments,
                                           const std::vector<int>& cpus, const std::string& log_path) {
  if (access(program.c_str(), X_OK) != 0) {
    return absl::NotFoundError(
        absl::StrCat("the program ", program,
                     " is missing; it belongs beside tunefarm: build or "
                     "install all of tunefarm, or give --daemon to use one that runs elsewhere"));
  }
  SubprocessOptions options;
  options.argv = std::move(arguments);
  options.argv.insert(options.argv.begin(), program);
  options.cpus = cpus;
  options.output_path = log_path;
  TUNEFARM_ASSIGN_OR_RETURN(Subprocess process, Subprocess::Spawn(options));
  return FarmChild(program.substr(program.rfind('/') + 1), log_path, std::move(process));
}

absl::Status FarmChild::EndedStatus(int wait_status) const {
  const std::string log = ReadLog(log_path_);
  const std::string said =
      log.empty() ? "; it said nothing" : absl::StrCat("; it said:\n", LogTail(log, kTailLines));
  if (WIFSIGNALED(wait_status)) {
    return absl::AbortedError(absl::StrCat(name_, " was ended by signal ", WTERMSIG(wait_status), said));
  }
  const int code = WEXITSTATUS(wait_status);
  const absl::Status status =
      absl::FailedPreconditionError(absl::StrCat(name_, " ended with exit status ", code, said));
  // A status that means something (base/exit_code.h) becomes ours.
  const bool meaningful =
      code > static_cast<int>(ExitCode::kUsage) && code <= static_cast<int>(ExitCode::kAllTrialsFailed);
  return meaningful ? WithExitCode(status, static_cast<ExitCode>(code)) : status;
}

absl::StatusOr<std::string> FarmChild::AwaitReady(const std::string& prefix, absl::Duration deadline) {
  const absl::Time until = absl::Now() + deadline;
  for (;;) {
    const std::optional<int> ended = process_.Wait(kPollInterval);
    const std::string log = ReadLog(log_path_);
    std::string rest = FindReadyLine(log, prefix);
    if (ended.has_value()) return EndedStatus(*ended);
    if (!rest.empty()) return rest;
    TUNEFARM_RETURN_IF_ERROR(InterruptScope::Check(absl::StrCat("while ", name_, " was starting")));
    if (absl::Now() > until) {
      return absl::DeadlineExceededError(absl::StrCat(name_, " was not ready within ",
                                                      absl::FormatDuration(deadline), "; it said so far:\n",
                                                      LogTail(log, kTailLines)));
    }
  }
}

absl::Status FarmChild::CheckAlive() {
  const std::optional<int> ended = process_.Wait(absl::ZeroDuration());
  return ended.has_value() ? EndedStatus(*ended) : absl::OkStatus();
}

}  // namespace tunefarm::cli
