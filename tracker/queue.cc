#include "tracker/queue.h"

#include <fnmatch.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tracker/requirements.h"

namespace tunefarm {
namespace {

// What a response may hold: half of the transport's limit, so that one more result always fits.
constexpr std::size_t kMaxCollectBytes = 4 << 20;
constexpr std::uint32_t kDefaultResults = 256;

Blob MakeBlob(const google::protobuf::MessageLite& message) {
  return std::make_shared<const std::string>(message.SerializeAsString());
}

v1::SubmittedWork Parse(const Work& work) {
  v1::SubmittedWork submitted;
  submitted.ParseFromString(*work.submitted);
  return submitted;
}

void AppendDigests(const v1::WorkItem& item, std::vector<std::string>& digests) {
  digests.insert(digests.end(), item.kernel_digests().begin(), item.kernel_digests().end());
  const std::string& expected = item.run().expected_output_digest();
  if (!expected.empty()) digests.push_back(expected);
}

}  // namespace

Queue::~Queue() = default;

Line& Queue::LineFor(const v1::DeviceRequirements& requirements) {
  const v1::DeviceRequirements canonical = CanonicalRequirements(requirements);
  std::unique_ptr<Line>& line = lines_[RequirementsKey(canonical)];
  if (line == nullptr) {
    line = std::make_unique<Line>();
    line->requirements = canonical;
    for (const auto& [id, device] : devices_) {
      if (!UnmetRequirement(canonical, device->facts).empty()) continue;
      line->devices.push_back(device.get());
      device->lines.push_back(line.get());
    }
  }
  return *line;
}

// Lines that nobody waits in are kept for the next work of their kind, but not many of them.
void Queue::SweepLines() {
  if (lines_.size() < lines_kept_) return;
  const auto unused = [](const Line* line) { return line->open == 0; };
  for (const auto& [id, device] : devices_) {
    auto& lines = device->lines;
    lines.erase(std::remove_if(lines.begin(), lines.end(), unused), lines.end());
  }
  absl::erase_if(lines_to_dispatch_, unused);
  absl::erase_if(lines_, [&](const auto& entry) { return unused(entry.second.get()); });
  lines_kept_ = std::max<std::size_t>(256, 2 * lines_.size());
}

void Queue::AddWork(WorkRow row, const v1::SubmittedWork& submitted) {
  auto work = std::make_unique<Work>();
  work->id = row.work_id;
  work->number = row.number;
  work->session = sessions_.at(row.session_id).get();
  work->completed = row.completed;
  work->result = row.result;
  if (work->completed) {
    work->session->completed[work->number] = work.get();
  } else {
    work->submitted = row.submitted;
    work->line = &LineFor(submitted.requirements());
    ++work->line->open;
    work->session->open[work->number] = work.get();
  }
  work_.emplace(row.work_id, std::move(work));
}

void Queue::Restore(const DurableState& state, absl::Time now) {
  for (const auto& [id, row] : state.sessions) {
    auto session = std::make_unique<Session>();
    session->id = id;
    session->user = row.user;
    session->priority = row.priority;
    session->number = row.number;
    session->last_call = now;
    numbers_ = std::max(numbers_, row.number);
    sessions_.emplace(id, std::move(session));
  }
  drains_ = state.drains;
  for (const auto& [id, row] : state.work) {
    v1::SubmittedWork submitted;
    if (!row.completed) submitted.ParseFromString(*row.submitted);
    AddWork(row, submitted);
    numbers_ = std::max(numbers_, row.number);
    v1::WorkResult result;
    if (row.result != nullptr && !row.completed && result.ParseFromString(*row.result)) {
      work_.at(id)->attempts.assign(result.attempts().begin(), result.attempts().end());
    }
  }
  for (const auto& [id, row] : state.devices) RestoreDevice(row, now);
  for (const auto& [id, work] : work_) {
    if (work->completed || work->device != nullptr) continue;
    Enqueue(*work);
    fair_share_.AddWaiting(work->session->user);
  }
}

Session& Queue::SessionFor(const v1::SubmitRequest& request, absl::Time now) {
  std::unique_ptr<Session>& session = sessions_[request.session_id()];
  if (session == nullptr) {
    session = std::make_unique<Session>();
    session->id = request.session_id();
    session->user = request.user();
    session->priority = request.priority();
    session->number = ++numbers_;
    changes_.push_back(PutSession{{session->id, session->user, session->priority, session->number}});
  }
  session->last_call = now;
  return *session;
}

void Queue::SetPriority(Session& session, std::int32_t priority) {
  if (session.priority == priority) return;
  for (auto& [number, work] : session.open) {
    if (work->device == nullptr) Dequeue(*work);
  }
  session.priority = priority;
  for (auto& [number, work] : session.open) {
    if (work->device == nullptr) Enqueue(*work);
  }
  changes_.push_back(PutSession{{session.id, session.user, session.priority, session.number}});
}

absl::Status Queue::Submit(const v1::SubmitRequest& request, absl::Time now, std::vector<int>* accepted) {
  accepted->clear();
  const auto known = sessions_.find(request.session_id());
  if (known != sessions_.end() && known->second->user != request.user()) {
    return absl::PermissionDeniedError(
        absl::StrCat("session ", request.session_id(), " belongs to another user"));
  }
  std::vector<int> fresh;
  for (int i = 0; i < request.work_size(); ++i) {
    const auto found = work_.find(request.work(i).item().work_id());
    if (found == work_.end()) {
      fresh.push_back(i);
    } else if (found->second->session->id != request.session_id()) {
      return absl::AlreadyExistsError(absl::StrCat("work_id ", found->first, " belongs to another session"));
    }
  }
  if (work_.size() + fresh.size() > options_.max_work) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the queue is full: it holds ", work_.size(), " of at most ", options_.max_work,
                     " pieces of work; collect results, or submit again later"));
  }
  if (fresh.empty() && known == sessions_.end()) return absl::OkStatus();
  SweepLines();
  Session& session = SessionFor(request, now);
  SetPriority(session, request.priority());
  for (int i : fresh) {
    const v1::SubmittedWork& submitted = request.work(i);
    WorkRow row{submitted.item().work_id(), session.id, ++numbers_, MakeBlob(submitted), false, nullptr};
    changes_.push_back(InsertWork{row});
    AddWork(row, submitted);
    Work& work = *work_.at(row.work_id);
    Enqueue(work);
    fair_share_.AddWaiting(session.user);
    lines_to_dispatch_.insert(work.line);
  }
  *accepted = std::move(fresh);
  Advance(now);
  return absl::OkStatus();
}

