// Which devices may measure a task, and on which class of them. Pure.
//
// Times of different classes are never compared within one task's search, so a job that leaves the choice to
// us is held to one class per target from its first trial on.
#pragma once

#include <string>

#include "schedules/target.h"
#include "tunefarm/v1/tracker.pb.h"
#include "tunefarm/v1/tuner.pb.h"

namespace tunefarm::tuner {

v1::DeviceRequirements RequirementsOf(const schedules::Target& target, const v1::JobOptions& options);

// Online, taking work, and with all that is required.
bool Suits(const v1::DeviceStatus& device, const v1::DeviceRequirements& requirements);

int CountSuitable(const v1::ListDevicesResponse& devices, const v1::DeviceRequirements& requirements);

struct DeviceChoice {
  std::string
      device_class;      // Of most suitable devices; the first by name among equals. Empty: there is none.
  std::string why_none;  // For a person: what is required, and what each device lacks.
};
DeviceChoice ChooseDeviceClass(const v1::ListDevicesResponse& devices,
                               const v1::DeviceRequirements& requirements);

}  // namespace tunefarm::tuner
