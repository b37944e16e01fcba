// A farm over TLS: who someone is comes from their certificate, through the whole programs.
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/certificates.h"
#include "tests/e2e/farm_harness.h"
#include "tunefarm/v1/tracker.grpc.pb.h"

namespace tunefarm {
namespace {

std::vector<std::string> With(std::vector<std::string> argv, const TransportOptions& tls) {
  for (const std::string& argument :
       {std::string("--tls-cert"), tls.certificate_file, std::string("--tls-key"), tls.key_file,
        std::string("--tls-ca"), tls.ca_file}) {
    argv.push_back(argument);
  }
  return argv;
}

// What follows `ready` in the line that a program prints when it serves.
std::string AddressOf(const FarmProgram& program, const std::string& ready) {
  const std::string log = program.Log();
  const std::size_t begin = log.find(ready) + ready.size();
  return log.substr(begin, log.find('\n', begin) - begin);
}

constexpr char kTrackerReady[] = "tunefarm-tracker listening on ";
constexpr char kDaemonReady[] = "tunefarmd listening on ";
constexpr char kRunnerReady[] = "tunefarm-runner registered as ";

class TlsFarm {
 public:
  TlsFarm() : folder(TempDir::Create("tf").value()), tracker(MakeTracker()) {
    tracker.Start();
    tracker.AwaitReady();
    address = AddressOf(tracker, kTrackerReady);
  }

  FarmProgram Program(const std::string& name, const std::string& ready, const std::string& log,
                      const std::vector<std::string>& arguments, const TransportOptions& tls) {
    std::vector<std::string> argv = {ProgramPath(name)};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return {With(argv, tls), TestEnvironment(folder.path()), ready, absl::StrCat(folder.path(), "/", log)};
  }
  FarmProgram Runner(const std::string& device, const TransportOptions& tls) {
    return Program(
        "tunefarm-runner", kRunnerReady, device + ".log",
        {"--tracker", address, "--device-id", device, "--scratch", absl::StrCat(folder.path(), "/", device)},
        tls);
  }

  const TempDir folder;
  FarmProgram tracker;
  std::string address;

 private:
  FarmProgram MakeTracker() {
    MakeAuthority(folder.path(), "farm");
    return Program("tunefarm-tracker", kTrackerReady, "tracker.log",
                   {"--listen", "127.0.0.1:0", "--state", folder.path() + "/state"},
                   MakeCertificate(folder.path(), "farm", "tracker"));
  }
};

v1::ListDevicesResponse Devices(const std::string& address, const TransportOptions& tls) {
  const auto channel = Dial(address, tls);
  REQUIRE(channel.ok());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  v1::ListDevicesResponse response;
  const grpc::Status status =
      v1::Tracker::NewStub(*channel)->ListDevices(&context, v1::ListDevicesRequest(), &response);
  INFO(status.error_message());
  REQUIRE(status.ok());
  return response;
}

TEST_CASE("AFarmOverTlsTunesForWhoTheCertificateSays") {
  TlsFarm farm;
  FarmProgram runner =
      farm.Runner("board-1", MakeCertificate(farm.folder.path(), "farm", "runner", "runner:board-1"));
  runner.Start();
  runner.AwaitReady();
  FarmProgram daemon = farm.Program("tunefarmd", kDaemonReady, "daemon.log",
                                    {"--listen", "127.0.0.1:0", "--tracker", farm.address, "--db",
                                     farm.folder.path() + "/db", "--cache", farm.folder.path() + "/cache"},
                                    MakeCertificate(farm.folder.path(), "farm", "daemon"));
  daemon.Start();
  daemon.AwaitReady();

  const TransportOptions ada = MakeCertificate(farm.folder.path(), "farm", "ada");
  const auto channel = Dial(AddressOf(daemon, kDaemonReady), ada);
  REQUIRE(channel.ok());
  const auto stub = v1::Tuner::NewStub(*channel);
  grpc::ClientContext submit;
  submit.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
  v1::SubmitJobResponse job;
  // Whatever the request says.
  const grpc::Status submitted = stub->SubmitJob(&submit, QuickJob("mallory", 1, 6), &job);
  INFO(submitted.error_message());
  REQUIRE(submitted.ok());
  v1::ListJobsResponse jobs;
  REQUIRE(Eventually([&] {
    grpc::ClientContext list;
    list.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(30));
    return stub->ListJobs(&list, v1::ListJobsRequest(), &jobs).ok() && jobs.jobs_size() == 1 &&
           jobs.jobs(0).state() == v1::JOB_STATE_DONE;
  }));
  CHECK(jobs.jobs(0).user() == "ada");
  CHECK(jobs.jobs(0).trials_done() == 6);
}

TEST_CASE("ARunnerCannotOfferAnotherOnesDevice") {
  TlsFarm farm;
  FarmProgram impostor =
      farm.Runner("board-1", MakeCertificate(farm.folder.path(), "farm", "other", "runner:board-2"));
  impostor.Start();
  CHECK(impostor.AwaitExit() != 0);
  CHECK(absl::StrContains(impostor.Log(), "board-1"));
  CHECK(Devices(farm.address, MakeCertificate(farm.folder.path(), "farm", "ada")).devices_size() == 0);
}

TEST_CASE("WhoHasNoCertificateOfTheFarmGetsNoAnswer") {
  TlsFarm farm;
  MakeAuthority(farm.folder.path(), "elsewhere");
  TransportOptions stranger = MakeCertificate(farm.folder.path(), "elsewhere", "stranger");
  stranger.ca_file = farm.folder.path() + "/farm.pem";
  for (const TransportOptions& tls : {TransportOptions(), stranger}) {
    const auto channel = Dial(farm.address, tls);
    REQUIRE(channel.ok());
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    v1::ListDevicesResponse response;
    CHECK(v1::Tracker::NewStub(*channel)
              ->ListDevices(&context, v1::ListDevicesRequest(), &response)
              .error_code() == grpc::StatusCode::UNAVAILABLE);
  }
}

}  // namespace
}  // namespace tunefarm
