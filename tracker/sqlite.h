// The little of SQLite's C interface that the journal needs, with errors as Status and statements that reset
// themselves.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "base/status.h"

namespace tunefarm {

// The connection's last error, with the exit status that fits it.
absl::Status SqliteError(sqlite3* db, int code, absl::string_view what);

absl::Status Execute(sqlite3* db, const std::string& sql);

// A prepared statement. Bind in order, then Run (no rows) or Next (rows); afterwards it may be bound again.
// The first error of a chain is kept and returned by Run or Next.
class Statement {
 public:
  Statement(sqlite3* db, const char* sql);
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& Text(absl::string_view value);
  Statement& Blob(absl::string_view value);
  Statement& Null();
  Statement& Int(std::int64_t value);

  absl::Status Run();
  // False after the last row.
  absl::StatusOr<bool> Next();

  std::string ColumnBytes(int column) const;
  bool ColumnIsNull(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
  std::int64_t ColumnInt(int column) const { return sqlite3_column_int64(statement_, column); }

 private:
  void Note(int code);
  void Reset();

  sqlite3* db_;
  sqlite3_stmt* statement_ = nullptr;
  int bound_ = 0;
  int error_ = SQLITE_OK;
};

}  // namespace tunefarm
