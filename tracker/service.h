// The tracker's gRPC services: they check who calls and what was sent, and pass it on. Callback API, so that
// a thousand waiting runners cost no threads.
#pragma once

#include "tracker/artifact_store.h"
#include "tracker/coordinator.h"
#include "tunefarm/v1/artifacts.grpc.pb.h"
#include "tunefarm/v1/tracker.grpc.pb.h"
#include "tunefarm/v1/worker.grpc.pb.h"

namespace tunefarm {

// The coordinator must outlive the server.
class WorkerService final : public v1::Worker::CallbackService {
 public:
  explicit WorkerService(Coordinator* coordinator) : coordinator_(coordinator) {}
  grpc::ServerUnaryReactor* Synchronize(grpc::CallbackServerContext* context,
                                        const v1::SynchronizeRequest* request,
                                        v1::SynchronizeResponse* response) override;

 private:
  Coordinator* const coordinator_;
};

class TrackerService final : public v1::Tracker::CallbackService {
 public:
  explicit TrackerService(Coordinator* coordinator) : coordinator_(coordinator) {}
  grpc::ServerUnaryReactor* Submit(grpc::CallbackServerContext* context, const v1::SubmitRequest* request,
                                   v1::SubmitResponse* response) override;
  grpc::ServerUnaryReactor* Collect(grpc::CallbackServerContext* context, const v1::CollectRequest* request,
                                    v1::CollectResponse* response) override;
  grpc::ServerUnaryReactor* Cancel(grpc::CallbackServerContext* context, const v1::CancelRequest* request,
                                   v1::CancelResponse* response) override;
  grpc::ServerUnaryReactor* ListDevices(grpc::CallbackServerContext* context,
                                        const v1::ListDevicesRequest* request,
                                        v1::ListDevicesResponse* response) override;
  grpc::ServerUnaryReactor* Explain(grpc::CallbackServerContext* context, const v1::ExplainRequest* request,
                                    v1::ExplainResponse* response) override;
  grpc::ServerUnaryReactor* Drain(grpc::CallbackServerContext* context, const v1::DrainRequest* request,
                                  v1::DrainResponse* response) override;

 private:
  Coordinator* const coordinator_;
};

class ArtifactService final : public v1::Artifacts::CallbackService {
 public:
  explicit ArtifactService(ArtifactStore* store) : store_(store) {}
  grpc::ServerUnaryReactor* FindMissing(grpc::CallbackServerContext* context,
                                        const v1::FindMissingRequest* request,
                                        v1::FindMissingResponse* response) override;
  grpc::ServerReadReactor<v1::PutChunk>* Put(grpc::CallbackServerContext* context,
                                             v1::PutResponse* response) override;
  grpc::ServerWriteReactor<v1::GetChunk>* Get(grpc::CallbackServerContext* context,
                                              const v1::GetRequest* request) override;

 private:
  ArtifactStore* const store_;
};

}  // namespace tunefarm
