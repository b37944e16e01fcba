#include "tracker/sqlite.h"

#include "absl/strings/str_cat.h"
#include "base/exit_code.h"

namespace tunefarm {

absl::Status SqliteError(sqlite3* db, int code, absl::string_view what) {
  const int extended = db == nullptr ? code : sqlite3_extended_errcode(db);
  const std::string message =
      absl::StrCat(what, ": ", db == nullptr ? sqlite3_errstr(code) : sqlite3_errmsg(db));
  if (extended == SQLITE_IOERR_SHMSIZE || extended == SQLITE_IOERR_WRITE) code = SQLITE_FULL;
  switch (code & 0xff) {
    case SQLITE_FULL:
      return WithExitCode(
          absl::ResourceExhaustedError(absl::StrCat(message, "; the disk is probably full: free some space")),
          ExitCode::kDiskFull);
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return WithExitCode(
          absl::PermissionDeniedError(absl::StrCat(message, "; give a folder that can be written")),
          ExitCode::kDatabaseReadOnly);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return WithExitCode(absl::UnavailableError(absl::StrCat(message, "; another program uses it")),
                          ExitCode::kDatabaseLocked);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return WithExitCode(
          absl::DataLossError(absl::StrCat(message, "; move the file away to start with an empty queue")),
          ExitCode::kDatabaseCorrupt);
    default:
      return absl::InternalError(message);
  }
}

absl::Status Execute(sqlite3* db, const std::string& sql) {
  const int code = sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : SqliteError(db, code, "the journal");
}

Statement::Statement(sqlite3* db, const char* sql) : db_(db) {
  Note(sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr));
}

void Statement::Note(int code) {
  if (error_ == SQLITE_OK && code != SQLITE_OK) error_ = code;
}

void Statement::Reset() {
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
  bound_ = 0;
  if (statement_ != nullptr) error_ = SQLITE_OK;
}

Statement& Statement::Text(absl::string_view value) {
  Note(sqlite3_bind_text64(statement_, ++bound_, value.data(), value.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Statement& Statement::Blob(absl::string_view value) {
  Note(sqlite3_bind_blob64(statement_, ++bound_, value.empty() ? "" : value.data(), value.size(),
                           SQLITE_TRANSIENT));
  return *this;
}

Statement& Statement::Null() {
  Note(sqlite3_bind_null(statement_, ++bound_));
  return *this;
}

Statement& Statement::Int(std::int64_t value) {
  Note(sqlite3_bind_int64(statement_, ++bound_, value));
  return *this;
}

absl::Status Statement::Run() {
  const auto row = Next();
  if (!row.ok()) return row.status();
  if (*row) Reset();
  return absl::OkStatus();
}

absl::StatusOr<bool> Statement::Next() {
  const int code = error_ != SQLITE_OK ? error_ : sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    Reset();
    return false;
  }
  absl::Status status = SqliteError(db_, code, "the journal");
  Reset();
  return status;
}

std::string Statement::ColumnBytes(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  return data == nullptr
             ? std::string()
             : std::string(static_cast<const char*>(data), sqlite3_column_bytes(statement_, column));
}

}  // namespace tunefarm
