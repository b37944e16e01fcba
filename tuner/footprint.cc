#include "tuner/footprint.h"

namespace tunefarm::tuner {

Footprint FootprintOf(const schedules::ComputeDefinition& compute, const schedules::KernelSource& source) {
  Footprint footprint;
  for (const schedules::Tensor& tensor : compute.tensors) {
    int64_t bytes = schedules::BytesOf(tensor.dtype);
    for (const int64_t extent : tensor.shape) bytes *= extent;
    (tensor.role == schedules::TensorRole::kConstant ? footprint.constant_bytes : footprint.data_bytes) +=
        bytes;
  }
  footprint.data_bytes += static_cast<int64_t>(source.workspace_bytes);
  footprint.constant_bytes += static_cast<int64_t>(source.packed_bytes);
  return footprint;
}

absl::Status CheckFootprint(const Footprint& footprint, const schedules::Target& target) {
  const bool together = target.constant_bytes == 0;
  const int64_t data = footprint.data_bytes + (together ? footprint.constant_bytes : 0);
  if (target.data_bytes > 0 && data > target.data_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        together ? "tensors, packed constants and workspace need " : "inputs, output and workspace need ",
        data, " bytes; the device has ", target.data_bytes));
  }
  if (!together && footprint.constant_bytes > target.constant_bytes) {
    return absl::ResourceExhaustedError(absl::StrCat("constants, as they are and packed, need ",
                                                     footprint.constant_bytes, " bytes; the device has ",
                                                     target.constant_bytes));
  }
  return absl::OkStatus();
}

}  // namespace tunefarm::tuner
