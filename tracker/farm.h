// The things the queue keeps in memory, and their index: devices, sessions, work, and the lines of waiting
// work. Plain data; tracker/queue.cc holds the rules that keep it consistent.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "tracker/busy_share.h"
#include "tracker/fair_share.h"
#include "tracker/lease.h"
#include "tracker/state.h"

namespace tunefarm {

struct Work;
struct Device;

struct Session {
  std::string id;
  std::string user;
  std::int32_t priority = 0;
  std::uint64_t number = 0;
  std::map<std::uint64_t, Work*> open;       // Waiting or running, oldest first.
  std::map<std::uint64_t, Work*> completed;  // Not acknowledged yet.
  int running = 0;
  absl::Time last_call;  // Of its client.
};

// All waiting work that asks for the same things of a device. There are few of these however much work there
// is, so a grant looks at lines, not at work.
struct Line {
  v1::DeviceRequirements requirements;
  // Larger priority first, then the older session.
  using SessionOrder = std::pair<std::int32_t, std::uint64_t>;  // {-priority, number}
  std::map<std::string, std::map<SessionOrder, std::map<std::uint64_t, Work*>>> users;
  std::size_t waiting = 0;
  std::size_t open = 0;          // Waiting or running work that refers to the line.
  std::vector<Device*> devices;  // That can run it.
};

struct Work {
  std::string id;
  Session* session = nullptr;
  Line* line = nullptr;  // Null when completed.
  std::uint64_t number = 0;
  Blob submitted;  // Null when completed.
  std::vector<v1::Attempt> attempts;
  Device* device = nullptr;  // That runs it.
  bool completed = false;
  Blob result;
};

struct Device {
  v1::DeviceFacts facts;
  std::uint64_t number = 0;  // Order of arrival.
  std::string incarnation;
  std::vector<std::string> superseded;  // The last few incarnations that a newer one replaced.
  std::uint64_t sequence = 0;
  std::uint64_t fence = 0;
  std::uint64_t recorded_fence = 0;
  std::optional<Lease> lease;
  Work* work = nullptr;  // Of the lease; null when that was cancelled.
  Health health;
  std::uint64_t completed = 0;
  std::uint64_t failed = 0;
  absl::Time last_seen = absl::InfinitePast();
  bool online = false;
  bool asked_to_drain = false;               // By its own runner.
  bool drained = false;                      // By a pattern.
  std::uint64_t parked = 0;                  // Its idle call is held, since that point of order; 0: not.
  absl::Time wake = absl::InfiniteFuture();  // When time alone changes something about it.
  std::vector<Line*> lines;                  // That it can run.
  BusyShare busy;

  const std::string& id() const { return facts.device_id(); }
};

// Would it be given work if it were free?
inline bool IsEligible(const Device& device) {
  return device.online && !device.drained && !device.asked_to_drain && IsUsable(device.health);
}

// Did this work already fail there?
bool WasTriedOn(const Work& work, const Device& device);

// Whether `device` may run `work` now: not if it failed there already and an eligible device exists that it
// was not tried on.
bool IsPermitted(const Work& work, const Device& device);

// Puts waiting work into its line, and takes it out.
void Enqueue(Work& work);
void Dequeue(Work& work);
// What `device` should run next: of the user that fair share names, the most important, then oldest session's
// oldest permitted work. Null when there is none.
Work* ChooseFor(const Device& device, const FairShare& fair_share);

}  // namespace tunefarm
