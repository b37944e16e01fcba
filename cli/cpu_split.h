// How one machine is shared between kernels that are timed and everything that makes them. Pure but for
// AllowedCpus.
#pragma once

#include <string>
#include <vector>

namespace tunefarm::cli {

struct CpuSplit {
  std::vector<int> device;  // Where kernels run: the last ones.
  std::vector<int> others;  // Builders, daemon, tracker. The same as `device` when there is no core to spare.
  bool shared = false;      // Then: times are noisier.
};

// `allowed` ascending and not empty; `kernel_threads` of them (at most all) go to the device.
CpuSplit SplitCpus(const std::vector<int>& allowed, int kernel_threads);

// The cores that this process may use, ascending.
std::vector<int> AllowedCpus();

// "0,1,3"
std::string CpuListText(const std::vector<int>& cpus);

}  // namespace tunefarm::cli
