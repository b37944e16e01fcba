// Short ways to write job events in tests.
#pragma once

#include <string>

#include "tunefarm/v1/tuner.pb.h"

namespace tunefarm::cli {

inline constexpr char kConv[] =
    "conv2d:n=1,h=56,w=56,ci=64,co=64,kh=3,kw=3,stride=1,pad=1,layout=nhwc,dtype=f32,epilogue=bias+relu";
inline constexpr char kMatmul[] = "matmul:m=128,n=128,k=128,dtype=f32";

inline v1::JobEvent Trial(uint32_t task_index, const std::string& task, uint32_t trial, double gflops,
                          const std::string& status = "ok") {
  static uint64_t sequence = 0;
  v1::JobEvent event;
  event.set_sequence(++sequence);
  v1::TrialEvent* t = event.mutable_trial();
  t->set_task(task);
  t->set_task_index(task_index);
  t->set_trial(trial);
  t->set_status(status);
  t->set_gflops(gflops);
  t->set_median_us(gflops > 0 ? 1000 / gflops : 0);
  t->set_config("tile_m=4");
  t->set_record(100 * (task_index + 1) + trial);
  return event;
}

inline v1::TaskSummary Summary(uint32_t task_index, const std::string& task, uint32_t trials,
                               uint32_t planned, double default_gflops, double best_gflops) {
  v1::TaskSummary summary;
  summary.set_task(task);
  summary.set_task_index(task_index);
  summary.set_trials(trials);
  summary.set_trials_planned(planned);
  summary.set_default_gflops(default_gflops);
  summary.set_best_gflops(best_gflops);
  if (default_gflops > 0) summary.set_speedup(best_gflops / default_gflops);
  return summary;
}

inline v1::JobEvent TaskEvent(const v1::TaskSummary& summary) {
  v1::JobEvent event;
  *event.mutable_task() = summary;
  return event;
}

inline v1::JobEvent NoticeEvent(v1::Notice::Severity severity, const std::string& text) {
  v1::JobEvent event;
  event.mutable_notice()->set_severity(severity);
  event.mutable_notice()->set_text(text);
  return event;
}

}  // namespace tunefarm::cli
