#include "runner/device/sandbox.h"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/ascii.h"
#include "base/exit_code.h"
#include "base/subprocess.h"

namespace tunefarm {
namespace {

constexpr char kExecutorInside[] = "/tunefarm/executor";

std::vector<std::string> BoxCommand() {
  std::vector<std::string> command = {"bwrap",
                                      "--unshare-user",
                                      "--unshare-pid",
                                      "--unshare-net",
                                      "--unshare-ipc",
                                      "--unshare-uts",
                                      "--unshare-cgroup-try",
                                      "--uid",
                                      "65534",
                                      "--gid",
                                      "65534",
                                      "--hostname",
                                      "tunefarm",
                                      "--die-with-parent",
                                      "--cap-drop",
                                      "ALL",
                                      "--clearenv",
                                      "--ro-bind",
                                      "/usr",
                                      "/usr",
                                      "--ro-bind-try",
                                      "/etc/ld.so.cache",
                                      "/etc/ld.so.cache"};
  // Where libraries are: folders of their own on older systems, links into /usr on newer ones.
  for (const char* folder : {"/lib", "/lib32", "/lib64"}) {
    std::error_code error;
    if (std::filesystem::is_symlink(folder, error)) {
      const std::string target = std::filesystem::read_symlink(folder, error).string();
      command.insert(command.end(), {"--symlink", target, folder});
    } else if (std::filesystem::is_directory(folder, error)) {
      command.insert(command.end(), {"--ro-bind", folder, folder});
    }
  }
  return command;
}

}  // namespace

std::vector<std::string> InBox(const std::vector<BoundFile>& readable, const std::vector<BoundFile>& writable,
                               const std::vector<std::string>& argv) {
  std::vector<std::string> command = BoxCommand();
  for (const BoundFile& file : readable)
    command.insert(command.end(), {"--ro-bind", file.outside, file.inside});
  for (const BoundFile& file : writable) command.insert(command.end(), {"--bind", file.outside, file.inside});
  command.insert(command.end(), {"--remount-ro", "/", "--"});
  command.insert(command.end(), argv.begin(), argv.end());
  return command;
}

Sandbox::Sandbox(std::string executor, bool boxed) : executor_(std::move(executor)), boxed_(boxed) {}

Sandbox Sandbox::Dangerous(const std::string& executor) { return Sandbox(executor, false); }

absl::StatusOr<Sandbox> Sandbox::Create(const std::string& executor) {
  if (access(executor.c_str(), X_OK) != 0) {
    return absl::NotFoundError(absl::StrCat("the program ", executor,
                                            " is missing: install tunefarm-executor beside tunefarm-runner"));
  }
  Sandbox sandbox(executor, true);
  const auto refuse = [](absl::string_view why, absl::string_view remedy) {
    return WithExitCode(absl::FailedPreconditionError(
                            absl::StrCat("kernels cannot be isolated on this machine: ", why, ". ", remedy,
                                         ", or accept that kernels run with your rights: "
                                         "--dangerously-unsandboxed")),
                        ExitCode::kNoSandbox);
  };
  SubprocessOptions options;
  // The executor without arguments says how to use it and ends with status 2: it started, so loading works as
  // well.
  options.argv = InBox({{executor, kExecutorInside}}, {}, {kExecutorInside});
  options.guarded = true;
  const absl::StatusOr<RunResult> result = RunProcess(options, absl::Seconds(20));
  if (absl::IsNotFound(result.status())) {
    return refuse("bubblewrap (bwrap) is not installed", "Install the package bubblewrap");
  }
  TUNEFARM_RETURN_IF_ERROR(result.status());
  if (result->exit_code == 2) return sandbox;
  return refuse(
      absl::StrCat("bubblewrap failed (", absl::StripAsciiWhitespace(result->err), ")"),
      "Allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1, on Ubuntu also "
      "kernel.apparmor_restrict_unprivileged_userns=0; in a container, the right to create namespaces)");
}

std::vector<std::string> Sandbox::Command(const std::vector<BoundFile>& files, int channel_fd) const {
  if (!boxed_) return {executor_, absl::StrCat(channel_fd)};
  std::vector<BoundFile> readable = {{executor_, kExecutorInside}};
  readable.insert(readable.end(), files.begin(), files.end());
  std::vector<std::string> command = InBox(readable, {}, {kExecutorInside, absl::StrCat(channel_fd)});
  command.insert(command.begin() + 1, "--new-session");
  return command;
}

}  // namespace tunefarm
