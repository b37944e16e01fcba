// One program of a local farm: started, waited for until it says that it is ready, watched.
#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/status.h"
#include "base/subprocess.h"

namespace tunefarm::cli {

// Owns the process: it dies with this object, and with the thread that made it (base/subprocess.h).
class FarmChild {
 public:
  // `program` is a file; both outputs are appended to `log_path`. kNotFound says how to get the program.
  static absl::StatusOr<FarmChild> Start(const std::string& program, std::vector<std::string> arguments,
                                         const std::vector<int>& cpus, const std::string& log_path);

  // Waits for the line that begins with `prefix` and returns the rest of it. When the program ends or
  // `deadline` passes before, the error has the tail of its log, and the program's own exit status where it
  // has one.
  absl::StatusOr<std::string> AwaitReady(const std::string& prefix, absl::Duration deadline);

  // OK while it runs; else why it ended, with the tail of its log.
  absl::Status CheckAlive();

  void Stop(absl::Duration grace) { process_.Stop(grace); }

 private:
  FarmChild(std::string name, std::string log_path, Subprocess process)
      : name_(std::move(name)), log_path_(std::move(log_path)), process_(std::move(process)) {}
  absl::Status EndedStatus(int wait_status) const;

  std::string name_;
  std::string log_path_;
  Subprocess process_;
};

// The rest of the first complete line of `log` that begins with `prefix`; empty when there is none.
std::string FindReadyLine(absl::string_view log, absl::string_view prefix);
// The last `lines` lines, each indented by two spaces.
std::string LogTail(absl::string_view log, int lines);

}  // namespace tunefarm::cli
