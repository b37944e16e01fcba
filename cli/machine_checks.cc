#include "cli/machine_checks.h"

#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_join.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "db/database.h"

namespace tunefarm::cli {
namespace {

std::filesystem::path NearestExisting(std::filesystem::path path) {
  std::error_code ignored;
  while (!path.empty() && !std::filesystem::exists(path, ignored) && path != path.parent_path())
    path = path.parent_path();
  return path.empty() ? std::filesystem::path(".") : path;
}

}  // namespace

absl::Status CheckPrograms(const std::string& directory) {
  std::vector<std::string> missing;
  for (const char* name : {"tunefarm-tracker", "tunefarm-runner", "tunefarmd"}) {
    if (access(absl::StrCat(directory, "/", name).c_str(), X_OK) != 0) missing.push_back(name);
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat("missing in ", directory, ": ", absl::StrJoin(missing, ", ")));
}

absl::Status CheckSandbox() {
  SubprocessOptions options;
  options.argv = {"bwrap", "--ro-bind", "/", "/", "--unshare-all", "--die-with-parent", "true"};
  auto result = RunProcess(options, absl::Seconds(10));
  if (absl::IsNotFound(result.status())) {
    return WithExitCode(absl::NotFoundError("bubblewrap (bwrap) is not installed"), ExitCode::kNoSandbox);
  }
  if (!result.ok()) return WithExitCode(result.status(), ExitCode::kNoSandbox);
  if (result->exit_code == 0) return absl::OkStatus();
  return WithExitCode(
      absl::FailedPreconditionError(absl::StrCat("bubblewrap cannot make a sandbox: ",
                                                 std::string(absl::StripAsciiWhitespace(result->err)))),
      ExitCode::kNoSandbox);
}

absl::Status CheckDiskSpace(const std::string& path, std::string* detail) {
  const std::string existing = NearestExisting(path).string();
  struct statvfs facts{};
  if (statvfs(existing.c_str(), &facts) != 0)
    return ErrnoToStatus(errno, absl::StrCat("cannot look at ", existing));
  const auto free = static_cast<long long>(facts.f_bavail) * static_cast<long long>(facts.f_frsize);
  *detail = absl::StrCat(free >> 20, " MiB free for ", path);
  if (free >= kNeededBytes) return absl::OkStatus();
  return WithExitCode(absl::ResourceExhaustedError(absl::StrCat("only ", *detail)), ExitCode::kDiskFull);
}

absl::Status CheckDatabase(const std::string& path, std::string* detail) {
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    *detail = path;
    TUNEFARM_RETURN_IF_ERROR(db::Database::Open(path, db::Database::Mode::kReadOnly).status());
    if (access(path.c_str(), W_OK) == 0) return absl::OkStatus();
    return WithExitCode(absl::PermissionDeniedError(absl::StrCat(path, " cannot be written to")),
                        ExitCode::kDatabaseReadOnly);
  }
  const std::string folder = NearestExisting(path).string();
  *detail = absl::StrCat(path, " (will be made)");
  if (access(folder.c_str(), W_OK) == 0) return absl::OkStatus();
  return WithExitCode(
      absl::PermissionDeniedError(absl::StrCat(path, " cannot be made: ", folder, " cannot be written to")),
      ExitCode::kDatabaseReadOnly);
}

}  // namespace tunefarm::cli
