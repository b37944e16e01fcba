#include "bench/counted_program.h"

#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "bench/program_sources.h"
#include "runner/boards/runtime_sources.h"
#include "runner/cycles/estimator.h"

namespace tunefarm::bench {
namespace {

// A compiler takes a second; a program of ten million instructions with simulated caches takes QEMU one too.
constexpr absl::Duration kDeadline = absl::Minutes(2);

using Words = std::vector<std::string>;

Words operator+(Words left, const Words& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

absl::StatusOr<RunResult> RunTool(Words argv) {
  SubprocessOptions options;
  options.argv = std::move(argv);
  TUNEFARM_ASSIGN_OR_RETURN(RunResult result, RunProcess(options, kDeadline));
  if (result.timed_out) return absl::DeadlineExceededError(absl::StrCat(options.argv[0], " takes too long"));
  return result;
}

absl::StatusOr<std::string> Compile(Words argv) {
  const std::string name = argv[0];
  TUNEFARM_ASSIGN_OR_RETURN(const RunResult result, RunTool(std::move(argv)));
  if (result.exit_code == 0) return std::string(absl::StripAsciiWhitespace(result.out));
  return absl::FailedPreconditionError(absl::StrCat(name, ": ", result.err));
}

// Of a bare board.
std::string Script(const Board& board) {
  const MemoryRegion& stack = *board.Region(board.placement.stack);
  return absl::StrFormat(
      "SECTIONS {\n"
      "  .text 0x%x : { KEEP(*(.vectors)) *(.text .text.*) *(.rodata .rodata.*) . = ALIGN(8); }\n"
      "  . = %s;\n"
      "  .data : { *(.data .data.*) }\n"
      "  .bss : { *(.bss .bss.* COMMON) }\n"
      "  counted_stack_top = 0x%x;\n"
      "  /DISCARD/ : { *(.ARM.exidx* .ARM.extab* .comment .note* .eh_frame*) }\n"
      "}\n",
      board.Region(board.placement.code)->start,
      board.placement.code == board.placement.data
          ? "ALIGN(., 64)"
          : absl::StrFormat("0x%x", board.Region(board.placement.data)->start),
      stack.start + stack.bytes);
}

absl::Status Build(const Board& board, const CountedProgram& program, const std::string& folder) {
  const Words compiler = Words{board.toolchain.compiler} + board.toolchain.flags;
  const bool bare = board.kind == BoardKind::kQemuSystem;
  // The C library's copies are for any core, on 32-bit ones Arm code in part, which the plugin does not read.
  const bool own_memory = bare || board.architecture != "aarch64";
  Words objects;
  for (const auto* sources : {&ProgramSources(), &RuntimeSources()}) {
    for (const auto& [name, text] : *sources) {
      TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(absl::StrCat(folder, "/", name), text));
      if (name != "startup.c" && (name != "memory.c" || !own_memory)) continue;
      objects.push_back(absl::StrCat(folder, "/", name, ".o"));
      TUNEFARM_RETURN_IF_ERROR(
          Compile(compiler + Words{"-O2", "-ffreestanding", "-fno-tree-loop-distribute-patterns", "-c",
                                   absl::StrCat(folder, "/", name), "-o", objects.back()})
              .status());
    }
  }
  Words link = {"-static", "-no-pie"};
  if (bare) {
    TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(folder + "/program.ld", Script(board)));
    link = {"-nostdlib", "-static", absl::StrCat("-Wl,-T,", folder, "/program.ld,--no-warn-rwx-segments")};
    objects.emplace_back("-lgcc");
  }
  Words sources = program.sources;
  for (const std::string& name : program.own_sources) sources.push_back(absl::StrCat(folder, "/", name));
  return Compile(compiler + program.flags + Words{"-I", folder} + sources + link + objects +
                 Words{"-o", folder + "/program"})
      .status();
}

// Of a function that the program defines.
absl::StatusOr<std::uint64_t> AddressOf(const std::string& function, const std::string& symbols) {
  for (const absl::string_view line : absl::StrSplit(symbols, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    std::uint64_t address = 0;
    if (words.size() == 3 && words[2] == function && absl::SimpleHexAtoi(words[0], &address)) return address;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("the program has no function ", function, ", where counting begins or ends"));
}

Words Emulator(const Board& board, const std::string& plugin, const std::string& program) {
  Words argv = {board.qemu.program};
  if (!board.qemu.cpu.empty()) argv = argv + Words{"-cpu", board.qemu.cpu};
  if (board.kind == BoardKind::kQemuUser) return argv + Words{"-plugin", plugin, program};
  return argv + Words{"-machine", board.qemu.machine, "-display", "none",  "-monitor", "none", "-serial",
                      "none",     "-semihosting",     "-kernel",  program, "-plugin",  plugin};
}

}  // namespace

absl::StatusOr<CountedRun> RunCounted(const Board& board, const CountedProgram& program) {
  if (!board.emulated() || board.cycle_model.name.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("the board ", board.name, " is not an emulated one"));
  }
  TUNEFARM_ASSIGN_OR_RETURN(const TempDir folder, TempDir::Create("tunefarm-counted"));
  TUNEFARM_RETURN_IF_ERROR(Build(board, program, folder.path()));
  const std::string executable = folder.path() + "/program", counts = folder.path() + "/counts";
  TUNEFARM_ASSIGN_OR_RETURN(const std::string nm, Compile({board.toolchain.compiler, "-print-prog-name=nm"}));
  TUNEFARM_ASSIGN_OR_RETURN(const std::string symbols, Compile({nm, executable}));
  TUNEFARM_ASSIGN_OR_RETURN(const std::uint64_t begin, AddressOf(program.begin, symbols));
  TUNEFARM_ASSIGN_OR_RETURN(const std::uint64_t end, AddressOf(program.end, symbols));
  TUNEFARM_ASSIGN_OR_RETURN(const std::string option,
                            cycles::PluginOption(board.cycle_model, counts, begin, end));
  TUNEFARM_ASSIGN_OR_RETURN(const RunResult result, RunTool(Emulator(board, option, executable)));
  CountedRun run;
  run.output = result.out + result.err;  // QEMU's semihosting writes to stderr.
  if (result.exit_code != 0) {
    return absl::AbortedError(
        absl::StrCat("the program failed under ", board.qemu.program, ": ", run.output));
  }
  TUNEFARM_ASSIGN_OR_RETURN(const std::string text, ReadFile(counts));
  TUNEFARM_ASSIGN_OR_RETURN(run.regions, cycles::ParseRegions(text));
  return run;
}

}  // namespace tunefarm::bench
