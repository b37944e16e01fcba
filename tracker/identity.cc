#include "tracker/identity.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace tunefarm {
namespace {
constexpr char kRunner[] = "runner:";
}  // namespace

absl::Status CheckIsRunnerOf(const Identity& identity, const std::string& device_id) {
  if (identity.name.empty() || identity.name == kRunner + device_id) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("the certificate is of '", identity.name,
                                                  "'; only one of '", kRunner, device_id,
                                                  "' may speak for device ", device_id));
}

absl::Status CheckIsUser(const Identity& identity) {
  if (!absl::StartsWith(identity.name, kRunner)) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("the certificate of '", identity.name,
                                                  "' is a runner's: it may not submit or manage work"));
}

}  // namespace tunefarm
