#include "cli/devices.h"

#include <cstdio>
#include <memory>

#include "absl/strings/str_join.h"
#include "cli/chosen_device.h"
#include "cli/format.h"
#include "cli/interrupt.h"
#include "cli/json_output.h"
#include "cli/live_screen.h"
#include "cli/local_farm.h"
#include "cli/summary_table.h"
#include "cli/table.h"

namespace tunefarm::cli {
namespace {

std::string StateText(const v1::DeviceStatus& device) {
  if (!device.online()) return "offline";
  if (device.draining()) return "draining";
  if (device.health() != v1::DEVICE_HEALTH_GOOD) return HealthName(device.health());
  return device.held_by_work().empty() ? "free" : absl::StrCat("in use by ", device.held_by_user());
}

absl::StatusOr<ExitCode> RunDevices(const std::string& tracker_address, const TransportOptions& transport,
                                    const std::string& device_text, bool json) {
  const InterruptScope interrupts;
  std::unique_ptr<LocalFarm> farm;
  std::string address = tracker_address;
  if (address.empty()) {
    TUNEFARM_ASSIGN_OR_RETURN(const auto chosen, FindDevice(device_text));
    LocalFarmOptions farm_options;
    SetDevice(chosen, farm_options);
    farm_options.emulated = false;  // One is enough to be looked at.
    TUNEFARM_ASSIGN_OR_RETURN(farm, LocalFarm::Start(farm_options));
    address = farm->tracker_address();
  }
  TUNEFARM_ASSIGN_OR_RETURN(const auto tracker, TrackerClient::Connect(address, transport));
  TUNEFARM_ASSIGN_OR_RETURN(const v1::ListDevicesResponse response, tracker->ListDevices());
  Table table({{"device"},
               {"class", Align::kLeft, true},
               {"cores", Align::kRight},
               {"state"},
               {"done", Align::kRight},
               {"failed", Align::kRight},
               {"busy", Align::kRight}});
  for (const v1::DeviceStatus& device : response.devices()) {
    if (json) PrintJson(DeviceJson(device));
    table.AddRow({device.facts().device_id(), device.facts().device_class(),
                  absl::StrCat(device.facts().cores()), StateText(device), absl::StrCat(device.completed()),
                  absl::StrCat(device.failed()), FormatShare(device.busy_share())});
  }
  if (json) return ExitCode::kOk;
  if (table.empty()) {
    std::printf("no devices; start `tunefarm-runner --tracker %s` on one\n", address.c_str());
    return ExitCode::kOk;
  }
  std::fputs(table.ToString(TableWidth()).c_str(), stdout);
  for (const v1::DeviceStatus& device : response.devices()) {
    const v1::DeviceFacts& facts = device.facts();
    std::printf("\n%s: %s, %s\n  %s\n", facts.device_id().c_str(), facts.cpu_model().c_str(),
                facts.architecture().c_str(), absl::StrJoin(facts.isa_features(), " ").c_str());
    if (!facts.cycle_model().empty()) {
      std::printf("  times are %s\n", EstimateText(facts.cycle_model(), facts.error_band()).c_str());
    }
    if (!device.health_reason().empty()) std::printf("  %s\n", device.health_reason().c_str());
  }
  for (const auto& queue : response.queues()) {
    std::printf("\nqueue of %s: %u waiting, %u running", queue.user().c_str(), queue.waiting(),
                queue.running());
  }
  if (response.queues_size() > 0) std::printf("\n");
  return ExitCode::kOk;
}

}  // namespace

void AddDevices(CLI::App& app, Invocation& invocation) {
  struct Options {
    std::string tracker;
    std::string device;
    ConnectionFlags connection;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("devices", "List what there is to measure on");
  command
      ->add_option("--tracker", options->tracker,
                   "Address of a tunefarm-tracker (default: look at this machine)")
      ->type_name("ADDRESS");
  AddDeviceFlag(command, &options->device);
  command->get_option("--device")->excludes(command->get_option("--tracker"));
  AddTlsFlags(command, &options->connection);
  AddJsonFlag(command, &invocation);
  command->footer("Examples:\n  tunefarm devices\n  tunefarm devices --tracker 127.0.0.1:9190");
  command->callback([options, &invocation] {
    invocation.run = [options, &invocation] {
      return RunDevices(options->tracker, options->connection.transport, options->device, invocation.json);
    };
  });
}

}  // namespace tunefarm::cli
