#include "runner/executor/report.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <ucontext.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>

namespace tunefarm::executor {
namespace {

int channel = -1;
Progress progress;

struct Guard {
  std::uintptr_t begin, end;
  const char* name;
};
Guard guards[2 * (kMaxArguments + kMaxKernels + 2)];
std::size_t guard_count = 0;

alignas(16) char signal_stack[64 << 10];

void Send(const void* data, std::size_t size) {
  while (send(channel, data, size, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) _exit(1);
  }
}

// Mapping is the one thing that fails exactly when the address space is used up.
bool AddressSpaceExhausted() {
  constexpr std::size_t kProbe =
      8 << 20;  // Less than an allocator asks for at a time when it serves big blocks.
  void* const probe = mmap(nullptr, kProbe, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (probe == MAP_FAILED) return true;
  munmap(probe, kProbe);
  return false;
}

void CopyText(char (&to)[512], const char* from) {
  std::size_t i = 0;
  for (; from[i] != '\0' && i + 1 < sizeof to; ++i) to[i] = from[i];
  to[i] = '\0';
}

std::uintptr_t StackPointer(const void* context) {
  const auto* const uc = static_cast<const ucontext_t*>(context);
#if defined(__x86_64__)
  return static_cast<std::uintptr_t>(uc->uc_mcontext.gregs[REG_RSP]);
#elif defined(__aarch64__)
  return uc->uc_mcontext.sp;
#else
  (void)uc;
  return 0;
#endif
}

void OnFault(int signal, siginfo_t* info, void* context) {
  FaultReport report{};
  report.signal = signal;
  if (signal == SIGSYS) {
    report.fault = Fault::kSystemCall;
    report.system_call = info->si_syscall;
    const auto* const uc = static_cast<const ucontext_t*>(context);
#if defined(__x86_64__)
    constexpr int kRegisters[6] = {REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9};
    for (int i = 0; i < 6; ++i) {
      report.system_call_arguments[i] = static_cast<std::uint64_t>(uc->uc_mcontext.gregs[kRegisters[i]]);
    }
#elif defined(__aarch64__)
    for (int i = 0; i < 6; ++i) report.system_call_arguments[i] = uc->uc_mcontext.regs[i];
#endif
    FailWith(report);
  }
  report.fault = Fault::kSignal;
  // A signal that was sent (abort) has no address.
  report.address = info->si_code > 0 ? reinterpret_cast<std::uintptr_t>(info->si_addr) : 0;
  if (signal == SIGSEGV || signal == SIGBUS) {
    for (std::size_t i = 0; i < guard_count; ++i) {
      if (report.address >= guards[i].begin && report.address < guards[i].end)
        CopyText(report.text, guards[i].name);
    }
    const std::uintptr_t stack = StackPointer(context);
    constexpr std::uintptr_t kReach = 64
                                      << 10;  // A frame this far below the stack pointer is still the stack.
    if (report.text[0] == '\0' && info->si_code > 0 && report.address < stack + 4096 &&
        report.address + kReach > stack) {
      CopyText(report.text, "the stack overflowed");
    }
  }
  FailWith(report);
}

}  // namespace

void SetChannel(int fd) { channel = fd; }
Progress& CurrentProgress() { return progress; }

void SendHello() {
  const Hello hello;
  Send(&hello, sizeof hello);
}

void BeginPhase(Phase phase, std::uint32_t kernel, double call_us) {
  progress = {phase, kernel};
  PhaseBegins begins{};
  begins.phase = phase;
  begins.kernel = kernel;
  begins.call_us = call_us;
  Send(&begins, sizeof begins);
}

void SendSamples(std::uint32_t kernel, const KernelSamples& samples) {
  SamplesHeader header{};
  header.kernel = kernel;
  header.iterations = samples.iterations;
  header.noisy = samples.noisy ? 1 : 0;
  header.censored = samples.censored ? 1 : 0;
  header.dropped = samples.dropped;
  header.sample_count = static_cast<std::uint32_t>(samples.samples_us.size());
  header.reference_count = static_cast<std::uint32_t>(samples.reference_us.size());
  std::vector<char> bytes(sizeof header);
  std::memcpy(bytes.data(), &header, sizeof header);
  const auto append = [&bytes](const auto& values) {
    const auto* const begin = reinterpret_cast<const char*>(values.data());
    bytes.insert(bytes.end(), begin, begin + values.size() * sizeof values[0]);
  };
  append(samples.samples_us);
  append(samples.reference_us);
  append(samples.reference_positions);
  Send(bytes.data(), bytes.size());
}

void SendDone(const Done& done) { Send(&done, sizeof done); }

void FailWith(FaultReport report) {
  report.message = Message::kFault;
  report.phase = progress.phase;
  report.kernel = progress.kernel;
  report.address_space_exhausted = AddressSpaceExhausted() ? 1 : 0;
  Send(&report, sizeof report);
  _exit(1);
}

void Fail(Fault fault, const char* format, ...) {
  FaultReport report{};
  report.fault = fault;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(report.text, sizeof report.text, format, arguments);
  va_end(arguments);
  FailWith(report);
}

void InstallFaultHandlers() {
  stack_t stack{};
  stack.ss_sp = signal_stack;
  stack.ss_size = sizeof signal_stack;
  sigaltstack(&stack, nullptr);
  struct sigaction action{};
  action.sa_sigaction = OnFault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGALRM}) {
    sigaction(signal, &action, nullptr);
  }
}

void NameGuard(const void* begin, const void* end, const char* name) {
  if (guard_count == sizeof guards / sizeof guards[0]) return;
  guards[guard_count++] = {reinterpret_cast<std::uintptr_t>(begin), reinterpret_cast<std::uintptr_t>(end),
                           name};
}

}  // namespace tunefarm::executor
