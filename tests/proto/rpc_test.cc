// Where servers may listen, how clients reach them, and that errors keep their meaning on the way.
#include "proto/rpc.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "base/exit_code.h"
#include "base/file.h"
#include "tests/catch.h"
#include "tests/certificates.h"
#include "tunefarm/v1/tracker.grpc.pb.h"

namespace tunefarm {
namespace {

// Answers Explain with the caller's certified name, and everything else with UNIMPLEMENTED.
class EchoService final : public v1::Tracker::Service {
 public:
  grpc::Status Explain(grpc::ServerContext* context, const v1::ExplainRequest* request,
                       v1::ExplainResponse* response) override {
    if (request->work_id() == "fail") {
      return ToGrpc(WithExitCode(absl::AbortedError("too old"), ExitCode::kReplayed));
    }
    const auto names = context->auth_context()->FindPropertyValues("x509_common_name");
    if (!names.empty()) response->set_state(std::string(names[0].data(), names[0].size()));
    return grpc::Status::OK;
  }
};

struct Server {
  static absl::StatusOr<std::unique_ptr<Server>> Start(const std::string& address,
                                                       const TransportOptions& options) {
    auto server = std::make_unique<Server>();
    grpc::ServerBuilder builder;
    TUNEFARM_RETURN_IF_ERROR(AddListeningPort(builder, address, options, &server->port));
    builder.RegisterService(&server->service);
    server->server = builder.BuildAndStart();
    if (server->server == nullptr || server->port == 0) return absl::UnavailableError("did not start");
    return server;
  }
  ~Server() {
    if (server != nullptr) server->Shutdown(std::chrono::system_clock::now());
  }
  EchoService service;
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

absl::StatusOr<std::string> Ask(const std::string& address, const TransportOptions& options,
                                const std::string& question = "w") {
  TUNEFARM_ASSIGN_OR_RETURN(const auto channel, Dial(address, options));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(10));
  v1::ExplainRequest request;
  request.set_work_id(question);
  v1::ExplainResponse response;
  const grpc::Status status = v1::Tracker::NewStub(channel)->Explain(&context, request, &response);
  if (!status.ok()) return FromGrpc(status);
  return response.state();
}

TEST_CASE("LoopbackAndUnixSocketsAreServedInTheClear") {
  const TempDir folder = TempDir::Create().value();
  const std::string socket = "unix:" + folder.path() + "/s";
  const auto local = Server::Start(socket, {});
  REQUIRE(local.ok());
  CHECK(Ask(socket, {}).ok());
  const auto tcp = Server::Start("127.0.0.1:0", {});
  REQUIRE(tcp.ok());
  CHECK((*tcp)->port > 0);
  CHECK(Ask(absl::StrCat("127.0.0.1:", (*tcp)->port), {}).ok());
}

TEST_CASE("OtherAddressesAreRefusedInTheClear") {
  for (const std::string address :
       {"0.0.0.0:0", "192.0.2.7:9190", "[::]:0", "farm.example:9190", "127.evil.example:1"}) {
    INFO(address);
    const auto refused = ServerCredentialsFor(address, {});
    CHECK(refused.status().code() == absl::StatusCode::kPermissionDenied);
    CHECK(std::string(refused.status().message()).find("--insecure") != std::string::npos);
    CHECK(Dial(address, {}).status().code() == absl::StatusCode::kPermissionDenied);
  }
  TransportOptions insecure;
  insecure.insecure = true;
  const auto open = Server::Start("0.0.0.0:0", insecure);
  REQUIRE(open.ok());
  CHECK(Ask(absl::StrCat("127.0.0.1:", (*open)->port), {}).ok());
}

TEST_CASE("MalformedAddressesAreNamed") {
  for (const std::string address : {"", "nowhere", ":1", "host:port", "host:70000", "unix:"}) {
    INFO(address);
    CHECK(ServerCredentialsFor(address, {}).status().code() == absl::StatusCode::kInvalidArgument);
  }
  const std::string long_path = "unix:/" + std::string(200, 'x');
  CHECK(ServerCredentialsFor(long_path, {}).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("HalfOfTheTlsFilesIsAnError") {
  TransportOptions half;
  half.certificate_file = "/some/file";
  CHECK(ServerCredentialsFor("127.0.0.1:0", half).status().code() == absl::StatusCode::kInvalidArgument);
}

TEST_CASE("TlsProvesWhoCallsAndRefusesStrangers") {
  const TempDir folder = TempDir::Create().value();
  MakeAuthority(folder.path(), "farm");
  MakeAuthority(folder.path(), "stranger");
  const TransportOptions tracker = MakeCertificate(folder.path(), "farm", "tracker");
  const TransportOptions ann = MakeCertificate(folder.path(), "farm", "ann");
  TransportOptions eve = MakeCertificate(folder.path(), "stranger", "eve");
  eve.ca_file = ann.ca_file;  // She trusts the server; it must not trust her.
  const auto server = Server::Start("0.0.0.0:0", tracker);
  REQUIRE(server.ok());
  const std::string address = absl::StrCat("127.0.0.1:", (*server)->port);
  CHECK(Ask(address, ann).value() == "ann");
  CHECK(Ask(address, eve).status().code() == absl::StatusCode::kUnavailable);
  CHECK_FALSE(Ask(address, {}).ok());  // Without a certificate.
}

TEST_CASE("MissingTlsFileIsNamed") {
  TransportOptions options{"/nowhere/c.pem", "/nowhere/k.pem", "/nowhere/ca.pem", false};
  const auto refused = ServerCredentialsFor("0.0.0.0:0", options);
  CHECK(std::string(refused.status().message()).find("/nowhere/") != std::string::npos);
}

TEST_CASE("SocketOfADeadServerIsReplacedAndOfALiveOneRefused") {
  const TempDir folder = TempDir::Create().value();
  const std::string path = folder.path() + "/s";
  // What a killed server leaves: a bound socket file that nobody listens on.
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  close(fd);
  REQUIRE(access(path.c_str(), F_OK) == 0);
  const auto first = Server::Start("unix:" + path, {});
  REQUIRE(first.ok());
  const auto second = Server::Start("unix:" + path, {});
  CHECK(second.status().code() == absl::StatusCode::kAlreadyExists);
  CHECK(std::string(second.status().message()).find(path) != std::string::npos);
  CHECK(Ask("unix:" + path, {}).ok());
}

TEST_CASE("PortInUseDoesNotStart") {
  const auto first = Server::Start("127.0.0.1:0", {});
  REQUIRE(first.ok());
  CHECK_FALSE(Server::Start(absl::StrCat("127.0.0.1:", (*first)->port), {}).ok());
}

TEST_CASE("MessageOverTheLimitHasItsOwnStatus") {
  const TempDir folder = TempDir::Create().value();
  const std::string socket = "unix:" + folder.path() + "/s";
  const auto server = Server::Start(socket, {});
  REQUIRE(server.ok());
  CHECK(Ask(socket, {}, std::string(kMaxMessageBytes - 1000, 'x')).ok());
  CHECK(ExitCodeOf(Ask(socket, {}, std::string(kMaxMessageBytes + 1000, 'x')).status()) ==
        ExitCode::kMessageTooLarge);
}

TEST_CASE("ExitStatusTravelsWithTheError") {
  const TempDir folder = TempDir::Create().value();
  const std::string socket = "unix:" + folder.path() + "/s";
  const auto server = Server::Start(socket, {});
  REQUIRE(server.ok());
  const absl::Status status = Ask(socket, {}, "fail").status();
  CHECK(status.code() == absl::StatusCode::kAborted);
  CHECK(status.message() == "too old");
  CHECK(ExitCodeOf(status) == ExitCode::kReplayed);
}

TEST_CASE("SilentServerIsUnreachable") {
  const TempDir folder = TempDir::Create().value();
  const absl::Status status = Ask("unix:" + folder.path() + "/nobody", {}).status();
  CHECK(ExitCodeOf(status) == ExitCode::kUnreachable);
}

}  // namespace
}  // namespace tunefarm
