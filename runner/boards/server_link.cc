#include "runner/boards/server_link.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"

namespace tunefarm {
namespace {

// OpenOCD serves one debugger and turns others away. Our own last connection counts until it has seen that we
// closed it, which takes it some milliseconds.
constexpr absl::Duration kPatience = absl::Seconds(2);
constexpr absl::Duration kPause = absl::Milliseconds(10);
constexpr absl::Duration kGreeting = absl::Seconds(5);

absl::StatusOr<std::unique_ptr<gdb::Client>> ConnectTo(const std::string& server,
                                                       const gdb::ClientOptions& options) {
  const absl::Time until = absl::Now() + std::min(kPatience, options.greeting_deadline);
  for (;;) {
    absl::StatusOr<gdb::Channel> channel =
        gdb::Channel::Connect(server, absl::Now() + options.greeting_deadline);
    if (!channel.ok()) {
      if (absl::IsInvalidArgument(channel.status())) return channel.status();
      return absl::UnavailableError(
          absl::StrCat(channel.status().message(),
                       "; start it (OpenOCD, pyOCD, J-Link), or correct gdb.server in the device file"));
    }
    absl::StatusOr<std::unique_ptr<gdb::Client>> client = gdb::Client::Over(*std::move(channel), options);
    if (client.ok()) return client;
    if (!absl::IsUnavailable(client.status()))
      return WithContext(client.status(), absl::StrCat("GDB server ", server));
    if (absl::Now() >= until) {
      return absl::UnavailableError(absl::StrCat("the GDB server at ", server,
                                                 " takes the connection and closes it at once: another "
                                                 "debugger is connected, or it does not reach its "
                                                 "board (what it prints tells)"));
    }
    absl::SleepFor(kPause);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<gdb::Client>> ServerLink::Reset(absl::Duration deadline) {
  gdb::ClientOptions options;
  options.answer_deadline = deadline;
  options.greeting_deadline = std::min(deadline, kGreeting);
  words_.clear();
  TUNEFARM_ASSIGN_OR_RETURN(std::unique_ptr<gdb::Client> client, ConnectTo(gdb_.server, options));
  for (const std::string& command : gdb_.reset) {
    const absl::StatusOr<std::string> printed = client->Monitor(command);
    if (!printed.ok())
      return WithContext(printed.status(), absl::StrCat("resetting the board by '", command, "'"));
    words_ += *printed;
  }
  return client;
}

}  // namespace tunefarm
