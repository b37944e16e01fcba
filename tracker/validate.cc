#include "tracker/validate.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/digest.h"

namespace tunefarm {

absl::Status CheckName(absl::string_view what, absl::string_view name) {
  if (name.empty()) return absl::InvalidArgumentError(absl::StrCat("the ", what, " is empty"));
  if (name.size() > kMaxNameBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("the ", what, " has ", name.size(), " bytes; at most ", kMaxNameBytes, " are allowed"));
  }
  if (!std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7f; })) {
    return absl::InvalidArgumentError(
        absl::StrCat("the ", what, " has a space or a character that is not printable ASCII"));
  }
  return absl::OkStatus();
}

absl::Status Validate(const v1::SynchronizeRequest& request) {
  if (request.protocol_version() != kProtocolVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "protocol version ", request.protocol_version(), " is not understood; this tracker speaks version ",
        kProtocolVersion, ": use a runner of the same release"));
  }
  TUNEFARM_RETURN_IF_ERROR(CheckName("device_id", request.device().device_id()));
  TUNEFARM_RETURN_IF_ERROR(CheckName("incarnation", request.incarnation()));
  switch (request.state_case()) {
    case v1::SynchronizeRequest::kIdle:
      return absl::OkStatus();
    case v1::SynchronizeRequest::kExecuting:
      return CheckName("lease.work_id", request.executing().lease().work_id());
    case v1::SynchronizeRequest::kCompleted:
      return CheckName("lease.work_id", request.completed().lease().work_id());
    case v1::SynchronizeRequest::STATE_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError(
      "the call does not say whether the runner is idle, executing or has completed");
}

absl::Status Validate(const v1::SubmitRequest& request) {
  TUNEFARM_RETURN_IF_ERROR(CheckName("session_id", request.session_id()));
  TUNEFARM_RETURN_IF_ERROR(CheckName("user", request.user()));
  absl::flat_hash_set<absl::string_view> seen;
  for (const v1::SubmittedWork& work : request.work()) {
    const v1::WorkItem& item = work.item();
    TUNEFARM_RETURN_IF_ERROR(CheckName("work_id", item.work_id()));
    if (!seen.insert(item.work_id()).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("work_id ", item.work_id(), " occurs twice in one call"));
    }
    if (item.kernel_digests().empty() || item.kernel_digests_size() > kMaxKernels) {
      return absl::InvalidArgumentError(absl::StrCat("work ", item.work_id(), " has ",
                                                     item.kernel_digests_size(), " kernels; 1 to ",
                                                     kMaxKernels, " are allowed"));
    }
    for (const std::string& digest : item.kernel_digests()) {
      if (!IsDigest(digest)) {
        return absl::InvalidArgumentError(
            absl::StrCat("work ", item.work_id(), ": a kernel digest is not a SHA-256"));
      }
    }
    const std::string& expected = item.run().expected_output_digest();
    if (!expected.empty() && !IsDigest(expected)) {
      return absl::InvalidArgumentError(
          absl::StrCat("work ", item.work_id(), ": expected_output_digest is not a SHA-256"));
    }
  }
  return absl::OkStatus();
}

}  // namespace tunefarm
