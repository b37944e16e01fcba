// What the log database promises when processes die, disks fill up and files are not what they should be.
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "base/rng.h"
#include "base/subprocess.h"
#include "db/connection.h"
#include "db/database.h"
#include "tests/catch.h"
#include "tests/db/samples.h"

namespace tunefarm::db {
namespace {

std::string Probe() { return ProgramDirectory() + "/db-probe"; }

// The last number that a probe acknowledged; 0 before the first.
int LastAck(const std::string& output) {
  int last = 0;
  const std::vector<std::string> lines = absl::StrSplit(output, '\n');
  for (std::size_t i = 0; i + 1 < lines.size(); ++i) {  // The last one may be cut.
    if (absl::StartsWith(lines[i], "ack ")) (void)absl::SimpleAtoi(lines[i].substr(4), &last);
  }
  return last;
}

std::string Integrity(const std::string& path) {
  auto connection = Connection::Open("file:" + path, SQLITE_OPEN_READWRITE, path);
  REQUIRE(connection.ok());
  auto check = (*connection)->Query("PRAGMA integrity_check");
  if (!check.ok() || !check->Step().ok()) return "cannot be checked";
  return check->Text(0);
}

// Every trial up to the last is stored once, none that was acknowledged is missing, and what is stored has no
// open proposal. Returns how many there are.
int CheckWhole(const std::string& path, int acknowledged) {
  if (access(path.c_str(), F_OK) != 0) {  // The writer died before it made the file.
    CHECK(acknowledged == 0);
    return 0;
  }
  CHECK(Integrity(path) == "ok");
  const auto db = Database::Open(path, Database::Mode::kReadWrite);
  INFO(db.status().ToString());
  REQUIRE(db.ok());
  const auto jobs = (*db)->Jobs();
  REQUIRE(jobs.ok());
  if (jobs->empty()) {
    CHECK(acknowledged == 0);
    return 0;
  }
  REQUIRE(jobs->size() == 1);
  const auto records = (*db)->JobRecords(jobs->front().id, 0);
  REQUIRE(records.ok());
  const int stored = static_cast<int>(records->size());
  CHECK(stored >= acknowledged);
  bool in_order = true;
  for (int i = 0; i < stored; ++i) in_order = in_order && (*records)[i].trial == i;
  CHECK(in_order);
  const auto open = (*db)->OpenProposals(jobs->front().id);
  for (const Trial& trial : *open) CHECK(trial.trial >= stored);
  if (stored > 0) {
    const auto best = (*db)->FindBest({records->front().workload, "cortex-a72", "cortex-a72"});
    REQUIRE(best->record.has_value());
    CHECK(best->record->trial == 0);  // The probe's first record is its fastest.
  }
  return stored;
}

struct Folder {
  TempDir folder = *TempDir::Create();
  std::string path = folder.path() + "/log.db";

