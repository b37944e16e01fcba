#include "tracker/service.h"

#include <utility>

#include "proto/rpc.h"
#include "tracker/peer.h"
#include "tracker/validate.h"

namespace tunefarm {
namespace {

// A call that may be held. Deletes itself when gRPC is done with it.
class HeldReactor final : public grpc::ServerUnaryReactor {
 public:
  explicit HeldReactor(Coordinator* coordinator) : coordinator_(coordinator), call_(coordinator->NewCall()) {}
  std::uint64_t call() const { return call_; }
  void OnCancel() override { coordinator_->HangUp(call_); }
  void OnDone() override { delete this; }

 private:
  Coordinator* const coordinator_;
  const std::uint64_t call_;
};

grpc::ServerUnaryReactor* Finished(grpc::CallbackServerContext* context, const absl::Status& status) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(ToGrpc(status));
  return reactor;
}

// Copies the answer out and ends the call.
template <typename Response>
auto Finisher(grpc::ServerUnaryReactor* reactor, Response* response) {
  return [reactor, response](absl::StatusOr<Response> answer) {
    const absl::Status status = answer.status();
    if (status.ok()) *response = *std::move(answer);
    reactor->Finish(ToGrpc(status));
  };
}

}  // namespace

grpc::ServerUnaryReactor* WorkerService::Synchronize(grpc::CallbackServerContext* context,
                                                     const v1::SynchronizeRequest* request,
                                                     v1::SynchronizeResponse* response) {
  absl::Status status = Validate(*request);
  if (status.ok()) status = CheckIsRunnerOf(IdentityOf(*context), request->device().device_id());
  if (!status.ok()) return Finished(context, status);
  auto* reactor = new HeldReactor(coordinator_);
  coordinator_->Synchronize(reactor->call(), *request, Finisher(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* TrackerService::Submit(grpc::CallbackServerContext* context,
                                                 const v1::SubmitRequest* request, v1::SubmitResponse*) {
  const Identity identity = IdentityOf(*context);
  absl::Status status = CheckIsUser(identity);
  v1::SubmitRequest proven;
  const v1::SubmitRequest* effective = request;
  if (!identity.name.empty()) {
    proven = *request;
    proven.set_user(identity.name);
    effective = &proven;
  }
  if (status.ok()) status = Validate(*effective);
  if (!status.ok()) return Finished(context, status);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  coordinator_->Submit(*effective,
                       [reactor](const absl::Status& result) { reactor->Finish(ToGrpc(result)); });
  return reactor;
}

grpc::ServerUnaryReactor* TrackerService::Collect(grpc::CallbackServerContext* context,
                                                  const v1::CollectRequest* request,
                                                  v1::CollectResponse* response) {
  const Identity identity = IdentityOf(*context);
  absl::Status status = CheckIsUser(identity);
  if (status.ok()) status = CheckName("session_id", request->session_id());
  if (!status.ok()) return Finished(context, status);
  auto* reactor = new HeldReactor(coordinator_);
  coordinator_->Collect(reactor->call(), *request, identity.name, Finisher(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* TrackerService::Cancel(grpc::CallbackServerContext* context,
                                                 const v1::CancelRequest* request,
                                                 v1::CancelResponse* response) {
  const Identity identity = IdentityOf(*context);
  absl::Status status = CheckIsUser(identity);
  if (status.ok()) status = CheckName("session_id", request->session_id());
  if (!status.ok()) return Finished(context, status);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  coordinator_->Cancel(*request, identity.name, Finisher(reactor, response));
  return reactor;
}

grpc::ServerUnaryReactor* TrackerService::ListDevices(grpc::CallbackServerContext* context,
                                                      const v1::ListDevicesRequest*,
                                                      v1::ListDevicesResponse* response) {
  const absl::Status status = CheckIsUser(IdentityOf(*context));
  if (status.ok()) *response = coordinator_->ListDevices();
  return Finished(context, status);
}

grpc::ServerUnaryReactor* TrackerService::Explain(grpc::CallbackServerContext* context,
                                                  const v1::ExplainRequest* request,
                                                  v1::ExplainResponse* response) {
  absl::Status status = CheckIsUser(IdentityOf(*context));
  if (status.ok()) status = CheckName("work_id", request->work_id());
  if (status.ok()) {
    auto explanation = coordinator_->Explain(request->work_id());
    status = explanation.status();
    if (status.ok()) *response = *std::move(explanation);
  }
  return Finished(context, status);
}

grpc::ServerUnaryReactor* TrackerService::Drain(grpc::CallbackServerContext* context,
                                                const v1::DrainRequest* request,
                                                v1::DrainResponse* response) {
  absl::Status status = CheckIsUser(IdentityOf(*context));
  if (status.ok()) status = CheckName("pattern", request->pattern());
  if (!status.ok()) return Finished(context, status);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  coordinator_->Drain(*request, Finisher(reactor, response));
  return reactor;
}

}  // namespace tunefarm
