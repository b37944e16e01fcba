#include "tuner/tracker_client.h"

#include <chrono>
#include <unordered_set>
#include <utility>

#include "base/exit_code.h"
#include "proto/rpc.h"

namespace tunefarm::tuner {
namespace {

// The tracker answers in milliseconds; half of this would cut off a journal on a slow disk, twice would hide
// a dead tracker from the user.
constexpr std::chrono::seconds kCallTimeout(10);
// As large as the protocol allows (artifacts.proto).
constexpr std::size_t kChunkBytes = 1 << 20;

void SetDeadline(grpc::ClientContext& context, std::chrono::milliseconds timeout) {
  context.set_deadline(std::chrono::system_clock::now() + timeout);
}

}  // namespace

TrackerClient::TrackerClient(std::shared_ptr<grpc::Channel> channel, std::string address)
    : address_(std::move(address)),
      tracker_(v1::Tracker::NewStub(channel)),
      artifacts_(v1::Artifacts::NewStub(std::move(channel))) {}

absl::Status TrackerClient::Explain(const grpc::Status& status) const {
  if (status.ok()) return absl::OkStatus();
  if (status.error_code() == grpc::StatusCode::UNAVAILABLE ||
      status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED) {
    return WithExitCode(absl::UnavailableError(absl::StrCat("the tracker at ", address_, " does not answer (",
                                                            status.error_message(),
                                                            "); check that tunefarm-tracker runs there")),
                        ExitCode::kUnreachable);
  }
  return WithContext(FromGrpc(status), absl::StrCat("tracker ", address_));
}

absl::Status TrackerClient::Put(const Artifact& artifact) {
  grpc::ClientContext context;
  // An artifact is at most some megabytes, but the network may be slow.
  SetDeadline(context, 6 * kCallTimeout);
  v1::PutResponse response;
  const auto writer = artifacts_->Put(&context, &response);
  const std::string& content = *artifact.content;
  std::size_t at = 0;
  do {
    v1::PutChunk chunk;
    if (at == 0) {
      chunk.set_digest(artifact.digest);
      chunk.set_size_bytes(content.size());
    }
    chunk.set_data(content.substr(at, kChunkBytes));
    if (!writer->Write(chunk)) break;  // Finish() tells why.
    at += kChunkBytes;
  } while (at < content.size());
  writer->WritesDone();
  return Explain(writer->Finish());
}

absl::Status TrackerClient::SendMissing(const std::vector<Artifact>& artifacts) {
  v1::FindMissingRequest request;
  for (const Artifact& artifact : artifacts) request.add_digests(artifact.digest);
  v1::FindMissingResponse response;
  grpc::ClientContext context;
  SetDeadline(context, kCallTimeout);
  TUNEFARM_RETURN_IF_ERROR(Explain(artifacts_->FindMissing(&context, request, &response)));
  std::unordered_set<std::string> missing(response.missing().begin(), response.missing().end());
  for (const Artifact& artifact : artifacts) {
    if (missing.erase(artifact.digest) == 0) continue;
    TUNEFARM_RETURN_IF_ERROR(Put(artifact));
  }
  return absl::OkStatus();
}

absl::Status TrackerClient::Submit(const v1::SubmitRequest& request, const std::vector<Artifact>& artifacts) {
  TUNEFARM_RETURN_IF_ERROR(SendMissing(artifacts));
  grpc::ClientContext context;
  SetDeadline(context, kCallTimeout);
  v1::SubmitResponse response;
  return Explain(tracker_->Submit(&context, request, &response));
}

absl::StatusOr<v1::CollectResponse> TrackerClient::Collect(const v1::CollectRequest& request) {
  grpc::ClientContext context;
  SetDeadline(context, kCallTimeout + std::chrono::milliseconds(request.max_wait_ms()));
  v1::CollectResponse response;
  TUNEFARM_RETURN_IF_ERROR(Explain(tracker_->Collect(&context, request, &response)));
  return response;
}

absl::Status TrackerClient::Cancel(const v1::CancelRequest& request) {
  grpc::ClientContext context;
  SetDeadline(context, kCallTimeout);
  v1::CancelResponse response;
  return Explain(tracker_->Cancel(&context, request, &response));
}

absl::StatusOr<v1::ListDevicesResponse> TrackerClient::ListDevices() {
  grpc::ClientContext context;
  SetDeadline(context, kCallTimeout);
  v1::ListDevicesResponse response;
  TUNEFARM_RETURN_IF_ERROR(Explain(tracker_->ListDevices(&context, {}, &response)));
  return response;
}

}  // namespace tunefarm::tuner
