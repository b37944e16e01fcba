// From a record back to its kernel's source.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "db/database.h"
#include "schedules/schedule_template.h"

namespace tunefarm::cli {

struct RecordKernel {
  std::shared_ptr<const schedules::Task> task;
  schedules::Config config;
  std::string loop_nest;
  schedules::KernelSource source;
  // What makes this source possibly different from the one that was measured; empty when nothing does.
  std::string caution;
};

absl::StatusOr<RecordKernel> RebuildKernel(const db::Record& record);

}  // namespace tunefarm::cli
