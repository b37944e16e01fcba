// A farm of the real programs, each a process of its own, in a folder of its own, over Unix sockets. Failures
// end the test (REQUIRE). Use it from the test's main thread only: children die with the thread that started
// them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "tunefarm/v1/tuner.grpc.pb.h"

namespace tunefarm {

// Generous: what takes a second on a calm machine may take twenty on one with two cores and six compilers.
inline constexpr absl::Duration kPatience = absl::Seconds(100);

// Looks again and again until the condition holds; false when the deadline passes before. The one way to wait
// here.
bool Eventually(const std::function<bool()>& condition, absl::Duration deadline = kPatience);

// A program that can be killed and started again with the same arguments, in the same environment.
class FarmProgram {
 public:
  // Both outputs are appended to `log`. Ready is the line that begins with `ready`.
  FarmProgram(std::vector<std::string> argv, std::vector<std::string> environment, std::string ready,
              std::string log);

  // Runs it under another command from the next start on; that command must end in an exec of "$@".
  void RunUnder(const std::vector<std::string>& command);

  void Start();
  void AwaitReady();
  // SIGKILL, to this process alone, as `kill -9` does.
  void Kill();
  void Signal(int signal);
  // The exit status, once it has ended by itself.
  int AwaitExit();

  pid_t pid() const { return process_->pid(); }
  const std::string& log_path() const { return log_; }
  // What this start has written so far.
  std::string Log() const;

 private:
  std::vector<std::string> argv_, environment_;
  std::string ready_, log_;
  std::size_t log_start_ = 0;
  std::optional<Subprocess> process_;
};

class Farm {
 public:
  // Prepares the programs; starts none. With `runners` runners, each on a core of its own as far as there are
  // cores.
  explicit Farm(int runners = 1);
  // Ends all that run. Prints the logs when the test has failed.
  ~Farm();

  // All programs, ready.
  void Start();

  const TempDir folder;  // First: it goes when the programs are gone.
  FarmProgram tracker, daemon;
  std::vector<FarmProgram> runners;

  std::string Path(const std::string& name) const { return folder.path() + "/" + name; }
  std::string database() const { return Path("db/farm.db"); }
  std::string daemon_address() const { return "unix:" + Path("d"); }
  std::string tracker_address() const { return "unix:" + Path("t"); }

  // What the daemon answers; waits for one that is away.
  std::string Submit(const v1::SubmitJobRequest& request);
  v1::JobInfo Info(const std::string& job_id);
  // The next live progress of a running job.
  v1::JobProgress Progress(const std::string& job_id);
  v1::JobState AwaitEnd(const std::string& job_id, absl::Duration deadline = kPatience);

 private:
  std::unique_ptr<v1::Tuner::Stub> stub_;
};

// Measurements of a few milliseconds, for tests that are not about their precision.
v1::MeasurementPolicy QuickPolicy();

// `trials` quickly measured random trials of each of `tasks` small matrix multiplications.
v1::SubmitJobRequest QuickJob(const std::string& user, int tasks, int trials);

// Counts what the database holds: each task has exactly trials 0 .. trials-1, each once, no config twice, no
// proposal open.
void CheckComplete(const std::string& database, const std::string& job_id, int tasks, int trials);

// Processes whose command line names the folder.
std::vector<pid_t> ProcessesOf(const TempDir& folder);

// One of the programs under test: in $TUNEFARM_BIN_DIR, or beside the test.
std::string ProgramPath(const std::string& name);
// The environment of all programs of a test: its own home and scratch below `folder`, and `path` (default:
// ours).
std::vector<std::string> TestEnvironment(const std::string& folder, const std::string& path = "");

}  // namespace tunefarm
