#include "cli/tuner_session.h"

#include "absl/strings/str_cat.h"
#include "cli/job_report.h"

namespace tunefarm::cli {

absl::StatusOr<TunerSession> OpenTunerSession(const ConnectionFlags& connection, LocalFarmOptions farm) {
  TunerSession session;
  if (!connection.daemon.empty()) {
    TUNEFARM_ASSIGN_OR_RETURN(session.client, TunerClient::Connect(connection.daemon, connection.transport));
    return session;
  }
  farm.database = connection.DatabasePath();
  TUNEFARM_ASSIGN_OR_RETURN(session.farm, LocalFarm::Start(farm));
  TUNEFARM_ASSIGN_OR_RETURN(session.client, TunerClient::Connect(session.farm->daemon_address(), {}));
  return session;
}

absl::Status CancelOthers(TunerClient& client, const std::string& keep, const ConnectionFlags& connection) {
  TUNEFARM_ASSIGN_OR_RETURN(const std::vector<v1::JobInfo> jobs, client.List(""));
  for (const v1::JobInfo& job : jobs) {
    if (job.job_id() == keep || job.state() != v1::JOB_STATE_RUNNING) continue;
    TUNEFARM_RETURN_IF_ERROR(client.Cancel(job.job_id()));
    Say(absl::StrCat("note: ", job.job_id(), " was left unfinished (", job.trials_done(), "/",
                     job.trials_planned(),
                     " trials) and waits; go on with it later: ", ResumeCommand(job.job_id(), connection)));
  }
  return absl::OkStatus();
}

}  // namespace tunefarm::cli
