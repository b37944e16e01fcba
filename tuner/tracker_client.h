// The tracker over gRPC. The channel reconnects by itself, so every call may be repeated after kUnavailable.
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "tunefarm/v1/artifacts.grpc.pb.h"
#include "tunefarm/v1/tracker.grpc.pb.h"
#include "tuner/measurement_client.h"

namespace tunefarm::tuner {

class TrackerClient : public MeasurementClient {
 public:
  // `address` is for messages: errors name the tracker that did not answer.
  TrackerClient(std::shared_ptr<grpc::Channel> channel, std::string address);

  absl::Status Submit(const v1::SubmitRequest& request, const std::vector<Artifact>& artifacts) override;
  absl::StatusOr<v1::CollectResponse> Collect(const v1::CollectRequest& request) override;
  absl::Status Cancel(const v1::CancelRequest& request) override;
  absl::StatusOr<v1::ListDevicesResponse> ListDevices() override;

 private:
  absl::Status SendMissing(const std::vector<Artifact>& artifacts);
  absl::Status Put(const Artifact& artifact);
  absl::Status Explain(const grpc::Status& status) const;

  std::string address_;
  std::unique_ptr<v1::Tracker::Stub> tracker_;
  std::unique_ptr<v1::Artifacts::Stub> artifacts_;
};

}  // namespace tunefarm::tuner
