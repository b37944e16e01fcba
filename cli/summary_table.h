// The table at the end of a job, and the commands to try next. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "tunefarm/v1/tuner.pb.h"

namespace tunefarm::cli {

// Task, trials, failures, default and best GFLOP/s, speed-up, record; then a line of totals. `width` 0: no
// limit.
std::string SummaryTable(const v1::JobSummary& summary, std::size_t width);

// `tunefarm query best ...` for the task that gained most; empty when nothing succeeded.
// `database_flag` is what selects the database: "--db FILE", quoted; empty for the default one.
std::string NextQuery(const v1::JobSummary& summary, const std::string& target, int threads,
                      const std::string& database_flag);

}  // namespace tunefarm::cli