v1::CollectResponse Queue::Collect(const v1::CollectRequest& request, absl::Time now) {
  v1::CollectResponse response;
  const auto found = sessions_.find(request.session_id());
  if (found == sessions_.end()) return response;
  Session& session = *found->second;
  session.last_call = now;
  for (const std::string& id : request.acknowledge()) {
    const auto work = work_.find(id);
    if (work != work_.end() && work->second->session == &session && work->second->completed) {
      DropWorkEntry(*work->second);
    }
  }
  const std::uint32_t limit = request.max_results() == 0 ? kDefaultResults : request.max_results();
  std::size_t bytes = 0;
  for (const auto& [number, work] : session.completed) {
    bytes += work->result->size();
    const int so_far = response.results_size();
    if (so_far > 0 && (bytes > kMaxCollectBytes || static_cast<std::uint32_t>(so_far) >= limit)) break;
    response.add_results()->ParseFromString(*work->result);
  }
  response.set_pending(session.open.size());
  if (!session.open.empty() && session.running == 0) {
    response.set_waiting_for(WhyWaiting(*session.open.begin()->second, now));
  }
  DropSessionIfDone(session);
  return response;
}

int Queue::Cancel(const v1::CancelRequest& request, absl::Time now) {
  const auto found = sessions_.find(request.session_id());
  if (found == sessions_.end()) return 0;
  Session& session = *found->second;
  session.last_call = now;
  std::vector<Work*> ended;
  if (request.work_ids().empty()) {
    for (const auto& [number, work] : session.open) ended.push_back(work);
  }
  const absl::flat_hash_set<std::string> ids(request.work_ids().begin(), request.work_ids().end());
  for (const std::string& id : ids) {
    const auto work = work_.find(id);
    if (work != work_.end() && work->second->session == &session && !work->second->completed) {
      ended.push_back(work->second.get());
    }
  }
  for (Work* work : ended) CancelWork(*work);
  DropSessionIfDone(session);
  return static_cast<int>(ended.size());
}

