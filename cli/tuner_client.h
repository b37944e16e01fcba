// Calls to a tunefarmd and to a tracker, each with a deadline and with errors that say who did not answer and
// what to do.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/status.h"
#include "proto/rpc.h"
#include "tunefarm/v1/tracker.grpc.pb.h"
#include "tunefarm/v1/tuner.grpc.pb.h"

namespace tunefarm::cli {

// Until a server counts as unreachable: longer than a daemon's restart takes, shorter than a person's
// patience.
inline constexpr absl::Duration kConnectDeadline = absl::Seconds(4);
inline constexpr absl::Duration kCallDeadline = absl::Seconds(20);

inline constexpr char kDefaultDaemon[] = "127.0.0.1:9191";
inline constexpr char kDefaultTracker[] = "127.0.0.1:9190";

// Thread safe.
class TunerClient {
 public:
  // kUnreachable with the address and how to start a daemon when none answers within kConnectDeadline.
  static absl::StatusOr<std::unique_ptr<TunerClient>> Connect(const std::string& address,
                                                              const TransportOptions& transport);

  const std::string& address() const { return address_; }
  absl::StatusOr<std::string> Submit(const v1::SubmitJobRequest& request);   // The job's id.
  absl::StatusOr<std::vector<v1::JobInfo>> List(const std::string& job_id);  // Empty: all.
  absl::Status Cancel(const std::string& job_id);
  absl::Status Resume(const std::string& job_id);
  v1::Tuner::Stub& stub() { return *stub_; }

 private:
  TunerClient(std::string address, const std::shared_ptr<grpc::Channel>& channel);
  std::string address_;
  std::unique_ptr<v1::Tuner::Stub> stub_;
};

class TrackerClient {
 public:
  static absl::StatusOr<std::unique_ptr<TrackerClient>> Connect(const std::string& address,
                                                                const TransportOptions& transport);
  absl::StatusOr<v1::ListDevicesResponse> ListDevices();

 private:
  TrackerClient(std::string address, const std::shared_ptr<grpc::Channel>& channel);
  std::string address_;
  std::unique_ptr<v1::Tracker::Stub> stub_;
};

}  // namespace tunefarm::cli
