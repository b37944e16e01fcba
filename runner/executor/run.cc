#include "runner/executor/run.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <vector>

#include "runner/executor/guarded_buffer.h"
#include "runner/executor/isolation.h"
#include "runner/executor/loaded_kernel.h"
#include "runner/executor/report.h"
#include "runner/executor/tensors.h"
#include "runner/timing/monotonic_clock.h"
#include "runner/timing/reference_kernel.h"
#include "runner/timing/robust_stats.h"
#include "runner/timing/sampler.h"

namespace tunefarm::executor {
namespace {

// What the executor maps without tensors: its code, libraries, stack, heap. Measured at 10 MiB; a kernel may
// bring a maths library.
constexpr std::uint64_t kOwnBytes = 96 << 20;

constexpr const char* kEdgeNames[kMaxArguments] = {
    "crossed the edge of argument 0 or wrote to it",  "crossed the edge of argument 1 or wrote to it",
    "crossed the edge of argument 2 or wrote to it",  "crossed the edge of argument 3 or wrote to it",
    "crossed the edge of argument 4 or wrote to it",  "crossed the edge of argument 5 or wrote to it",
    "crossed the edge of argument 6 or wrote to it",  "crossed the edge of argument 7 or wrote to it",
    "crossed the edge of argument 8 or wrote to it",  "crossed the edge of argument 9 or wrote to it",
    "crossed the edge of argument 10 or wrote to it", "crossed the edge of argument 11 or wrote to it",
    "crossed the edge of argument 12 or wrote to it", "crossed the edge of argument 13 or wrote to it",
    "crossed the edge of argument 14 or wrote to it", "crossed the edge of argument 15 or wrote to it"};

struct Tensors {
  std::deque<GuardedBuffer> buffers;  // One per argument.
  std::vector<void*> arguments;
  std::vector<const void*> constants;
  std::unique_ptr<GuardedBuffer> workspace;
  const void* expected = nullptr;
  std::uint64_t bytes = 0;  // Of address space, for everything a kernel is given.

  const ArgumentSpec* output = nullptr;
  GuardedBuffer& output_buffer() { return buffers.back(); }
};

void MapExpected(const Job& job, Tensors& tensors) {
  if (job.expected_fd < 0) return;
  const std::size_t bytes = tensors.output_buffer().bytes();
  if (lseek(job.expected_fd, 0, SEEK_END) != static_cast<off_t>(bytes)) {
    Fail(Fault::kInternal, "the expected output does not have the %zu bytes of the output", bytes);
  }
  void* const mapping = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_POPULATE, job.expected_fd, 0);
  if (mapping == MAP_FAILED) Fail(Fault::kInternal, "cannot map the expected output");
  close(job.expected_fd);
  tensors.expected = mapping;
  tensors.bytes += bytes;
}

void MakeTensors(const Job& job, Tensors& tensors) {
  for (std::uint32_t a = 0; a < job.argument_count; ++a) {
    const ArgumentSpec& spec = job.arguments[a];
    const std::size_t bytes = spec.elements * BytesOf(spec.type);
    GuardedBuffer& buffer = tensors.buffers.emplace_back(bytes, kEdgeNames[a]);
    tensors.bytes += GuardedBuffer::AddressSpace(bytes);
    tensors.arguments.push_back(buffer.data());
    tensors.constants.push_back(spec.role == Role::kConstant ? buffer.data() : nullptr);
    if (spec.role == Role::kOutput) {
      tensors.output = &spec;
    } else {
      FillInput(spec, job.input_seed, a, buffer.data());
      buffer.MakeReadOnly();
    }
  }
  if (job.workspace_bytes > 0) {
    tensors.workspace =
        std::make_unique<GuardedBuffer>(job.workspace_bytes, "crossed the edge of the workspace");
    tensors.bytes += GuardedBuffer::AddressSpace(job.workspace_bytes);
  }
  MapExpected(job, tensors);
}

void Call(const LoadedKernel& kernel, const Tensors& tensors) {
  kernel.Run(tensors.arguments.data(), tensors.workspace ? tensors.workspace->data() : nullptr);
}

// Runs the kernel once over a poisoned output. Returns how long the call took.
double CheckedCall(const Job& job, const LoadedKernel& kernel, Tensors& tensors, const char* when) {
  Poison(tensors.output->type, tensors.output->elements, tensors.expected, tensors.output_buffer().data());
  const double start = MonotonicMicros();
  Call(kernel, tensors);
  const double call_us = MonotonicMicros() - start;
  for (std::size_t a = 0; a < tensors.buffers.size(); ++a) {
    if (!tensors.buffers[a].EdgesIntact())
      Fail(Fault::kWrongResult, "the kernel wrote behind the end of argument %zu", a);
  }
  if (!kernel.EdgesIntact()) Fail(Fault::kWrongResult, "the kernel wrote outside the packed constants");
  if (tensors.workspace != nullptr && !tensors.workspace->EdgesIntact()) {
    Fail(Fault::kWrongResult, "the kernel wrote behind the end of its workspace");
  }
  if (tensors.expected == nullptr) return call_us;
  const Mismatch mismatch =
      Compare(tensors.output->type, tensors.output->elements, tensors.output_buffer().data(),
              tensors.expected, job.absolute_tolerance, job.relative_tolerance);
  if (mismatch.count > 0) {
    Fail(Fault::kWrongResult,
         "%llu of %llu output elements are wrong%s; the first is element %llu: got %.9g, want %.9g",
         static_cast<unsigned long long>(mismatch.count),
         static_cast<unsigned long long>(tensors.output->elements), when,
         static_cast<unsigned long long>(mismatch.first), mismatch.got, mismatch.want);
  }
  return call_us;
}

std::uint64_t InvoluntarySwitches() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return static_cast<std::uint64_t>(usage.ru_nivcsw);
}