void Queue::CancelWork(Work& work) {
  if (work.device != nullptr) {
    // The device stays held until its runner has let go.
    work.device->lease->cancelled = true;
    work.device->work = nullptr;
    work.device = nullptr;
    --work.session->running;
  } else {
    Dequeue(work);
    fair_share_.DropWaiting(work.session->user);
  }
  Release(work);
  --work.line->open;
  DropWorkEntry(work);
}

void Queue::Release(const Work& work) { AppendDigests(Parse(work).item(), released_); }

void Queue::DropWorkEntry(Work& work) {
  work.session->open.erase(work.number);
  work.session->completed.erase(work.number);
  changes_.push_back(DropWork{work.id});
  work_.erase(std::string(work.id));
}

void Queue::DropSessionIfDone(Session& session) {
  if (!session.open.empty() || !session.completed.empty()) return;
  changes_.push_back(DropSession{session.id});
  sessions_.erase(std::string(session.id));
}

void Queue::ForgetIdleSessions(absl::Time now) {
  std::vector<Session*> idle;
  for (const auto& [id, session] : sessions_) {
    if (now - session->last_call >= options_.forget_after) idle.push_back(session.get());
  }
  for (Session* session : idle) {
    while (!session->open.empty()) CancelWork(*session->open.begin()->second);
    while (!session->completed.empty()) DropWorkEntry(*session->completed.begin()->second);
    DropSessionIfDone(*session);
  }
}

void Queue::Complete(Work& work, const v1::Measurement& measurement) {
  v1::WorkResult result;
  result.set_work_id(work.id);
  *result.mutable_measurement() = measurement;
  for (const v1::Attempt& attempt : work.attempts) *result.add_attempts() = attempt;
  Release(work);
  --work.line->open;
  work.line = nullptr;
  work.submitted = nullptr;
  work.completed = true;
  work.result = MakeBlob(result);
  work.attempts.clear();
  work.session->open.erase(work.number);
  work.session->completed[work.number] = &work;
  changes_.push_back(UpdateWork{work.id, true, work.result});
  with_results_.insert(work.session->id);
}

v1::DrainResponse Queue::Drain(const v1::DrainRequest& request, absl::Time now) {
  if (request.undo()) {
    for (auto drain = drains_.begin(); drain != drains_.end();) {
      if (*drain == request.pattern() || fnmatch(request.pattern().c_str(), drain->c_str(), 0) == 0) {
        changes_.push_back(DropDrain{*drain});
        drain = drains_.erase(drain);
      } else {
        ++drain;
      }
    }
  } else if (drains_.insert(request.pattern()).second) {
    changes_.push_back(PutDrain{request.pattern()});
  }
  v1::DrainResponse response;
  for (const auto& [id, device] : devices_) {
    if (fnmatch(request.pattern().c_str(), id.c_str(), 0) == 0) response.add_matching(id);
    const bool drained = IsDrained(id);
    if (drained == device->drained) continue;
    device->drained = drained;
    EligibilityChanged(*device);
  }
  Advance(now);
  return response;
}

bool Queue::IsDrained(const std::string& device_id) const {
  return std::any_of(drains_.begin(), drains_.end(), [&](const std::string& pattern) {
    return fnmatch(pattern.c_str(), device_id.c_str(), 0) == 0;
  });
}

std::string Queue::OwnerOf(const std::string& session_id) const {
  const auto found = sessions_.find(session_id);
  return found == sessions_.end() ? "" : found->second->user;
}

std::vector<std::string> Queue::NeededArtifacts() const {
  std::vector<std::string> digests;
  for (const auto& [id, work] : work_) {
    if (!work->completed) AppendDigests(Parse(*work).item(), digests);
  }
  return digests;
}

std::vector<std::string> Queue::TakeSessionsWithResults() {
  std::vector<std::string> sessions(with_results_.begin(), with_results_.end());
  with_results_.clear();
  return sessions;
}

}  // namespace tunefarm
