// What this machine is, read from /proc and /sys (and cpuid, where they are silent).
#pragma once

#include <string>

#include "base/status.h"
#include "tunefarm/v1/measurement.pb.h"

namespace tunefarm {

struct ProbeRoots {
  std::string proc = "/proc";
  std::string sys = "/sys";
  bool real = true;  // The roots are this machine's own, so cpuid and sysconf may fill gaps.
};

// Fills everything but device_id, cores and runner_version; kind is "native", device_class as DeviceClassOf
// says. Facts that cannot be found stay empty or 0.
v1::DeviceFacts ProbeNative(const ProbeRoots& roots, int cpu);

// A name for machines whose times may be compared: vendor, core generation and widest vector ISA, in lower
// case, such as "amd-zen4-avx512" or "arm-cortex-a72-neon"; stable across restarts. An unknown core is named
// by its model text.
std::string DeviceClassOf(const v1::DeviceFacts& facts, int family, int model);

// Parses "0,2-3" as cpu numbers, in order. kInvalidArgument naming the text.
absl::StatusOr<std::vector<int>> ParseCpuList(const std::string& text);

// The cpus this process may run on, ascending.
std::vector<int> AllowedCpus();

// The cpu's frequency governor now; empty where there is none.
std::string Governor(const ProbeRoots& roots, int cpu);
// The hottest thermal zone in degrees Celsius; 0 when there is none.
double Temperature(const ProbeRoots& roots);
// The one-minute load average; 0 when unknown.
double Load(const ProbeRoots& roots);

}  // namespace tunefarm
