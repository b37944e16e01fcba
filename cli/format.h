// Numbers and texts as people read them in a terminal. Pure. A value that is not known (0) is shown as "-".
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace tunefarm::cli {

// "GFLOP/s"; "GOP/s" where the workload (canonical text) computes with integers; both where a table has both.
std::string SpeedUnit(absl::string_view workload);
std::string SpeedUnit(const std::vector<std::string>& workloads);
std::string FormatGflops(double gflops);              // "0.83", "12.4", "101"
std::string FormatSpeedup(double ratio);              // "3.42x"
std::string FormatShare(double share);                // 0.874 -> "87 %"
std::string FormatMicroseconds(double us);            // "12.3 us", "4.56 ms", "1.20 s"
std::string FormatSeconds(double seconds);            // "42 s", "3:10", "1:02:03"
std::string FormatUnixMicroseconds(int64_t unix_us);  // Local time, "2026-11-21 14:03:07"

// At most `width` columns: the middle is replaced by "..", because both ends of a workload tell tasks apart.
std::string FitWidth(absl::string_view text, std::size_t width);

// Columns that the UTF-8 `text` takes (one each code point).
std::size_t DisplayWidth(absl::string_view text);

// What tells a task from others, short enough for a table:
//   "conv2d 56x56x64->64 3x3 p1 nhwc bias+relu", "matmul 1024x1024x1024".
// A text that does not look like a workload comes back as it is.
std::string TaskLabel(absl::string_view workload);

// `word` in single quotes when the shell would not take it as one plain word.
std::string ShellQuote(absl::string_view word);

}  // namespace tunefarm::cli
