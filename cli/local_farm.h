// Embedded mode: tracker, runner and daemon of this machine as children of this process, over Unix sockets in
// a private folder. The same programs and protocols as on a farm.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/cpu_split.h"
#include "cli/farm_child.h"
#include "cli/tuner_client.h"

namespace tunefarm::cli {

struct LocalFarmOptions {
  std::string program_directory;  // Empty: where this program is.
  // For the daemon; its folder is made when it is not there. Empty: no daemon, only tracker and runner.
  std::string database;
  // A tracker that runs already: only the daemon is started. Empty: tracker and runner are started too.
  std::string tracker;
  TransportOptions tracker_transport;
  // As tunefarm-runner takes it; empty: this machine. Emulated ones are started one for each core: their
  // times do not depend on what runs beside them.
  std::string device;
  bool emulated = false;
  int kernel_threads = 1;
  int builders = 0;  // 0: one for each core that is not the device's.
  std::string compiler_launcher;
  // Until each program must be ready. The runner detects its machine and takes the baseline of its reference
  // kernel first.
  absl::Duration start_deadline = absl::Seconds(30);
};

// Use from one thread, which must live as long as the farm: the children die with it.
class LocalFarm {
 public:
  static absl::StatusOr<std::unique_ptr<LocalFarm>> Start(const LocalFarmOptions& options);
  ~LocalFarm();  // Daemon first, so that it stores what is on its way.

  const std::string& tracker_address() const { return tracker_address_; }
  const std::string& daemon_address() const { return daemon_address_; }
  const std::string& device_id() const { return device_id_; }
  const CpuSplit& cpus() const { return cpus_; }
  // OK while all children run; else which one ended and what it said.
  absl::Status CheckAlive();

 private:
  explicit LocalFarm(TempDir folder) : folder_(std::move(folder)) {}
  absl::Status StartTracker(const LocalFarmOptions& options, const std::string& programs);
  absl::Status StartRunners(const LocalFarmOptions& options, const std::string& programs);
  absl::Status AwaitRunners(const LocalFarmOptions& options);
  absl::Status StartDaemon(const LocalFarmOptions& options, const std::string& programs);

  TempDir folder_;
  CpuSplit cpus_;
  std::string tracker_address_, daemon_address_, device_id_;
  std::optional<FarmChild> tracker_, daemon_;
  std::vector<FarmChild> runners_;  // Started between the two.
};

}  // namespace tunefarm::cli
