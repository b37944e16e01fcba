// Where our servers may listen and how our clients dial, in one place, so that the security rule is the same
// for all: Unix sockets and loopback in clear text; any other address needs TLS with client certificates, or
// an explicit "insecure". Addresses: "unix:/path/to.sock", "127.0.0.1:9190", "[::1]:0", "farm.example:9190".
#pragma once

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>

#include "base/status.h"

namespace tunefarm {

struct TransportOptions {
  // PEM files. All three or none. With them, TLS with certificates on both sides.
  std::string certificate_file;
  std::string key_file;
  std::string ca_file;
  bool insecure = false;  // Clear text even off loopback. For a network that nobody else is on.
};

// Largest message any of our services takes. Artifacts go in chunks; a bigger message is an error of the
// peer.
inline constexpr int kMaxMessageBytes = 8 << 20;

// kInvalidArgument when the address is malformed, kPermissionDenied when it is neither local nor secured.
absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> ServerCredentialsFor(
    const std::string& address, const TransportOptions& options);
absl::StatusOr<std::shared_ptr<grpc::Channel>> Dial(const std::string& address,
                                                    const TransportOptions& options);

// Applies the message limit and keepalive, and listens. `port` receives the bound port of a TCP address
// (which may ask for 0). A Unix socket left by a dead server is replaced; one with a live server behind it is
// kAlreadyExists.
absl::Status AddListeningPort(grpc::ServerBuilder& builder, const std::string& address,
                              const TransportOptions& options, int* port);

// Conversions at the edge. The exit status of base/exit_code.h travels in the details.
absl::Status FromGrpc(const grpc::Status& status);
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace tunefarm
