// Whether a measurement repeated agrees with the stored one, and why not if not. Pure.
#pragma once

#include <string>
#include <vector>

#include "db/database.h"

namespace tunefarm::cli {

enum class ReplayResult {
  kAgrees,
  kMachineDrifted,   // The reference kernel or the facts of the machine say that it is not what it was, or
                     // it does not agree with itself from one minute to the next.
  kSoftwareDiffers,  // Template or toolchain are others: another kernel was measured.
  kDisagrees,        // None of these explains the difference.
  kFailed,           // The kernel has no time now.
};

struct ReplayVerdict {
  ReplayResult result = ReplayResult::kFailed;
  std::string explanation;  // A sentence with the numbers.
};

// They agree when their 95 % intervals of the median overlap after each was widened on both sides by the
// drift limit of its policy (a share of the bound): within that, the machine may differ from itself from one
// hour to the next.
ReplayVerdict CompareReplay(const db::Record& then, const db::Record& now);

// The same over all that was measured now, oldest first, at least one. A difference that nothing explains
// counts only when it is there again: a neighbour who takes the shared cache or the memory for a second is
// not seen by the reference kernel.
ReplayVerdict CompareReplays(const db::Record& then, const std::vector<db::Record>& now);

std::string ReplayResultName(ReplayResult result);  // "agrees", "machine_drifted", ...

}  // namespace tunefarm::cli
