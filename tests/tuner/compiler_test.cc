#include "tuner/compiler.h"

#include <dlfcn.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "absl/strings/match.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "schedules/schedule_template.h"
#include "tests/catch.h"
#include "tuner/warm_compilers.h"

namespace tunefarm::tuner {
namespace {

schedules::Target Gcc() {
  schedules::Target target;
  target.name = "test";
  target.compiler = "gcc";
  return target;
}

schedules::KernelSource Source(const std::string& c) {
  schedules::KernelSource source;
  source.c = c;
  return source;
}

std::string WriteScript(const TempDir& folder, const std::string& name, const std::string& body) {
  const std::string path = folder.path() + "/" + name;
  REQUIRE(WriteFileAtomic(path, "#!/bin/sh\n" + body, 0755).ok());
  return path;
}

TEST_CASE("CompiledKernelLoadsAndComputes") {
  const auto result = Compile(
      Source(
          "void tunefarm_run(void* const* a, const void* p, void* w) { *(float*)a[1] = 2 * *(float*)a[0]; }"),
      Gcc(), {});
  REQUIRE(result.ok());
  REQUIRE(result->failure.kind() == v1::FAILURE_KIND_UNSPECIFIED);
  const auto folder = TempDir::Create();
  const std::string path = folder->path() + "/kernel.so";
  REQUIRE(WriteFileAtomic(path, result->object).ok());
  void* library = dlopen(path.c_str(), RTLD_NOW);
  REQUIRE(library != nullptr);
  auto* run = reinterpret_cast<void (*)(void* const*, const void*, void*)>(dlsym(library, "tunefarm_run"));
  REQUIRE(run != nullptr);
  float in = 21, out = 0;
  void* arguments[] = {&in, &out};
  run(arguments, nullptr, nullptr);
  CHECK(out == 42.0f);
  dlclose(library);
}

TEST_CASE("CompilerCallsToLibcAreLinked") {
  const auto result =
      Compile(Source("#include <stddef.h>\nvoid* memset(void*, int, size_t);\n"
                     "void tunefarm_run(void* const* a, const void* p, void* w) { memset(a[0], 0, 4096); }"),
              Gcc(), {});
  REQUIRE(result.ok());
  CHECK(result->failure.kind() == v1::FAILURE_KIND_UNSPECIFIED);
}

TEST_CASE("ObjectTargetsGetOneRelocatableObjectWithoutLinking") {
  schedules::Target target = Gcc();
  target.kernel_format = schedules::KernelFormat::kObject;
  const auto source =
      Source("void later(void); void tunefarm_run(void* const* a, const void* p, void* w) { later(); }");
  for (const bool launched : {false, true}) {
    CompilerOptions options;
    if (launched) options.launcher = {"env"};
    const auto result = Compile(source, target, options);
    REQUIRE(result.ok());
    INFO(result->failure.message());
    REQUIRE(result->failure.kind() == v1::FAILURE_KIND_UNSPECIFIED);
    REQUIRE(result->object.size() > 18);
    CHECK(result->object.substr(0, 4) ==
          "\x7f"
          "ELF");
    CHECK(result->object[16] == 1);  // e_type: ET_REL.
  }
  const auto refused = Compile(Source("void tunefarm_run(void) { no_such_name = 1; }"), target, {});
  CHECK(refused->failure.kind() == v1::FAILURE_KIND_COMPILE);
  const std::vector<std::string> flags = CompilerFlags(target, source);
  CHECK(std::find(flags.begin(), flags.end(), "-fPIC") == flags.end());
}

TEST_CASE("RefusedSourceIsACompileFailureWithTheCompilersWords") {
  const auto result = Compile(Source("void tunefarm_run(void) { no_such_name = 1; }"), Gcc(), {});
  REQUIRE(result.ok());
  CHECK(result->failure.kind() == v1::FAILURE_KIND_COMPILE);
  CHECK(result->failure.phase() == v1::PHASE_BUILD);
  CHECK(absl::StrContains(result->failure.message(), "no_such_name"));
  CHECK(absl::StrContains(result->failure.detail(), "kernel.c:1"));
  CHECK(result->object.empty());
}

TEST_CASE("UnresolvedSymbolIsALinkFailure") {
  const auto result =
      Compile(Source("void missing(void); void tunefarm_run(void) { missing(); }"), Gcc(), {});
  REQUIRE(result.ok());
  CHECK(result->failure.kind() == v1::FAILURE_KIND_LINK);
  CHECK(absl::StrContains(result->failure.detail(), "missing"));
}

TEST_CASE("CompilerPastItsDeadlineIsKilledWithAllItStarted") {
  const auto folder = TempDir::Create();
  const std::string pid_file = folder->path() + "/pid";
  schedules::Target target = Gcc();
  target.compiler = WriteScript(*folder, "slow", "sleep 1000 &\necho $! > " + pid_file + "\nwait\n");
  CompilerOptions options;
  options.timeout = absl::Milliseconds(300);
  const auto result = Compile(Source(""), target, options);
  REQUIRE(result.ok());
  CHECK(result->failure.kind() == v1::FAILURE_KIND_BUILD_TIMEOUT);
  const auto pid = ReadFile(pid_file);
  REQUIRE(pid.ok());
  const int process = static_cast<int>(syscall(SYS_pidfd_open, std::stoi(*pid), 0));
  if (process < 0) return;  // Dead and gone.
  pollfd death{process, POLLIN, 0};
  CHECK(poll(&death, 1, 10'000) == 1);
  close(process);
}

TEST_CASE("KilledCompilerLeavesNoScratchFilesBehind") {
  const auto folder = TempDir::Create();
  const std::string name_file = folder->path() + "/name";
  schedules::Target target = Gcc();
  target.compiler = WriteScript(*folder, "slow", "mktemp > " + name_file + "\nexec sleep 1000\n");
  CompilerOptions options;
  options.timeout = absl::Milliseconds(300);
  REQUIRE(Compile(Source(""), target, options)->failure.kind() == v1::FAILURE_KIND_BUILD_TIMEOUT);
  const auto name = ReadFile(name_file);
  REQUIRE(name.ok());
  const std::filesystem::path file = name->substr(0, name->find('\n'));
  CHECK(file.is_absolute());
  CHECK_FALSE(std::filesystem::exists(file));
}

TEST_CASE("FullScratchDiskIsNotTheCandidatesFault") {
  const auto folder = TempDir::Create();
  schedules::Target target = Gcc();
  target.compiler =
      WriteScript(*folder, "full",
                  "echo 'fatal error: error writing to kernel.so: No space left on device' >&2\nexit 1\n");
  CHECK(absl::IsResourceExhausted(Compile(Source(""), target, {}).status()));
}

TEST_CASE("MissingCompilerNamesThePackage") {
  const auto version = CompilerVersion("riscv64-nowhere-linux-gnu-gcc");
  REQUIRE(absl::IsNotFound(version.status()));
  CHECK(ExitCodeOf(version.status()) == ExitCode::kMissingCompiler);
  CHECK(absl::StrContains(version.status().message(), "gcc-riscv64-nowhere-linux-gnu"));
}

TEST_CASE("ReplacedCompilerIsNoticed") {
  const auto folder = TempDir::Create();
  const std::string compiler = WriteScript(*folder, "cc", "echo version one\n");
  CHECK(CompilerVersion(compiler).value() == "version one");
  WriteScript(*folder, "cc", "echo version two; echo more\n");
  CHECK(CompilerVersion(compiler).value() == "version two");
}

// Every intrinsic's declaration has a number that the compiler orders things by.
TEST_CASE("WarmCompilersGiveTheSameObjects") {
  constexpr char kWorkload[] =
      "conv2d:n=1,h=9,w=9,ci=16,co=16,kh=3,kw=3,stride=1,pad=1,layout=nhwc,dtype=i8,epilogue=bias";
  const std::pair<const char*, const char*> targets[] = {{"x86-64-v3", "#include <immintrin.h>"},
                                                         {"cortex-a53", "#include <arm_neon.h>"},
                                                         {"cortex-a9", "#include <arm_neon.h>"},
                                                         {"cortex-m55", "#include <arm_mve.h>"},
                                                         {"cortex-m4", "#include <arm_acle.h>"}};
  WarmCompilers warm;
  CompilerOptions options;
  options.warm = &warm;
  for (const auto& [name, header] : targets) {
    INFO(name);
    const auto target = schedules::FindTarget(name);
    REQUIRE(target.ok());
    if (!CompilerVersion(target->compiler).ok()) continue;
    const auto task = schedules::Task::Create(*schedules::Workload::Parse(kWorkload), *target);
    REQUIRE(task.ok());
    const auto source = (*task)->Generate((*task)->space().default_config());
    REQUIRE(source.ok());
    CHECK(absl::StrContains(source->c, header));
    const auto translated =
        warm.Translate(target->compiler, CompilerFlags(*target, *source), {}, source->c, absl::Minutes(1));
    REQUIRE(translated.has_value());
    CHECK(absl::StrContains(translated->out, "tunefarm_run:"));
    const auto with = Compile(*source, *target, options);
    const auto without = Compile(*source, *target, {});
    REQUIRE(with.ok());
    REQUIRE(without.ok());
    CHECK(!with->object.empty());
    CHECK(with->object == without->object);
  }
}

TEST_CASE("WhatAWarmCompilerRefusesIsJudgedByACold") {
  WarmCompilers warm;
  CompilerOptions options;
  options.warm = &warm;
  const auto refused = Compile(Source("void tunefarm_run(void) { no_such_name = 1; }"), Gcc(), options);
  REQUIRE(refused.ok());
  CHECK(refused->failure.kind() == v1::FAILURE_KIND_COMPILE);
  CHECK(absl::StrContains(refused->failure.detail(), "kernel.c:1"));
  const auto unresolved =
      Compile(Source("void missing(void); void tunefarm_run(void) { missing(); }"), Gcc(), options);
  REQUIRE(unresolved.ok());
  CHECK(unresolved->failure.kind() == v1::FAILURE_KIND_LINK);
  const auto good = Compile(Source("void tunefarm_run(void) {}"), Gcc(), options);
  REQUIRE(good.ok());
  CHECK(!good->object.empty());
}

TEST_CASE("StartOfAWarmCompilerIsNotTheCandidatesTime") {
  const auto folder = TempDir::Create();
  schedules::Target target = Gcc();
  // Only what is kept warm is told to give assembler text.
  target.compiler = WriteScript(*folder, "slow", "case \"$*\" in *-S*) sleep 6;; esac\nexec gcc \"$@\"\n");
  WarmCompilers warm;
  CompilerOptions options;
  options.warm = &warm;
  options.timeout = absl::Seconds(5);
  const auto result = Compile(Source("void tunefarm_run(void) {}"), target, options);
  REQUIRE(result.ok());
  CHECK(result->failure.kind() == v1::FAILURE_KIND_UNSPECIFIED);
  CHECK(!result->object.empty());
}

// Doubles a macro again and again, so that the compiler reads for ever.
TEST_CASE("WarmCompilerPastItsDeadlineIsABuildTimeout") {
  WarmCompilers warm;
  CompilerOptions options;
  options.warm = &warm;
  REQUIRE(Compile(Source("void tunefarm_run(void) {}"), Gcc(), options).ok());
  std::string source = "#define A0 int x; \n";
  for (int i = 1; i < 40; ++i) absl::StrAppend(&source, "#define A", i, " A", i - 1, " A", i - 1, "\n");
  options.timeout = absl::Milliseconds(300);
  const auto result = Compile(Source(absl::StrCat(source, "A39\n")), Gcc(), options);
  REQUIRE(result.ok());
  CHECK(result->failure.kind() == v1::FAILURE_KIND_BUILD_TIMEOUT);
}

TEST_CASE("CompilersThatCannotBeKeptWarmAreUsedAsEver") {
  WarmCompilers warm;
  CHECK(!warm.Translate("gcc", {"-no-such-flag"}, {}, "int x;\n", absl::Minutes(1)).has_value());
  CHECK(!warm.Translate("riscv64-nowhere-linux-gnu-gcc", {}, {}, "int x;\n", absl::Minutes(1)).has_value());
  const auto folder = TempDir::Create();
  schedules::Target target = Gcc();
  // Reads its input as it likes, and makes what it is told to.
  target.compiler = WriteScript(*folder, "own",
                                "if [ \"$1\" = --version ]; then echo own; exit; fi\n"
                                "for last; do :; done\necho made > \"$last\"\n");
  CompilerOptions options;
  options.warm = &warm;
  const auto result = Compile(Source("void tunefarm_run(void) {}"), target, options);
  REQUIRE(result.ok());
  CHECK(result->object == "made\n");
}

TEST_CASE("LauncherRunsBeforeTheCompilerAndSeesSeparateCompilation") {
  const auto folder = TempDir::Create();
  CompilerOptions options;
  const std::string log = folder->path() + "/log";
  options.launcher = {WriteScript(*folder, "launcher", "echo \"$@\" >> " + log + "\nexec \"$@\"\n")};
  const auto result = Compile(Source("void tunefarm_run(void) {}"), Gcc(), options);
  REQUIRE(result.ok());
  CHECK(!result->object.empty());
  const std::string calls = ReadFile(log).value();
  CHECK(absl::StartsWith(calls, "gcc "));
  CHECK(absl::StrContains(calls, " -c kernel.c"));
  CHECK(std::count(calls.begin(), calls.end(), '\n') == 1);
}

TEST_CASE("FlagsOfTheConfigComeLast") {
  schedules::Target target = Gcc();
  target.flags = {"-march=haswell"};
  schedules::KernelSource source;
  source.flags = {"-fno-tree-vectorize"};
  const auto flags = CompilerFlags(target, source);
  REQUIRE(flags.size() >= 2);
  CHECK(flags[flags.size() - 2] == "-march=haswell");
  CHECK(flags.back() == "-fno-tree-vectorize");
}

}  // namespace
}  // namespace tunefarm::tuner
