#include "runner/boards/board_job.h"

#include <algorithm>
#include <string>

#include "runner/boards/mpu.h"

namespace tunefarm {
namespace {

constexpr std::uint64_t kAddressSpace = std::uint64_t{1} << 32;

std::uint32_t RoleOf(v1::ArgumentRole role) {
  switch (role) {
    case v1::ARGUMENT_ROLE_INPUT:
      return device::kInput;
    case v1::ARGUMENT_ROLE_CONSTANT:
      return device::kConstant;
    default:
      return device::kOutput;
  }
}

std::uint32_t TypeOf(v1::DataType type) {
  switch (type) {
    case v1::DATA_TYPE_F32:
      return device::kFloat32;
    case v1::DATA_TYPE_I8:
      return device::kInt8;
    case v1::DATA_TYPE_U8:
      return device::kUint8;
    default:
      return device::kInt32;
  }
}

absl::Status CheckArguments(const v1::RunDescription& run) {
  if (run.arguments_size() < 1 || run.arguments_size() > device::kMaxArguments) {
    return absl::InvalidArgumentError(absl::StrCat("a kernel takes 1 to ",
                                                   static_cast<int>(device::kMaxArguments),
                                                   " arguments, not ", run.arguments_size()));
  }
  for (int a = 0; a < run.arguments_size(); ++a) {
    const v1::Argument& argument = run.arguments(a);
    if ((argument.role() == v1::ARGUMENT_ROLE_OUTPUT) != (a + 1 == run.arguments_size())) {
      return absl::InvalidArgumentError("exactly the last argument must be the output");
    }
    if (argument.role() == v1::ARGUMENT_ROLE_UNSPECIFIED || argument.elements() == 0 ||
        ElementBytes(argument.type()) == 0) {
      return absl::InvalidArgumentError(absl::StrCat("argument ", a, " has no role, no type or no elements"));
    }
    if (argument.elements() >= kAddressSpace) {
      return absl::ResourceExhaustedError(absl::StrCat("argument ", a, " is larger than the address space"));
    }
  }
  return absl::OkStatus();
}

// With a guard before and behind.
absl::StatusOr<std::uint32_t> TakeGuarded(MemoryMap& map, const std::string& region, std::uint64_t bytes,
                                          const std::string& what) {
  constexpr std::uint64_t kGuard = device::kGuardBytes;
  if (bytes >= kAddressSpace) {
    return absl::ResourceExhaustedError(
        absl::StrCat(what, " (", bytes, " bytes) is larger than the address space"));
  }
  const std::uint64_t rounded = (bytes + 63) & ~std::uint64_t{63};
  TUNEFARM_ASSIGN_OR_RETURN(const std::uint32_t start, map.Take(region, kGuard + rounded + kGuard, 64, what));
  return start + device::kGuardBytes;
}

}  // namespace

std::uint64_t ElementBytes(v1::DataType type) {
  switch (type) {
    case v1::DATA_TYPE_F32:
    case v1::DATA_TYPE_I32:
      return 4;
    case v1::DATA_TYPE_I8:
    case v1::DATA_TYPE_U8:
      return 1;
    default:
      return 0;
  }
}

absl::StatusOr<BoardJob> LayOut(const v1::RunDescription& run, std::size_t kernels, const Board& board,
                                std::uint32_t stack_low, MemoryMap& map) {
  TUNEFARM_RETURN_IF_ERROR(CheckArguments(run));
  BoardJob job;
  device::ControlBlock& control = job.control;
  control.stack_low = stack_low;
  control.stack_high = stack_low + static_cast<std::uint32_t>(board.stack_bytes);
  control.seed_low = static_cast<std::uint32_t>(run.input_seed());
  control.seed_high = static_cast<std::uint32_t>(run.input_seed() >> 32);
  control.arguments = static_cast<std::uint32_t>(run.arguments_size());
  control.buffers = control.arguments + 2;
  const BoardPlacement& placement = board.placement;
  for (int a = 0; a < run.arguments_size(); ++a) {
    const v1::Argument& argument = run.arguments(a);
    device::Buffer& buffer = control.buffer[a];
    buffer.role = RoleOf(argument.role());
    buffer.type = TypeOf(argument.type());
    buffer.elements = static_cast<std::uint32_t>(argument.elements());
    buffer.low = argument.low();
    buffer.high = argument.high();
    const std::uint64_t bytes = argument.elements() * ElementBytes(argument.type());
    buffer.bytes = static_cast<std::uint32_t>(bytes);
    const bool constant = buffer.role == device::kConstant;
    TUNEFARM_ASSIGN_OR_RETURN(buffer.address,
                              TakeGuarded(map, constant ? placement.constants : placement.data, bytes,
                                          absl::StrCat("argument ", a)));
  }
  job.output_bytes = job.output().bytes;
  device::Buffer& packed = control.buffer[control.arguments];
  packed.role = device::kPacked;
  packed.type = device::kBytes;
  packed.bytes = static_cast<std::uint32_t>(run.packed_bytes());
  for (std::size_t k = 0; k < kernels; ++k) {
    TUNEFARM_ASSIGN_OR_RETURN(packed.address,
                              TakeGuarded(map, placement.constants, run.packed_bytes(), "packed constants"));
    job.packed.push_back(packed.address);
  }
  device::Buffer& workspace = control.buffer[control.arguments + 1];
  workspace.role = device::kWorkspace;
  workspace.type = device::kBytes;
  workspace.bytes = static_cast<std::uint32_t>(run.workspace_bytes());
  TUNEFARM_ASSIGN_OR_RETURN(workspace.address,
                            TakeGuarded(map, placement.data, run.workspace_bytes(), "the workspace"));
  return job;
}

void Protect(const Board& board, bool flash_writable, device::ControlBlock& control) {
  const MemoryRegion* const code = board.Region(board.placement.code);
  std::vector<const MemoryRegion*> regions;
  for (const std::string& name :
       {board.placement.code, board.placement.constants, board.placement.data, board.placement.stack}) {
    const MemoryRegion* const region = board.Region(name);
    if (std::find(regions.begin(), regions.end(), region) == regions.end()) regions.push_back(region);
  }
  control.mpu_regions = 0;
  for (const MemoryRegion* region : regions) {
    control.mpu[control.mpu_regions++] = EncodeMpuRegion(
        board.architecture,
        {region->start, region->start + region->bytes, !region->flash || flash_writable, region == code});
  }
}

}  // namespace tunefarm
