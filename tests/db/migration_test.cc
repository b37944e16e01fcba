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

}  // namespace
}  // namespace tunefarm::db
