#include "cli/watch.h"

#include <memory>

#include "cli/interrupt.h"
#include "cli/job_report.h"
#include "cli/tuner_client.h"

namespace tunefarm::cli {
namespace {

absl::StatusOr<ExitCode> RunWatch(const std::string& job_id, const ConnectionFlags& connection, bool json) {
  const InterruptScope interrupts;
  TUNEFARM_ASSIGN_OR_RETURN(const auto client, TunerClient::Connect(connection.daemon, connection.transport));
  TUNEFARM_ASSIGN_OR_RETURN(const auto jobs, client->List(job_id));
  if (jobs.empty()) {
    return absl::NotFoundError(absl::StrCat("there is no job '", job_id, "' at ", connection.daemon,
                                            "; `tunefarm jobs", connection.DaemonText(), "` lists them"));
  }
  JobRun run;
  run.job_id = job_id;
  run.title = jobs[0].name().empty() ? job_id : absl::StrCat(job_id, " (", jobs[0].name(), ")");
  run.output = ChooseOutput(json);
  TUNEFARM_ASSIGN_OR_RETURN(const JobOutcome outcome, FollowJob(*client, run));
  return ReportJob({job_id, "", 1, connection, json}, outcome);
}

}  // namespace

void AddWatch(CLI::App& app, Invocation& invocation) {
  auto connection = std::make_shared<ConnectionFlags>();
  auto job_id = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("watch", "Look at a job that runs in a daemon");
  command->add_option("job", *job_id, "The job, as `tunefarm jobs` lists it")->required()->type_name("JOB");
  AddDaemonFlags(command, connection.get(), kDefaultDaemon);
  AddJsonFlag(command, &invocation);
  command->footer("Ctrl-C looks away; the job goes on.\n\nExample:\n  tunefarm watch job-7f3a2c");
  command->callback([connection, job_id, &invocation] {
    invocation.run = [connection, job_id, &invocation] {
      return RunWatch(*job_id, *connection, invocation.json);
    };
  });
}

}  // namespace tunefarm::cli
