// What the daemon needs of whoever measures: the tracker, or a stand-in in tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/status.h"
#include "tunefarm/v1/tracker.pb.h"

namespace tunefarm::tuner {

// Bytes named by their digest.
struct Artifact {
  std::string digest;
  std::shared_ptr<const std::string> content;
};

// Thread safe; calls block. kUnavailable and kDeadlineExceeded: nobody answers, try again later.
class MeasurementClient {
 public:
  virtual ~MeasurementClient() = default;

  // Sends those artifacts that are missing there, then submits; returns when the work is accepted for good.
  // Idempotent by work_id. kResourceExhausted: the queue is full, try again later.
  virtual absl::Status Submit(const v1::SubmitRequest& request, const std::vector<Artifact>& artifacts) = 0;

  // Results that were not acknowledged yet. Waits for the first up to request.max_wait_ms.
  virtual absl::StatusOr<v1::CollectResponse> Collect(const v1::CollectRequest& request) = 0;

  virtual absl::Status Cancel(const v1::CancelRequest& request) = 0;

  virtual absl::StatusOr<v1::ListDevicesResponse> ListDevices() = 0;
};

}  // namespace tunefarm::tuner
