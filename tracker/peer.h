// The identity that gRPC has verified of a call's peer.
#pragma once

#include <grpcpp/grpcpp.h>

#include "tracker/identity.h"

namespace tunefarm {

inline Identity IdentityOf(const grpc::CallbackServerContext& context) {
  const auto auth = context.auth_context();
  if (auth == nullptr || !auth->IsPeerAuthenticated()) return {};
  const auto names = auth->FindPropertyValues("x509_common_name");
  // A certificate without a name is nobody, which is not the same as a peer without a certificate.
  if (names.empty() || names.front().empty()) return {"?"};
  return {std::string(names.front().data(), names.front().size())};
}

}  // namespace tunefarm