double ProcessorMicros() {
  timespec used;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
  return static_cast<double>(used.tv_sec) * 1e6 + static_cast<double>(used.tv_nsec) * 1e-3;
}

// `alone`: no other thread takes part in the work.
template <typename Work>
Reading Timed(const Work& work, bool alone = true) {
  const std::uint64_t switches = InvoluntarySwitches();
  const int cpu = sched_getcpu();
  const double used = ProcessorMicros();
  const double start = MonotonicMicros();
  work();
  Reading reading;
  reading.us = MonotonicMicros() - start;
  const double own_us = ProcessorMicros() - used;
  const bool moved = sched_getcpu() != cpu;
  reading.disturbed = InvoluntarySwitches() != switches || moved;
  reading.own_time = reading.disturbed && !moved && alone;
  reading.of_threads = !alone;
  if (reading.own_time) reading.us = std::min(reading.us, own_us);
  return reading;
}

CoreReading ReadCore(ReferenceKernel& reference) {
  reference.Warm();
  const Reading clock = Timed([] { ReferenceKernel::Clock(); });
  const Reading crowd = Timed([&] { reference.Crowd(); });
  return Combine(clock, crowd, Timed([] { ReferenceKernel::Clock(); }));
}

// For the device's baseline: nothing but the reference kernel, for the time of the policy.
void RunReferenceOnly(const Job& job, ReferenceKernel& reference, double* contention) {
  KernelSamples samples;
  std::vector<double> contentions;
  const double start = MonotonicMicros();
  while (MonotonicMicros() - start < job.policy.max_time_us && contentions.size() < 2000) {
    const CoreReading reading = ReadCore(reference);
    if (reading.disturbed) continue;
    samples.reference_us.push_back(reading.clock_us);
    samples.reference_positions.push_back(0);
    contentions.push_back(reading.contention);
  }
  *contention = Quantile(contentions, 0.1);
  SendSamples(0, samples);
}

}  // namespace

void RunJob(const Job& job) {
  BeginPhase(Phase::kLoad, 0, 0);
  PinTo(job);
  Tensors tensors;
  MakeTensors(job, tensors);
  ReferenceKernel reference;
  LimitResources(kOwnBytes + tensors.bytes +
                 job.kernel_count * GuardedBuffer::AddressSpace(job.packed_bytes) + job.memory_limit_bytes);
  EnterFilter(job);

  std::deque<LoadedKernel> kernels;
  for (std::uint32_t k = 0; k < job.kernel_count; ++k) {
    CurrentProgress().kernel = k;
    kernels.emplace_back(job.kernel_paths[k], job.packed_bytes).Prepare(tensors.constants.data());
  }
  double call_us = 0;
  for (std::uint32_t k = 0; k < job.kernel_count; ++k) {
    BeginPhase(Phase::kCheck, k, call_us);
    call_us = std::max(call_us, CheckedCall(job, kernels[k], tensors, ""));
  }

  BeginPhase(Phase::kWarmUp, 0, call_us);
  Done done{};
  std::uint64_t switches = 0;
  if (kernels.empty()) {
    RunReferenceOnly(job, reference, &done.contention);
  } else {
    Bench bench;
    bench.run = [&](std::size_t k, std::uint64_t iterations) {
      CurrentProgress().kernel = static_cast<std::uint32_t>(k);
      const auto calls = [&] {
        for (std::uint64_t i = 0; i < iterations; ++i) Call(kernels[k], tensors);
      };
      return Timed(calls, job.threads == 1);
    };
    bench.reference = [&] { return ReadCore(reference); };
    bench.begin_sampling = [&] {
      switches = InvoluntarySwitches();
      BeginPhase(Phase::kTime, 0, call_us);
    };
    const std::vector<KernelSamples> samples = Sample(job.policy, kernels.size(), bench, &done.contention);
    switches = InvoluntarySwitches() - switches;
    // A kernel that keeps state and spoils it is caught here.
    for (std::uint32_t k = 0; k < job.kernel_count; ++k) {
      BeginPhase(Phase::kCheck, k, call_us);
      CheckedCall(job, kernels[k], tensors, " after many calls, though the first was right");
    }
    for (std::uint32_t k = 0; k < job.kernel_count; ++k) SendSamples(k, samples[k]);
  }
  done.cpu = sched_getcpu();
  done.clock_us = 1e12;
  for (int i = 0; i < 3; ++i)
    done.clock_us = std::min(done.clock_us, Timed([] { ReferenceKernel::Clock(); }).us);
  done.context_switches = switches;
  SendDone(done);
}

}  // namespace tunefarm::executor
