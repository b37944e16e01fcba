#include "tests/schedules/program_batch.h"

#include <algorithm>
#include <iostream>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "tests/catch.h"
#include "tests/schedules/kernel_batch.h"

namespace tunefarm::schedules {
namespace {

bool IsMicrocontroller(const Target& target) { return target.kernel_format == KernelFormat::kObject; }

// Memory of the boards used here: from 0 and from 0x20000000. QEMU loads both.
constexpr char kLinkerScript[] = R"(ENTRY(start)
SECTIONS {
  . = 0;
  .text : { KEEP(*(.vectors)) *(.text*) *(.rodata*) }
  .ARM.exidx : { *(.ARM.exidx*) }
  . = 0x20000000;
  .data : { *(.data*) *(.bss*) *(COMMON) }
}
)";

// A tensor stands where a page that cannot be read begins within 63 bytes of its end.
constexpr char kHosted[] = R"(#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
static void report(const char* text) { fputs(text, stdout); }
static void* before_gap(const void* tensor, long bytes) {
  const long page = 65536, rounded = (bytes + 63) / 64 * 64, usable = (rounded + page - 1) / page * page;
  char* memory = mmap(0, usable + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory + usable, page, PROT_NONE) != 0) return 0;
  return memcpy(memory + usable - rounded, tensor, bytes);
}
)";

constexpr char kBare[] = R"(#define before_gap(tensor, bytes) ((void)(bytes), (void*)(tensor))
static int semihost(int operation, const void* argument) {
  register int r0 __asm__("r0") = operation;
  register const void* r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}
static void report(const char* text) { semihost(4, text); }
int main(void);
void start(void) {
  *(volatile unsigned*)0xe000ed88 |= 0xfu << 20;  /* The floating-point unit, which Helium shares. */
  __asm__ volatile("dsb\nisb");
  main();
  semihost(0x18, (const void*)0x20026);
  for (;;) {}
}
void fault(void) { report("fault\n"); semihost(0x18, (const void*)0x20023); for (;;) {} }
__attribute__((section(".vectors"), used)) static const void* const vectors[16] = {
    (void*)0x2007fff0, start, fault, fault, fault, fault, fault};
)";

constexpr char kCheck[] = R"(enum { kGuard = 64 };
static void number(long value) {
  char text[24];
  int at = 23;
  unsigned long rest = value < 0 ? -(unsigned long)value : (unsigned long)value;
  text[at] = 0;
  do { text[--at] = (char)('0' + rest % 10); rest /= 10; } while (rest);
  if (value < 0) text[--at] = '-';
  report(text + at);
}
static void guard(signed char* memory, long bytes) {
  for (long i = 0; i < bytes + 2 * kGuard; ++i) memory[i] = 0x5a;
}
static int intact(const signed char* memory, long bytes) {
  for (long i = 0; i < kGuard; ++i) {
    if (memory[i] != 0x5a || memory[kGuard + bytes + i] != 0x5a) return 0;
  }
  return 1;
}
static void check(int kernel, const signed char* got, const signed char* want, long bytes, int memory_intact) {
  for (long i = 0; i < bytes; ++i) {
    if (got[i] == want[i]) continue;
    number(kernel); report(" element "); number(i); report(" is "); number(got[i]); report(" instead of ");
    number(want[i]); report("\n");
    break;
  }
  if (!memory_intact) { number(kernel); report(" wrote outside its buffers\n"); }
}
)";

// "static const TYPE name[] = {...};"
template <typename T>
void AppendArray(std::string& text, const char* type, const std::string& name, const std::vector<T>& values) {
  absl::StrAppend(&text, "static const ", type, " ", name, "[] __attribute__((aligned(64))) = {");
  for (const T value : values) absl::StrAppend(&text, static_cast<int>(value), ",");
  text += "};\n";
}

