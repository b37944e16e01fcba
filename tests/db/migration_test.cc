// Schema versions.
#include "db/migration.h"

#include <sqlite3.h>

#include "base/exit_code.h"
#include "base/file.h"
#include "tests/catch.h"

namespace tunefarm::db {
namespace {

struct Fixture {
  TempDir folder = *TempDir::Create();
  std::string path = folder.path() + "/log.db";
  std::unique_ptr<Connection> connection =
      *Connection::Open("file:" + path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path);

  int64_t Number(const std::string& sql) {
    auto statement = connection->Query(sql);
    INFO(statement.status().ToString());
    REQUIRE(statement.ok());
    REQUIRE(*statement->Step());
    return statement->Int(0);
  }
};

constexpr char kAddColumn[] = "ALTER TABLE job ADD COLUMN note TEXT NOT NULL DEFAULT 'none'";

TEST_CASE_METHOD(Fixture, "EmptyFileIsBroughtToTheCurrentVersion") {
  CHECK(*Inspect(*connection, SchemaMigrations()) == FileState::kEmpty);
  REQUIRE(Migrate(*connection, SchemaMigrations()).ok());
  CHECK(*Inspect(*connection, SchemaMigrations()) == FileState::kCurrent);
  CHECK(Number("PRAGMA user_version") == static_cast<int64_t>(SchemaMigrations().size()));
  CHECK(Number("PRAGMA application_id") == 0x54466462);
  CHECK(Number("SELECT count(*) FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' "
               "AND NOT strict") == 0);
}

TEST_CASE_METHOD(Fixture, "OlderDatabaseIsMigratedWithItsContent") {
  REQUIRE(Migrate(*connection, SchemaMigrations()).ok());
  REQUIRE(connection->Execute("INSERT INTO job VALUES (1, 'job-00000a', 't', x'', 'done', '', 5)").ok());
  Migrations next = SchemaMigrations();
  next.push_back(kAddColumn);
  CHECK(*Inspect(*connection, next) == FileState::kOlder);
  REQUIRE(Migrate(*connection, next).ok());
  CHECK(*Inspect(*connection, next) == FileState::kCurrent);
  CHECK(Number("SELECT count(*) FROM job WHERE name = 'job-00000a' AND note = 'none'") == 1);
}

TEST_CASE_METHOD(Fixture, "StepThatFailsLeavesTheVersionBeforeIt") {
  Migrations steps = SchemaMigrations();
  steps.push_back(kAddColumn);
  steps.push_back("CREATE TABLE extra (id INTEGER) STRICT; SELECT no_such_function()");
  CHECK_FALSE(Migrate(*connection, steps).ok());
  CHECK(Number("PRAGMA user_version") == static_cast<int64_t>(steps.size()) - 1);
  CHECK(Number("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'") == 0);
  CHECK(Number("SELECT count(*) FROM pragma_table_info('job') WHERE name = 'note'") == 1);
}

TEST_CASE_METHOD(Fixture, "NewerDatabaseIsRefused") {
  Migrations newer = SchemaMigrations();
  newer.push_back(kAddColumn);
  REQUIRE(Migrate(*connection, newer).ok());
  const absl::Status status = Inspect(*connection, SchemaMigrations()).status();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(ExitCodeOf(status) == ExitCode::kDatabaseNewer);
  CHECK(std::string(status.message()).find(path) != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "DatabaseOfAnotherProgramIsRefused") {
  REQUIRE(connection->Execute("CREATE TABLE bookmarks (url TEXT)").ok());
  const absl::Status status = Inspect(*connection, SchemaMigrations()).status();
  CHECK(ExitCodeOf(status) == ExitCode::kDatabaseCorrupt);
  CHECK(std::string(status.message()).find("another program") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "DatabaseOfVersion1LearnsTheFailuresOfMicrocontrollers") {
  const Migrations first = {SchemaMigrations()[0]};
  REQUIRE(Migrate(*connection, first).ok());
  const std::string parents =
      "INSERT INTO text VALUES (1, 'x'); INSERT INTO bytes VALUES (1, x'00');"
      "INSERT INTO workload VALUES (1, 'w');"
      "INSERT INTO job VALUES (1, 'job-00000a', 't', x'', 'done', '', 5);"
      "INSERT INTO task VALUES (1, 1, 'cortex-m4', 'class', 1, 1, 0);";
  REQUIRE(connection->Execute(parents).ok());
  const auto insert = [&](Connection& by, int trial, const std::string& failure) {
    return by.Execute(absl::StrCat(
        "INSERT INTO record (job, task_index, trial, task, config_hash, failure, censored, flop, target, "
        "template_version, toolchain, device, policy, machine, input_seed, search_seed, created_unix_us, "
        "kernel_digest, config, measurement) VALUES (1, 0, ",
        trial, ", 1, 0, '", failure, "', 0, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, x'', 'c', x'')"));
  };
  REQUIRE(insert(*connection, 0, "crash").ok());
  CHECK_FALSE(insert(*connection, 1, "fault").ok());
  // Another connection that has read the schema before the migration.
  const auto reader = *Connection::Open("file:" + path, SQLITE_OPEN_READWRITE, path);
  REQUIRE(reader->Query("SELECT count(*) FROM record")->Step().ok());

  REQUIRE(Migrate(*connection, SchemaMigrations()).ok());
  for (const auto& [trial, failure] : {std::pair(1, "fault"), {2, "stack_overflow"}, {3, "memory_overrun"}}) {
    INFO(failure);
    CHECK(insert(*connection, trial, failure).ok());
  }
  CHECK(insert(*reader, 4, "fault").ok());
  CHECK_FALSE(insert(*connection, 5, "no_such_failure").ok());
  CHECK(Number("SELECT count(*) FROM record WHERE failure = 'crash'") == 1);
  const auto again = *Connection::Open("file:" + path, SQLITE_OPEN_READWRITE, path);
  auto check = again->Query("PRAGMA integrity_check");
  REQUIRE(*check->Step());
  CHECK(check->Text(0) == "ok");
}

}  // namespace
}  // namespace tunefarm::db
