// A program of LLVM's that reads one file and prints to stdout. Loading LLVM's library takes it 17 ms of
// processor time, more than most of its work here, so it is started once and forked for each input.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/fork_server.h"
#include "base/status.h"
#include "base/subprocess.h"

namespace tunefarm::cycles {

// One thread at a time. A program that cannot be forked so is started for each input instead.
class LlvmTool {
 public:
  // How messages name the input.
  static constexpr char kInput[] = "input";

  // What `program --version` prints, to stdout. kNotFound when there is no such program.
  static absl::StatusOr<RunResult> Version(const std::string& program);

  // The program and its options; the input's name is added to them.
  explicit LlvmTool(std::vector<std::string> argv);

  // An exit status other than 0 is an error, as is taking longer than a minute.
  absl::StatusOr<RunResult> Run(const std::string& input);

 private:
  absl::StatusOr<RunResult> RunOnce(const std::string& input) const;

  std::vector<std::string> argv_;
  std::unique_ptr<ForkServer> server_;
  bool forks_ = true;
};

}  // namespace tunefarm::cycles
