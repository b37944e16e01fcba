#include "db/migration.h"

#include "base/exit_code.h"

namespace tunefarm::db {
namespace {

absl::StatusOr<int64_t> Pragma(Connection& connection, absl::string_view name) {
  TUNEFARM_ASSIGN_OR_RETURN(Statement pragma, connection.Query(absl::StrCat("PRAGMA ", name)));
  TUNEFARM_RETURN_IF_ERROR(pragma.Step().status());
  return pragma.Int(0);
}

}  // namespace

absl::StatusOr<FileState> Inspect(Connection& connection, const Migrations& steps) {
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t application, Pragma(connection, "application_id"));
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t version, Pragma(connection, "user_version"));
  int64_t objects = 0;
  {
    TUNEFARM_ASSIGN_OR_RETURN(Statement count, connection.Query("SELECT count(*) FROM sqlite_schema"));
    TUNEFARM_RETURN_IF_ERROR(count.Step().status());
    objects = count.Int(0);
  }
  if (application == 0 && version == 0 && objects == 0) return FileState::kEmpty;
  if (application != kApplicationId) {
    return WithExitCode(
        absl::FailedPreconditionError(absl::StrCat(
            connection.path(), " is a database of another program; choose another file with --db")),
        ExitCode::kDatabaseCorrupt);
  }
  const int64_t known = static_cast<int64_t>(steps.size());
  if (version > known) {
    return WithExitCode(
        absl::FailedPreconditionError(absl::StrCat(
            connection.path(), " was written by a newer tunefarm (its schema is version ", version,
            ", this program knows ", known, "); upgrade tunefarm, or choose another file with --db")),
        ExitCode::kDatabaseNewer);
  }
  return version == known ? FileState::kCurrent : FileState::kOlder;
}

absl::Status Migrate(Connection& connection, const Migrations& steps) {
  TUNEFARM_ASSIGN_OR_RETURN(const int64_t version, Pragma(connection, "user_version"));
  for (std::size_t next = static_cast<std::size_t>(version); next < steps.size(); ++next) {
    const std::string script = absl::StrCat(steps[next], ";\nPRAGMA application_id=", kApplicationId,
                                            "; PRAGMA user_version=", next + 1);
    const absl::Status status = connection.Transact([&] { return connection.Execute(script); });
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace tunefarm::db
