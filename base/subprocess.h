// Child processes that cannot outlive their purpose: each leads a process group, dies with its parent, and is
// killed with everything it started when its deadline passes.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/status.h"

namespace tunefarm {

struct SubprocessOptions {
  std::vector<std::string> argv;                        // argv[0] is looked up in PATH.
  std::optional<std::vector<std::string>> environment;  // "NAME=value"; absent: the parent's.
  std::vector<std::string> set_environment;             // "NAME=value", over those of the same name above.
  std::string working_directory;                        // Empty: the parent's.
  std::vector<int> cpus;                                // Affinity of the child; empty: the parent's.
  // Descriptors to keep open in the child, each under the number it has in the parent. All others but
  // 0, 1, 2 are closed.
  std::vector<int> inherited_fds;
  // A guard between us and the child kills the whole group when we die. For programs whose children do not
  // die with them at every moment: bubblewrap's do not while it starts. pid() is the guard's.
  bool guarded = false;
  bool discard_output = false;  // Send stdout and stderr to /dev/null instead of inheriting (Spawn only).
  int output_fd = -1;           // Send stdout and stderr to this descriptor instead (Spawn only).
  std::string output_path;      // Append stdout and stderr to this file instead (Spawn only).
};

// A running child. Not thread safe. Destruction kills the whole group and reaps the child.
class Subprocess {
 public:
  // Fails with kNotFound naming the program when it does not exist.
  static absl::StatusOr<Subprocess> Spawn(const SubprocessOptions& options);

  Subprocess(Subprocess&& other) noexcept;
  Subprocess& operator=(Subprocess&& other) noexcept;
  ~Subprocess();

  pid_t pid() const { return pid_; }
  // True while the child has not been reaped.
  bool running();
  // Signals the whole process group.
  void Signal(int signal);
  // Waits until the child ends or the timeout passes; nullopt on timeout. The value is what waitpid(2) gave.
  std::optional<int> Wait(absl::Duration timeout);
  // SIGTERM to the group, `grace` to end, then SIGKILL; returns when the child is reaped.
  void Stop(absl::Duration grace);

 private:
  explicit Subprocess(pid_t pid) : pid_(pid) {}
  void Kill();
  pid_t pid_ = -1;
  std::optional<int> wait_status_;
};

struct RunResult {
  int exit_code = -1;      // -1 when a signal ended it.
  int signal = 0;          // The signal, or 0.
  bool timed_out = false;  // Killed by us at the deadline; signal is then SIGKILL.
  std::string out;         // stdout, cut at `max_output` bytes.
  std::string err;         // stderr, likewise.
  absl::Duration wall;
};

// Runs to completion with stdin from /dev/null. `timeout` is mandatory: nothing here waits for ever.
absl::StatusOr<RunResult> RunProcess(const SubprocessOptions& options, absl::Duration timeout,
                                     std::size_t max_output = 1 << 20);

}  // namespace tunefarm
