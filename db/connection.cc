#include "db/connection.h"

#include <sqlite3.h>

#include <utility>

#include "db/sqlite_error.h"

namespace tunefarm::db {
namespace {
// How long a statement waits for another process that writes. Only a backup or a person with the sqlite3
// shell can hold the file (daemons exclude each other by WriterLock), and those are done in well under two
// seconds or not soon.
constexpr int kBusyMillis = 2000;
}  // namespace

Statement::Statement(Statement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), path_(other.path_) {}

Statement::~Statement() {
  if (statement_ == nullptr) return;
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return SqliteError(sqlite3_db_handle(statement_), code, *path_);
}

absl::Status Statement::Run() {
  for (;;) {
    TUNEFARM_ASSIGN_OR_RETURN(const bool row, Step());
    if (!row) return absl::OkStatus();
  }
}

bool Statement::IsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_, column); }
double Statement::Real(int column) const { return sqlite3_column_double(statement_, column); }
std::string Statement::Text(int column) const {
  const void* data = sqlite3_column_blob(statement_, column);
  if (data == nullptr) return {};
  return std::string(static_cast<const char*>(data),
                     static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)));
}

void Statement::Bind(int index, int64_t value) { sqlite3_bind_int64(statement_, index, value); }
void Statement::Bind(int index, double value) { sqlite3_bind_double(statement_, index, value); }
void Statement::Bind(int index, absl::string_view value) {
  // An empty view may have a null pointer, which SQLite would store as NULL.
  sqlite3_bind_text64(statement_, index, value.empty() ? "" : value.data(), value.size(), SQLITE_STATIC,
                      SQLITE_UTF8);
}
void Statement::Bind(int index, Bytes value) {
  sqlite3_bind_blob64(statement_, index, value.value.empty() ? "" : value.value.data(), value.value.size(),
                      SQLITE_STATIC);
}
void Statement::Bind(int index, std::nullptr_t) { sqlite3_bind_null(statement_, index); }

absl::StatusOr<std::unique_ptr<Connection>> Connection::Open(const std::string& uri, int flags,
                                                             const std::string& path) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(uri.c_str(), &handle, flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
  if (handle == nullptr) return absl::ResourceExhaustedError(absl::StrCat("no memory to open ", path));
  std::unique_ptr<Connection> connection(new Connection(handle, path));
  if (code != SQLITE_OK) return SqliteError(handle, code, path);
  sqlite3_extended_result_codes(handle, 1);
  sqlite3_busy_timeout(handle, kBusyMillis);
  return connection;
}

Connection::~Connection() {
  for (auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(handle_);
}

bool Connection::read_only() const { return sqlite3_db_readonly(handle_, "main") == 1; }
int64_t Connection::last_insert_id() const { return sqlite3_last_insert_rowid(handle_); }
int64_t Connection::changes() const { return sqlite3_changes64(handle_); }

absl::Status Connection::Execute(const std::string& sql) {
  const int code = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : SqliteError(handle_, code, path_);
}

absl::StatusOr<Statement> Connection::Prepare(absl::string_view sql) {
  sqlite3_stmt*& statement = statements_[std::string(sql)];
  if (statement == nullptr) {
    const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) return SqliteError(handle_, code, path_);
  }
  return Statement(statement, &path_);
}

absl::Status Connection::Transact(const std::function<absl::Status()>& body) {
  TUNEFARM_RETURN_IF_ERROR(Execute("BEGIN IMMEDIATE"));
  absl::Status status = body();
  if (status.ok()) status = Execute("COMMIT");
  // SQLite has already undone the transaction after some errors; then there is none to undo.
  if (!status.ok() && sqlite3_get_autocommit(handle_) == 0) (void)Execute("ROLLBACK");
  return status;
}

}  // namespace tunefarm::db
