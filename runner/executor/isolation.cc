#include "runner/executor/isolation.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "runner/executor/report.h"

namespace tunefarm::executor {
namespace {

void Limit(int resource, rlim_t value, const char* name) {
  const rlimit limit{value, value};
  if (setrlimit(resource, &limit) != 0) Fail(Fault::kInternal, "cannot limit %s: %s", name, strerror(errno));
}

}  // namespace

void PinTo(const Job& job) {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  for (std::uint32_t i = 0; i < job.cpu_count && i < job.threads; ++i) CPU_SET(job.cpus[i], &cpus);
  if (CPU_COUNT(&cpus) == 0) return;
  if (sched_setaffinity(0, sizeof cpus, &cpus) != 0) {
    Fail(Fault::kInternal, "cannot pin to cpu %d: %s", job.cpus[0], strerror(errno));
  }
  if (job.threads < 2) return;
  // Each of the kernel's threads to a CPU of its own: libgomp, which comes with the kernel, reads it.
  // Without, two that wake up share one until the scheduler parts them, 10 to 20 ms later. By number: what
  // libgomp would look up in /sys is not in the sandbox.
  char places[kMaxCpus * 12] = "";
  for (std::uint32_t i = 0; i < job.cpu_count && i < job.threads; ++i) {
    const std::size_t length = strlen(places);
    snprintf(places + length, sizeof places - length, "%s{%d}", i == 0 ? "" : ",", job.cpus[i]);
  }
  setenv("OMP_PLACES", places, 1);
  setenv("OMP_PROC_BIND", "true", 1);
}

void LimitResources(std::uint64_t address_space_bytes) {
  Limit(RLIMIT_CORE, 0, "core dumps");
  Limit(RLIMIT_FSIZE, 0, "file sizes");
  Limit(RLIMIT_NOFILE, 32, "open files");
  Limit(RLIMIT_STACK, 8 << 20, "the stack");
  Limit(RLIMIT_AS, address_space_bytes, "the address space");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    Fail(Fault::kInternal, "cannot drop privileges: %s", strerror(errno));
}

void EnterFilter(const Job& job) {
  if (job.filter_count == 0 || job.filter_count > sizeof job.filter / sizeof job.filter[0]) {
    Fail(Fault::kInternal, "the job has no system call filter");
  }
  sock_fprog program{};
  program.len = static_cast<unsigned short>(job.filter_count);
  program.filter = reinterpret_cast<sock_filter*>(const_cast<std::uint64_t*>(job.filter));
  if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) {
    if (errno == ENOSYS && job.filter_required == 0) return;
    Fail(Fault::kInternal, "cannot install the system call filter: %s", strerror(errno));
  }
}

}  // namespace tunefarm::executor
