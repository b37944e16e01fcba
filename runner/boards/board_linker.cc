#include "runner/boards/board_linker.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/exit_code.h"
#include "base/subprocess.h"
#include "runner/boards/runtime/control.h"
#include "runner/boards/runtime_sources.h"

namespace tunefarm {
namespace {

// A link takes milliseconds; the first compilation after a boot reads the compiler from the disk.
constexpr absl::Duration kToolDeadline = absl::Seconds(30);
// The runtime's own: its frames, a fault's, and an interrupt's.
constexpr int kMainStackBytes = 1024;
// Of vectors and of MPU regions.
constexpr std::uint64_t kCodeAlignment = 512;
constexpr std::uint64_t kDataAlignment = 64;
constexpr std::size_t kMaxDetail = 4096;

// Program headers of our own, so that the file's headers are in no segment.
std::string Script(std::uint32_t code, absl::string_view data, absl::string_view first,
                   absl::string_view last) {
  return absl::StrFormat(
      "PHDRS { text PT_LOAD; data PT_LOAD; }\n"
      "SECTIONS {\n"
      "  .text 0x%x : { %s *(.text .text.* .rodata .rodata.*) . = ALIGN(4); } :text\n"
      "  . = %s;\n"  // Not of .data alone: the linker forgets the address of a section that is empty.
      "  .data : { *(.control) *(.data .data.*) } :data\n"
      "  .bss : { *(.bss .bss.* COMMON) %s } :data\n"
      "  /DISCARD/ : { *(.ARM.exidx* .ARM.extab* .comment .note* .eh_frame*) }\n"
      "}\n",
      code, first, data, last);
}

std::vector<std::string> operator+(std::vector<std::string> left, const std::vector<std::string>& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// What an image occupies from `start` on, of the segments that lie there.
std::uint64_t Extent(const ElfImage& image, const MemoryRegion& region, std::uint64_t start) {
  std::uint64_t end = start;
  for (const ElfSegment& segment : image.segments) {
    if (segment.address >= start && segment.address < region.start + region.bytes) {
      end = std::max<std::uint64_t>(end, std::uint64_t{segment.address} + segment.memory_bytes);
    }
  }
  return end - start;
}

// Objects may name sections as they like; the linker puts those somewhere.
absl::Status CheckPlaces(const ElfImage& image, const MemoryRegion& code, const MemoryRegion& data) {
  for (const ElfSegment& segment : image.segments) {
    const auto holds = [&](const MemoryRegion& region) {
      return segment.address >= region.start && segment.address < region.start + region.bytes;
    };
    if (!holds(code) && !holds(data)) {
      return absl::ResourceExhaustedError(absl::StrFormat(
          "the linker put a section at 0x%x, outside of the board's memory", segment.address));
    }
  }
  return absl::OkStatus();
}

v1::Failure MakeFailure(v1::FailureKind kind, std::string message, const std::string& detail) {
  v1::Failure failure;
  failure.set_kind(kind);
  failure.set_phase(v1::PHASE_LOAD);
  failure.set_message(std::move(message));
  failure.set_detail(detail.substr(0, kMaxDetail));
  return failure;
}

// The first complaint of ld, without the names of our files.
std::string FirstLine(const std::string& text) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::size_t at = line.find("undefined reference");
    if (at != absl::string_view::npos) return std::string(line.substr(at));
  }
  return std::string(absl::StripAsciiWhitespace(text.substr(0, text.find('\n'))));
}

}  // namespace

