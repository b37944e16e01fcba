#include "runner/boards/board_device.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/exit_code.h"
#include "runner/boards/kernel_run.h"
#include "runner/boards/qemu_link.h"
#include "runner/boards/server_link.h"
#include "runner/version.h"

namespace tunefarm {

absl::Status BoardDevice::MakeEmulated() {
  TUNEFARM_ASSIGN_OR_RETURN(regions_, TempDir::Create("tunefarm-counts"));
  const auto& symbols = linker_.runtime().symbols;
  const std::string out = regions_->path() + "/regions";
  QemuPlugin plugin;
  plugin.folder = regions_->path();
  TUNEFARM_ASSIGN_OR_RETURN(plugin.library, cycles::PluginPath());
  TUNEFARM_ASSIGN_OR_RETURN(plugin.option,
                            cycles::PluginOption(board_.cycle_model, out, symbols.at("tunefarm_begin"),
                                                 symbols.at("tunefarm_end")));
  const std::string cache = options_.state_directory.empty() ? "" : options_.state_directory + "/cycles";
  if (!cache.empty()) TUNEFARM_RETURN_IF_ERROR(MakeDirectories(cache));
  TUNEFARM_ASSIGN_OR_RETURN(estimator_, cycles::Estimator::Create(board_.cycle_model, cache));
  TUNEFARM_ASSIGN_OR_RETURN(link_, QemuLink::Create(board_.qemu, std::move(plugin), options_.sandboxed));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<BoardDevice>> BoardDevice::Create(Board board, BoardDeviceOptions options) {
  if (board.kind == BoardKind::kQemuUser) {
    return absl::InvalidArgumentError(absl::StrCat(board.name, " is no bare-metal board"));
  }
  TUNEFARM_ASSIGN_OR_RETURN(BoardLinker linker, BoardLinker::Create(board));
  std::unique_ptr<BoardDevice> device(
      new BoardDevice(std::move(board), std::move(options), std::move(linker)));
  if (device->board_.emulated()) {
    TUNEFARM_RETURN_IF_ERROR(device->MakeEmulated());
  } else {
    device->link_ = std::make_unique<ServerLink>(device->board_.gdb);
  }
  return device;
}

v1::DeviceFacts BoardDevice::Facts() const {
  v1::DeviceFacts facts;
  facts.set_device_id(options_.device_id);
  facts.set_device_class(options_.device_class.empty() ? board_.DeviceClass() : options_.device_class);
  facts.set_kind(board_.emulated() ? "emulated" : "gdb");
  facts.set_cpu_model(absl::StrFormat("%s at %d MHz", board_.core, board_.clock_hz / 1'000'000));
  facts.set_architecture(board_.architecture);
  for (const std::string& feature : board_.isa_features) facts.add_isa_features(feature);
  facts.set_cores(1);
  facts.set_memory_bytes(linker_.map().Free(board_.placement.data));
  facts.set_boot_id(board_.digest);  // A board has no memory of its boots: each work starts with a reset.
  facts.set_runner_version(kRunnerVersion);
  if (estimator_.has_value()) {
    facts.set_cycle_model(estimator_->model());
    facts.set_error_band(estimator_->error_band());
  }
  return facts;
}

v1::Measurement BoardDevice::Try(const LocalWork& work, WorkControl& control) {
  KernelRun::Parts parts{board_, linker_, *link_, estimator_.has_value() ? &*estimator_ : nullptr,
                         regions_.has_value() ? regions_->path() + "/regions" : ""};
  return KernelRun(parts, work, control).Measure();
}

v1::Measurement BoardDevice::Measure(const LocalWork& work, WorkControl& control) {
  const absl::Time start = absl::Now();
  v1::Measurement measurement = Try(work, control);
  const v1::DeviceFacts facts = Facts();
  v1::Environment& environment = *measurement.mutable_environment();
  environment.set_device_id(facts.device_id());
  environment.set_device_class(facts.device_class());
  environment.set_boot_id(facts.boot_id());
  environment.set_mhz(static_cast<double>(board_.clock_hz) / 1e6);
  environment.set_runner_version(facts.runner_version());
  measurement.set_started_unix_us(absl::ToUnixMicros(start));
  measurement.set_busy_us(absl::ToDoubleMicroseconds(absl::Now() - start));
  return measurement;
}

}  // namespace tunefarm
