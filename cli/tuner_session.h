// A tunefarmd to talk to: one that runs somewhere, or one of our own for the time of a command.
#pragma once

#include <memory>

#include "base/status.h"
#include "cli/command.h"
#include "cli/local_farm.h"
#include "cli/tuner_client.h"

namespace tunefarm::cli {

struct TunerSession {
  std::unique_ptr<LocalFarm> farm;  // Null when the daemon is somebody else's. Outlives the client.
  std::unique_ptr<TunerClient> client;
};

// connection.daemon when it is given; else a local farm on connection.DatabasePath(). `farm.database` and
// `farm.tracker` are filled in here.
absl::StatusOr<TunerSession> OpenTunerSession(const ConnectionFlags& connection, LocalFarmOptions farm);

// An embedded daemon goes on with every unfinished job of its database; those that were not asked for (left
// by a tunefarm that was killed) are cancelled, so that they do not share the device with `keep`, and named
// on stderr.
absl::Status CancelOthers(TunerClient& client, const std::string& keep, const ConnectionFlags& connection);

}  // namespace tunefarm::cli
