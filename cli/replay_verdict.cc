#include "cli/replay_verdict.h"

#include <cmath>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/format.h"
#include "cli/json_output.h"

namespace tunefarm::cli {
namespace {

// When a record's policy names no limit: what a shared machine varies by between two quiet minutes.
constexpr double kFallbackLimit = 0.05;

double LimitOf(const db::Record& record) {
  if (record.estimated) return 0;  // A model gives the same number every time.
  return record.policy.drift_limit() > 0 ? record.policy.drift_limit() : kFallbackLimit;
}

std::string Describe(const db::Record& record) {
  const auto& kernel = record.measurement.kernels(0);
  return absl::StrFormat("%s (%s to %s)", FormatMicroseconds(kernel.median_us()),
                         FormatMicroseconds(kernel.low_us()), FormatMicroseconds(kernel.high_us()));
}

// What says that the machine is not the one it was.
std::vector<std::string> MachineChanges(const db::Record& then, const db::Record& now) {
  const v1::Environment& a = then.measurement.environment();
  const v1::Environment& b = now.measurement.environment();
  std::vector<std::string> changes;
  if (then.device_class != now.device_class) {
    changes.push_back(absl::StrCat("the device class was ", then.device_class, " and is ", now.device_class));
  } else if (then.device_id != now.device_id && !then.estimated) {
    changes.push_back(absl::StrCat("it was measured on ", then.device_id, " and is now on ", now.device_id));
  }
  if (a.governor() != b.governor()) {
    changes.push_back(absl::StrCat("the governor was '", a.governor(), "' and is '", b.governor(), "'"));
  }
  const double limit = std::fmax(LimitOf(then), LimitOf(now));
  const auto compare = [&](const char* what, double before, double after) {
    if (!(before > 0) || !(after > 0) || std::fabs(after / before - 1) <= limit) return;
    changes.push_back(absl::StrFormat("%s took %s and takes %s, %.0f %% %s", what, FormatMicroseconds(before),
                                      FormatMicroseconds(after), 100 * std::fabs(after / before - 1),
                                      after > before ? "more" : "less"));
  };
  compare("the reference kernel", a.reference_us(), b.reference_us());
  compare("the reference kernel at the runner's start", a.reference_baseline_us(), b.reference_baseline_us());
  return changes;
}

std::vector<std::string> SoftwareChanges(const db::Record& then, const db::Record& now) {
  std::vector<std::string> changes;
  const auto compare = [&](const char* what, const std::string& before, const std::string& after) {
    if (before != after) changes.push_back(absl::StrCat(what, " was '", before, "' and is '", after, "'"));
  };
  compare("the template", then.template_version, now.template_version);
  compare("the toolchain", then.toolchain, now.toolchain);
  // Where time does not vary, the same text of template and toolchain may still hide another kernel.
  if (then.estimated) {
    compare("the kernel", then.kernel_digest, now.kernel_digest);
    if (then.ok() && now.ok()) {
      compare("the cycle model", then.measurement.kernels(0).cycle_model(),
              now.measurement.kernels(0).cycle_model());
    }
  }
  return changes;
}

// Their intervals overlap after each was widened by its drift limit.
bool Overlap(const db::Record& one, const db::Record& other) {
  const auto& a = one.measurement.kernels(0);
  const auto& b = other.measurement.kernels(0);
  return a.low_us() * (1 - LimitOf(one)) <= b.high_us() * (1 + LimitOf(other)) &&
         b.low_us() * (1 - LimitOf(other)) <= a.high_us() * (1 + LimitOf(one));
}

}  // namespace

ReplayVerdict CompareReplay(const db::Record& then, const db::Record& now) {
  if (!now.ok()) {
    return {ReplayResult::kFailed, absl::StrCat(FailureName(now.measurement.failure().kind()), ": ",
                                                now.measurement.failure().message())};
  }
  if (!then.ok()) {
    return {ReplayResult::kFailed, "the stored trial failed, so that there is no time to compare with"};
  }
  const auto& a = then.measurement.kernels(0);
  const auto& b = now.measurement.kernels(0);
  const std::string numbers = absl::StrCat("then ", Describe(then), ", now ", Describe(now));
  if (Overlap(then, now)) {
    return {ReplayResult::kAgrees, numbers};
  }
  if (const auto changes = MachineChanges(then, now); !changes.empty()) {
    return {ReplayResult::kMachineDrifted,
            absl::StrCat(numbers, "; the machine has drifted: ", absl::StrJoin(changes, "; "))};
  }
  if (const auto changes = SoftwareChanges(then, now); !changes.empty()) {
    return {ReplayResult::kSoftwareDiffers,
            absl::StrCat(numbers, "; another kernel: ", absl::StrJoin(changes, "; "))};
  }
  return {ReplayResult::kDisagrees,
          absl::StrFormat("%s: %.1f %% apart, and neither the reference kernel nor the software explains it",
                          numbers, 100 * std::fabs(b.median_us() / a.median_us() - 1))};
}

ReplayVerdict CompareReplays(const db::Record& then, const std::vector<db::Record>& now) {
  ReplayVerdict last = CompareReplay(then, now.back());
  if (now.size() == 1) return last;
  std::vector<std::string> earlier;
  bool steady = last.result != ReplayResult::kFailed;
  for (std::size_t i = 0; i + 1 < now.size(); ++i) {
    earlier.push_back(FormatMicroseconds(now[i].measurement.kernels(0).median_us()));
    steady = steady && Overlap(now[i], now.back());
  }
  const std::string before = absl::StrCat("just before, ", absl::StrJoin(earlier, " and "));
  if (last.result == ReplayResult::kDisagrees && !steady) {
    return {ReplayResult::kMachineDrifted,
            absl::StrCat("then ", Describe(then), ", now ", Describe(now.back()), ", ", before,
                         "; the machine does not agree with itself")};
  }
  last.explanation += absl::StrCat(" (", before, ")");
  return last;
}

std::string ReplayResultName(ReplayResult result) {
  switch (result) {
    case ReplayResult::kAgrees:
      return "agrees";
    case ReplayResult::kMachineDrifted:
      return "machine_drifted";
    case ReplayResult::kSoftwareDiffers:
      return "software_differs";
    case ReplayResult::kDisagrees:
      return "disagrees";
    case ReplayResult::kFailed:
      return "failed";
  }
  return "";
}

}  // namespace tunefarm::cli
