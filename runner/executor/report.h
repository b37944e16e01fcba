// How the executor tells the agent what happened, also from inside a signal handler.
#pragma once

#include <cstdint>
#include <vector>

#include "runner/executor/protocol.h"
#include "runner/timing/sampler.h"

namespace tunefarm::executor {

// Where a fault could be: the executor tells what it is about to do, signal handlers read it. Plain data, one
// thread.
struct Progress {
  Phase phase = Phase::kLoad;
  std::uint32_t kernel = 0;
};

// All functions use the one channel given to SetChannel and the one Progress. An agent that is gone ends the
// process.
void SetChannel(int fd);
Progress& CurrentProgress();

void SendHello();
void BeginPhase(Phase phase, std::uint32_t kernel, double call_us);
void SendSamples(std::uint32_t kernel, const KernelSamples& samples);
void SendDone(const Done& done);

// Sends the report, completed with phase, kernel and the state of the address space, and ends the process at
// once. Async-signal-safe.
[[noreturn]] void FailWith(FaultReport report);
// The same with a text, printf style. Not for signal handlers.
[[noreturn]] __attribute__((format(printf, 2, 3))) void Fail(Fault fault, const char* format, ...);

// Catches SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT and SIGSYS on a stack of their own and reports
// them; also SIGALRM, with which the agent asks where the time went before it kills.
void InstallFaultHandlers();

// Describes the protected areas around tensors to the handlers: a fault inside says whose edge was crossed.
// `name` must live for ever.
void NameGuard(const void* begin, const void* end, const char* name);

}  // namespace tunefarm::executor
