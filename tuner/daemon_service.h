// v1.Tuner over gRPC: a thin shell around the daemon.
#pragma once

#include "tunefarm/v1/tuner.grpc.pb.h"
#include "tuner/daemon.h"

namespace tunefarm::tuner {

// With TLS, a job belongs to the common name of its submitter's certificate, whatever the request says, and
// only that user may cancel or resume it. The daemon must outlive the service.
class DaemonService final : public v1::Tuner::Service {
 public:
  explicit DaemonService(Daemon& daemon) : daemon_(daemon) {}

  grpc::Status SubmitJob(grpc::ServerContext* context, const v1::SubmitJobRequest* request,
                         v1::SubmitJobResponse* response) override;
  grpc::Status WatchJob(grpc::ServerContext* context, const v1::WatchJobRequest* request,
                        grpc::ServerWriter<v1::JobEvent>* writer) override;
  grpc::Status ListJobs(grpc::ServerContext* context, const v1::ListJobsRequest* request,
                        v1::ListJobsResponse* response) override;
  grpc::Status CancelJob(grpc::ServerContext* context, const v1::CancelJobRequest* request,
                         v1::CancelJobResponse* response) override;
  grpc::Status ResumeJob(grpc::ServerContext* context, const v1::ResumeJobRequest* request,
                         v1::ResumeJobResponse* response) override;

 private:
  absl::Status CheckOwner(const grpc::ServerContext& context, const std::string& job_id);

  Daemon& daemon_;
};

}  // namespace tunefarm::tuner
