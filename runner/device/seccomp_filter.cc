#include "runner/device/seccomp_filter.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "base/file.h"

namespace tunefarm {
namespace {

// Memory, time, the process' own state, and what dlopen does. Names that this architecture lacks are skipped.
constexpr const char* kAllowed[] = {"read",
                                    "readv",
                                    "pread64",
                                    "close",
                                    "lseek",
                                    "fstat",
                                    "newfstatat",
                                    "stat",
                                    "lstat",
                                    "statx",
                                    "access",
                                    "faccessat",
                                    "faccessat2",
                                    "readlink",
                                    "readlinkat",
                                    "getcwd",
                                    "munmap",
                                    "mprotect",
                                    "brk",
                                    "madvise",
                                    "rt_sigreturn",
                                    "rt_sigprocmask",
                                    "rt_sigaction",
                                    "sigaltstack",
                                    "futex",
                                    "sched_yield",
                                    "sched_getaffinity",
                                    "getcpu",
                                    "membarrier",
                                    "clock_gettime",
                                    "clock_getres",
                                    "gettimeofday",
                                    "time",
                                    "nanosleep",
                                    "clock_nanosleep",
                                    "getpid",
                                    "gettid",
                                    "getrusage",
                                    "getrandom",
                                    "uname",
                                    "sysinfo",
                                    "arch_prctl",
                                    "set_robust_list",
                                    "set_tid_address",
                                    "rseq",
                                    "getrlimit",
                                    "tgkill",
                                    "exit",
                                    "exit_group",
                                    "restart_syscall"};

// What QEMU's user mode and bubblewrap's first process make besides, with what the counting plugin needs to
// append to its file.
constexpr const char* kEmulator[] = {"execve",        "wait4",         "write",        "writev", "open",
                                     "openat",        "fcntl",         "geteuid",      "getuid", "getegid",
                                     "getgid",        "getdents64",    "kill",         "mmap",   "mremap",
                                     "get_mempolicy", "set_mempolicy", "rt_sigsuspend"};

struct ContextCloser {
  void operator()(void* context) const { seccomp_release(context); }
};

constexpr std::uint64_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC;

}  // namespace

absl::StatusOr<std::vector<std::uint64_t>> CompileFilter(const FilterOptions& options) {
  const std::unique_ptr<void, ContextCloser> context(seccomp_init(SCMP_ACT_TRAP));
  if (context == nullptr) return absl::InternalError("libseccomp does not know this machine's architecture");
  int error = 0;
  const auto rule = [&](std::uint32_t action, const char* name,
                        std::initializer_list<scmp_arg_cmp> conditions = {}) {
    const int number = seccomp_syscall_resolve_name(name);
    if (number < 0 || error != 0) return;  // Another architecture's call.
    error = seccomp_rule_add_array(context.get(), action, number, static_cast<unsigned>(conditions.size()),
                                   conditions.size() == 0 ? nullptr : conditions.begin());
  };
  for (const char* name : kAllowed) rule(SCMP_ACT_ALLOW, name);
  if (options.emulator) {
    for (const char* name : kEmulator) rule(SCMP_ACT_ALLOW, name);
  }
  if (!options.emulator) {
    for (const char* name : {"write", "writev", "sendto"}) {
      rule(SCMP_ACT_ALLOW, name, {SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(options.channel_fd))});
      rule(SCMP_ACT_ALLOW, name, {SCMP_A0(SCMP_CMP_EQ, STDOUT_FILENO)});
      rule(SCMP_ACT_ALLOW, name, {SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO)});
    }
    rule(SCMP_ACT_ALLOW, "open", {SCMP_A1(SCMP_CMP_MASKED_EQ, kWriting, O_RDONLY)});
    rule(SCMP_ACT_ALLOW, "openat", {SCMP_A2(SCMP_CMP_MASKED_EQ, kWriting, O_RDONLY)});
    rule(SCMP_ACT_ALLOW, "mmap", {SCMP_A1(SCMP_CMP_LE, options.largest_mapping)});
    rule(SCMP_ACT_ALLOW, "mremap", {SCMP_A2(SCMP_CMP_LE, options.largest_mapping)});
  }
  // Asking for limits is harmless, setting them is not.
  rule(SCMP_ACT_ALLOW, "prlimit64", {SCMP_A2(SCMP_CMP_EQ, 0)});
  // The C library asks whether stdout is a terminal.
  rule(SCMP_ACT_ERRNO(ENOTTY), "ioctl");
  if (options.threads) {
    rule(SCMP_ACT_ALLOW, "clone", {SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)});
    rule(SCMP_ACT_ERRNO(ENOSYS),
         "clone3");  // Its flags are out of a filter's sight; the C library falls back to clone.
    rule(SCMP_ACT_ALLOW, "sched_setaffinity");
  }
  if (error != 0) return ErrnoToStatus(-error, "cannot build the system call filter");

  const int fd = memfd_create("tunefarm-filter", MFD_CLOEXEC);
  if (fd < 0) return ErrnoToStatus(errno, "cannot build the system call filter");
  error = seccomp_export_bpf(context.get(), fd);
  const off_t size = lseek(fd, 0, SEEK_END);
  std::vector<std::uint64_t> program(static_cast<std::size_t>(size > 0 ? size : 0) / sizeof(std::uint64_t));
  const auto bytes = static_cast<ssize_t>(program.size() * sizeof(std::uint64_t));
  const bool complete = error == 0 && bytes > 0 &&
                        pread(fd, program.data(), program.size() * sizeof(std::uint64_t), 0) == bytes;
  close(fd);
  if (!complete) return absl::InternalError("cannot export the system call filter");
  return program;
}

