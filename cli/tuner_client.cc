#include "cli/tuner_client.h"

#include <chrono>

#include "absl/time/clock.h"
#include "base/exit_code.h"

namespace tunefarm::cli {
namespace {

std::chrono::system_clock::time_point In(absl::Duration d) { return absl::ToChronoTime(absl::Now() + d); }

absl::StatusOr<std::shared_ptr<grpc::Channel>> DialAndWait(const std::string& program,
                                                           const std::string& address,
                                                           const TransportOptions& transport,
                                                           const std::string& advice) {
  auto channel = Dial(address, transport);
  if (!channel.ok()) return WithExitCode(channel.status(), ExitCode::kUsage);
  if (!(*channel)->WaitForConnected(In(kConnectDeadline))) {
    return WithExitCode(
        absl::UnavailableError(absl::StrCat("no ", program, " answers at ", address, " (tried for ",
                                            absl::FormatDuration(kConnectDeadline), "); ", advice)),
        ExitCode::kUnreachable);
  }
  return channel;
}

absl::Status Explain(const grpc::Status& status, const std::string& program, const std::string& address) {
  if (status.ok()) return absl::OkStatus();
  absl::Status error = FromGrpc(status);
  if (absl::IsUnavailable(error) || absl::IsDeadlineExceeded(error)) {
    return WithContext(WithExitCode(error, ExitCode::kUnreachable),
                       absl::StrCat("the ", program, " at ", address, " does not answer"));
  }
  if (absl::IsUnimplemented(error)) {
    return WithContext(WithExitCode(error, ExitCode::kUnreachable),
                       absl::StrCat("what listens at ", address, " is not a ", program, " of this version"));
  }
  return error;
}

template <typename Request, typename Response>
absl::Status Call(grpc::Status (v1::Tuner::Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  v1::Tuner::Stub& stub, const Request& request, Response* response,
                  const std::string& address) {
  grpc::ClientContext context;
  context.set_deadline(In(kCallDeadline));
  return Explain((stub.*method)(&context, request, response), "tunefarmd", address);
}

}  // namespace

TunerClient::TunerClient(std::string address, const std::shared_ptr<grpc::Channel>& channel)
    : address_(std::move(address)), stub_(v1::Tuner::NewStub(channel)) {}

absl::StatusOr<std::unique_ptr<TunerClient>> TunerClient::Connect(const std::string& address,
                                                                  const TransportOptions& transport) {
  TUNEFARM_ASSIGN_OR_RETURN(
      auto channel, DialAndWait("tunefarmd", address, transport,
                                absl::StrCat("start one with `tunefarmd --listen ", address,
                                             " --tracker ADDRESS`. Tuning on this machine needs none, and "
                                             "`tunefarm jobs --db FILE` lists what was tuned so")));
  return std::unique_ptr<TunerClient>(new TunerClient(address, std::move(channel)));
}

absl::StatusOr<std::string> TunerClient::Submit(const v1::SubmitJobRequest& request) {
  v1::SubmitJobResponse response;
  TUNEFARM_RETURN_IF_ERROR(Call(&v1::Tuner::Stub::SubmitJob, *stub_, request, &response, address_));
  return response.job_id();
}

absl::StatusOr<std::vector<v1::JobInfo>> TunerClient::List(const std::string& job_id) {
  v1::ListJobsRequest request;
  request.set_job_id(job_id);
  v1::ListJobsResponse response;
  TUNEFARM_RETURN_IF_ERROR(Call(&v1::Tuner::Stub::ListJobs, *stub_, request, &response, address_));
  return std::vector<v1::JobInfo>(response.jobs().begin(), response.jobs().end());
}

absl::Status TunerClient::Cancel(const std::string& job_id) {
  v1::CancelJobRequest request;
  request.set_job_id(job_id);
  v1::CancelJobResponse response;
  return Call(&v1::Tuner::Stub::CancelJob, *stub_, request, &response, address_);
}

absl::Status TunerClient::Resume(const std::string& job_id) {
  v1::ResumeJobRequest request;
  request.set_job_id(job_id);
  v1::ResumeJobResponse response;
  return Call(&v1::Tuner::Stub::ResumeJob, *stub_, request, &response, address_);
}

TrackerClient::TrackerClient(std::string address, const std::shared_ptr<grpc::Channel>& channel)
    : address_(std::move(address)), stub_(v1::Tracker::NewStub(channel)) {}

absl::StatusOr<std::unique_ptr<TrackerClient>> TrackerClient::Connect(const std::string& address,
                                                                      const TransportOptions& transport) {
  TUNEFARM_ASSIGN_OR_RETURN(auto channel,
                            DialAndWait("tunefarm-tracker", address, transport,
                                        absl::StrCat("start one with `tunefarm-tracker --listen ", address,
                                                     "`, or leave out --tracker to use this machine alone")));
  return std::unique_ptr<TrackerClient>(new TrackerClient(address, std::move(channel)));
}

absl::StatusOr<v1::ListDevicesResponse> TrackerClient::ListDevices() {
  grpc::ClientContext context;
  context.set_deadline(In(kCallDeadline));
  v1::ListDevicesResponse response;
  TUNEFARM_RETURN_IF_ERROR(Explain(stub_->ListDevices(&context, v1::ListDevicesRequest(), &response),
                                   "tunefarm-tracker", address_));
  return response;
}

}  // namespace tunefarm::cli
