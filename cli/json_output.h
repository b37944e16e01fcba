// The objects that --json prints, one a line. Their fields are documented in docs/formats.md and kept stable.
// A number that does not exist (the time of a failed trial, the speed-up of a task whose default failed) is
// null. Pure.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/status.h"
#include "db/database.h"
#include "tunefarm/v1/tracker.pb.h"
#include "tunefarm/v1/tuner.pb.h"

namespace tunefarm::cli {

using Json = nlohmann::ordered_json;  // Fields come out in the documented order.

Json TrialJson(const v1::TrialEvent& trial);
Json DoneJson(const std::string& job_id, const std::string& state, const v1::JobSummary& summary);
Json ErrorJson(const absl::Status& status);
Json JobJson(const v1::JobInfo& job);
Json DeviceJson(const v1::DeviceStatus& device);
Json RecordJson(const db::Record& record);  // {"event":"record",...}: a row of query top and history.

// "done", "cancelled", ...
std::string StateName(v1::JobState state);
// "good", "suspect", ...
std::string HealthName(v1::DeviceHealth health);
// "wrong_result"; "ok" for no failure. As in TrialEvent.status.
std::string FailureName(v1::FailureKind kind);

// One line with its end. Bytes that are not UTF-8 are replaced.
std::string ToLine(const Json& object);
// Prints it on stdout at once, so that a reader of a pipe sees it as it happens.
void PrintJson(const Json& object);

// GFLOP/s of a record; 0 when it failed.
double GflopsOf(const db::Record& record);

}  // namespace tunefarm::cli