  void Make() const {
    auto db = Database::Open(path, Database::Mode::kReadWrite);
    REQUIRE(db.ok());
    const auto job = (*db)->InsertJob(SampleRequest("t"), 1);
    REQUIRE((*db)->InsertRecord(SampleRecord(job->id, 0, Timed(1))).ok());
  }
  // Both ways to open it fail alike.
  void CheckRefused(ExitCode code, absl::StatusCode kind) const {
    for (const auto mode : {Database::Mode::kReadOnly, Database::Mode::kReadWrite}) {
      const absl::Status status = Database::Open(path, mode).status();
      INFO(status.ToString());
      CHECK(status.code() == kind);
      CHECK(ExitCodeOf(status) == code);
      CHECK(absl::StrContains(status.message(), path));
    }
  }
};

// Runs a shell script with mounts of its own; nullopt where this machine gives no user namespaces.
std::optional<RunResult> RunWithMounts(const std::string& script) {
  const auto can = RunProcess({.argv = {"unshare", "-rm", "true"}}, absl::Seconds(20));
  if (!can.ok() || can->exit_code != 0) return std::nullopt;
  const auto result = RunProcess({.argv = {"unshare", "-rm", "sh", "-ec", script}}, absl::Seconds(100));
  REQUIRE(result.ok());
  INFO(result->err);
  return *result;
}

TEST_CASE_METHOD(Folder, "WriterKilledAtAnyMomentLosesNothingAcknowledged") {
  Rng rng(1);
  int stored = 0;
  for (int round = 0; round < 20; ++round) {
    const std::string output = folder.path() + "/acks." + std::to_string(round);
    auto writer = Subprocess::Spawn({.argv = {Probe(), "fill", path}, .output_path = output});
    REQUIRE(writer.ok());
    // Some die while they open the database, most while they write.
    const int until = round % 5 == 0 ? 0 : stored + static_cast<int>(rng.Uniform(100));
    const absl::Time deadline = absl::Now() + absl::Seconds(60);
    while (until > 0 && LastAck(ReadFile(output).value_or("")) <= until && absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(1));
    }
    REQUIRE(absl::Now() < deadline);
    absl::SleepFor(
        absl::Microseconds(rng.Uniform(20000)));  // Not a wait: it spreads the moment over a batch.
    writer->Signal(SIGKILL);
    REQUIRE(writer->Wait(absl::Seconds(10)).has_value());
    const int now = CheckWhole(path, std::max(stored, LastAck(ReadFile(output).value_or(""))));
    CHECK(now >= stored);
    stored = now;
  }
  CHECK(stored > 100);
}

TEST_CASE_METHOD(Folder, "FileAtItsLargestSizeIsADiskFullAndWhatWasStoredStays") {
  const auto result = RunProcess({.argv = {Probe(), "fill", path, "400000"}}, absl::Seconds(60));
  REQUIRE(result.ok());
  CHECK(result->exit_code == static_cast<int>(ExitCode::kDiskFull));
  CHECK(absl::StrContains(result->out, path));
  const int acknowledged = LastAck(result->out);
  CHECK(acknowledged > 0);
  CHECK(CheckWhole(path, acknowledged) > 0);
}

TEST_CASE_METHOD(Folder, "SmallDiskIsFilledByTheFileNotByItsLog") {
  const auto result =
      RunWithMounts(absl::StrCat("mount -t tmpfs -o size=4m tmpfs ", folder.path(), "; ", Probe(), " fill ",
                                 path, " >/dev/null || echo exit $?; ", "stat -c %s ", path));
  if (!result.has_value()) {
    WARN("skipped: no user namespaces here");
    return;
  }
  INFO(result->out << result->err);
  const std::vector<std::string> lines = absl::StrSplit(result->out, '\n');
  REQUIRE(lines.size() >= 2);
  CHECK(lines[0] == "exit 11");
  int bytes = 0;
  REQUIRE(absl::SimpleAtoi(lines[1], &bytes));
  CHECK(bytes > 2000000);
}

TEST_CASE_METHOD(Folder, "FullDiskIsReportedAndGoesOnWhenThereIsRoom") {
  const auto result = RunWithMounts(
      absl::StrCat("mount -t tmpfs -o size=3m tmpfs ", folder.path(), "; head -c 1000000 /dev/zero >",
                   folder.path(), "/ballast; ", Probe(), " fill ", path,
                   " >/dev/shm/probe.$$ || echo exit $?; grep ack /dev/shm/probe.$$ | tail -1; ",
                   "grep error /dev/shm/probe.$$; rm /dev/shm/probe.$$ ", folder.path(), "/ballast; ",
                   Probe(), " check ", path, " write"));
  if (!result.has_value()) {
    WARN("skipped: no user namespaces here");
    return;
  }
  INFO(result->out << result->err);
  const std::vector<std::string> lines = absl::StrSplit(result->out, '\n');
  REQUIRE(lines.size() >= 4);
  CHECK(lines[0] == "exit 11");
  CHECK(absl::StartsWith(lines[2], "error no room to write the database " + path));
  int acknowledged = 0, stored = 0;
  REQUIRE(absl::SimpleAtoi(lines[1].substr(4), &acknowledged));
  REQUIRE(absl::StartsWith(lines[3], "records "));
  REQUIRE(absl::SimpleAtoi(lines[3].substr(8), &stored));
  CHECK(acknowledged > 0);
  CHECK(stored >= acknowledged);
}

TEST_CASE_METHOD(Folder, "ReadOnlyMediumCanBeReadAndRefusesAWriter") {
  Make();
  const auto result = RunWithMounts(absl::StrCat(
      "mount --bind ", folder.path(), " ", folder.path(), "; mount -o remount,bind,ro ", folder.path(), "; ",
      Probe(), " check ", path, " read; ", Probe(), " check ", path, " write || echo exit $?"));
  if (!result.has_value()) {
    WARN("skipped: no user namespaces here");
    return;
  }
  INFO(result->out << result->err);
  CHECK(absl::StartsWith(result->out, "records 1\n"));
  CHECK(absl::StrContains(result->out, "error the database " + path + " cannot be written"));
  CHECK(absl::StrContains(result->out, "exit 8\n"));
}

TEST_CASE_METHOD(Folder, "FileWithoutWritePermissionRefusesAWriter") {
  Make();
  REQUIRE(chmod(path.c_str(), 0444) == 0);
  std::vector<std::string> argv = {Probe(), "check", path, "write"};
  if (geteuid() == 0) {  // Root may write anything: ask as somebody else.
    REQUIRE(chmod(folder.path().c_str(), 0777) == 0);
    REQUIRE(chmod((path + ".lock").c_str(), 0666) == 0);
    argv.insert(argv.begin(), {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"});
    if (access("/usr/bin/setpriv", X_OK) != 0) {
      WARN("skipped: setpriv is missing");
      return;
    }
  }
  const auto result = RunProcess({.argv = argv}, absl::Seconds(30));
  REQUIRE(result.ok());
  INFO(result->out << result->err);
  if (absl::StrContains(result->err, "setpriv")) {
    WARN("skipped: the build folder is closed to other users");
    return;
  }
  CHECK(result->exit_code == static_cast<int>(ExitCode::kDatabaseReadOnly));
  CHECK(absl::StrContains(result->out, path));
}

TEST_CASE_METHOD(Folder, "SecondWriterIsToldWhoIsWritingWhileReadersAreLetIn") {
  Make();
  const auto db = Database::Open(path, Database::Mode::kReadWrite);
  REQUIRE(db.ok());
  const auto writer = RunProcess({.argv = {Probe(), "check", path, "write"}}, absl::Seconds(30));
  CHECK(writer->exit_code == static_cast<int>(ExitCode::kDatabaseLocked));
  CHECK(absl::StrContains(writer->out,
                          absl::StrCat("another tunefarmd (process ", getpid(), ") is writing ", path)));
  const auto reader = RunProcess({.argv = {Probe(), "check", path, "read"}}, absl::Seconds(30));
  CHECK(reader->out == "records 1\n");
}

TEST_CASE_METHOD(Folder, "FileHeldByAnotherProgramIsLockedUntilItLetsGo") {
  Make();
  auto db = Database::Open(path, Database::Mode::kReadWrite);
  REQUIRE(db.ok());
  auto shell = Connection::Open("file:" + path, SQLITE_OPEN_READWRITE, path);
  REQUIRE((*shell)->Execute("BEGIN IMMEDIATE").ok());
  const std::string job = (*db)->Jobs()->front().id;
  const absl::Status status = (*db)->SetJobState(job, JobState::kDone, "");
  CHECK(absl::IsUnavailable(status));
  CHECK(ExitCodeOf(status) == ExitCode::kDatabaseLocked);
  REQUIRE((*shell)->Execute("COMMIT").ok());
  CHECK((*db)->SetJobState(job, JobState::kDone, "").ok());
}

TEST_CASE_METHOD(Folder, "NewerDatabaseIsRefusedAndLeftAlone") {
  Make();
  REQUIRE((*Connection::Open("file:" + path, SQLITE_OPEN_READWRITE, path))
              ->Execute("PRAGMA user_version=1000")
              .ok());
  CheckRefused(ExitCode::kDatabaseNewer, absl::StatusCode::kFailedPrecondition);
  REQUIRE((*Connection::Open("file:" + path, SQLITE_OPEN_READWRITE, path))
              ->Execute("PRAGMA user_version=1")
              .ok());
  CHECK((*(*Database::Open(path, Database::Mode::kReadWrite))->Jobs()).size() == 1);
}

TEST_CASE_METHOD(Folder, "FileThatIsNoDatabaseIsRefusedAndLeftAlone") {
  const std::string text(5000, 'x');
  REQUIRE(WriteFileAtomic(path, text).ok());
  CheckRefused(ExitCode::kDatabaseCorrupt, absl::StatusCode::kFailedPrecondition);
  CHECK(*ReadFile(path) == text);
}

TEST_CASE_METHOD(Folder, "DamagedDatabaseIsRefused") {
  Make();
  std::string content = *ReadFile(path);
  std::fill(content.begin() + 100, content.begin() + 4096, '\x5a');  // The page that holds the schema.
  REQUIRE(WriteFileAtomic(path, content).ok());
  CheckRefused(ExitCode::kDatabaseCorrupt, absl::StatusCode::kDataLoss);
}

TEST_CASE_METHOD(Folder, "AbsentDatabaseIsNotFoundForAReaderAndMadeForAWriter") {
  const std::string deep = folder.path() + "/a/b/log.db";
  const absl::Status status = Database::Open(deep, Database::Mode::kReadOnly).status();
  CHECK(absl::IsNotFound(status));
  CHECK(absl::StrContains(status.message(), deep));
  CHECK(Database::Open(deep, Database::Mode::kReadWrite).ok());
}

TEST_CASE_METHOD(Folder, "FolderInPlaceOfTheFileIsRefused") {
  path = folder.path();
  CheckRefused(ExitCode::kUsage, absl::StatusCode::kFailedPrecondition);
}

}  // namespace
}  // namespace tunefarm::db
