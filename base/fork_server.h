// A program that has started, read its options, and waits where it would open its input: each run is a copy
// of it, made by fork(2). For programs whose start costs more than their work: a compiler that has read the
// headers of SIMD intrinsics, tools that load LLVM's library of 120 MB. A copy does what the program would
// have done, to the byte.
//
// It works by a library, tunefarm-fork.so beside our programs, that LD_PRELOAD brings into the program
// (fork_server_preload.c). A program that is linked statically, or that opens its input by other means than
// open(2), cannot be served so; Start() says it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "base/subprocess.h"

namespace tunefarm {

struct ForkServerOptions {
  std::vector<std::string> argv;
  // What the program reads at the point where it is to be copied: a path that it opens by just this name, as
  // an argument or from a file read before. Nothing needs to be there.
  std::string input;
  std::string working_directory;  // Of all copies; empty: ours.
  std::vector<int> cpus;          // Affinity; empty: ours.
};

// Thread safe. Destruction kills the program and all its copies; so does the end of the thread that called
// Start().
class ForkServer {
 public:
  // Returns when the program waits for its first input. kNotFound: it, or our library, is missing.
  // kFailedPrecondition: it ended, or passed the timeout, without having asked for the input.
  static absl::StatusOr<std::unique_ptr<ForkServer>> Start(const ForkServerOptions& options,
                                                           absl::Duration timeout);

  // Runs a copy to completion; `input` is what it reads. Each of stdout and stderr is cut at `max_output`
  // bytes, and a copy that writes more is ended by SIGXFSZ. At the deadline it is killed, and this returns
  // without waiting for it. kUnavailable: the server is gone or cannot fork; nothing is known about the
  // input.
  absl::StatusOr<RunResult> Run(absl::string_view input, absl::Duration timeout,
                                std::size_t max_output = 1 << 20) const;

  // Of the program that is copied.
  pid_t pid() const { return process_.pid(); }

  ForkServer(const ForkServer&) = delete;
  ForkServer& operator=(const ForkServer&) = delete;
  ~ForkServer();

 private:
  ForkServer(int control, Subprocess process) : control_(control), process_(std::move(process)) {}
  const int control_;
  Subprocess process_;
};

}  // namespace tunefarm
