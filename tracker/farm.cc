#include "tracker/farm.h"

#include <algorithm>

namespace tunefarm {
namespace {

Line::SessionOrder OrderOf(const Session& session) { return {-session.priority, session.number}; }

// The first work of one user's part of a line that may run on the device.
template <typename Sessions>
Work* FirstPermitted(const Sessions& sessions, const Device& device) {
  for (const auto& [order, line] : sessions) {
    for (const auto& [number, work] : line) {
      if (IsPermitted(*work, device)) return work;
    }
  }
  return nullptr;
}

bool GoesBefore(const Work& a, const Work& b, const FairShare& fair_share) {
  const std::string& user_a = a.session->user;
  const std::string& user_b = b.session->user;
  if (user_a != user_b) return fair_share.Before(user_a, user_b);
  return std::make_pair(OrderOf(*a.session), a.number) < std::make_pair(OrderOf(*b.session), b.number);
}

}  // namespace

bool WasTriedOn(const Work& work, const Device& device) {
  return std::any_of(work.attempts.begin(), work.attempts.end(),
                     [&](const v1::Attempt& attempt) { return attempt.device_id() == device.id(); });
}

bool IsPermitted(const Work& work, const Device& device) {
  if (work.attempts.empty() || !WasTriedOn(work, device)) return true;
  return std::none_of(work.line->devices.begin(), work.line->devices.end(),
                      [&](const Device* other) { return IsEligible(*other) && !WasTriedOn(work, *other); });
}

void Enqueue(Work& work) {
  work.line->users[work.session->user][OrderOf(*work.session)][work.number] = &work;
  ++work.line->waiting;
}

void Dequeue(Work& work) {
  auto user = work.line->users.find(work.session->user);
  auto session = user->second.find(OrderOf(*work.session));
  session->second.erase(work.number);
  if (session->second.empty()) user->second.erase(session);
  if (user->second.empty()) work.line->users.erase(user);
  --work.line->waiting;
}

Work* ChooseFor(const Device& device, const FairShare& fair_share) {
  Work* best = nullptr;
  for (const Line* line : device.lines) {
    for (const auto& [user, sessions] : line->users) {
      if (best != nullptr && best->session->user != user && fair_share.Before(best->session->user, user))
        continue;
      Work* first = FirstPermitted(sessions, device);
      if (first != nullptr && (best == nullptr || GoesBefore(*first, *best, fair_share))) best = first;
    }
  }
  return best;
}

}  // namespace tunefarm
