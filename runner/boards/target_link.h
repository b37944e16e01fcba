// How a board's target is reached: QEMU that we start, or a GDB server that somebody else runs.
#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "base/status.h"
#include "runner/gdb/client.h"

namespace tunefarm {

class TargetLink {
 public:
  virtual ~TargetLink() = default;
  // A target that was reset and is halted, whatever state it was in. Ends within `deadline`.
  virtual absl::StatusOr<std::unique_ptr<gdb::Client>> Reset(absl::Duration deadline) = 0;
  // What the other side had to say since the last Reset, for a failure's detail; empty where it has no voice.
  virtual std::string Words() = 0;
};

}  // namespace tunefarm
