#include "tuner/measure_request.h"

#include <algorithm>
#include <cstdint>

#include "schedules/contents.h"
#include "schedules/reference.h"
#include "tuner/job_spec.h"

namespace tunefarm::tuner {
namespace {

// A kernel that is this much slower than the best will not win, whatever the noise (a core drops by a quarter
// for seconds at a time). At half, noise could cut a winner; at double, bad candidates cost twice the time.
constexpr double kCutoff = 3;

// One call may take as long as a kernel this slow, which is a tenth of naive code on a small core...
constexpr double kSlowestFlopPerUs = 100;
// ... or, once there is a best, this many times longer than it: then a kernel that loops for ever is found
// out sooner.
constexpr double kSlowestShare = 100;
// But not less than this, for page faults and a neighbour's burst of load.
constexpr double kLeastCheckUs = 500e3;

// Starting a sandbox, filling some 100 MB of tensors and packing constants take tenths of a second on a PC,
// seconds on a small board.
constexpr double kLoadDeadlineUs = 10e6;

// Beyond its tensors: a stack and what the C library takes.
constexpr uint64_t kSpareMemory = 64 << 20;

}  // namespace

v1::WorkItem MakeWorkItem(const schedules::Task& task, const MeasureRequest& request) {
  v1::WorkItem work;
  work.set_work_id(request.work_id);
  v1::RunDescription* run = work.mutable_run();
  uint64_t bytes = 0;
  for (const schedules::Tensor& tensor : task.compute().tensors) {
    v1::Argument* argument = run->add_arguments();
    switch (tensor.dtype) {
      case schedules::DType::kF32:
        argument->set_type(v1::DATA_TYPE_F32);
        break;
      case schedules::DType::kI8:
        argument->set_type(v1::DATA_TYPE_I8);
        break;
      case schedules::DType::kI32:
        argument->set_type(v1::DATA_TYPE_I32);
        break;
    }
    switch (tensor.role) {
      case schedules::TensorRole::kInput:
        argument->set_role(v1::ARGUMENT_ROLE_INPUT);
        break;
      case schedules::TensorRole::kConstant:
        argument->set_role(v1::ARGUMENT_ROLE_CONSTANT);
        break;
      case schedules::TensorRole::kOutput:
        argument->set_role(v1::ARGUMENT_ROLE_OUTPUT);
        break;
    }
    uint64_t elements = 1;
    for (const int64_t extent : tensor.shape) elements *= static_cast<uint64_t>(extent);
    argument->set_elements(elements);
    bytes += elements * static_cast<uint64_t>(schedules::BytesOf(tensor.dtype));
    if (tensor.dtype != schedules::DType::kF32 && tensor.role != schedules::TensorRole::kOutput) {
      const schedules::ContentRange range = schedules::ContentsOf(task.compute(), run->arguments_size() - 1);
      argument->set_low(range.low);
      argument->set_high(range.high);
    }
  }
  double error_growth = 1;  // Kernels that are measured together were checked alone before.
  for (const Kernel& kernel : request.kernels) {
    error_growth = std::max(error_growth, kernel.error_growth);
    work.add_kernel_digests(kernel.digest);
    run->set_packed_bytes(std::max(run->packed_bytes(), kernel.packed_bytes));
    run->set_workspace_bytes(std::max(run->workspace_bytes(), kernel.workspace_bytes));
  }
  run->set_input_seed(InputSeedOf(task.workload()));
  run->set_expected_output_digest(request.expected_output_digest);
  const schedules::Tolerance tolerance = schedules::ToleranceOf(task.workload());
  run->set_absolute_tolerance(tolerance.absolute * error_growth);
  run->set_relative_tolerance(tolerance.relative * error_growth);
  run->set_flop(task.compute().flop);
  *run->mutable_policy() = request.policy;
  run->set_threads(static_cast<uint32_t>(task.threads()));
  const uint64_t own = run->packed_bytes() * request.kernels.size() + run->workspace_bytes();
  run->set_memory_limit_bytes(2 * bytes + own +
                              kSpareMemory);  // Twice: the expected output, a second set of inputs.
  run->set_load_deadline_us(kLoadDeadlineUs);
  double check_us = task.compute().flop / kSlowestFlopPerUs;
  if (request.best_us > 0) check_us = std::min(check_us, kSlowestShare * request.best_us);
  run->set_check_deadline_us(std::max(check_us, kLeastCheckUs));
  return work;
}

v1::MeasurementPolicy WithCutoff(v1::MeasurementPolicy policy, double best_us) {
  if (best_us > 0) policy.set_cutoff_us(kCutoff * best_us);
  return policy;
}

}  // namespace tunefarm::tuner