absl::StatusOr<std::string> BoardLinker::RunTool(std::vector<std::string> argv) const {
  SubprocessOptions options;
  options.argv = std::move(argv);
  options.working_directory = scratch_.path();
  const std::string name = options.argv[0];
  const absl::StatusOr<RunResult> result = RunProcess(options, kToolDeadline);
  if (absl::IsNotFound(result.status())) {
    return WithExitCode(
        absl::NotFoundError(absl::StrCat("the toolchain of the board, ", name,
                                         ", is not installed; on Debian and Ubuntu: "
                                         "apt-get install ",
                                         absl::StrContains(name, "none-eabi") ? "gcc-arm-none-eabi" : name)),
        ExitCode::kMissingCompiler);
  }
  TUNEFARM_RETURN_IF_ERROR(result.status());
  if (result->timed_out) return absl::DeadlineExceededError(absl::StrCat(name, " takes too long"));
  if (result->exit_code != 0) return absl::FailedPreconditionError(absl::StrCat(name, ": ", result->err));
  return std::string(absl::StripAsciiWhitespace(result->out));
}

absl::Status BoardLinker::FindTools() {
  const std::vector<std::string> compiler = {board_.toolchain.compiler};
  TUNEFARM_ASSIGN_OR_RETURN(ld_, RunTool(compiler + std::vector<std::string>{"-print-prog-name=ld"}));
  TUNEFARM_ASSIGN_OR_RETURN(libgcc_, RunTool(compiler + board_.toolchain.flags +
                                             std::vector<std::string>{"-print-libgcc-file-name"}));
  return absl::OkStatus();
}

absl::Status BoardLinker::BuildRuntime() {
  std::vector<std::string> objects;
  for (const auto& [name, text] : RuntimeSources()) {
    TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(absl::StrCat(scratch_.path(), "/", name), text));
    if (absl::EndsWith(name, ".h")) continue;
    // The compiler must not turn the loops of memcpy and memset into calls of themselves.
    objects.push_back(absl::StrCat(name, ".o"));
    TUNEFARM_RETURN_IF_ERROR(
        RunTool(std::vector<std::string>{board_.toolchain.compiler} + board_.toolchain.flags +
                std::vector<std::string>{"-O2", "-std=gnu11", "-ffreestanding",
                                         "-fno-tree-loop-distribute-patterns", "-ffunction-sections",
                                         "-fno-unwind-tables", "-fno-asynchronous-unwind-tables", "-c", name,
                                         "-o", objects.back()})
            .status());
  }
  const BoardPlacement& placement = board_.placement;
  TUNEFARM_RETURN_IF_ERROR(
      map_.Take(placement.stack, device::kGuardBytes, kDataAlignment, "the stack's guard").status());
  TUNEFARM_ASSIGN_OR_RETURN(stack_low_,
                            map_.Take(placement.stack, board_.stack_bytes, kDataAlignment, "the stack"));
  const std::uint32_t code = map_.Next(placement.code, kCodeAlignment);
  const std::uint32_t data = map_.Next(placement.data, kDataAlignment);
  const bool shared = placement.code == placement.data;
  const std::string script =
      Script(code, shared ? "ALIGN(., 64)" : absl::StrFormat("0x%x", data), "KEEP(*(.vectors))",
             absl::StrFormat(". = ALIGN(8); . += %d; tunefarm_main_stack_top = .;", kMainStackBytes));
  TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(scratch_.path() + "/runtime.ld", script));
  TUNEFARM_RETURN_IF_ERROR(
      RunTool(std::vector<std::string>{ld_, "-T", "runtime.ld", "-e", "tunefarm_entry", "-z",
                                       "max-page-size=4", "--no-warn-rwx-segments", "-o", "runtime.elf"} +
              objects + std::vector<std::string>{libgcc_})
          .status());
  TUNEFARM_ASSIGN_OR_RETURN(const std::string file, ReadFile(scratch_.path() + "/runtime.elf"));
  TUNEFARM_ASSIGN_OR_RETURN(runtime_, ReadElf(file));
  const std::uint64_t code_bytes = Extent(runtime_, *board_.Region(placement.code), code);
  TUNEFARM_RETURN_IF_ERROR(map_.Take(placement.code, code_bytes, kCodeAlignment, "the runtime").status());
  if (shared) return absl::OkStatus();
  const std::uint64_t data_bytes = Extent(runtime_, *board_.Region(placement.data), data);
  return map_.Take(placement.data, data_bytes, kDataAlignment, "the runtime's data").status();
}

