// The table at the end of a job, and the commands to try next. Pure.
#pragma once

#include <cstddef>
#include <string>

#include "tunefarm/v1/tuner.pb.h"

namespace tunefarm::cli {

// Task, trials, failures, default and best GFLOP/s, speed-up, record; then a line of totals. Where cycles are
// known, these and the best's cycles for a multiply-add in place of GFLOP/s. `width` 0: no limit.
std::string SummaryTable(const v1::JobSummary& summary, std::size_t width);

// `tunefarm query best ...` for the task that gained most; empty when nothing succeeded.
// `where` is "--target T" or "--device D", quoted; `database_flag` is what selects the database: "--db FILE",
// quoted; empty for the default one.
std::string NextQuery(const v1::JobSummary& summary, const std::string& where, int threads,
                      const std::string& database_flag);

// Of a call with so many cycles, half a flop of the task counting as a multiply-add; 0 when the task has
// none.
double CyclesPerMac(const std::string& task, double cycles);

// "estimated, model cortex-m4/1, +-8 %".
std::string EstimateText(const std::string& cycle_model, double error_band);

}  // namespace tunefarm::cli
