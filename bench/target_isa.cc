#include "bench/target_isa.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "base/file.h"

namespace tunefarm::bench {
namespace {

std::vector<std::pair<const char*, std::string>> Environment(const schedules::Target& target, int threads) {
  std::vector<std::pair<const char*, std::string>> environment = {
      // Everybody's memory, ours and theirs, in huge pages, as the executor's
      // (runner/executor/guarded_buffer.h).
      {"GLIBC_TUNABLES",
       "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=33554432:glibc.malloc.top_pad=67108864"},
      {"OPENBLAS_NUM_THREADS", std::to_string(threads)},
      {"BLIS_NUM_THREADS", std::to_string(threads)},
      {"OMP_NUM_THREADS", std::to_string(threads)}};
  // By what the vectors are, so that a target file of the user's own holds its peers as well.
  const auto has = [&](const char* feature) {
    return std::find(target.isa_features.begin(), target.isa_features.end(), feature) !=
           target.isa_features.end();
  };
  if (target.architecture == "x86_64") {
    const bool avx512 = has("avx512f"), avx2 = has("avx2");
    environment.emplace_back("OPENBLAS_CORETYPE", avx512 ? "SkylakeX" : avx2 ? "Haswell" : "Nehalem");
    environment.emplace_back("ONEDNN_MAX_CPU_ISA", has("avx512_vnni") ? "AVX512_CORE_VNNI"
                                                   : avx512           ? "AVX512_CORE"
                                                   : avx2             ? "AVX2"
                                                                      : "SSE41");
  }
  return environment;
}

}  // namespace

absl::Status HoldPeersTo(const schedules::Target& target, int threads, char** argv) {
  bool changed = false;
  for (const auto& [name, value] : Environment(target, threads)) {
    const char* current = std::getenv(name);
    if (current != nullptr && current == value) continue;
    setenv(name, value.c_str(), 1);
    changed = true;
  }
  if (!changed) return absl::OkStatus();
  execv("/proc/self/exe", argv);
  return ErrnoToStatus(errno, "restarting with the peers' ISA set");
}

absl::Status CheckMachineRuns(const schedules::Target& target) {
  TUNEFARM_ASSIGN_OR_RETURN(const std::string cpuinfo, ReadFile("/proc/cpuinfo"));
  const std::vector<std::string> words = absl::StrSplit(cpuinfo, absl::ByAnyChar(" \t\n"), absl::SkipEmpty());
  for (const std::string& feature : target.isa_features) {
    if (std::find(words.begin(), words.end(), feature) == words.end()) {
      return absl::FailedPreconditionError(absl::StrCat("this machine has no ", feature, ", which target ",
                                                        target.name, " needs; choose another --target"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int> PinToCpus(int cpu, int threads) {
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof(allowed), &allowed) != 0) return ErrnoToStatus(errno, "sched_getaffinity");
  for (int i = 0; i < CPU_SETSIZE && cpu < 0; ++i) {
    if (CPU_ISSET(CPU_SETSIZE - 1 - i, &allowed)) cpu = CPU_SETSIZE - 1 - i;
  }
  cpu_set_t chosen;
  CPU_ZERO(&chosen);
  CPU_SET(cpu, &chosen);
  for (int i = CPU_SETSIZE - 1; i >= 0 && CPU_COUNT(&chosen) < threads; --i) {
    if (CPU_ISSET(i, &allowed)) CPU_SET(i, &chosen);
  }
  if (CPU_COUNT(&chosen) < threads) {
    return absl::FailedPreconditionError(
        absl::StrCat(threads, " threads need as many CPUs; this process may use ", CPU_COUNT(&allowed)));
  }
  if (sched_setaffinity(0, sizeof(chosen), &chosen) != 0)
    return ErrnoToStatus(errno, absl::StrCat("pinning to CPU ", cpu));
  return cpu;
}

bool IsMachinesOwnIsa(const schedules::Target& target) {
  const absl::StatusOr<schedules::Target> host = schedules::FindTarget("host");
  return host.ok() && host->architecture == target.architecture && host->vector_bytes <= target.vector_bytes;
}

}  // namespace tunefarm::bench
