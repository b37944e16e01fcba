// tunefarm tune: search for fast kernels, here or on a farm.
#pragma once

#include <optional>
#include <string>

#include "cli/chosen_device.h"
#include "cli/command.h"
#include "cli/workload_list.h"
#include "schedules/target.h"
#include "tunefarm/v1/tuner.pb.h"

namespace tunefarm::cli {

struct TuneOptions {
  WorkloadSelection selection;
  std::string target = "host";
  std::string device;  // Empty: this machine.
  uint32_t trials = 64;
  std::string strategy = "xgb";
  uint64_t seed = 1;
  uint32_t early_stopping = 0;
  uint32_t threads = 1;
  std::string user;
  int32_t priority = 0;
  std::string device_class;
  std::string name;
  int builders = 0;
  std::string compiler_launcher;
  std::string resume;
  bool fresh = false;
  bool detach = false;
  bool json = false;
  ConnectionFlags connection;
};

// The request for these options; without a client token. Pure.
v1::SubmitJobRequest MakeRequest(const TuneOptions& options,
                                 const std::vector<schedules::WeightedWorkload>& workloads,
                                 const schedules::Target& target,
                                 const std::optional<ChosenDevice>& device = std::nullopt);

absl::StatusOr<ExitCode> RunTune(const TuneOptions& options);
void AddTune(CLI::App& app, Invocation& invocation);

}  // namespace tunefarm::cli
