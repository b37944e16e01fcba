#include "bench/tune_first.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "base/file.h"

namespace tunefarm::bench {

absl::Status TuneFirst(const std::vector<std::string>& workloads, const TuneOptions& options) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string program = (self.parent_path() / "tunefarm").string();
  std::vector<std::string> words = {program,     "tune",
                                    "--db",      options.db_path,
                                    "--target",  options.target,
                                    "--trials",  std::to_string(options.trials),
                                    "--threads", std::to_string(options.threads)};
  for (const std::string& workload : workloads) words.insert(words.end(), {"--workload", workload});
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const pid_t child = fork();
  if (child < 0) return ErrnoToStatus(errno, "fork");
  if (child == 0) {
    dup2(STDERR_FILENO, STDOUT_FILENO);
    unsetenv("GLIBC_TUNABLES");  // HoldPeersTo's.
    execv(program.c_str(), argv.data());
    _exit(127);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return ErrnoToStatus(errno, "waiting for tunefarm");
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
    return absl::NotFoundError(absl::StrCat(program, " cannot be started; build it (target tunefarm)"));
  }
  return absl::InternalError(absl::StrCat(program, " tune failed",
                                          WIFEXITED(status)
                                              ? absl::StrCat(" with exit status ", WEXITSTATUS(status))
                                              : absl::StrCat(" by signal ", WTERMSIG(status))));
}

}  // namespace tunefarm::bench
