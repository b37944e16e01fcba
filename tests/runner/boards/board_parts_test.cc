// The pure parts of bare-metal boards: memory, protection, failures, ELF files.
#include "runner/boards/device_failure.h"
#include "runner/boards/elf_image.h"
#include "runner/boards/memory_map.h"
#include "runner/boards/mpu.h"
#include "tests/catch.h"

namespace tunefarm {
namespace {

TEST_CASE("MemoryIsGivenOutAlignedUntilThereIsNoMore") {
  Board board;
  board.memory = {{"ram", 0x20000000, 1000, false, 0}, {"flash", 0, 64, true, 0}};
  MemoryMap map(board);
  CHECK(*map.Take("ram", 10, 64, "one") == 0x20000000);
  CHECK(map.Next("ram", 64) == 0x20000040);
  CHECK(*map.Take("ram", 100, 64, "two") == 0x20000040);
  CHECK(map.Free("ram") == 1000 - 164);
  CHECK(*map.Take("flash", 64, 1, "three") == 0);
  const absl::Status full = map.Take("ram", 900, 64, "the workspace").status();
  CHECK(absl::IsResourceExhausted(full));
  CHECK(full.message() == "the workspace (900 bytes) does not fit: of the 1000 bytes of ram, 808 are left");
  CHECK(absl::IsResourceExhausted(map.Take("ram", ~std::uint64_t{0}, 64, "all").status()));
  CHECK(map.Take("ram", 808, 64, "the rest").ok());
}

TEST_CASE("Armv7ProtectionCoversARegionInEighthsOfAPowerOfTwo") {
  // 640 KB of RAM: 1 MB without its last three eighths, read and write, never executed.
  const device::MpuRegion ram = EncodeMpuRegion("armv7e-m", {0x20000000, 0x200a0000, true, false});
  CHECK(ram.base == 0x20000000);
  CHECK((ram.limit & 1) == 1);
  CHECK((ram.limit >> 1 & 31) == 19);  // 2^(19 + 1) bytes.
  CHECK((ram.limit >> 8 & 255) == 0xe0);
  CHECK((ram.limit >> 24 & 7) == 3);
  CHECK((ram.limit >> 28 & 1) == 1);
  const device::MpuRegion flash = EncodeMpuRegion("armv7e-m", {0, 0x200000, false, true});
  CHECK((flash.limit >> 1 & 31) == 20);
  CHECK((flash.limit >> 8 & 255) == 0);
  CHECK((flash.limit >> 24 & 7) == 6);
  CHECK((flash.limit >> 28 & 1) == 0);
  // From 0x20010000 on, 256 KB: only an aligned 512 KB holds it, of which the first and the last three
  // eighths are left out.
  const device::MpuRegion sram = EncodeMpuRegion("armv7e-m", {0x20010000, 0x20050000, true, true});
  CHECK(sram.base == 0x20000000);
  CHECK((sram.limit >> 1 & 31) == 18);
  CHECK((sram.limit >> 8 & 255) == 0xe1);
}

TEST_CASE("Armv8ProtectionIsExact") {
  const device::MpuRegion ram = EncodeMpuRegion("armv8.1-m.main", {0x20000000, 0x20080000, true, false});
  CHECK(ram.base == (0x20000000 | 1));   // Never executed.
  CHECK(ram.limit == (0x2007ffe0 | 1));  // Enabled, attribute 0.
  const device::MpuRegion code = EncodeMpuRegion("armv8.1-m.main", {0, 0x80000, false, true});
  CHECK(code.base == 2 << 1);  // Read-only for all.
}

device::ControlBlock Faulted(std::uint32_t cfsr) {
  device::ControlBlock control = {};
  control.stack_low = 0x20000040;
  control.stack_high = 0x20004040;
  control.fault.exception = 3;
  control.fault.cfsr = cfsr;
  control.fault.psp = 0x20004000;
  return control;
}

TEST_CASE("FaultsAreNamedByTheirStatus") {
  device::ControlBlock control = Faulted(1u << 25);
  control.fault.has_frame = 1;
  control.fault.pc = 0x1234;
  v1::Failure failure = DescribeFault(control, v1::PHASE_CHECK);
  CHECK(failure.kind() == v1::FAILURE_KIND_FAULT);
  CHECK(failure.message() ==
        "tunefarm_run faulted: division by zero, at 0x00001234 (CFSR 0x02000000, HFSR 0x00000000)");
  control = Faulted(1u << 9 | 1u << 15);
  control.fault.bfar = 0xd0000000;
  failure = DescribeFault(control, v1::PHASE_LOAD);
  CHECK(failure.kind() == v1::FAILURE_KIND_FAULT);
  CHECK(failure.message().find(
            "tunefarm_prepare faulted: access to an address where nothing answers, address 0xd0000000") == 0);
}

TEST_CASE("FaultsBelowTheStackAreOverflows") {
  for (const std::uint32_t cfsr : {1u << 4, 1u << 12, 1u << 20}) {
    CHECK(DescribeFault(Faulted(cfsr), v1::PHASE_CHECK).kind() == v1::FAILURE_KIND_STACK_OVERFLOW);
  }
  device::ControlBlock control = Faulted(1u << 1 | 1u << 7);
  control.fault.mmfar = 0x20000020;  // Just below.
  CHECK(DescribeFault(control, v1::PHASE_CHECK).kind() == v1::FAILURE_KIND_STACK_OVERFLOW);
  control.fault.mmfar = 0x10000000;  // Far away.
  CHECK(DescribeFault(control, v1::PHASE_CHECK).kind() == v1::FAILURE_KIND_FAULT);
  control.fault.psp = 0x20000000;
  CHECK(DescribeFault(control, v1::PHASE_CHECK).kind() == v1::FAILURE_KIND_STACK_OVERFLOW);
}

TEST_CASE("VerdictsNameTheBuffer") {
  device::ControlBlock control = {};
  CHECK(DescribeVerdict(control, v1::PHASE_CHECK).kind() == v1::FAILURE_KIND_UNSPECIFIED);
  control.verdict = device::kOverrun;
  control.overrun_buffer = 2;
  control.buffer[2].role = device::kOutput;
  CHECK(DescribeVerdict(control, v1::PHASE_CHECK).message() ==
        "tunefarm_run wrote beside the output (buffer 2)");
  control.overrun_buffer = 0xffffffff;  // What the device says is not believed.
  CHECK(DescribeVerdict(control, v1::PHASE_CHECK).kind() == v1::FAILURE_KIND_MEMORY_OVERRUN);
  control.verdict = 77;
  CHECK(DescribeVerdict(control, v1::PHASE_CHECK).kind() == v1::FAILURE_KIND_INTERNAL);
}

TEST_CASE("WhatIsNoElfFileOfArmIsRefused") {
  CHECK(absl::IsInvalidArgument(ReadElf("").status()));
  CHECK(absl::IsInvalidArgument(ReadElf(std::string(1000, '\0')).status()));
  std::string header(
      "\x7f"
      "ELF\x01\x01\x01",
      7);
  header.resize(52, '\0');
  header[18] = 40;  // EM_ARM.
  header[42] = 32;  // Size of a program header.
  header[46] = 40;  // Of a section header.
  REQUIRE(ReadElf(header).ok());
  CHECK(ReadElf(header)->segments.empty());
  header[44] = 1;  // One program header, which lies outside of the file.
  header[28] = 52;
  CHECK(absl::IsInvalidArgument(ReadElf(header).status()));
  header.resize(52 + 32, '\0');
  header[52] = 1;       // PT_LOAD,
  header[52 + 16] = 9;  // of 9 bytes in the file,
  header[52 + 4] = 90;  // which begin beyond its end.
  header[52 + 20] = 9;
  CHECK(absl::IsInvalidArgument(ReadElf(header).status()));
  header[52 + 4] = 0;
  REQUIRE(ReadElf(header).ok());
  CHECK(ReadElf(header)->segments.at(0).content.size() == 9);
  header[52 + 20] = 8;  // Less in memory than in the file.
  CHECK(absl::IsInvalidArgument(ReadElf(header).status()));
}

}  // namespace
}  // namespace tunefarm
