#include "tests/runner/cycles/emulated_program.h"

#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "runner/cycles/estimator.h"
#include "tests/catch.h"

namespace tunefarm::cycles {
namespace {

constexpr unsigned kBegin = 0x100, kEnd = 0x110;
constexpr unsigned kUserStart = 0x400000;

struct Tools {
  const char* prefix;
  std::vector<std::string> flags;
};

Tools ToolsOf(TestCore core) {
  switch (core) {
    case TestCore::kM4:
      return {"arm-none-eabi-", {"-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"}};
    case TestCore::kM7:
      return {"arm-none-eabi-", {"-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv5-sp-d16"}};
    case TestCore::kM55:
      return {"arm-none-eabi-", {"-mcpu=cortex-m55", "-mthumb", "-mfloat-abi=hard"}};
    case TestCore::kA9:
      return {"arm-linux-gnueabihf-", {"-mcpu=cortex-a9", "-mthumb", "-mfloat-abi=hard", "-mfpu=neon"}};
    case TestCore::kA64:
      break;
  }
  return {"aarch64-linux-gnu-", {"-march=armv8.2-a+dotprod"}};
}

absl::Status RunTool(std::vector<std::string> argv) {
  SubprocessOptions options;
  options.argv = std::move(argv);
  TUNEFARM_ASSIGN_OR_RETURN(const RunResult result, RunProcess(options, absl::Seconds(60)));
  if (result.exit_code == 0) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(options.argv[0], ": ", result.out, result.err));
}

absl::Status Build(TestCore core, const std::string& text, std::vector<std::string> flags,
                   const std::string& path) {
  TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(path + ".s", text));
  const Tools tools = ToolsOf(core);
  std::vector<std::string> argv = {absl::StrCat(tools.prefix, "gcc"), path + ".s", "-o", path};
  argv.insert(argv.end(), tools.flags.begin(), tools.flags.end());
  argv.insert(argv.end(), flags.begin(), flags.end());
  return RunTool(std::move(argv));
}

// Vectors, the calls, and the end by a semihosting call (SYS_EXIT, reason ADP_Stopped_ApplicationExit).
std::string ThumbProgram(const std::string& kernel, int regions, unsigned kernel_offset) {
  return absl::StrFormat(
      ".syntax unified\n.thumb\n.word 0x20010000, reset + 1\n.thumb_func\nreset:\n movs r7, #%d\n"
      "1: bl begin\n bl kernel\n bl end\n subs r7, #1\n bne 1b\n"
      " movs r0, #0x18\n ldr r1, =0x20026\n bkpt #0xab\n .ltorg\n"
      ".org %d\n.thumb_func\nbegin: bx lr\n.org %d\n.thumb_func\nend: bx lr\n"
      ".org %d\n.thumb_func\nkernel:\n%s\n",
      regions, kBegin, kEnd, kernel_offset, kernel);
}

// Programs of Linux: the calls, and the end by a system call (exit).
std::string Arm32Program(const std::string& kernel, int regions, unsigned kernel_offset) {
  return absl::StrFormat(
      ".syntax unified\n.thumb\n.global _start\n.thumb_func\n_start:\n movs r4, #%d\n"
      "1: bl begin\n bl kernel\n bl end\n subs r4, #1\n bne 1b\n movs r0, #0\n movs r7, #1\n svc #0\n"
      ".org %d\n.thumb_func\nbegin: bx lr\n.org %d\n.thumb_func\nend: bx lr\n"
      ".org %d\n.thumb_func\nkernel:\n%s\n.bss\n.balign 4096\nbuffer: .space 8192\n",
      regions, kBegin, kEnd, kernel_offset, kernel);
}

std::string Arm64Program(const std::string& kernel, int regions, unsigned kernel_offset) {
  return absl::StrFormat(
      ".global _start\n_start:\n mov x19, #%d\n1: bl begin\n bl kernel\n bl end\n subs x19, x19, #1\n b.ne "
      "1b\n"
      " mov x0, #0\n mov x8, #93\n svc #0\n"
      ".org %d\nbegin: ret\n.org %d\nend: ret\n.org %d\nkernel:\n%s\n.bss\n.balign 4096\nbuffer: .space "
      "8192\n",
      regions, kBegin, kEnd, kernel_offset, kernel);
}

}  // namespace

absl::StatusOr<CodeBlock> Assemble(TestCore core, const std::string& lines) {
  TUNEFARM_ASSIGN_OR_RETURN(const TempDir directory, TempDir::Create());
  const std::string path = directory.path() + "/block";
  const bool thumb = core != TestCore::kA64;
  TUNEFARM_RETURN_IF_ERROR(
      Build(core, (thumb ? ".syntax unified\n.thumb\n" : "") + lines + "\n", {"-c"}, path));
  TUNEFARM_RETURN_IF_ERROR(RunTool(
      {absl::StrCat(ToolsOf(core).prefix, "objcopy"), "-O", "binary", "-j", ".text", path, path + ".bin"}));
  CodeBlock block;
  block.executions = 1;
  TUNEFARM_ASSIGN_OR_RETURN(block.code, ReadFile(path + ".bin"));
  for (std::size_t at = 0; at < block.code.size(); at += block.sizes.back()) {
    block.sizes.push_back(thumb && static_cast<unsigned char>(block.code[at + 1]) < 0xe8 ? 2 : 4);
  }
  return block;
}

absl::StatusOr<std::string> CountedText(TestCore core, const std::string& kernel, const ModelSpec& spec,
                                        int regions, unsigned kernel_offset) {
  TUNEFARM_ASSIGN_OR_RETURN(const TempDir directory, TempDir::Create());
  const std::string program = directory.path() + "/program", counts = directory.path() + "/counts";
  const bool user = core == TestCore::kA64 || core == TestCore::kA9;
  const unsigned start = user ? kUserStart : 0;
  const auto text = core == TestCore::kA64  ? Arm64Program
                    : core == TestCore::kA9 ? Arm32Program
                                            : ThumbProgram;
  TUNEFARM_RETURN_IF_ERROR(
      Build(core, text(kernel, regions, kernel_offset),
            {"-nostdlib", "-static", absl::StrFormat("-Wl,-Ttext=0x%x,--build-id=none", start)}, program));
  TUNEFARM_ASSIGN_OR_RETURN(const std::string option,
                            PluginOption(spec, counts, start + kBegin, start + kEnd));
  std::vector<std::string> argv = {"qemu-aarch64", "-plugin", option, program};
  if (core == TestCore::kA9) argv = {"qemu-arm", "-cpu", "cortex-a9", "-plugin", option, program};
  if (!user) {
    const char* const machine = core == TestCore::kM4   ? "mps2-an386"
                                : core == TestCore::kM7 ? "mps2-an500"
                                                        : "mps3-an547";
    argv = {"qemu-system-arm", "-M",   machine,        "-display", "none",  "-monitor", "none",
            "-serial",         "none", "-semihosting", "-kernel",  program, "-plugin",  option};
  }
  TUNEFARM_RETURN_IF_ERROR(RunTool(std::move(argv)));
  return ReadFile(counts);
}

bool Missing(const absl::Status& status) {
  if (!absl::IsNotFound(status)) return false;
  WARN("skipped: " << status.message());
  return true;
}

}  // namespace tunefarm::cycles
