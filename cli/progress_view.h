// The live picture of a job on a terminal: a row per task, totals, notices. Pure: model and size in, lines
// out; cli/live_screen.h puts them on the terminal.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cli/job_model.h"

namespace tunefarm::cli {

struct ProgressFrame {
  std::string title;     // "job-7f3a2c on x86-64-v4"
  double elapsed_s = 0;  // Measured here; the daemon's own count is used when it sends one.
  std::size_t width = 80;
  std::size_t height = 24;
};

// No line is wider than frame.width, and there are at most frame.height lines: columns that matter less are
// left out of a narrow terminal, and tasks that have ended or wait are folded into a line of counts on a low
// one.
std::vector<std::string> RenderProgress(const JobModel& model, const ProgressFrame& frame);

}  // namespace tunefarm::cli
