// What the tracker must not forget, and the changes to it: the language between the queue, which decides, and
// the journal, which stores.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"
#include "tracker/health.h"
#include "tunefarm/v1/measurement.pb.h"
#include "tunefarm/v1/tracker.pb.h"

namespace tunefarm {

// Serialized messages are kept as they are, shared between the queue and the journal: 100,000 waiting items
// cost their bytes once.
using Blob = std::shared_ptr<const std::string>;

struct SessionRow {
  std::string session_id;
  std::string user;
  std::int32_t priority = 0;
  std::uint64_t number = 0;  // Order of arrival.
};

struct WorkRow {
  std::string work_id;
  std::string session_id;
  std::uint64_t number = 0;  // Order of arrival.
  Blob submitted;            // v1::SubmittedWork.
  bool completed = false;
  Blob result;  // v1::WorkResult: the attempts so far and, when completed, the measurement. May be null.
};

struct DeviceRow {
  v1::DeviceFacts facts;
  std::string incarnation;
  std::uint64_t fence = 0;           // Of the newest grant.
  std::uint64_t recorded_fence = 0;  // Of the newest completion that was recorded.
  std::string lease_work;            // Empty: no lease.
  absl::Time lease_started = absl::InfinitePast();
  Health health;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  absl::Time last_seen = absl::InfinitePast();
};

// One change each. Changes of one operation are stored together or not at all.
struct PutSession {
  SessionRow row;
};
struct DropSession {
  std::string session_id;
};
struct InsertWork {
  WorkRow row;
};
struct UpdateWork {
  std::string work_id;
  bool completed = false;
  Blob result;
};
struct DropWork {
  std::string work_id;
};
struct PutDevice {
  DeviceRow row;
};
struct DropDevice {
  std::string device_id;
};
struct PutDrain {
  std::string pattern;
};
struct DropDrain {
  std::string pattern;
};
using Change = std::variant<PutSession, DropSession, InsertWork, UpdateWork, DropWork, PutDevice, DropDevice,
                            PutDrain, DropDrain>;
using Changes = std::vector<Change>;

// Everything, as it is found after a restart.
struct DurableState {
  std::map<std::string, SessionRow> sessions;
  std::map<std::string, WorkRow> work;
  std::map<std::string, DeviceRow> devices;
  std::set<std::string> drains;
};

// What storing `change` does, in memory: the reference for the journal.
void Apply(const Change& change, DurableState& state);

}  // namespace tunefarm
