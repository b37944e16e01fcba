#include "runner/cycles/llvm_tool.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/file.h"

namespace tunefarm::cycles {
namespace {

// Thousands of instructions take a tenth of a second; a minute is a hang.
constexpr absl::Duration kTimeout = absl::Minutes(1);
constexpr std::size_t kMaxOutput = 64 << 20;

absl::StatusOr<RunResult> Judge(absl::StatusOr<RunResult> result, const std::string& program) {
  if (!result.ok() || result->exit_code == 0) return result;
  return absl::InternalError(
      absl::StrCat(program, result->timed_out ? " did not end: " : " failed: ", result->err.substr(0, 500)));
}

}  // namespace

absl::StatusOr<RunResult> LlvmTool::Version(const std::string& program) {
  SubprocessOptions options;
  options.argv = {program, "--version"};
  return Judge(RunProcess(options, kTimeout), program);
}

LlvmTool::LlvmTool(std::vector<std::string> argv) : argv_(std::move(argv)) { argv_.emplace_back(kInput); }

absl::StatusOr<RunResult> LlvmTool::Run(const std::string& input) {
  if (server_ == nullptr && forks_) {
    ForkServerOptions options;
    options.argv = argv_;
    options.input = kInput;
    absl::StatusOr<std::unique_ptr<ForkServer>> server = ForkServer::Start(options, kTimeout);
    forks_ = server.ok();
    if (server.ok()) server_ = *std::move(server);
  }
  if (server_ != nullptr) {
    absl::StatusOr<RunResult> result = server_->Run(input, kTimeout, kMaxOutput);
    if (result.ok()) return Judge(std::move(result), argv_[0]);
    server_.reset();  // Killed, or its thread has ended: the next input has a new one.
  }
  return Judge(RunOnce(input), argv_[0]);
}

absl::StatusOr<RunResult> LlvmTool::RunOnce(const std::string& input) const {
  TUNEFARM_ASSIGN_OR_RETURN(const TempDir directory, TempDir::Create("tunefarm-llvm"));
  TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(absl::StrCat(directory.path(), "/", kInput), input));
  SubprocessOptions options;
  options.argv = argv_;
  options.working_directory = directory.path();
  return RunProcess(options, kTimeout, kMaxOutput);
}

}  // namespace tunefarm::cycles
