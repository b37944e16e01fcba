// Who calls, and what that allows.
//
// Without TLS (Unix sockets, loopback, --insecure) everybody who can connect may do everything, and a client
// names its user itself. With TLS the certificate's common name decides: "runner:DEVICE_ID" is the runner of
// that device and may synchronize as it and fetch artifacts; any other name is a user of that name, who may
// do everything else.
#pragma once

#include <string>

#include "base/status.h"

namespace tunefarm {

// `name`: the verified common name; empty without TLS.
struct Identity {
  std::string name;
};

// kPermissionDenied unless this may synchronize as the device.
absl::Status CheckIsRunnerOf(const Identity& identity, const std::string& device_id);
// kPermissionDenied for runners.
absl::Status CheckIsUser(const Identity& identity);

}  // namespace tunefarm
