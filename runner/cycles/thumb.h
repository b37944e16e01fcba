// As much of the Thumb-2 instruction set (Armv7E-M with single precision: DDI 0403E, A5 to A7) as the timing
// of a Cortex-M4 depends on.
#pragma once

#include <cstdint>

namespace tunefarm::cycles {

enum class ThumbKind {
  kData,              // Arithmetic, multiplies, DSP, moves, IT, hints: all that is none of the following.
  kLoad,              // One register of up to a word, also VLDR of a single.
  kStoreImmediate,    // One register; the address has an immediate offset.
  kStoreRegister,     // One register; the address has a register offset.
  kMultiple,          // Two or more words by one instruction: LDRD, STM, PUSH, VLDM, VLDR of a double.
  kDivide,            // SDIV, UDIV.
  kBranch,            // Any branch, also by a data instruction that writes the program counter.
  kTableBranch,       // TBB, TBH.
  kFloatMultiplyAdd,  // VMLA, VFMA and their kin.
  kFloatDivide,       // VDIV, VSQRT.
  kTransferPair,      // VMOV between two core registers and two singles.
  kUndefined,
};

struct ThumbInstruction {
  ThumbKind kind = ThumbKind::kUndefined;
  int words = 0;                        // Of kMultiple.
  int loaded = -1;                      // kLoad: the core register; -1: none (a single).
  std::uint32_t address_registers = 0;  // kLoad and stores: a bit for each register that makes the address.
};

// True: the instruction that starts with this halfword has a second one.
inline bool IsWideThumb(std::uint16_t first) { return first >= 0xe800; }

// `second` is ignored for a narrow one.
ThumbInstruction DecodeThumb(std::uint16_t first, std::uint16_t second);

}  // namespace tunefarm::cycles
