#include "tuner/device_choice.h"

#include <algorithm>
#include <map>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tunefarm::tuner {
namespace {

// Empty when the device suits.
std::string WhatIsWrong(const v1::DeviceStatus& device, const v1::DeviceRequirements& requirements) {
  const v1::DeviceFacts& facts = device.facts();
  const auto differs = [](const std::string& wanted, const std::string& is) {
    return !wanted.empty() && wanted != is;
  };
  if (differs(requirements.device_id(), facts.device_id())) return "not the device asked for";
  if (differs(requirements.device_class(), facts.device_class())) {
    return absl::StrCat("of class ", facts.device_class());
  }
  if (differs(requirements.architecture(), facts.architecture()))
    return absl::StrCat("an ", facts.architecture());
  std::vector<std::string> missing;
  for (const std::string& feature : requirements.isa_features()) {
    if (std::find(facts.isa_features().begin(), facts.isa_features().end(), feature) ==
        facts.isa_features().end()) {
      missing.push_back(feature);
    }
  }
  if (!missing.empty()) return absl::StrCat("without ", absl::StrJoin(missing, ", "));
  if (requirements.memory_bytes() > facts.memory_bytes()) return "too small a memory";
  if (!device.online()) return "offline";
  if (device.draining()) return "draining";
  if (device.health() == v1::DEVICE_HEALTH_QUARANTINED) {
    return absl::StrCat("in quarantine (", device.health_reason(), ")");
  }
  return "";
}

std::string Describe(const v1::DeviceRequirements& requirements) {
  std::vector<std::string> words;
  if (!requirements.device_id().empty()) words.push_back(absl::StrCat("device ", requirements.device_id()));
  if (!requirements.device_class().empty())
    words.push_back(absl::StrCat("class ", requirements.device_class()));
  if (!requirements.architecture().empty()) words.push_back(requirements.architecture());
  for (const std::string& feature : requirements.isa_features()) words.push_back(feature);
  return words.empty() ? "anything" : absl::StrJoin(words, ", ");
}

}  // namespace

v1::DeviceRequirements RequirementsOf(const schedules::Target& target, const v1::JobOptions& options) {
  v1::DeviceRequirements requirements;
  requirements.set_device_class(options.device_class());
  requirements.set_device_id(options.device_id());
  requirements.set_architecture(target.architecture);
  for (const std::string& feature : target.isa_features) requirements.add_isa_features(feature);
  return requirements;
}

bool Suits(const v1::DeviceStatus& device, const v1::DeviceRequirements& requirements) {
  return WhatIsWrong(device, requirements).empty();
}

int CountSuitable(const v1::ListDevicesResponse& devices, const v1::DeviceRequirements& requirements) {
  return static_cast<int>(
      std::count_if(devices.devices().begin(), devices.devices().end(),
                    [&](const v1::DeviceStatus& device) { return Suits(device, requirements); }));
}

DeviceChoice ChooseDeviceClass(const v1::ListDevicesResponse& devices,
                               const v1::DeviceRequirements& requirements) {
  std::map<std::string, int> suitable;
  std::vector<std::string> reasons;
  for (const v1::DeviceStatus& device : devices.devices()) {
    const std::string wrong = WhatIsWrong(device, requirements);
    if (wrong.empty()) {
      ++suitable[device.facts().device_class()];
    } else {
      reasons.push_back(absl::StrCat(device.facts().device_id(), " is ", wrong));
    }
  }
  DeviceChoice choice;
  if (!suitable.empty()) {
    choice.device_class =
        std::max_element(suitable.begin(), suitable.end(), [](const auto& a, const auto& b) {
          return a.second < b.second;
        })->first;
  } else {
    choice.why_none = absl::StrCat(
        "no device for ", Describe(requirements), ": ",
        reasons.empty() ? "no runner is registered with the tracker" : absl::StrJoin(reasons, "; "));
  }
  return choice;
}

}  // namespace tunefarm::tuner
