// Exit statuses of all our programs. An error carries its own from where it is found to main(), over gRPC as
// well (proto/rpc.h). Stable: scripts test for them; docs/formats.md lists them.
#pragma once

#include "base/status.h"

namespace tunefarm {

enum class ExitCode : int {
  kOk = 0,
  kFailure = 1,      // Anything without a status of its own.
  kUsage = 2,        // Unknown flag, missing argument.
  kBadWorkload = 3,  // Malformed workload text.
  kUnknownOperator = 4,
  kUnknownTarget = 5,
  kShapeOverflow = 6,
  kMissingCompiler = 7,
  kDatabaseReadOnly = 8,
  kDatabaseNewer = 9,  // Written by a newer tunefarm.
  kDatabaseLocked = 10,
  kDiskFull = 11,
  kDatabaseCorrupt = 12,  // Or not a database at all.
  kUnreachable = 13,      // A tracker or daemon that does not answer.
  kStaleLease = 14,
  kReplayed = 15,  // A duplicate or replayed message.
  kMessageTooLarge = 16,
  kNotFound = 17,   // A job, record, device or file that is not there.
  kNoDevice = 18,   // No device can run this.
  kNoSandbox = 19,  // Kernels cannot be isolated on this machine.
  kAllTrialsFailed = 20,
  kInterrupted = 130,  // Ctrl-C; the job can be resumed.
};

// The same error with an exit status attached. Leaves one that is already attached.
absl::Status WithExitCode(absl::Status status, ExitCode code);

// The attached one, else one that fits the status code.
ExitCode ExitCodeOf(const absl::Status& status);

}  // namespace tunefarm
