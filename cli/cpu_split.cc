#include "cli/cpu_split.h"

#include <sched.h>

#include <algorithm>

#include "absl/strings/str_join.h"

namespace tunefarm::cli {

CpuSplit SplitCpus(const std::vector<int>& allowed, int kernel_threads) {
  const std::size_t device =
      std::clamp<std::size_t>(static_cast<std::size_t>(std::max(kernel_threads, 1)), 1, allowed.size());
  CpuSplit split;
  split.device.assign(allowed.end() - static_cast<std::ptrdiff_t>(device), allowed.end());
  split.others.assign(allowed.begin(), allowed.end() - static_cast<std::ptrdiff_t>(device));
  split.shared = split.others.empty();
  if (split.shared) split.others = split.device;
  return split;
}

std::vector<int> AllowedCpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
    }
  }
  if (cpus.empty()) cpus.push_back(0);
  return cpus;
}

std::string CpuListText(const std::vector<int>& cpus) { return absl::StrJoin(cpus, ","); }

}  // namespace tunefarm::cli
