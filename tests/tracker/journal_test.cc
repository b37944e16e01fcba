// The journal gives back exactly what was committed, at every step, and says clearly when it cannot.
#include "tracker/journal.h"

#include <google/protobuf/util/message_differencer.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/exit_code.h"
#include "base/file.h"
#include "base/rng.h"
#include "tests/catch.h"
#include "tests/tracker/simulated_farm.h"
#include "tracker/sqlite.h"

namespace tunefarm {
namespace {

std::string Text(const Blob& blob) { return blob == nullptr ? "(none)" : *blob; }

std::string Text(const DeviceRow& row) {
  const Health& health = row.health;
  return absl::StrCat(row.facts.SerializeAsString(), "|", row.incarnation, "|", row.fence, "|",
                      row.recorded_fence, "|", row.lease_work, "|", absl::FormatTime(row.lease_started), "|",
                      health.state, "|", health.strikes, "|", health.successes, "|", health.relapses, "|",
                      absl::FormatTime(health.quarantined_until), "|", health.last_work, "|", health.reason,
                      "|", row.completed, "|", row.failed, "|", absl::FormatTime(row.last_seen));
}

void CheckSame(const DurableState& got, const DurableState& want) {
  REQUIRE(got.sessions.size() == want.sessions.size());
  for (const auto& [id, row] : want.sessions) {
    const SessionRow& other = got.sessions.at(id);
    REQUIRE(std::tie(other.user, other.priority, other.number) ==
            std::tie(row.user, row.priority, row.number));
  }
  REQUIRE(got.work.size() == want.work.size());
  for (const auto& [id, row] : want.work) {
    const WorkRow& other = got.work.at(id);
    REQUIRE(std::tie(other.session_id, other.number, other.completed) ==
            std::tie(row.session_id, row.number, row.completed));
    REQUIRE(Text(other.submitted) == Text(row.submitted));
    REQUIRE(Text(other.result) == Text(row.result));
  }
  REQUIRE(got.devices.size() == want.devices.size());
  for (const auto& [id, row] : want.devices) REQUIRE(Text(got.devices.at(id)) == Text(row));
  REQUIRE(got.drains == want.drains);
}

// A working day of the farm, the journal reopened after each step.
TEST_CASE("JournalReopenedAtEveryStepHoldsWhatTheQueueDecided") {
  const TempDir folder = TempDir::Create().value();
  SimulatedFarm farm;
  DurableState expected;
  Rng rng(3);
  std::vector<SimulatedRunner> runners{{farm, "d0"}, {farm, "d1"}, {farm, "d2"}};
  std::vector<v1::LeaseToken> leases(runners.size());
  int submitted = 0;
  for (int step = 0; step < 150; ++step) {
    const int i = static_cast<int>(rng.Uniform(runners.size()));
    const std::string session = absl::StrCat("s", rng.Uniform(3));
    switch (rng.Uniform(8)) {
      case 0:
        REQUIRE(farm.Submit(session, "u", {farm.Item(absl::StrCat(session, "-", submitted++))}, submitted % 3)
                    .ok());
        break;
      case 1: {
        std::vector<std::string> ids;
        const v1::CollectResponse collected = farm.Collect(session);
        for (const auto& result : collected.results()) ids.push_back(result.work_id());
        farm.Collect(session, ids);
        break;
      }
      case 2:
        farm.Pass(absl::Seconds(rng.Uniform(6)));
        break;
      case 3: {
        v1::DrainRequest drain;
        drain.set_pattern("d2");
        drain.set_undo(rng.Bernoulli(0.7));
        farm.queue().Drain(drain, farm.now);
        break;
      }
      default: {
        const auto outcome = rng.Bernoulli(0.3) ? v1::FAILURE_KIND_UPLOAD : v1::FAILURE_KIND_UNSPECIFIED;
        const auto response =
            leases[i].work_id().empty() ? runners[i].Idle() : runners[i].Complete(leases[i], outcome);
        leases[i] = response.execute().lease();
      }
    }
    const Changes changes = farm.queue().TakeChanges();
    for (const Change& change : changes) Apply(change, expected);
    {
      auto journal = Journal::Open(folder.path());
      REQUIRE(journal.ok());
      REQUIRE((*journal)->Commit(changes).ok());
    }
    auto journal = Journal::Open(folder.path());
    REQUIRE(journal.ok());
    CheckSame((*journal)->Load().value(), expected);
  }
  CHECK(submitted > 5);
}

TEST_CASE("FailedCommitLeavesTheJournalAsItWasAndCanBeRepeated") {
  const TempDir folder = TempDir::Create().value();
  auto journal = Journal::Open(folder.path()).value();
  SessionRow row;
  row.session_id = "s1";
  REQUIRE(journal->Commit({PutSession{row}}).ok());
  // Another writer holds the file: the second half of this transaction cannot begin.
  sqlite3* other = nullptr;
  REQUIRE(sqlite3_open((folder.path() + "/journal.db").c_str(), &other) == SQLITE_OK);
  REQUIRE(Execute(other, "BEGIN IMMEDIATE").ok());
  row.session_id = "s2";
  const Changes changes{PutSession{row}, PutDrain{"x*"}};
  const absl::Status failed = journal->Commit(changes);
  CHECK(ExitCodeOf(failed) == ExitCode::kDatabaseLocked);
  CHECK(journal->Load()->sessions.size() == 1);
  REQUIRE(Execute(other, "COMMIT").ok());
  sqlite3_close(other);
  CHECK(journal->Commit(changes).ok());
  CHECK(journal->Load()->sessions.size() == 2);
  CHECK(journal->Load()->drains.count("x*") == 1);
}

TEST_CASE("FullDiskIsNamedAndNothingIsLost") {
  const TempDir folder = TempDir::Create().value();
  auto journal = Journal::Open(folder.path()).value();
  SimulatedFarm farm;
  REQUIRE(farm.Submit("s", "ann", {farm.Item("w1")}).ok());
  REQUIRE(journal->Commit(farm.queue().TakeChanges()).ok());
  // SQLite's own limit on pages behaves as a full disk does.
  WorkRow large;
  large.work_id = "large";
  large.session_id = "s";
  large.submitted = std::make_shared<const std::string>(1 << 20, 'x');
  REQUIRE(journal->LimitPagesForTest(40).ok());
  const absl::Status full = journal->Commit({InsertWork{large}});
  CHECK(full.code() == absl::StatusCode::kResourceExhausted);
  CHECK(ExitCodeOf(full) == ExitCode::kDiskFull);
  CHECK(journal->Load()->work.size() == 1);
  REQUIRE(journal->LimitPagesForTest(100'000).ok());
  CHECK(journal->Commit({InsertWork{large}}).ok());
  CHECK(journal->Load()->work.size() == 2);
}

TEST_CASE("SecondTrackerOnOneFolderIsRefused") {
  const TempDir folder = TempDir::Create().value();
  const auto first = Journal::Open(folder.path());
  REQUIRE(first.ok());
  const auto second = Journal::Open(folder.path());
  CHECK(ExitCodeOf(second.status()) == ExitCode::kDatabaseLocked);
  CHECK(std::string(second.status().message()).find(folder.path()) != std::string::npos);
}

TEST_CASE("JournalOfANewerVersionIsRefusedAndLeftAlone") {
  const TempDir folder = TempDir::Create().value();
  {
    REQUIRE(Journal::Open(folder.path()).ok());
  }
  sqlite3* db = nullptr;
  REQUIRE(sqlite3_open((folder.path() + "/journal.db").c_str(), &db) == SQLITE_OK);
  REQUIRE(Execute(db, "PRAGMA user_version=99").ok());
  sqlite3_close(db);
  const auto refused = Journal::Open(folder.path());
  CHECK(ExitCodeOf(refused.status()) == ExitCode::kDatabaseNewer);
  CHECK(std::string(refused.status().message()).find("99") != std::string::npos);
}

TEST_CASE("FileThatIsNotAJournalIsRefused") {
  const TempDir folder = TempDir::Create().value();
  REQUIRE(WriteFileAtomic(folder.path() + "/journal.db", std::string(8192, 'x')).ok());
  CHECK(ExitCodeOf(Journal::Open(folder.path()).status()) == ExitCode::kDatabaseCorrupt);
  CHECK(ReadFile(folder.path() + "/journal.db").value() == std::string(8192, 'x'));
}

TEST_CASE("FolderThatCannotBeMadeIsNamed") {
  const auto refused = Journal::Open("/proc/nowhere/state");
  CHECK(ExitCodeOf(refused.status()) == ExitCode::kDatabaseReadOnly);
  CHECK(std::string(refused.status().message()).find("/proc/nowhere") != std::string::npos);
}

}  // namespace
}  // namespace tunefarm
