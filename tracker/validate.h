// The checks a message passes before the queue sees it. Every error names the field.
#pragma once

#include "base/status.h"
#include "tunefarm/v1/tracker.pb.h"
#include "tunefarm/v1/worker.pb.h"

namespace tunefarm {

// Names are keys in memory and in the journal, and appear in logs: 1 to this many bytes, printable ASCII
// without spaces.
inline constexpr int kMaxNameBytes = 256;
inline constexpr std::uint32_t kProtocolVersion = 1;
// Kernels of one piece of work; they are measured interleaved, which makes sense for a handful.
inline constexpr int kMaxKernels = 64;

absl::Status CheckName(absl::string_view what, absl::string_view name);
// kFailedPrecondition for a protocol version that is not understood, else kInvalidArgument.
absl::Status Validate(const v1::SynchronizeRequest& request);
absl::Status Validate(const v1::SubmitRequest& request);

}  // namespace tunefarm