absl::StatusOr<BoardLinker> BoardLinker::Create(const Board& board) {
  TUNEFARM_ASSIGN_OR_RETURN(TempDir scratch, TempDir::Create("tunefarm-board"));
  BoardLinker linker(board, std::move(scratch));
  TUNEFARM_RETURN_IF_ERROR(linker.FindTools());
  TUNEFARM_RETURN_IF_ERROR(WithContext(linker.BuildRuntime(), "building the on-device runtime"));
  return linker;
}

absl::StatusOr<LinkedKernel> BoardLinker::Link(const std::string& file, MemoryMap& map) const {
  const BoardPlacement& placement = board_.placement;
  const std::uint32_t code = map.Next(placement.code, kCodeAlignment);
  const std::uint32_t data = map.Next(placement.data, kDataAlignment);
  const bool shared = placement.code == placement.data;
  TUNEFARM_ASSIGN_OR_RETURN(const TempDir folder, TempDir::Create("tunefarm-link"));
  const std::string script = folder.path() + "/kernel.ld";
  const std::string output = folder.path() + "/kernel.elf";
  TUNEFARM_RETURN_IF_ERROR(
      WriteFileAtomic(script, Script(code, shared ? "ALIGN(., 64)" : absl::StrFormat("0x%x", data), "", "")));
  SubprocessOptions options;
  options.argv = {ld_,
                  "-T",
                  script,
                  "-e",
                  "tunefarm_run",
                  "-u",
                  "tunefarm_prepare",
                  "--gc-sections",
                  "-z",
                  "max-page-size=4",
                  "--no-warn-rwx-segments",
                  "-o",
                  output,
                  file,
                  scratch_.path() + "/memory.c.o",
                  libgcc_};
  TUNEFARM_ASSIGN_OR_RETURN(const RunResult run, RunProcess(options, kToolDeadline));
  LinkedKernel kernel;
  if (run.timed_out) return absl::DeadlineExceededError("linking a kernel takes too long");
  if (run.exit_code != 0) {
    kernel.failure = MakeFailure(
        v1::FAILURE_KIND_LINK, absl::StrCat("the linker refused the kernel: ", FirstLine(run.err)), run.err);
    return kernel;
  }
  TUNEFARM_ASSIGN_OR_RETURN(const std::string elf, ReadFile(output));
  TUNEFARM_ASSIGN_OR_RETURN(kernel.image, ReadElf(elf));
  const auto symbol = [&](const char* name) {
    const auto found = kernel.image.symbols.find(name);
    return found == kernel.image.symbols.end() ? 0 : found->second;
  };
  kernel.run = symbol("tunefarm_run");
  kernel.prepare = symbol("tunefarm_prepare");
  if (kernel.image.symbols.count("tunefarm_run") == 0) {
    kernel.failure = MakeFailure(v1::FAILURE_KIND_LOAD, "the kernel has no function tunefarm_run", "");
    return kernel;
  }
  const MemoryRegion& code_region = *board_.Region(placement.code);
  const MemoryRegion& data_region = *board_.Region(placement.data);
  absl::Status placed = CheckPlaces(kernel.image, code_region, data_region);
  if (placed.ok()) {
    placed =
        map.Take(placement.code, Extent(kernel.image, code_region, code), kCodeAlignment, "the kernel's code")
            .status();
  }
  if (placed.ok() && !shared) {
    placed = map.Take(placement.data, Extent(kernel.image, data_region, data), kDataAlignment,
                      "the kernel's static data")
                 .status();
  }
  if (!placed.ok()) {
    kernel.failure = MakeFailure(v1::FAILURE_KIND_OUT_OF_MEMORY, std::string(placed.message()), "");
  }
  return kernel;
}

}  // namespace tunefarm
