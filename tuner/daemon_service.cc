#include "tuner/daemon_service.h"

#include <optional>

#include "proto/rpc.h"

namespace tunefarm::tuner {
namespace {

// The name in the caller's certificate; nothing without TLS.
std::optional<std::string> UserOf(const grpc::ServerContext& context) {
  const auto auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return std::nullopt;
  const auto names = auth->FindPropertyValues("x509_common_name");
  // A certificate without a name is nobody, which is not the same as a caller without a certificate.
  if (names.empty() || names[0].empty()) return "?";
  return std::string(names[0].data(), names[0].size());
}

}  // namespace

absl::Status DaemonService::CheckOwner(const grpc::ServerContext& context, const std::string& job_id) {
  const std::optional<std::string> user = UserOf(context);
  if (!user.has_value()) return absl::OkStatus();
  TUNEFARM_ASSIGN_OR_RETURN(const v1::ListJobsResponse jobs, daemon_.List(job_id));
  if (jobs.jobs_size() == 1 && jobs.jobs(0).user() == *user) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat("job ", job_id, " belongs to another user than ", *user));
}

grpc::Status DaemonService::SubmitJob(grpc::ServerContext* context, const v1::SubmitJobRequest* request,
                                      v1::SubmitJobResponse* response) {
  v1::SubmitJobRequest job = *request;
  if (const std::optional<std::string> user = UserOf(*context)) job.mutable_options()->set_user(*user);
  absl::StatusOr<std::string> id = daemon_.Submit(std::move(job));
  if (!id.ok()) return ToGrpc(id.status());
  response->set_job_id(*std::move(id));
  return grpc::Status::OK;
}

grpc::Status DaemonService::WatchJob(grpc::ServerContext* context, const v1::WatchJobRequest* request,
                                     grpc::ServerWriter<v1::JobEvent>* writer) {
  return ToGrpc(daemon_.Watch(request->job_id(), request->after_sequence(), [&](const v1::JobEvent& event) {
    if (event.event_case() == v1::JobEvent::EVENT_NOT_SET) return !context->IsCancelled();
    return writer->Write(event);
  }));
}

grpc::Status DaemonService::ListJobs(grpc::ServerContext*, const v1::ListJobsRequest* request,
                                     v1::ListJobsResponse* response) {
  absl::StatusOr<v1::ListJobsResponse> jobs = daemon_.List(request->job_id());
  if (!jobs.ok()) return ToGrpc(jobs.status());
  *response = *std::move(jobs);
  return grpc::Status::OK;
}

grpc::Status DaemonService::CancelJob(grpc::ServerContext* context, const v1::CancelJobRequest* request,
                                      v1::CancelJobResponse*) {
  if (const absl::Status status = CheckOwner(*context, request->job_id()); !status.ok())
    return ToGrpc(status);
  return ToGrpc(daemon_.Cancel(request->job_id()));
}

grpc::Status DaemonService::ResumeJob(grpc::ServerContext* context, const v1::ResumeJobRequest* request,
                                      v1::ResumeJobResponse*) {
  if (const absl::Status status = CheckOwner(*context, request->job_id()); !status.ok())
    return ToGrpc(status);
  return ToGrpc(daemon_.Resume(request->job_id()));
}

}  // namespace tunefarm::tuner
