// What agent and executor say to each other over their socket pair (SOCK_SEQPACKET: one send is one message).
// Both are built together and run on one machine, so messages are plain structs, each starting with its type.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "runner/timing/timing_policy.h"

namespace tunefarm::executor {

inline constexpr std::uint32_t kProtocolVersion = 1;
inline constexpr std::size_t kMaxMessage = 96 << 10;
inline constexpr std::size_t kMaxArguments = 16;
inline constexpr std::size_t kMaxKernels = 8;
inline constexpr std::size_t kMaxPath = 256;
inline constexpr std::size_t kMaxCpus = 64;
// The executor moves its channel to this descriptor, so that one system call filter fits all.
inline constexpr int kChannelFd = 30;

// Numbered as v1::DataType, v1::ArgumentRole and v1::Phase.
enum class Type : std::uint32_t { kF32 = 1, kI8 = 2, kI32 = 4 };
enum class Role : std::uint32_t { kInput = 1, kConstant = 2, kOutput = 3 };
enum class Phase : std::uint32_t { kLoad = 3, kCheck = 4, kWarmUp = 5, kTime = 6 };

struct ArgumentSpec {
  Type type;
  Role role;
  std::uint64_t elements;
  // Of integers, as in v1::Argument.
  std::int32_t low = 0;
  std::int32_t high = 0;
};

// Agent to executor, once.
struct Job {
  std::uint32_t version = kProtocolVersion;
  std::uint32_t kernel_count = 0;  // 0: only the reference kernel is run, for the baseline.
  char kernel_paths[kMaxKernels][kMaxPath] = {};
  std::uint32_t argument_count = 0;
  ArgumentSpec arguments[kMaxArguments] = {};
  std::uint64_t input_seed = 0;
  std::uint64_t packed_bytes = 0;
  std::uint64_t workspace_bytes = 0;
  std::int32_t expected_fd = -1;  // Open for reading at offset 0; -1: the output is not checked.
  double absolute_tolerance = 0;
  double relative_tolerance = 0;
  TimingPolicy policy;
  std::uint64_t memory_limit_bytes = 0;  // Address space a kernel may add to what the executor has.
  std::uint32_t threads = 1;
  std::uint32_t cpu_count = 0;
  std::int32_t cpus[kMaxCpus] = {};
  // Seccomp program, agent-compiled: `filter_count` instructions of 8 bytes (struct sock_filter).
  std::uint32_t filter_count = 0;
  std::uint64_t filter[1024] = {};
  // 0: a system without filters (an emulator of one) is accepted; only without a sandbox, which is dangerous
  // anyway.
  std::uint32_t filter_required = 1;
};
static_assert(sizeof(Job) <= kMaxMessage);

enum class Message : std::uint32_t { kHello = 1, kPhase, kFault, kSamples, kDone };

// The first message; the kernel attaches the sender's process id (SCM_CREDENTIALS).
struct Hello {
  Message message = Message::kHello;
};

// A phase begins.
struct PhaseBegins {
  Message message = Message::kPhase;
  Phase phase;
  std::uint32_t kernel;
  double call_us;  // How long the first call of the kernel took; 0 before it.
};

enum class Fault : std::uint32_t {
  kLoad = 1,     // dlopen or dlsym; `text` says what.
  kSignal,       // `signal`, `address`.
  kSystemCall,   // `system_call`, `arguments`: refused by the filter.
  kWrongResult,  // `text`.
  kOutOfMemory,  // `text`.
  kInternal,     // `text`: a lack of ours.
};

struct FaultReport {
  Message message = Message::kFault;
  Fault fault;
  Phase phase;
  std::uint32_t kernel;
  std::int32_t signal;
  std::int32_t system_call;
  std::uint64_t system_call_arguments[6];
  std::uint64_t address;
  std::uint32_t address_space_exhausted;  // 1 when no more memory could be mapped at the time of the fault.
  char text[512];                         // Zero-terminated.
};

// Followed by sample_count doubles, reference_count doubles and reference_count uint32 positions.
struct SamplesHeader {
  Message message = Message::kSamples;
  std::uint32_t kernel;
  std::uint64_t iterations;
  std::uint32_t noisy;
  std::uint32_t censored;
  std::uint32_t dropped;
  std::uint32_t sample_count;
  std::uint32_t reference_count;
  std::uint32_t unused;
};

// All went well; the executor ends.
struct Done {
  Message message = Message::kDone;
  std::int32_t cpu;
  double clock_us;    // The lowest reading of the clock chain: its length in cycles gives the clock.
  double contention;  // The lowest decile of the contention seen.
  std::uint64_t context_switches;  // Involuntary, during sampling.
};

}  // namespace tunefarm::executor