std::string ProgramText(const std::vector<ProgramKernel>& kernels, const std::vector<KernelSource>& sources,
                        const Target& target) {
  std::string text = absl::StrCat(IsMicrocontroller(target) ? kBare : kHosted, kCheck);
  std::string calls;
  for (std::size_t k = 0; k < kernels.size(); ++k) {
    const ComputeDefinition& compute = kernels[k].task->compute();
    IntTensors inputs = MakeIntInputs(compute, k + 1);
    if (kernels[k].change) kernels[k].change(inputs);
    const std::vector<int8_t> want = compute.formula == Formula::kSoftmax
                                         ? Int8Reference(kernels[k].task->workload(), inputs)
                                         : EvaluateInt8Directly(compute, inputs);
    // The kernels' own names, one set each.
    std::vector<std::string> names = {"tunefarm_prepare",
                                      "tunefarm_run",
                                      "min_long",
                                      "sums",
                                      "word",
                                      "word_anywhere",
                                      "lhs_terms",
                                      "rhs_terms",
                                      "load_lhs",
                                      "load_rhs",
                                      "dot",
                                      "load_channels",
                                      "store_channels",
                                      "scale",
                                      "scale_vector",
                                      "ror8",
                                      "requantize",
                                      "convert",
                                      "fill",
                                      "pair_anywhere",
                                      "scale_lanes",
                                      "sums_narrow",
                                      "lhs_terms_narrow",
                                      "interleave_narrow",
                                      "load_row_narrow",
                                      "load_rows1_narrow",
                                      "load_rows2_narrow",
                                      "load_rows3_narrow",
                                      "load_rows4_narrow",
                                      "dot_words_narrow",
                                      "dot_narrow",
                                      "load_channels_narrow",
                                      "requantize_narrow",
                                      "store_channels_narrow",
                                      "join",
                                      "exact_result",
                                      "results_agree",
                                      "fit_scale",
                                      "round_down",
                                      "round_as",
                                      "folded_terms",
                                      "broadcast",
                                      "fold_rhs",
                                      "dot_folded",
                                      "start",
                                      "product256",
                                      "product128",
                                      "sum_window",
                                      "sum_pairs",
                                      "limit",
                                      "limit256",
                                      "limit512",
                                      "load_words",
                                      "requantize_words",
                                      "interleave",
                                      "load_row",
                                      "load_rows1",
                                      "load_rows2",
                                      "load_rows3",
                                      "load_rows4",
                                      "dot_words",
                                      "clamp",
                                      "load_word",
                                      "convert_planes",
                                      "fill_planes",
                                      "run_general",
                                      "halves",
                                      "words",
                                      "signed_words",
                                      "load_bytes",
                                      "store_halves",
                                      "transform_input",
                                      "transform_pairs",
                                      "transform_output",
                                      "max",
                                      "min",
                                      "mean",
                                      "share",
                                      "exponential",
                                      "reciprocal",
                                      "multiply",
                                      "divide",
                                      "saturate"};
    for (int block = 1; block <= 64; ++block) names.push_back(absl::StrCat("pool_", block));
    for (int rows = 1; rows <= 14; ++rows) {
      for (int vectors = 1; vectors <= 4; ++vectors)
        names.push_back(absl::StrCat("multiply_", rows, "_", vectors));
    }
    for (const std::string& name : names) {
      absl::StrAppend(&text, "#undef ", name, "\n#define ", name, " ", name, "_", k, "\n");
    }
    text += sources[k].c;
    absl::StrAppend(&calls, "  {\n");
    std::string arguments, constants;
    for (std::size_t t = 0; t < inputs.size(); ++t) {
      const std::string name = absl::StrCat("tensor_", k, "_", t);
      AppendArray(text, compute.tensors[t].dtype == DType::kI8 ? "signed char" : "int", name, inputs[t]);
      absl::StrAppend(&calls, "    void* const at_", t, " = before_gap(", name, ", sizeof ", name, ");\n");
      absl::StrAppend(&arguments, "at_", t, ", ");
      absl::StrAppend(&constants,
                      compute.tensors[t].role == TensorRole::kConstant ? absl::StrCat("at_", t) : "0", ", ");
    }
    AppendArray(text, "signed char", absl::StrCat("want_", k), want);
    const auto buffer = [&](const char* name, uint64_t bytes) {
      absl::StrAppend(&text, "static signed char ", name, "_", k, "[", (bytes + 63) / 64 * 64,
                      " + 2 * 64] __attribute__((aligned(64)));\n");
      absl::StrAppend(&calls, "    guard(", name, "_", k, ", ", bytes, ");\n");
    };
    buffer("packed", sources[k].packed_bytes);
    buffer("workspace", sources[k].workspace_bytes);
    buffer("output", want.size());
    absl::StrAppend(&calls, "    const void* const constants[] = {", constants,
                    "0};\n    void* const arguments[] = {", arguments, "output_", k,
                    " + kGuard};\n    (void)constants;\n");
    if (sources[k].packed_bytes > 0) {
      absl::StrAppend(&calls, "    tunefarm_prepare_", k, "(constants, packed_", k, " + kGuard);\n");
    }
    absl::StrAppend(&calls, "    tunefarm_run_", k, "(arguments, packed_", k, " + kGuard, workspace_", k,
                    " + kGuard);\n    check(", k, ", output_", k, " + kGuard, want_", k, ", ", want.size(),
                    ", intact(packed_", k, ", ", sources[k].packed_bytes, ") && intact(workspace_", k, ", ",
                    sources[k].workspace_bytes, ") && intact(output_", k, ", ", want.size(), "));\n  }\n");
  }
  return absl::StrCat(text, "int main(void) {\n", calls, "  report(\"done\\n\");\n  return 0;\n}\n");
}

