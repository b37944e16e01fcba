#include "db/database.h"

#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "base/exit_code.h"
#include "base/file.h"
#include "db/impl.h"
#include "db/migration.h"
#include "db/sqlite_error.h"

namespace tunefarm::db {
namespace {

// How long a new daemon waits for the one that it replaces to end.
constexpr absl::Duration kPatience = absl::Seconds(2);

std::string FileUri(const std::string& path, absl::string_view query) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      absl::StrAppend(&uri, "%", absl::Hex(c, absl::kZeroPad2));
    } else {
      uri += c;
    }
  }
  return absl::StrCat(uri, "?", query);
}

std::string FolderOf(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

absl::StatusOr<std::unique_ptr<Connection>> OpenForReading(const std::string& path) {
  if (access(path.c_str(), F_OK) != 0) {
    return WithExitCode(
        absl::NotFoundError(absl::StrCat("there is no database ", path,
                                         "; `tunefarm tune` makes one, or name another with --db")),
        ExitCode::kNotFound);
  }
  if (access(path.c_str(), R_OK) != 0) {
    return WithExitCode(
        absl::PermissionDeniedError(absl::StrCat("the database ", path, " may not be read by this user")),
        ExitCode::kDatabaseReadOnly);
  }
  // In a folder that cannot be written, SQLite cannot make the shared memory of its write-ahead log. Without
  // a log there is no writer, and the file can be read as it is.
  std::error_code ignored;
  const bool has_log = std::filesystem::exists(path + "-wal", ignored);
  const bool immutable = access(FolderOf(path).c_str(), W_OK) != 0 && !has_log;
  TUNEFARM_ASSIGN_OR_RETURN(
      auto connection,
      Connection::Open(FileUri(path, immutable ? "immutable=1" : "mode=ro"), SQLITE_OPEN_READONLY, path));
  TUNEFARM_ASSIGN_OR_RETURN(const FileState state, Inspect(*connection, SchemaMigrations()));
  if (state != FileState::kCurrent) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, state == FileState::kEmpty ? " is empty" : " is of an older schema",
                     "; start tunefarmd with it once to bring it up to date"));
  }
  return connection;
}

absl::StatusOr<std::unique_ptr<Connection>> OpenForWriting(const std::string& path) {
  TUNEFARM_ASSIGN_OR_RETURN(
      auto connection,
      Connection::Open(FileUri(path, "mode=rwc"), SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path));
  // SQLite falls back to reading when it may not write.
  if (connection->read_only()) return ReadOnlyError(path, "permission denied");
  TUNEFARM_ASSIGN_OR_RETURN(const FileState state, Inspect(*connection, SchemaMigrations()));
  // synchronous=FULL: what is acknowledged survives a loss of power, too, for one fsync per transaction. At
  // tens of trials a second, in batches, it costs nothing; NORMAL would save it and lose the last seconds of
  // a lab that goes dark. wal_autocheckpoint: a page is logged again by each transaction that writes it, so
  // that the log outgrows the file many times. 250 pages are 1 MB; the usual 1000 filled a small disk to its
  // end, where the pages cannot be moved into a file that has to grow for them. journal_size_limit: the log
  // shrinks again after a long reader has held it up.
  TUNEFARM_RETURN_IF_ERROR(connection->Execute(
      "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA cache_size=-16384; "
      "PRAGMA wal_autocheckpoint=250; PRAGMA journal_size_limit=67108864"));
  if (state != FileState::kCurrent) TUNEFARM_RETURN_IF_ERROR(Migrate(*connection, SchemaMigrations()));
  // Another program that holds the file is noticed now, and not when the first result comes in.
  TUNEFARM_RETURN_IF_ERROR(connection->Transact([] { return absl::OkStatus(); }));
  return connection;
}

}  // namespace

Database::Database(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::~Database() = default;

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path, Mode mode) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return WithExitCode(
        absl::FailedPreconditionError(absl::StrCat(path, " is a folder; --db names a file in it")),
        ExitCode::kUsage);
  }
  std::optional<WriterLock> lock;
  std::unique_ptr<Connection> connection;
  if (mode == Mode::kReadOnly) {
    TUNEFARM_ASSIGN_OR_RETURN(connection, OpenForReading(path));
  } else {
    if (const absl::Status made = MakeDirectories(FolderOf(path)); !made.ok()) {
      if (absl::IsPermissionDenied(made)) return ReadOnlyError(path, made.message());
      return absl::IsResourceExhausted(made) ? WithExitCode(made, ExitCode::kDiskFull) : made;
    }
    TUNEFARM_ASSIGN_OR_RETURN(WriterLock writer, WriterLock::Acquire(path, kPatience));
    lock.emplace(std::move(writer));
    TUNEFARM_ASSIGN_OR_RETURN(connection, OpenForWriting(path));
  }
  return std::unique_ptr<Database>(
      new Database(std::make_unique<Impl>(std::move(lock), std::move(connection))));
}

absl::Status Database::Impl::Write(const std::function<absl::Status()>& body) {
  if (!lock.has_value()) return ReadOnlyError(connection->path(), "it was opened for reading");
  const absl::Status status = connection->Transact(body);
  if (!status.ok()) {
    texts.clear();
    bytes.clear();
    tasks.clear();
  }
  return status;
}

}  // namespace tunefarm::db
