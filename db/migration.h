// Schema versions: each step is one SQL script that takes a database from version N-1 to N (PRAGMA
// user_version).
#pragma once

#include <string>
#include <vector>

#include "db/connection.h"

namespace tunefarm::db {

// PRAGMA application_id of our files: "TFdb". `file` and other tools recognise a database by it.
inline constexpr int64_t kApplicationId = 0x54466462;

// steps[i] makes version i + 1. A released step is never edited; a new one is a new file and a line in
// schema.cc.
using Migrations = std::vector<const char*>;

// All released steps (schema.cc).
const Migrations& SchemaMigrations();

// What a file is, before anything is written to it.
enum class FileState { kEmpty, kCurrent, kOlder };
// kFailedPrecondition for the database of another program, or of a version that `steps` does not know.
absl::StatusOr<FileState> Inspect(Connection& connection, const Migrations& steps);

// Brings the database up to version steps.size(), each step with its version number in one transaction, so
// that an interrupted migration goes on where it was.
absl::Status Migrate(Connection& connection, const Migrations& steps);

}  // namespace tunefarm::db
