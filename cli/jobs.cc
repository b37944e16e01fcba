#include "cli/jobs.h"

#include <cstdio>
#include <memory>
#include <vector>

#include "cli/format.h"
#include "cli/json_output.h"
#include "cli/live_screen.h"
#include "cli/table.h"
#include "cli/tuner_client.h"
#include "cli/unfinished_job.h"

namespace tunefarm::cli {
namespace {

// The database has the trials themselves; the daemon would count them the same way.
absl::StatusOr<std::vector<v1::JobInfo>> JobsOfFile(const std::string& path) {
  TUNEFARM_ASSIGN_OR_RETURN(const auto database, db::Database::Open(path, db::Database::Mode::kReadOnly));
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<db::Job> jobs, database->Jobs());
  static constexpr v1::JobState kStates[] = {v1::JOB_STATE_RUNNING, v1::JOB_STATE_DONE,
                                             v1::JOB_STATE_CANCELLED, v1::JOB_STATE_FAILED};
  std::vector<v1::JobInfo> infos;
  for (const db::Job& job : jobs) {
    v1::JobInfo info;
    info.set_job_id(job.id);
    info.set_name(job.request.options().name());
    info.set_user(job.request.options().user());
    info.set_state(kStates[static_cast<int>(job.state)]);
    info.set_submitted_unix_us(job.submitted_unix_us);
    info.set_tasks(static_cast<uint32_t>(job.request.tasks_size()));
    uint32_t planned = 0;
    uint32_t done = 0;
    for (int task = 0; task < job.request.tasks_size(); ++task) {
      const int configs = job.request.tasks(task).configs_size();
      planned += configs > 0 ? static_cast<uint32_t>(configs) : job.request.options().trials();
      TUNEFARM_ASSIGN_OR_RETURN(const auto records, database->JobRecords(job.id, task));
      done += static_cast<uint32_t>(records.size());
    }
    info.set_trials_planned(planned);
    info.set_trials_done(done);
    info.set_message(job.message);
    *info.mutable_options() = job.request.options();
    infos.push_back(std::move(info));
  }
  return infos;
}

absl::StatusOr<ExitCode> RunJobs(const ConnectionFlags& connection, bool json) {
  std::vector<v1::JobInfo> jobs;
  if (connection.database.empty()) {
    TUNEFARM_ASSIGN_OR_RETURN(const auto client,
                              TunerClient::Connect(connection.daemon, connection.transport));
    TUNEFARM_ASSIGN_OR_RETURN(jobs, client->List(""));
  } else {
    TUNEFARM_ASSIGN_OR_RETURN(jobs, JobsOfFile(connection.DatabasePath()));
  }
  Table table({{"job"},
               {"state"},
               {"user"},
               {"tasks", Align::kRight},
               {"trials", Align::kRight},
               {"submitted"},
               {"name", Align::kLeft, true}});
  for (const v1::JobInfo& job : jobs) {
    if (json) PrintJson(JobJson(job));
    table.AddRow({job.job_id(), StateName(job.state()), job.user(), absl::StrCat(job.tasks()),
                  absl::StrCat(job.trials_done(), "/", job.trials_planned()),
                  FormatUnixMicroseconds(job.submitted_unix_us()),
                  job.message().empty()
                      ? job.name()
                      : absl::StrCat(job.name(), job.name().empty() ? "" : ": ", job.message())});
  }
  if (!json) std::fputs(table.empty() ? "no jobs\n" : table.ToString(TableWidth()).c_str(), stdout);
  return ExitCode::kOk;
}

}  // namespace

void AddJobs(CLI::App& app, Invocation& invocation) {
  auto connection = std::make_shared<ConnectionFlags>();
  CLI::App* command = app.add_subcommand("jobs", "List jobs, of a daemon or of a database file");
  AddDaemonFlags(command, connection.get(), kDefaultDaemon);
  command->add_option("--db", connection->database, "Read this database instead of asking a daemon")
      ->type_name("FILE");
  AddJsonFlag(command, &invocation);
  command->footer(
      "Examples:\n"
      "  tunefarm jobs\n"
      "  tunefarm jobs --db ~/.local/share/tunefarm/tunefarm.db");
  command->callback([connection, &invocation] {
    invocation.run = [connection, &invocation] { return RunJobs(*connection, invocation.json); };
  });
}

}  // namespace tunefarm::cli
