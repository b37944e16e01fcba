// Boards: what a runner measures on when it is not the machine it runs on. A board is a JSON file
// (docs/devices.md), not code: an emulated one, or a real one behind a GDB server. Those in
// runner/boards/files/ are built in.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "base/status.h"
#include "runner/cycles/model_spec.h"

namespace tunefarm {

enum class BoardKind {
  kQemuSystem,  // A bare-metal machine in QEMU, driven through its GDB server.
  kQemuUser,    // A Linux core in QEMU's user mode.
  kGdb,         // A real board behind OpenOCD, pyOCD or a J-Link server.
};

struct MemoryRegion {
  std::string name;
  std::uint64_t start = 0;
  std::uint64_t bytes = 0;
  bool flash = false;             // Else RAM. Nothing is ever written to a real board's flash.
  std::uint32_t wait_states = 0;  // Of an access that no cache or accelerator serves, in core cycles.
};

// Names of regions. Empty for kQemuUser, where the system places everything.
struct BoardPlacement {
  std::string code;       // Runtime and kernels.
  std::string constants;  // Weights as the workload has them, and packed.
  std::string data;       // Inputs, outputs, workspace, the runtime's own data.
  std::string stack;
};

struct BoardToolchain {
  std::string compiler;            // Looked up in PATH: "arm-none-eabi-gcc".
  std::vector<std::string> flags;  // Of core and ABI, for compiling the runtime and for linking.
};

struct BoardQemu {
  std::string program;  // "qemu-system-arm".
  std::string machine;  // Empty for kQemuUser.
  std::string cpu;      // Empty: the machine's.
};

enum class BoardTimer { kNone, kDwt, kSysTick };

struct BoardGdb {
  std::string server;              // "HOST:PORT" or "unix:PATH".
  std::vector<std::string> reset;  // Monitor commands that leave the core reset and halted.
  BoardTimer timer = BoardTimer::kDwt;
};

struct Board {
  std::string name;
  std::string description;
  BoardKind kind = BoardKind::kQemuSystem;
  std::string target;        // Name or file of the target that code is generated for.
  std::string core;          // "cortex-m4".
  std::string architecture;  // As the target has it: "armv7e-m", "aarch64".
  std::vector<std::string> isa_features;
  std::uint64_t clock_hz = 0;
  BoardToolchain toolchain;
  std::vector<MemoryRegion> memory;
  BoardPlacement placement;
  std::uint64_t stack_bytes = 0;
  BoardQemu qemu;
  BoardGdb gdb;
  // Of emulated boards: core, caches and flash accelerator, calibration. Its name is empty where times are
  // measured, or not even instructions are turned into cycles.
  cycles::ModelSpec cycle_model;
  // Of all fields that results depend on: not of the description, nor of where the GDB server is. 8
  // hexadecimal digits.
  std::string digest;

  bool emulated() const { return kind != BoardKind::kGdb; }
  // "emulated:NAME@DIGEST" or "gdb:NAME@DIGEST": results of a changed board are not compared with earlier
  // ones.
  std::string DeviceClass() const;
  // Null: there is none of that name.
  const MemoryRegion* Region(absl::string_view region) const;
};

// kInvalidArgument names the field.
absl::StatusOr<Board> ParseBoard(absl::string_view json);

// "emulated:NAME" for a built-in board, else the path of a file. kNotFound lists the built-in ones; its exit
// status and that of a malformed file is kUsage.
absl::StatusOr<Board> FindBoard(absl::string_view name_or_path);
std::vector<std::string> BuiltinBoardNames();

}  // namespace tunefarm