std::vector<std::string> Launcher(const Target& target) {
  if (MachineRuns(target)) return {};
  if (target.architecture == "aarch64") return {"qemu-aarch64", "-cpu", "max"};
  if (target.architecture == "armv7-a") return {"qemu-arm", "-cpu", target.name};
  const char* machine = target.name == "cortex-m4"   ? "mps2-an386"
                        : target.name == "cortex-m7" ? "mps2-an500"
                                                     : "mps3-an547";
  return {"qemu-system-arm",
          "-M",
          machine,
          "-display",
          "none",
          "-monitor",
          "none",
          "-serial",
          "none",
          "-semihosting-config",
          "enable=on,target=native",
          "-kernel"};
}

bool IsInstalled(const std::string& program) {
  SubprocessOptions options;
  options.argv = {program, "--version"};
  const absl::StatusOr<RunResult> result = RunProcess(options, absl::Seconds(20));
  return result.ok() && result->exit_code == 0;
}

}  // namespace

std::string WhyNotRun(const Target& target) {
  if (!IsInstalled(target.compiler)) return absl::StrCat(target.compiler, " is not installed");
  const std::vector<std::string> launcher = Launcher(target);
  if (target.architecture == "x86_64" && !MachineRuns(target)) {
    return absl::StrCat("this machine is not a ", target.name);
  }
  if (!launcher.empty() && !IsInstalled(launcher[0])) return absl::StrCat(launcher[0], " is not installed");
  return "";
}

std::vector<Target> TargetsThatRun(const std::vector<const char*>& names) {
  std::vector<Target> targets;
  for (const char* name : names) {
    Target target = FindTarget(name).value();
    if (const std::string reason = WhyNotRun(target); reason.empty()) {
      targets.push_back(std::move(target));
    } else {
      std::cerr << "skipped " << name << ": " << reason << "\n";
    }
  }
  return targets;
}

namespace {

// What is wrong, a line for each kernel. An error when the program could not be built or did not end.
absl::StatusOr<std::vector<std::string>> RunProgram(const std::vector<ProgramKernel>& kernels,
                                                    const Target& target) {
  TUNEFARM_ASSIGN_OR_RETURN(const TempDir scratch, TempDir::Create());
  const std::string program = scratch.path() + "/program";
  std::vector<KernelSource> sources;
  std::vector<std::string> argv = {target.compiler};
  argv.insert(argv.end(), target.flags.begin(), target.flags.end());
  for (const ProgramKernel& kernel : kernels) {
    TUNEFARM_ASSIGN_OR_RETURN(KernelSource source, kernel.task->Generate(kernel.config));
    argv.insert(argv.end(), source.flags.begin(), source.flags.end());
    sources.push_back(std::move(source));
  }
  TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(program + ".c", ProgramText(kernels, sources, target)));
  TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(program + ".ld", kLinkerScript));
  // -O1 compiles several times faster and reads the same C.
  argv.insert(argv.end(), {"-O1", "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function",
                           program + ".c", "-o", program});
  if (IsMicrocontroller(target)) {
    argv.insert(argv.end(), {"-nostartfiles", "-T", program + ".ld"});
  } else {
    argv.push_back("-static");
  }
  SubprocessOptions options;
  options.argv = argv;
  TUNEFARM_ASSIGN_OR_RETURN(const RunResult built, RunProcess(options, absl::Seconds(100)));
  if (built.exit_code != 0) return absl::InternalError(built.err.substr(0, 4000));
  options.argv = Launcher(target);
  options.argv.push_back(program);
  TUNEFARM_ASSIGN_OR_RETURN(const RunResult ran, RunProcess(options, absl::Seconds(60)));
  std::vector<std::string> wrong;
  // Semihosting writes to the emulator's standard error.
  for (const absl::string_view line : absl::StrSplit(ran.out + ran.err, '\n', absl::SkipEmpty())) {
    if (line == "done") return wrong;
    std::size_t number = 0;
    for (std::size_t i = 0; i < line.size() && line[i] >= '0' && line[i] <= '9'; ++i) {
      number = number * 10 + static_cast<std::size_t>(line[i] - '0');
    }
    const Task& task = *kernels[std::min(number, kernels.size() - 1)].task;
    wrong.push_back(absl::StrCat(line, ": ", task.workload().ToString(), " [",
                                 task.space().ToText(kernels[std::min(number, kernels.size() - 1)].config),
                                 "]"));
  }
  return absl::InternalError(
      absl::StrCat("the program did not end: ", ran.out.substr(0, 1000), ran.err.substr(0, 1000)));
}

}  // namespace

void CheckProgram(const std::vector<ProgramKernel>& kernels, const Target& target) {
  const absl::StatusOr<std::vector<std::string>> wrong = RunProgram(kernels, target);
  INFO(target.name << " " << wrong.status().message());
  REQUIRE(wrong.ok());
  CHECK(*wrong == std::vector<std::string>{});
}

}  // namespace tunefarm::schedules
