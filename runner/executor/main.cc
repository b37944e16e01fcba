// tunefarm-executor CHANNEL_FD: started by the runner inside a sandbox, once per piece of work. Takes one job
// from the socket, reports over it, and ends. Nobody else should start it.
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>

#include "runner/executor/protocol.h"
#include "runner/executor/report.h"
#include "runner/executor/run.h"

int main(int argc, char** argv) {
  using namespace tunefarm::executor;
  if (argc != 2) {
    std::fprintf(stderr, "tunefarm-executor is started by tunefarm-runner; it has no other use\n");
    return 2;
  }
  const int channel = std::atoi(argv[1]);
  SetChannel(channel);
  InstallFaultHandlers();
  SendHello();
  const auto job = std::make_unique<Job>();
  const ssize_t got = recv(channel, job.get(), sizeof(Job), 0);
  if (got != static_cast<ssize_t>(sizeof(Job)) || job->version != kProtocolVersion) {
    Fail(Fault::kInternal, "runner and executor are of different builds: install both from one");
  }
  if (channel != kChannelFd) {
    if (job->expected_fd == kChannelFd) job->expected_fd = dup(kChannelFd);
    if (dup2(channel, kChannelFd) < 0) Fail(Fault::kInternal, "cannot move the channel");
    close(channel);
    SetChannel(kChannelFd);
  }
  RunJob(*job);
  // Not through exit(): the kernels' destructors have no business here.
  _exit(0);
}
