#include "tracker/journal.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "base/exit_code.h"
#include "base/file.h"
#include "tracker/sqlite.h"

namespace tunefarm {
namespace {

constexpr char kSchema[] = R"sql(
  CREATE TABLE session(
    session_id TEXT PRIMARY KEY, user TEXT NOT NULL, priority INTEGER NOT NULL, number INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE work(
    work_id TEXT PRIMARY KEY, session_id TEXT NOT NULL, number INTEGER NOT NULL,
    submitted BLOB NOT NULL,                       -- v1.SubmittedWork
    completed INTEGER NOT NULL CHECK (completed IN (0, 1)),
    result BLOB                                    -- v1.WorkResult: attempts so far; the measurement once completed
  ) STRICT;
  CREATE TABLE device(
    device_id TEXT PRIMARY KEY, facts BLOB NOT NULL, incarnation TEXT NOT NULL,
    fence INTEGER NOT NULL, recorded_fence INTEGER NOT NULL,
    lease_work TEXT NOT NULL, lease_started_us INTEGER NOT NULL,
    health INTEGER NOT NULL, strikes INTEGER NOT NULL, successes INTEGER NOT NULL, relapses INTEGER NOT NULL,
    quarantined_until_us INTEGER NOT NULL, last_work TEXT NOT NULL, reason TEXT NOT NULL,
    completed INTEGER NOT NULL, failed INTEGER NOT NULL, last_seen_us INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE drain(pattern TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
)sql";

// Unix microseconds; the infinite past is 0, long before any lease.
std::int64_t FromTime(absl::Time time) { return time == absl::InfinitePast() ? 0 : absl::ToUnixMicros(time); }
absl::Time ToTime(std::int64_t us) { return us == 0 ? absl::InfinitePast() : absl::FromUnixMicros(us); }

Blob MakeBlob(std::string bytes) { return std::make_shared<const std::string>(std::move(bytes)); }

// The lock on the folder. The kernel drops it when the process dies, however it dies.
absl::StatusOr<int> LockFolder(const std::string& folder) {
  const std::string path = folder + "/lock";
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0) {
    const absl::Status status = ErrnoToStatus(errno, path);
    return WithExitCode(status, errno == ENOSPC ? ExitCode::kDiskFull : ExitCode::kDatabaseReadOnly);
  }
  if (flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  close(fd);
  return WithExitCode(absl::AlreadyExistsError(absl::StrCat("another tunefarm-tracker is using ", folder,
                                                            ": stop it, or give another --state folder")),
                      ExitCode::kDatabaseLocked);
}

}  // namespace

struct Journal::Connection {
  ~Connection() {
    statements.reset();
    sqlite3_close(db);
    if (lock >= 0) close(lock);
  }

  struct Statements {
    explicit Statements(sqlite3* db)
        : begin(db, "BEGIN IMMEDIATE"),
          commit(db, "COMMIT"),
          put_session(db, "INSERT OR REPLACE INTO session VALUES(?,?,?,?)"),
          drop_session(db, "DELETE FROM session WHERE session_id=?"),
          insert_work(db, "INSERT OR REPLACE INTO work VALUES(?,?,?,?,?,?)"),
          update_work(db, "UPDATE work SET completed=?, result=? WHERE work_id=?"),
          drop_work(db, "DELETE FROM work WHERE work_id=?"),
          put_device(db, "INSERT OR REPLACE INTO device VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
          drop_device(db, "DELETE FROM device WHERE device_id=?"),
          put_drain(db, "INSERT OR REPLACE INTO drain VALUES(?)"),
          drop_drain(db, "DELETE FROM drain WHERE pattern=?") {}
    Statement begin, commit, put_session, drop_session, insert_work, update_work, drop_work, put_device,
        drop_device, put_drain, drop_drain;
  };

  // Stores one change within the transaction.
  struct Writer {
    Statements& s;
    absl::Status operator()(const PutSession& c) const {
      return s.put_session.Text(c.row.session_id)
          .Text(c.row.user)
          .Int(c.row.priority)
          .Int(c.row.number)
          .Run();
    }
    absl::Status operator()(const DropSession& c) const { return s.drop_session.Text(c.session_id).Run(); }
    absl::Status operator()(const InsertWork& c) const {
      Statement& insert = s.insert_work.Text(c.row.work_id).Text(c.row.session_id).Int(c.row.number);
      insert.Blob(*c.row.submitted).Int(c.row.completed ? 1 : 0);
      return (c.row.result == nullptr ? insert.Null() : insert.Blob(*c.row.result)).Run();
    }
    absl::Status operator()(const UpdateWork& c) const {
      return s.update_work.Int(c.completed ? 1 : 0).Blob(*c.result).Text(c.work_id).Run();
    }
    absl::Status operator()(const DropWork& c) const { return s.drop_work.Text(c.work_id).Run(); }
    absl::Status operator()(const PutDevice& c) const {
      const DeviceRow& row = c.row;
      const Health& health = row.health;
      Statement& put = s.put_device.Text(row.facts.device_id()).Blob(row.facts.SerializeAsString());
      put.Text(row.incarnation).Int(row.fence).Int(row.recorded_fence);
      put.Text(row.lease_work).Int(FromTime(row.lease_started));
      put.Int(health.state).Int(health.strikes).Int(health.successes).Int(health.relapses);
      put.Int(FromTime(health.quarantined_until)).Text(health.last_work).Text(health.reason);
      return put.Int(row.completed).Int(row.failed).Int(FromTime(row.last_seen)).Run();
    }
    absl::Status operator()(const DropDevice& c) const { return s.drop_device.Text(c.device_id).Run(); }
    absl::Status operator()(const PutDrain& c) const { return s.put_drain.Text(c.pattern).Run(); }
    absl::Status operator()(const DropDrain& c) const { return s.drop_drain.Text(c.pattern).Run(); }
  };

  absl::Status Prepare();

  int lock = -1;
  sqlite3* db = nullptr;
  std::unique_ptr<Statements> statements;
};

absl::Status Journal::Connection::Prepare() {
  TUNEFARM_RETURN_IF_ERROR(Execute(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"));
  Statement version(db, "PRAGMA user_version");
  TUNEFARM_ASSIGN_OR_RETURN(const bool has_version, version.Next());
  const std::int64_t found = has_version ? version.ColumnInt(0) : 0;
  TUNEFARM_RETURN_IF_ERROR(version.Run());
  if (found > kSchemaVersion) {
    return WithExitCode(absl::FailedPreconditionError(
                            absl::StrCat("it has schema version ", found, ", this program knows up to ",
                                         kSchemaVersion, ": use the newer tunefarm-tracker that wrote it")),
                        ExitCode::kDatabaseNewer);
  }
  if (found == 0) {
    TUNEFARM_RETURN_IF_ERROR(Execute(
        db, absl::StrCat("BEGIN IMMEDIATE;", kSchema, "PRAGMA user_version=", kSchemaVersion, "; COMMIT;")));
  }
  statements = std::make_unique<Statements>(db);
  return absl::OkStatus();
}

Journal::Journal(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}
Journal::~Journal() = default;

absl::StatusOr<std::unique_ptr<Journal>> Journal::Open(const std::string& folder) {
  if (const absl::Status made = MakeDirectories(folder); !made.ok()) {
    return WithExitCode(made, made.code() == absl::StatusCode::kResourceExhausted
                                  ? ExitCode::kDiskFull
                                  : ExitCode::kDatabaseReadOnly);
  }
  auto connection = std::make_unique<Connection>();
  TUNEFARM_ASSIGN_OR_RETURN(connection->lock, LockFolder(folder));
  const std::string path = folder + "/journal.db";
  const int code =
      sqlite3_open_v2(path.c_str(), &connection->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr);
  if (code != SQLITE_OK) return SqliteError(connection->db, code, path);
  sqlite3_busy_timeout(connection->db, 2000);
  if (const absl::Status status = connection->Prepare(); !status.ok()) return WithContext(status, path);
  return std::unique_ptr<Journal>(new Journal(std::move(connection)));
}

absl::Status Journal::Commit(const Changes& changes) {
  if (changes.empty()) return absl::OkStatus();
  Connection::Statements& statements = *connection_->statements;
  TUNEFARM_RETURN_IF_ERROR(statements.begin.Run());
  absl::Status status;
  for (const Change& change : changes) {
    status = std::visit(Connection::Writer{statements}, change);
    if (!status.ok()) break;
  }
  if (status.ok()) status = statements.commit.Run();
  // SQLite itself rolls back after some errors; then there is nothing left to undo.
  if (!status.ok() && sqlite3_get_autocommit(connection_->db) == 0) {
    (void)Execute(connection_->db, "ROLLBACK");
  }
  return status;
}

absl::Status Journal::LimitPagesForTest(int pages) {
  return Execute(connection_->db, absl::StrCat("PRAGMA max_page_count=", pages));
}

absl::StatusOr<DurableState> Journal::Load() {
  DurableState state;
  sqlite3* db = connection_->db;
  Statement sessions(db, "SELECT session_id, user, priority, number FROM session");
  while (true) {
    TUNEFARM_ASSIGN_OR_RETURN(const bool more, sessions.Next());
    if (!more) break;
    SessionRow row;
    row.session_id = sessions.ColumnBytes(0);
    row.user = sessions.ColumnBytes(1);
    row.priority = static_cast<std::int32_t>(sessions.ColumnInt(2));
    row.number = sessions.ColumnInt(3);
    state.sessions.emplace(row.session_id, row);
  }
  Statement work(db, "SELECT work_id, session_id, number, submitted, completed, result FROM work");
  while (true) {
    TUNEFARM_ASSIGN_OR_RETURN(const bool more, work.Next());
    if (!more) break;
    WorkRow row;
    row.work_id = work.ColumnBytes(0);
    row.session_id = work.ColumnBytes(1);
    row.number = work.ColumnInt(2);
    row.submitted = MakeBlob(work.ColumnBytes(3));
    row.completed = work.ColumnInt(4) != 0;
    if (!work.ColumnIsNull(5)) row.result = MakeBlob(work.ColumnBytes(5));
    state.work.emplace(row.work_id, std::move(row));
  }
  Statement device(
      db,
      "SELECT facts, incarnation, fence, recorded_fence, lease_work, lease_started_us, health, strikes, "
      "successes, relapses, quarantined_until_us, last_work, reason, completed, failed, last_seen_us "
      "FROM device");
  while (true) {
    TUNEFARM_ASSIGN_OR_RETURN(const bool more, device.Next());
    if (!more) break;
    DeviceRow row;
    row.facts.ParseFromString(device.ColumnBytes(0));
    row.incarnation = device.ColumnBytes(1);
    row.fence = device.ColumnInt(2);
    row.recorded_fence = device.ColumnInt(3);
    row.lease_work = device.ColumnBytes(4);
    row.lease_started = ToTime(device.ColumnInt(5));
    row.health.state = static_cast<v1::DeviceHealth>(device.ColumnInt(6));
    row.health.strikes = static_cast<int>(device.ColumnInt(7));
    row.health.successes = static_cast<int>(device.ColumnInt(8));
    row.health.relapses = static_cast<int>(device.ColumnInt(9));
    row.health.quarantined_until = ToTime(device.ColumnInt(10));
    row.health.last_work = device.ColumnBytes(11);
    row.health.reason = device.ColumnBytes(12);
    row.completed = device.ColumnInt(13);
    row.failed = device.ColumnInt(14);
    row.last_seen = ToTime(device.ColumnInt(15));
    state.devices.emplace(row.facts.device_id(), std::move(row));
  }
  Statement drains(db, "SELECT pattern FROM drain");
  while (true) {
    TUNEFARM_ASSIGN_OR_RETURN(const bool more, drains.Next());
    if (!more) break;
    state.drains.insert(drains.ColumnBytes(0));
  }
  return state;
}

}  // namespace tunefarm
