#include "db/sqlite_error.h"

#include <sqlite3.h>

#include <cerrno>

#include "base/exit_code.h"

namespace tunefarm::db {
namespace {

bool IsFull(int code, int system_errno) {
  if ((code & 0xff) == SQLITE_FULL) return true;
  // EFBIG: the process's or the file system's limit on the size of a file; the remedy is the same.
  return (code & 0xff) == SQLITE_IOERR &&
         (system_errno == ENOSPC || system_errno == EDQUOT || system_errno == EFBIG);
}

// What the operating system said to the last failed operation on the database or its write-ahead log.
// sqlite3_system_errno() knows it for statements, but not for a COMMIT.
int SystemErrno(sqlite3* connection, int code) {
  const int known = sqlite3_system_errno(connection);
  if ((code & 0xff) != SQLITE_IOERR || known != 0) return known;
  for (const int which : {SQLITE_FCNTL_JOURNAL_POINTER, SQLITE_FCNTL_FILE_POINTER}) {
    sqlite3_file* file = nullptr;
    int error = 0;
    if (sqlite3_file_control(connection, "main", which, static_cast<void*>(&file)) == SQLITE_OK &&
        file != nullptr && file->pMethods != nullptr &&
        file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error) == SQLITE_OK && error != 0) {
      return error;
    }
  }
  return 0;
}

}  // namespace

absl::Status LockedError(const std::string& path, absl::string_view who) {
  return WithExitCode(
      absl::UnavailableError(
          absl::StrCat(who, " is writing ", path,
                       "; submit the job to it with --daemon, or stop it, or choose another file with --db")),
      ExitCode::kDatabaseLocked);
}

absl::Status ReadOnlyError(const std::string& path, absl::string_view why) {
  return WithExitCode(absl::PermissionDeniedError(absl::StrCat(
                          "the database ", path, " cannot be written: ", why,
                          "; make the file and its folder writable, or choose another file with --db")),
                      ExitCode::kDatabaseReadOnly);
}

absl::Status SqliteError(int code, int system_errno, const std::string& path, absl::string_view detail) {
  if (IsFull(code, system_errno)) {
    return WithExitCode(absl::ResourceExhaustedError(absl::StrCat(
                            "no room to write the database ", path, " (", detail,
                            "); what was stored before is safe. Free space on its disk and try again")),
                        ExitCode::kDiskFull);
  }
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return LockedError(path, "another tunefarmd");
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return ReadOnlyError(path, detail);
    case SQLITE_CANTOPEN:
    case SQLITE_IOERR:
      if (system_errno == EACCES || system_errno == EPERM || system_errno == EROFS) {
        return ReadOnlyError(path, detail);
      }
      break;
    case SQLITE_NOTADB:
      return WithExitCode(
          absl::FailedPreconditionError(absl::StrCat(path, " is not a tunefarm database (", detail,
                                                     "); choose another file with --db")),
          ExitCode::kDatabaseCorrupt);
    case SQLITE_CORRUPT:
      return WithExitCode(
          absl::DataLossError(absl::StrCat(
              "the database ", path, " is damaged (", detail,
              "); restore it from a backup, or save what can be read with `sqlite3 ", path, " .recover`")),
          ExitCode::kDatabaseCorrupt);
    case SQLITE_CONSTRAINT:
      return absl::InvalidArgumentError(absl::StrCat("the database ", path, " refuses the row: ", detail));
    default:
      break;
  }
  return absl::InternalError(absl::StrCat("database ", path, ": ", detail));
}

absl::Status SqliteError(sqlite3* connection, int code, const std::string& path) {
  return SqliteError(code, SystemErrno(connection, code), path, sqlite3_errmsg(connection));
}

}  // namespace tunefarm::db
