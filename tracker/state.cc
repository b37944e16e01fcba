#include "tracker/state.h"

namespace tunefarm {
namespace {

struct Applier {
  DurableState& state;

  void operator()(const PutSession& change) { state.sessions[change.row.session_id] = change.row; }
  void operator()(const DropSession& change) { state.sessions.erase(change.session_id); }
  void operator()(const InsertWork& change) { state.work[change.row.work_id] = change.row; }
  void operator()(const UpdateWork& change) {
    const auto found = state.work.find(change.work_id);
    if (found == state.work.end()) return;
    found->second.completed = change.completed;
    found->second.result = change.result;
  }
  void operator()(const DropWork& change) { state.work.erase(change.work_id); }
  void operator()(const PutDevice& change) { state.devices[change.row.facts.device_id()] = change.row; }
  void operator()(const DropDevice& change) { state.devices.erase(change.device_id); }
  void operator()(const PutDrain& change) { state.drains.insert(change.pattern); }
  void operator()(const DropDrain& change) { state.drains.erase(change.pattern); }
};

}  // namespace

void Apply(const Change& change, DurableState& state) { std::visit(Applier{state}, change); }

}  // namespace tunefarm
