#include "runner/boards/server_link.h"

#include <utility>

namespace tunefarm {

absl::StatusOr<std::unique_ptr<gdb::Client>> ServerLink::Reset(absl::Duration deadline) {
  gdb::ClientOptions options;
  options.answer_deadline = deadline;
  words_.clear();
  TUNEFARM_ASSIGN_OR_RETURN(std::unique_ptr<gdb::Client> client, gdb::Client::Connect(gdb_.server, options));
  for (const std::string& command : gdb_.reset) {
    const absl::StatusOr<std::string> printed = client->Monitor(command);
    if (!printed.ok())
      return WithContext(printed.status(), absl::StrCat("resetting the board by '", command, "'"));
    words_ += *printed;
  }
  return client;
}

}  // namespace tunefarm
