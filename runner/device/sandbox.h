// The box around the executor: bubblewrap with its own user, process, network, IPC and host name spaces, an
// empty root with the system's libraries and the job's files read-only in it, and nothing else: no home, no
// credentials, no /proc.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"

namespace tunefarm {

struct BoundFile {
  std::string outside;
  std::string inside;
};

// The command that runs `argv` in such a box, with these files in it to read, and those to write. Start it
// guarded (SubprocessOptions): all its processes stay in the process group they are started in. Give it no
// terminal.
std::vector<std::string> InBox(const std::vector<BoundFile>& readable, const std::vector<BoundFile>& writable,
                               const std::vector<std::string>& argv);

class Sandbox {
 public:
  // Tries the sandbox on this machine once. kFailedPrecondition with ExitCode::kNoSandbox when it does not
  // work; the message says why and what to do. `executor` is the path of tunefarm-executor.
  static absl::StatusOr<Sandbox> Create(const std::string& executor);
  // Without a box: kernels run with the rights of this user, behind the system call filter only.
  static Sandbox Dangerous(const std::string& executor);

  // What to start so that the executor runs with `channel_fd` (inherited under that number) as its argument.
  std::vector<std::string> Command(const std::vector<BoundFile>& files, int channel_fd) const;
  // The path under which the executor sees a file.
  const std::string& PathOf(const BoundFile& file) const { return boxed_ ? file.inside : file.outside; }
  bool boxed() const { return boxed_; }

 private:
  Sandbox(std::string executor, bool boxed);
  std::string executor_;
  bool boxed_;
};

}  // namespace tunefarm
