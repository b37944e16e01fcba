#include "tracker/requirements.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace tunefarm {

std::string UnmetRequirement(const v1::DeviceRequirements& wanted, const v1::DeviceFacts& device) {
  if (!wanted.device_id().empty() && wanted.device_id() != device.device_id()) {
    return absl::StrCat("is not ", wanted.device_id());
  }
  if (!wanted.device_class().empty() && wanted.device_class() != device.device_class()) {
    return absl::StrCat("is of class ", device.device_class(), ", not ", wanted.device_class());
  }
  if (!wanted.architecture().empty() && wanted.architecture() != device.architecture()) {
    return absl::StrCat("is ", device.architecture(), ", not ", wanted.architecture());
  }
  std::vector<std::string> lacking;
  for (const std::string& feature : wanted.isa_features()) {
    const auto& has = device.isa_features();
    if (std::find(has.begin(), has.end(), feature) == has.end()) lacking.push_back(feature);
  }
  if (!lacking.empty()) return absl::StrCat("lacks ", absl::StrJoin(lacking, ", "));
  if (wanted.memory_bytes() > device.memory_bytes()) {
    return absl::StrCat("has ", device.memory_bytes(), " bytes of memory, not ", wanted.memory_bytes());
  }
  return "";
}

v1::DeviceRequirements CanonicalRequirements(const v1::DeviceRequirements& wanted) {
  v1::DeviceRequirements canonical = wanted;
  auto& features = *canonical.mutable_isa_features();
  std::sort(features.begin(), features.end());
  features.erase(std::unique(features.begin(), features.end()), features.end());
  return canonical;
}

std::string RequirementsKey(const v1::DeviceRequirements& canonical) { return canonical.SerializeAsString(); }

std::string DescribeRequirements(const v1::DeviceRequirements& wanted) {
  std::vector<std::string> parts;
  if (!wanted.isa_features().empty())
    parts.push_back(absl::StrCat("isa ", absl::StrJoin(wanted.isa_features(), "+")));
  if (!wanted.architecture().empty()) parts.push_back(absl::StrCat("architecture ", wanted.architecture()));
  if (!wanted.device_class().empty()) parts.push_back(absl::StrCat("class ", wanted.device_class()));
  if (!wanted.device_id().empty()) parts.push_back(absl::StrCat("device ", wanted.device_id()));
  if (wanted.memory_bytes() > 0) {
    parts.push_back(absl::StrCat("at least ", wanted.memory_bytes(), " bytes of memory"));
  }
  return parts.empty() ? "any device" : absl::StrJoin(parts, ", ");
}

}  // namespace tunefarm
