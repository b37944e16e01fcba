// --device: what to measure on besides this machine, a shipped emulated board or a user's device file.
#pragma once

#include <optional>
#include <string>

#include "base/status.h"
#include "cli/command.h"
#include "cli/local_farm.h"
#include "runner/boards/board.h"
#include "schedules/target.h"
#include "tunefarm/v1/tuner.pb.h"

namespace tunefarm::cli {

struct ChosenDevice {
  std::string text;  // As --device takes it, a path absolute, so that it means the same elsewhere.
  Board board;
};

// Nothing for an empty text.
absl::StatusOr<std::optional<ChosenDevice>> FindDevice(const std::string& text);

// What code is generated for on that board: the target its file names, with the memory it has for tensors.
absl::StatusOr<schedules::Target> TargetOf(const Board& board);

// "emulated:NAME" of a device class "emulated:NAME@DIGEST" when that is a shipped board as it is now; else
// empty.
std::string ShippedDeviceOf(const std::string& device_class);

// Times of such a class are a model's.
bool IsEstimatedClass(const std::string& device_class);

// Of a job that goes on. kFailedPrecondition when the device file has changed since: its results would be
// others.
absl::StatusOr<std::optional<ChosenDevice>> DeviceOfJob(const v1::JobOptions& options);

// Has a local farm start it.
void SetDevice(const std::optional<ChosenDevice>& device, LocalFarmOptions& farm);

void AddDeviceFlag(CLI::App* command, std::string* device);

}  // namespace tunefarm::cli
