#include "cli/chosen_device.h"

#include <algorithm>
#include <filesystem>

#include "absl/strings/match.h"
#include "cli/readiness.h"

namespace tunefarm::cli {
namespace {

constexpr char kEmulatedPrefix[] = "emulated:";

// The runtime, its data and the guards around tensors; measured at 5 KB and 4 KB of code and data.
constexpr int64_t kRuntimeBytes = 8 << 10;
// Code of one kernel: unrolled ones have some 10 KB.
constexpr int64_t kCodeBytes = 16 << 10;

}  // namespace

absl::StatusOr<std::optional<ChosenDevice>> FindDevice(const std::string& text) {
  if (text.empty()) return std::optional<ChosenDevice>();
  ChosenDevice device;
  device.text = text;
  TUNEFARM_ASSIGN_OR_RETURN(device.board, FindBoard(text));
  if (!absl::StartsWith(text, kEmulatedPrefix)) device.text = std::filesystem::absolute(text).string();
  return std::make_optional(std::move(device));
}

absl::StatusOr<schedules::Target> TargetOf(const Board& board) {
  absl::StatusOr<schedules::Target> target = FindTargetOrExplain(board.target);
  if (!target.ok()) return WithContext(target.status(), absl::StrCat("the target of device ", board.name));
  if (board.kind == BoardKind::kQemuUser) return target;
  const BoardPlacement& placement = board.placement;
  const auto room = [&](const std::string& name) {
    auto bytes = static_cast<int64_t>(board.Region(name)->bytes);
    if (name == placement.stack) bytes -= static_cast<int64_t>(board.stack_bytes);
    if (name == placement.data) bytes -= kRuntimeBytes;
    if (name == placement.code) bytes -= kRuntimeBytes + kCodeBytes;
    return std::max<int64_t>(bytes, 1);
  };
  target->data_bytes = room(placement.data);
  target->constant_bytes = placement.constants == placement.data ? 0 : room(placement.constants);
  return target;
}

std::string ShippedDeviceOf(const std::string& device_class) {
  const std::string name = device_class.substr(0, device_class.find('@'));
  if (!absl::StartsWith(name, kEmulatedPrefix)) return "";
  const absl::StatusOr<Board> board = FindBoard(name);
  return board.ok() && board->DeviceClass() == device_class ? name : "";
}

bool IsEstimatedClass(const std::string& device_class) {
  return absl::StartsWith(device_class, kEmulatedPrefix);
}

absl::StatusOr<std::optional<ChosenDevice>> DeviceOfJob(const v1::JobOptions& options) {
  TUNEFARM_ASSIGN_OR_RETURN(std::optional<ChosenDevice> device, FindDevice(options.device()));
  if (device.has_value() && device->board.DeviceClass() != options.device_class()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the device ", options.device(), " has changed since the job began (then ", options.device_class(),
        ", now ", device->board.DeviceClass(), "); start a new job, with --fresh"));
  }
  return device;
}

void SetDevice(const std::optional<ChosenDevice>& device, LocalFarmOptions& farm) {
  if (!device.has_value()) return;
  farm.device = device->text;
  farm.emulated = device->board.emulated();
}

void AddDeviceFlag(CLI::App* command, std::string* device) {
  command
      ->add_option("--device", *device,
                   "Not this machine but this device: emulated:NAME, or a device file (docs/devices.md)")
      ->type_name("DEVICE");
}

}  // namespace tunefarm::cli
