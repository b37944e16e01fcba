#include "tuner/job_spec.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "base/exit_code.h"
#include "tuner/compiler.h"

namespace tunefarm::tuner {
namespace {

// A model has some hundred distinct layers; a request beyond this is a mistake, and each task costs memory.
constexpr int kMaxTasks = 1024;
constexpr uint32_t kDefaultTrials = 64;
constexpr uint32_t kMaxTrials = 1'000'000;
constexpr uint32_t kMaxThreads = 256;
// Names are shown on one line and stored with every job.
constexpr std::size_t kMaxName = 256;

absl::Status CheckName(absl::string_view what, const std::string& name) {
  const bool printable =
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return c >= 32 && c != 127; });
  if (name.size() <= kMaxName && printable) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("option ", what, " must be one printable line of at most ", kMaxName, " bytes"));
}

// As the tracker wants its names: one word.
absl::Status CheckWord(absl::string_view what, const std::string& word) {
  const bool graphic =
      std::all_of(word.begin(), word.end(), [](unsigned char c) { return c > 32 && c < 127; });
  if (word.size() <= kMaxName && graphic) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("option ", what, "='", word.substr(0, 64), "' must be one word of printable ASCII"));
}

absl::Status CheckAtMost(absl::string_view what, uint32_t value, uint32_t limit) {
  if (value <= limit) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("option ", what, "=", value, " is larger than ", limit));
}

absl::StatusOr<schedules::Target> ResolveTarget(const std::string& text) {
  if (absl::StartsWith(text, "{")) return schedules::ParseTarget(text);
  // A daemon does not read its own files for a client: paths are resolved where they were typed.
  if (absl::StrContains(text, '/')) {
    return WithExitCode(
        absl::InvalidArgumentError(absl::StrCat(
            "target '", text, "' is a path; send the file's text, or one of the built-in names: ",
            absl::StrJoin(schedules::BuiltinTargetNames(), ", "))),
        ExitCode::kUnknownTarget);
  }
  return schedules::FindTarget(text);
}

// A target comes from a client and decides what the daemon runs: compilers only, and no flag that names a
// file.
absl::Status CheckToolchain(const schedules::Target& target) {
  std::string compiler = target.compiler;
  const std::size_t version = compiler.find_last_not_of("0123456789.");
  if (version != std::string::npos && compiler[version] == '-') compiler.resize(version);
  const bool known = (absl::EndsWith(compiler, "gcc") || absl::EndsWith(compiler, "clang")) &&
                     std::all_of(compiler.begin(), compiler.end(), [](unsigned char c) {
                       return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
                     });
  if (!known) {
    return absl::InvalidArgumentError(absl::StrCat("target ", target.name, ": compiler '", target.compiler,
                                                   "' must be the name of a gcc or clang, without a path"));
  }
  for (const std::string& flag : target.flags) {
    const bool code = absl::StartsWith(flag, "-m") || absl::StartsWith(flag, "-O") ||
                      absl::StartsWith(flag, "-f") || absl::StartsWith(flag, "--param=");
    if (!code || absl::StrContains(flag, '/') || absl::StartsWith(flag, "-fplugin")) {
      return absl::InvalidArgumentError(
          absl::StrCat("target ", target.name, ": flag '", flag,
                       "' is not allowed; use code generation flags only (-m, -O, -f)"));
    }
  }
  return absl::OkStatus();
}

absl::Status NormaliseTask(v1::TaskSpec* task) {
  TUNEFARM_ASSIGN_OR_RETURN(const schedules::Workload workload, schedules::Workload::Parse(task->workload()));
  TUNEFARM_ASSIGN_OR_RETURN(const schedules::Target target,
                            ResolveTarget(task->target().empty() ? "host" : task->target()));
  TUNEFARM_RETURN_IF_ERROR(CheckToolchain(target));
  task->set_workload(workload.ToString());
  task->set_target(target.ToJson());
  if (!(task->weight() > 0)) task->set_weight(1);
  return absl::OkStatus();
}

