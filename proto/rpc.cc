#include "proto/rpc.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/exit_code.h"
#include "base/file.h"

namespace tunefarm {
namespace {

bool IsUnix(const std::string& address) { return absl::StartsWith(address, "unix:"); }

// By the number, not by its beginning: "127.example.org" is a name in somebody's zone.
bool IsLoopback(const std::string& address) {
  const std::string host = address.substr(0, address.rfind(':'));
  in_addr v4{};
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return (ntohl(v4.s_addr) >> 24) == 127;
  return host == "localhost" || host == "[::1]";
}

absl::Status CheckAddress(const std::string& address) {
  if (IsUnix(address)) {
    const std::string path = address.substr(5);
    if (path.empty()) return absl::InvalidArgumentError("the address 'unix:' names no socket file");
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
      return absl::InvalidArgumentError(absl::StrCat("the socket path '", path, "' is longer than the ",
                                                     sizeof(sockaddr_un::sun_path) - 1,
                                                     " bytes a Unix socket may have; use a shorter folder"));
    }
    return absl::OkStatus();
  }
  const std::size_t colon = address.rfind(':');
  int port = -1;
  if (colon == std::string::npos || colon == 0 || !absl::SimpleAtoi(address.substr(colon + 1), &port) ||
      port < 0 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", address, "' is not an address; write HOST:PORT or unix:/PATH"));
  }
  return absl::OkStatus();
}

absl::StatusOr<bool> UsesTls(const std::string& address, const TransportOptions& options) {
  TUNEFARM_RETURN_IF_ERROR(CheckAddress(address));
  const int given =
      int{!options.certificate_file.empty()} + int{!options.key_file.empty()} + int{!options.ca_file.empty()};
  if (given == 3) return true;
  if (given != 0) return absl::InvalidArgumentError("TLS needs all three of certificate, key and CA file");
  if (IsUnix(address) || IsLoopback(address) || options.insecure) return false;
  return absl::PermissionDeniedError(
      absl::StrCat("'", address,
                   "' is not on this machine: give --tls-cert, --tls-key and --tls-ca, or --insecure on a "
                   "network that nobody else is on"));
}

absl::StatusOr<grpc::SslServerCredentialsOptions::PemKeyCertPair> LoadPair(const TransportOptions& options,
                                                                           std::string* ca) {
  grpc::SslServerCredentialsOptions::PemKeyCertPair pair;
  TUNEFARM_ASSIGN_OR_RETURN(pair.private_key, ReadFile(options.key_file));
  TUNEFARM_ASSIGN_OR_RETURN(pair.cert_chain, ReadFile(options.certificate_file));
  TUNEFARM_ASSIGN_OR_RETURN(*ca, ReadFile(options.ca_file));
  return pair;
}

// A stale socket file refuses connections; a live server accepts them.
bool SomebodyListens(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  const bool live = connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(fd);
  return live;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentialsFor(
    const std::string& address, const TransportOptions& options) {
  TUNEFARM_ASSIGN_OR_RETURN(const bool tls, UsesTls(address, options));
  if (!tls) return grpc::InsecureServerCredentials();
  grpc::SslServerCredentialsOptions ssl(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  TUNEFARM_ASSIGN_OR_RETURN(auto pair, LoadPair(options, &ssl.pem_root_certs));
  ssl.pem_key_cert_pairs.push_back(std::move(pair));
  return grpc::SslServerCredentials(ssl);
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Dial(const std::string& address,
                                                    const TransportOptions& options) {
  TUNEFARM_ASSIGN_OR_RETURN(const bool tls, UsesTls(address, options));
  std::shared_ptr<grpc::ChannelCredentials> credentials = grpc::InsecureChannelCredentials();
  if (tls) {
    grpc::SslCredentialsOptions ssl;
    TUNEFARM_ASSIGN_OR_RETURN(auto pair, LoadPair(options, &ssl.pem_root_certs));
    ssl.pem_private_key = std::move(pair.private_key);
    ssl.pem_cert_chain = std::move(pair.cert_chain);
    credentials = grpc::SslCredentials(ssl);
  }
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetMaxSendMessageSize(kMaxMessageBytes);
  // A server that was restarted must be found again within a second, not after gRPC's default of two minutes.
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  // Whatever its name says, this is how long an attempt may take. A small board far away needs seconds for
  // TLS.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 20000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 20000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10000);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  return grpc::CreateCustomChannel(address, credentials, arguments);
}

absl::Status AddListeningPort(grpc::ServerBuilder& builder, const std::string& address,
                              const TransportOptions& options, int* port) {
  TUNEFARM_ASSIGN_OR_RETURN(auto credentials, ServerCredentialsFor(address, options));
  if (IsUnix(address)) {
    const std::string path = address.substr(5);
    if (SomebodyListens(path)) {
      return absl::AlreadyExistsError(absl::StrCat("another server is listening on ", address));
    }
    unlink(path.c_str());
  }
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.SetMaxSendMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddListeningPort(address, std::move(credentials), port);
  return absl::OkStatus();
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  // How gRPC words its refusal of a message over the limit.
  if (absl::StrContains(status.error_message(), "larger than max")) {
    return WithExitCode(result, ExitCode::kMessageTooLarge);
  }
  int code = 0;
  if (absl::SimpleAtoi(status.error_details(), &code))
    return WithExitCode(result, static_cast<ExitCode>(code));
  return result;
}

grpc::Status ToGrpc(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), std::string(status.message()),
                      absl::StrCat(static_cast<int>(ExitCodeOf(status))));
}

}  // namespace tunefarm
