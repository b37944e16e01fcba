// Who is next: the user who holds the fewest devices, among equals the one who has used the least device
// time.
//
// Device time counts from when a user last had nothing to do: a newcomer starts level with the user who has
// used the least, so nobody can save up idleness and then shut the others out (the rule of start-time fair
// queueing; Goyal, Vin and Cheng, 1996). From it follows: while somebody waits who holds nothing, nobody is
// given a second device.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "absl/time/time.h"

namespace tunefarm {

// Not thread safe.
class FairShare {
 public:
  struct User {
    int waiting = 0;
    int running = 0;
    absl::Duration used;
    std::uint64_t arrival = 0;  // Order in which users became active.
  };

  void AddWaiting(const std::string& user);
  // The work was granted; ended without running (cancelled); or gave its device back after `used`.
  void Grant(const std::string& user);
  void DropWaiting(const std::string& user);
  void Finish(const std::string& user, absl::Duration used);
  // A lease taken over from before a restart: running without having waited.
  void Readopt(const std::string& user);

  // True when `a` comes before `b`. Both must be active.
  bool Before(const std::string& a, const std::string& b) const;

  // Users with something waiting or running.
  const std::map<std::string, User>& active() const { return users_; }

 private:
  User& Activate(const std::string& user);
  void ForgetIfDone(const std::string& user);

  std::map<std::string, User> users_;
  std::uint64_t arrivals_ = 0;
};

}  // namespace tunefarm
