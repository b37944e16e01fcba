// A tracker in this process behind real gRPC on a Unix socket, with clients of its three services.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "base/digest.h"
#include "base/file.h"
#include "proto/rpc.h"
#include "tracker/service.h"

namespace tunefarm {

inline std::unique_ptr<grpc::ClientContext> Deadline(int seconds = 20) {
  auto context = std::make_unique<grpc::ClientContext>();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(seconds));
  context->set_wait_for_ready(true);
  return context;
}

// Stubs for an address, and the calls in one line each.
struct TrackerClient {
  explicit TrackerClient(const std::string& address)
      : channel(Dial(address, {}).value()),
        worker(v1::Worker::NewStub(channel)),
        tracker(v1::Tracker::NewStub(channel)),
        artifacts(v1::Artifacts::NewStub(channel)) {}

  absl::Status Put(const std::string& content, const std::string& digest) {
    v1::PutResponse response;
    const auto context = Deadline();
    const auto writer = artifacts->Put(context.get(), &response);
    v1::PutChunk chunk;
    chunk.set_digest(digest);
    chunk.set_size_bytes(content.size());
    for (std::size_t at = 0; at < content.size(); at += 1 << 20) {
      chunk.set_data(content.substr(at, 1 << 20));
      if (!writer->Write(chunk)) break;
      chunk.clear_digest();
    }
    writer->WritesDone();
    return FromGrpc(writer->Finish());
  }
  std::string Put(const std::string& content) {
    const std::string digest = Sha256Hex(content);
    return Put(content, digest).ok() ? digest : "";
  }
  absl::StatusOr<std::string> Get(const std::string& digest) {
    v1::GetRequest request;
    request.set_digest(digest);
    const auto context = Deadline();
    const auto reader = artifacts->Get(context.get(), request);
    std::string content;
    v1::GetChunk chunk;
    while (reader->Read(&chunk)) content += chunk.data();
    if (const grpc::Status status = reader->Finish(); !status.ok()) return FromGrpc(status);
    return content;
  }
  static v1::SubmittedWork Item(const std::string& work_id, const std::string& digest) {
    v1::SubmittedWork work;
    work.mutable_item()->set_work_id(work_id);
    work.mutable_item()->add_kernel_digests(digest);
    return work;
  }
  absl::Status Submit(const std::string& session, const std::vector<v1::SubmittedWork>& work) {
    v1::SubmitRequest request;
    request.set_session_id(session);
    request.set_user("ann");
    for (const auto& item : work) *request.add_work() = item;
    v1::SubmitResponse response;
    return FromGrpc(tracker->Submit(Deadline().get(), request, &response));
  }
  absl::StatusOr<v1::CollectResponse> Collect(const std::string& session, std::uint32_t wait_ms,
                                              const std::vector<std::string>& acknowledge = {}) {
    v1::CollectRequest request;
    request.set_session_id(session);
    request.set_max_wait_ms(wait_ms);
    for (const std::string& id : acknowledge) request.add_acknowledge(id);
    v1::CollectResponse response;
    const grpc::Status status = tracker->Collect(Deadline().get(), request, &response);
    if (!status.ok()) return FromGrpc(status);
    return response;
  }

  std::shared_ptr<grpc::Channel> channel;
  std::unique_ptr<v1::Worker::Stub> worker;
  std::unique_ptr<v1::Tracker::Stub> tracker;
  std::unique_ptr<v1::Artifacts::Stub> artifacts;
};

// One runner speaking gRPC.
struct RemoteRunner {
  RemoteRunner(TrackerClient& to, std::string id) : client(to), device_id(std::move(id)) {}
  v1::SynchronizeRequest Message() {
    v1::SynchronizeRequest request;
    request.set_protocol_version(1);
    request.mutable_device()->set_device_id(device_id);
    request.set_incarnation(incarnation);
    request.set_sequence(++sequence);
    return request;
  }
  absl::StatusOr<v1::SynchronizeResponse> Send(const v1::SynchronizeRequest& request) {
    v1::SynchronizeResponse response;
    const grpc::Status status = client.worker->Synchronize(Deadline().get(), request, &response);
    if (!status.ok()) return FromGrpc(status);
    return response;
  }
  absl::StatusOr<v1::SynchronizeResponse> Idle(std::uint32_t wait_ms) {
    v1::SynchronizeRequest request = Message();
    request.set_max_wait_ms(wait_ms);
    request.mutable_idle();
    return Send(request);
  }
  absl::StatusOr<v1::SynchronizeResponse> Complete(const v1::LeaseToken& lease, std::uint32_t wait_ms = 0) {
    v1::SynchronizeRequest request = Message();
    request.set_max_wait_ms(wait_ms);
    *request.mutable_completed()->mutable_lease() = lease;
    request.mutable_completed()->mutable_measurement()->add_kernels()->set_median_us(10);
    return Send(request);
  }
  TrackerClient& client;
  std::string device_id;
  std::string incarnation = "first";
  std::uint64_t sequence = 0;
};

class ServedTracker {
 public:
  explicit ServedTracker(QueueOptions options = {}, std::uint64_t artifact_bytes = 64 << 20)
      : folder_(TempDir::Create().value()),
        store_(ArtifactStore::Open(folder_.path() + "/artifacts", artifact_bytes).value()),
        coordinator_(
            Coordinator::Start(options, Journal::Open(folder_.path() + "/state").value(), store_.get())
                .value()),
        worker_(coordinator_.get()),
        tracker_(coordinator_.get()),
        artifacts_(store_.get()),
        address_("unix:" + folder_.path() + "/socket") {
    grpc::ServerBuilder builder;
    int port = 0;
    if (!AddListeningPort(builder, address_, {}, &port).ok()) return;
    builder.RegisterService(&worker_);
    builder.RegisterService(&tracker_);
    builder.RegisterService(&artifacts_);
    server_ = builder.BuildAndStart();
  }
  ~ServedTracker() {
    coordinator_->StopHolding();
    server_->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
    server_->Wait();
  }
  const std::string& address() const { return address_; }
  Coordinator& coordinator() { return *coordinator_; }

 private:
  TempDir folder_;
  std::unique_ptr<ArtifactStore> store_;
  std::unique_ptr<Coordinator> coordinator_;
  WorkerService worker_;
  TrackerService tracker_;
  ArtifactService artifacts_;
  std::string address_;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace tunefarm
