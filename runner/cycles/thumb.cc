#include "runner/cycles/thumb.h"

#include <bit>

namespace tunefarm::cycles {
namespace {

constexpr int kPc = 15;

constexpr std::uint32_t Bit(int reg) { return 1u << reg; }
constexpr int Field(std::uint32_t value, int low, int width) {
  return static_cast<int>((value >> low) & ((1u << width) - 1));
}
constexpr bool Matches(std::uint32_t value, std::uint32_t mask, std::uint32_t pattern) {
  return (value & mask) == pattern;
}

ThumbInstruction Load(int loaded, std::uint32_t address_registers) {
  return {ThumbKind::kLoad, 0, loaded, address_registers};
}
ThumbInstruction StoreImmediate(int base) { return {ThumbKind::kStoreImmediate, 0, -1, Bit(base)}; }
ThumbInstruction StoreRegister(int base, int offset) {
  return {ThumbKind::kStoreRegister, 0, -1, Bit(base) | Bit(offset)};
}
ThumbInstruction Multiple(std::uint32_t register_list) {
  return {ThumbKind::kMultiple, std::popcount(register_list), -1, 0};
}
ThumbInstruction Words(int words) { return {ThumbKind::kMultiple, words, -1, 0}; }
ThumbInstruction Plain(ThumbKind kind) { return {kind, 0, -1, 0}; }

// 1011 xxxx xxxx xxxx
ThumbInstruction NarrowMiscellaneous(std::uint32_t op) {
  if (Matches(op, 0xf500, 0xb100)) return Plain(ThumbKind::kBranch);  // CBZ, CBNZ.
  // PUSH and POP: the ninth bit is LR or PC.
  if (Matches(op, 0xfe00, 0xb400) || Matches(op, 0xfe00, 0xbc00)) return Multiple(op & 0x1ff);
  return Plain(ThumbKind::kData);
}

ThumbInstruction Narrow(std::uint32_t op) {
  const int rt = Field(op, 0, 3), rn = Field(op, 3, 3), rm = Field(op, 6, 3);
  switch (op >> 12) {
    case 0x4:
      if (Matches(op, 0xf800, 0x4800)) return Load(Field(op, 8, 3), Bit(kPc));
      if (Matches(op, 0xff00, 0x4700)) return Plain(ThumbKind::kBranch);  // BX, BLX.
      // ADD and MOV of high registers may write the program counter.
      if ((Matches(op, 0xff00, 0x4400) || Matches(op, 0xff00, 0x4600)) && (op & 0x87) == 0x87) {
        return Plain(ThumbKind::kBranch);
      }
      return Plain(ThumbKind::kData);
    case 0x5:
      return Field(op, 9, 3) < 3 ? StoreRegister(rn, rm) : Load(rt, Bit(rn) | Bit(rm));
    case 0x6:
    case 0x7:
    case 0x8:
      return (op & 0x0800) != 0 ? Load(rt, Bit(rn)) : StoreImmediate(rn);
    case 0x9:
      return (op & 0x0800) != 0 ? Load(Field(op, 8, 3), Bit(13)) : StoreImmediate(13);
    case 0xb:
      return NarrowMiscellaneous(op);
    case 0xc:
      return Multiple(op & 0xff);
    case 0xd:
      if (Matches(op, 0xff00, 0xde00)) return {};  // UDF.
      return Matches(op, 0xff00, 0xdf00) ? Plain(ThumbKind::kData) : Plain(ThumbKind::kBranch);
    case 0xe:
      return Plain(ThumbKind::kBranch);
    default:
      return Plain(ThumbKind::kData);
  }
}

// 1110 100x x1xx: pairs, exclusives, table branches.
ThumbInstruction DualAndExclusive(std::uint32_t first, std::uint32_t second) {
  const int rn = Field(first, 0, 4);
  if (Matches(first, 0xfff0, 0xe8d0) && Matches(second, 0xffe0, 0xf000))
    return Plain(ThumbKind::kTableBranch);
  if (Matches(first, 0xfff0, 0xe850) || Matches(first, 0xfff0, 0xe8d0))
    return Load(Field(second, 12, 4), Bit(rn));
  if (Matches(first, 0xfff0, 0xe840) || Matches(first, 0xfff0, 0xe8c0)) return StoreImmediate(rn);
  return Words(2);  // LDRD, STRD.
}

// 1111 100x xxxx: one register.
ThumbInstruction Single(std::uint32_t first, std::uint32_t second) {
  const int rn = Field(first, 0, 4), rt = Field(second, 12, 4), rm = Field(second, 0, 4);
  const bool load = (first & 0x10) != 0;
  const bool literal = rn == kPc;
  const bool register_offset = !literal && (first & 0x80) == 0 && (second & 0x800) == 0;
  if (!load) return register_offset ? StoreRegister(rn, rm) : StoreImmediate(rn);
  if (rt == kPc)
    return Plain((first & 0x60) == 0x40 ? ThumbKind::kBranch : ThumbKind::kData);  // Else a preload.
  return Load(rt, register_offset ? Bit(rn) | Bit(rm) : Bit(rn));
}

ThumbInstruction Float(std::uint32_t first, std::uint32_t second) {
  const int coprocessor = Field(second, 8, 4);
  if (coprocessor != 10 && coprocessor != 11) return {};
  if (Matches(first, 0xff00, 0xee00)) {
    if ((second & 0x10) != 0) return Plain(ThumbKind::kData);  // VMOV of one register, VMRS, VMSR.
    switch (first & 0xffb0) {
      case 0xee00:  // VMLA, VMLS.
      case 0xee10:  // VNMLA, VNMLS.
      case 0xee90:  // VFNMA, VFNMS.
      case 0xeea0:  // VFMA, VFMS.
        return Plain(ThumbKind::kFloatMultiplyAdd);
      case 0xee80:
        return Plain(ThumbKind::kFloatDivide);
      case 0xeeb0: {
        const bool root = Field(first, 0, 4) == 1 && Field(second, 6, 2) == 3;
        return Plain(root ? ThumbKind::kFloatDivide : ThumbKind::kData);
      }
      default:
        return Plain(ThumbKind::kData);
    }
  }
  if (!Matches(first, 0xfe00, 0xec00)) return Plain(ThumbKind::kData);  // FPv5: VSEL, VMAXNM, VRINT.
  if (Matches(first, 0xffe0, 0xec40)) return Plain(ThumbKind::kTransferPair);
  if (Matches(first, 0xff20, 0xed00)) {  // VLDR, VSTR.
    if (coprocessor == 11) return Words(2);
    const int rn = Field(first, 0, 4);
    return (first & 0x10) != 0 ? Load(-1, Bit(rn)) : StoreImmediate(rn);
  }
  return Words(Field(second, 0, 8));  // VLDM, VSTM, VPUSH, VPOP.
}

ThumbInstruction Wide(std::uint32_t first, std::uint32_t second) {
  if (Matches(first, 0xfe40, 0xe800)) return Multiple(second);
  if (Matches(first, 0xfe40, 0xe840)) return DualAndExclusive(first, second);
  if (Matches(first, 0xec00, 0xec00)) return Float(first, second);
  if (Matches(first, 0xf800, 0xf000) && (second & 0x8000) != 0) {
    // B.W with a condition has it where the others have 111x.
    const bool conditional = Matches(second, 0xd000, 0x8000) && Field(first, 7, 3) != 7;
    return Plain(conditional || (second & 0x1000) != 0 ? ThumbKind::kBranch : ThumbKind::kData);
  }
  if (Matches(first, 0xfe00, 0xf800)) return Single(first, second);
  if (Matches(first, 0xffd0, 0xfb90)) return Plain(ThumbKind::kDivide);
  return Plain(ThumbKind::kData);
}

}  // namespace

ThumbInstruction DecodeThumb(std::uint16_t first, std::uint16_t second) {
  return IsWideThumb(first) ? Wide(first, second) : Narrow(first);
}

}  // namespace tunefarm::cycles
