#include "tracker/fair_share.h"

#include <algorithm>
#include <tuple>

namespace tunefarm {

FairShare::User& FairShare::Activate(const std::string& user) {
  const auto found = users_.find(user);
  if (found != users_.end()) return found->second;
  User fresh;
  fresh.arrival = ++arrivals_;
  if (!users_.empty()) {
    fresh.used = absl::InfiniteDuration();
    for (const auto& [name, other] : users_) fresh.used = std::min(fresh.used, other.used);
  }
  return users_.emplace(user, fresh).first->second;
}

void FairShare::ForgetIfDone(const std::string& user) {
  const auto found = users_.find(user);
  if (found != users_.end() && found->second.waiting == 0 && found->second.running == 0) users_.erase(found);
}

void FairShare::AddWaiting(const std::string& user) { ++Activate(user).waiting; }

void FairShare::Grant(const std::string& user) {
  User& entry = Activate(user);
  --entry.waiting;
  ++entry.running;
}

void FairShare::DropWaiting(const std::string& user) {
  --Activate(user).waiting;
  ForgetIfDone(user);
}

void FairShare::Finish(const std::string& user, absl::Duration used) {
  User& entry = Activate(user);
  --entry.running;
  entry.used += std::max(used, absl::ZeroDuration());
  ForgetIfDone(user);
}

void FairShare::Readopt(const std::string& user) { ++Activate(user).running; }

bool FairShare::Before(const std::string& a, const std::string& b) const {
  const User& x = users_.at(a);
  const User& y = users_.at(b);
  return std::tie(x.running, x.used, x.arrival) < std::tie(y.running, y.used, y.arrival);
}

}  // namespace tunefarm
