#include "tuner/event_log.h"

#include "base/file.h"
#include "tests/catch.h"

namespace tunefarm::tuner {
namespace {

struct Log {
  TempDir folder = TempDir::Create().value();
  std::unique_ptr<db::Database> database =
      db::Database::Open(folder.path() + "/log.db", db::Database::Mode::kReadWrite).value();
  FakeClock clock{absl::FromUnixSeconds(1)};
  EventLog log{*database, clock, Insert()};

  std::string Insert() {
    v1::SubmitJobRequest request;
    request.set_client_token("t");
    return database->InsertJob(request, 1).value().id;
  }
  EventLog::News Next(EventLog::Position* position) {
    return log.Next(position, absl::ZeroDuration()).value();
  }
};

v1::JobEvent Progress(double elapsed_s) {
  v1::JobEvent event;
  event.mutable_progress()->set_elapsed_s(elapsed_s);
  return event;
}

v1::JobEvent Done() {
  v1::JobEvent event;
  event.mutable_done()->set_state(v1::JOB_STATE_DONE);
  return event;
}

TEST_CASE_METHOD(Log, "AWatcherGetsStoredEventsBeforeTheLatestLiveOne") {
  log.Publish(Progress(1));
  log.Publish(Progress(2));
  v1::JobEvent notice;
  notice.mutable_notice()->set_text("hello");
  REQUIRE(log.Append({notice}).ok());
  EventLog::Position position;
  const EventLog::News stored = Next(&position);
  REQUIRE(stored.events.size() == 1);
  CHECK(stored.events[0].notice().text() == "hello");
  const EventLog::News live = Next(&position);
  REQUIRE(live.events.size() == 1);
  CHECK(live.events[0].progress().elapsed_s() == 2);
  CHECK(Next(&position).events.empty());
}

TEST_CASE_METHOD(Log, "NothingComesBehindTheJobsEnd") {
  // The progress of the last second, which a watcher may not have seen when the job ends.
  log.Publish(Progress(1));
  REQUIRE(log.Append({Done()}).ok());
  log.Close();
  EventLog::Position position;
  const EventLog::News end = Next(&position);
  REQUIRE(end.events.size() == 1);
  CHECK(end.events[0].has_done());
  const EventLog::News rest = Next(&position);
  CHECK(rest.events.empty());
  CHECK(rest.closed);
}

}  // namespace
}  // namespace tunefarm::tuner