std::string TaskName(const v1::SubmitJobRequest& request, int i) {
  return absl::StrCat("task ", i + 1, " (", request.tasks(i).workload().substr(0, 200), ")");
}

}  // namespace

absl::Status Normalise(v1::SubmitJobRequest* request) {
  if (request->tasks().empty())
    return absl::InvalidArgumentError("the job has no tasks; give at least one workload");
  if (request->tasks_size() > kMaxTasks) {
    return absl::InvalidArgumentError(absl::StrCat("the job has ", request->tasks_size(), " tasks; at most ",
                                                   kMaxTasks, " fit in one job"));
  }
  if (request->client_token().empty()) return absl::InvalidArgumentError("the job has no client_token");
  TUNEFARM_RETURN_IF_ERROR(CheckName("client_token", request->client_token()));
  v1::JobOptions* options = request->mutable_options();
  if (options->trials() == 0) options->set_trials(kDefaultTrials);
  if (options->strategy().empty()) options->set_strategy(SessionOptions().strategy);
  if (options->threads() == 0) options->set_threads(1);
  if (options->user().empty()) options->set_user("anonymous");
  TUNEFARM_RETURN_IF_ERROR(CheckAtMost("trials", options->trials(), kMaxTrials));
  TUNEFARM_RETURN_IF_ERROR(CheckAtMost("early_stopping", options->early_stopping(), kMaxTrials));
  TUNEFARM_RETURN_IF_ERROR(CheckAtMost("threads", options->threads(), kMaxThreads));
  TUNEFARM_RETURN_IF_ERROR(CheckWord("user", options->user()));
  TUNEFARM_RETURN_IF_ERROR(CheckName("name", options->name()));
  TUNEFARM_RETURN_IF_ERROR(CheckWord("device_class", options->device_class()));
  TUNEFARM_RETURN_IF_ERROR(CheckWord("device_id", options->device_id()));
  for (int i = 0; i < request->tasks_size(); ++i) {
    TUNEFARM_RETURN_IF_ERROR(WithContext(NormaliseTask(request->mutable_tasks(i)), TaskName(*request, i)));
  }
  return absl::OkStatus();
}

absl::StatusOr<JobSpec> ParseJob(const v1::SubmitJobRequest& request) {
  JobSpec spec;
  for (int i = 0; i < request.tasks_size(); ++i) {
    const v1::TaskSpec& in = request.tasks(i);
    SessionTask out;
    const absl::Status status = [&]() -> absl::Status {
      TUNEFARM_ASSIGN_OR_RETURN(const schedules::Workload workload,
                                schedules::Workload::Parse(in.workload()));
      TUNEFARM_ASSIGN_OR_RETURN(const schedules::Target target, schedules::ParseTarget(in.target()));
      TUNEFARM_ASSIGN_OR_RETURN(
          out.task, schedules::Task::Create(workload, target, static_cast<int>(request.options().threads())));
      return absl::OkStatus();
    }();
    TUNEFARM_RETURN_IF_ERROR(WithContext(status, TaskName(request, i)));
    out.weight = in.weight();
    out.configs.assign(in.configs().begin(), in.configs().end());
    spec.tasks.push_back(std::move(out));
  }
  spec.options.trials = static_cast<int>(request.options().trials());
  spec.options.strategy = request.options().strategy();
  spec.options.seed = request.options().seed();
  spec.options.early_stopping = static_cast<int>(request.options().early_stopping());
  return spec;
}

absl::Status CheckCompilers(const JobSpec& spec) {
  for (const SessionTask& task : spec.tasks) {
    const schedules::Target& target = task.task->target();
    TUNEFARM_RETURN_IF_ERROR(
        WithContext(CompilerVersion(target.compiler).status(), absl::StrCat("target ", target.name)));
  }
  return absl::OkStatus();
}

uint64_t InputSeedOf(const schedules::Workload& workload) {
  return std::strtoull(workload.Hash().c_str(), nullptr, 16);
}

}  // namespace tunefarm::tuner