TrappedCall ClassifyTrapped(int number, const std::uint64_t (&arguments)[6]) {
  char* const resolved = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
  const std::string name = resolved != nullptr ? resolved : absl::StrCat("system call ", number);
  std::free(resolved);
  static const absl::flat_hash_set<std::string> kProcess = {"fork",   "vfork",  "clone",
                                                            "clone3", "execve", "execveat"};
  static const absl::flat_hash_set<std::string> kFile = {
      "open",      "openat",    "openat2",   "creat",    "mkdir",   "mkdirat",  "unlink",    "unlinkat",
      "rename",    "renameat",  "renameat2", "link",     "linkat",  "symlink",  "symlinkat", "truncate",
      "ftruncate", "fallocate", "mknod",     "mknodat",  "chmod",   "fchmod",   "fchmodat",  "chown",
      "fchown",    "fchownat",  "rmdir",     "pwrite64", "pwritev", "pwritev2", "write",     "writev"};
  static const absl::flat_hash_set<std::string> kNetwork = {"socket",  "socketpair", "connect", "bind",
                                                            "listen",  "accept",     "accept4", "sendto",
                                                            "sendmsg", "recvfrom",   "recvmsg"};
  if (name == "mmap" || name == "mremap") {
    return {v1::FAILURE_KIND_OUT_OF_MEMORY, absl::StrCat("asked for ", arguments[name == "mmap" ? 1 : 2],
                                                         " bytes at once, more than its memory limit")};
  }
  if (kProcess.contains(name))
    return {v1::FAILURE_KIND_FORKED, absl::StrCat("tried to start a process (", name, ")")};
  if (kFile.contains(name))
    return {v1::FAILURE_KIND_WROTE_FILE, absl::StrCat("tried to write a file (", name, ")")};
  if (kNetwork.contains(name)) {
    return {v1::FAILURE_KIND_FORBIDDEN_CALL, absl::StrCat("tried to use the network (", name, ")")};
  }
  return {v1::FAILURE_KIND_FORBIDDEN_CALL,
          absl::StrCat("made a system call that kernels may not make (", name, ")")};
}

}  // namespace tunefarm
