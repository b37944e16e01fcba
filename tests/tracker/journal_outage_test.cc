// A journal that cannot be written for a while: callers hear of it, and nothing is lost.
#include "base/exit_code.h"
#include "tests/catch.h"
#include "tests/tracker/served_tracker.h"
#include "tracker/sqlite.h"

namespace tunefarm {
namespace {

TEST_CASE("CallsFailWhileTheJournalCannotBeWrittenAndNothingIsLost") {
  ServedTracker served;
  TrackerClient client(served.address());
  const std::string kernel = client.Put("kernel");
  REQUIRE(client.Submit("s", {client.Item("w1", kernel)}).ok());
  RemoteRunner runner(client, "a");
  const auto lease = runner.Idle(0)->execute().lease();

  const std::string folder = served.address().substr(5, served.address().rfind('/') - 5);
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open((folder + "/state/journal.db").c_str(), &other) == SQLITE_OK);
  REQUIRE(Execute(other, "BEGIN IMMEDIATE").ok());
  const auto unconfirmed = runner.Complete(lease);
  CHECK(ExitCodeOf(unconfirmed.status()) == ExitCode::kDatabaseLocked);
  CHECK(ExitCodeOf(client.Submit("s", {client.Item("w2", kernel)})) == ExitCode::kDatabaseLocked);
  REQUIRE(Execute(other, "COMMIT").ok());
  sqlite3_close(other);

  // The runner reports again until it is confirmed, the client submits again until it is accepted.
  absl::StatusOr<v1::SynchronizeResponse> confirmed = unconfirmed;
  for (int i = 0; i < 1000 && !confirmed.ok(); ++i) confirmed = runner.Complete(lease);
  REQUIRE(confirmed.ok());
  CHECK(confirmed->completion_recorded());
  CHECK(client.Submit("s", {client.Item("w2", kernel)}).ok());
  const auto collected = client.Collect("s", 10'000);
  REQUIRE(collected->results_size() == 1);
  CHECK(collected->pending() == 1);
}

}  // namespace
}  // namespace tunefarm
