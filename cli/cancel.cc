#include "cli/cancel.h"

#include <cstdio>
#include <memory>
#include <vector>

#include "cli/json_output.h"
#include "cli/tuner_client.h"

namespace tunefarm::cli {
namespace {

absl::StatusOr<ExitCode> RunCancel(const std::vector<std::string>& job_ids, const ConnectionFlags& connection,
                                   bool json) {
  TUNEFARM_ASSIGN_OR_RETURN(const auto client, TunerClient::Connect(connection.daemon, connection.transport));
  for (const std::string& job_id : job_ids) {
    TUNEFARM_RETURN_IF_ERROR(client->Cancel(job_id));
    if (json) {
      PrintJson({{"event", "cancelled"}, {"job", job_id}});
    } else {
      std::printf("%s is cancelled; what it measured stays. Go on with it:  tunefarm resume %s%s\n",
                  job_id.c_str(), job_id.c_str(), connection.DaemonText().c_str());
    }
  }
  return ExitCode::kOk;
}

}  // namespace

void AddCancel(CLI::App& app, Invocation& invocation) {
  auto connection = std::make_shared<ConnectionFlags>();
  auto job_ids = std::make_shared<std::vector<std::string>>();
  CLI::App* command = app.add_subcommand("cancel", "End a job; what it measured stays");
  command->add_option("job", *job_ids, "One or more jobs")->required()->type_name("JOB");
  AddDaemonFlags(command, connection.get(), kDefaultDaemon);
  AddJsonFlag(command, &invocation);
  command->footer("Example:\n  tunefarm cancel job-7f3a2c");
  command->callback([connection, job_ids, &invocation] {
    invocation.run = [connection, job_ids, &invocation] {
      return RunCancel(*job_ids, *connection, invocation.json);
    };
  });
}

}  // namespace tunefarm::cli
