// SQLite's result codes as Status values that name the file, say what to do, and carry an exit status.
#pragma once

#include <string>

#include "base/status.h"

struct sqlite3;

namespace tunefarm::db {

// `code` is a (possibly extended) result code that is not OK, ROW or DONE; `system_errno` is what the
// operating system said, 0 when unknown.
absl::Status SqliteError(int code, int system_errno, const std::string& path, absl::string_view detail);

// The last error of a connection.
absl::Status SqliteError(sqlite3* connection, int code, const std::string& path);

// The errors that we find ourselves.
absl::Status LockedError(const std::string& path, absl::string_view who);
absl::Status ReadOnlyError(const std::string& path, absl::string_view why);

}  // namespace tunefarm::db
