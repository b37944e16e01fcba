#include "tuner/compiler.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "base/compiler_package.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "tuner/warm_compilers.h"

namespace tunefarm::tuner {
namespace {

// What a record keeps of stderr (Failure.detail). The first errors matter more than the last ones, but gcc's
// summary of a failed link stands at the end; 4 KiB holds both for every failure seen.
constexpr std::size_t kMaxDetail = 4096;

absl::Status MissingCompiler(const std::string& compiler) {
  return WithExitCode(
      absl::NotFoundError(absl::StrCat(
          "the compiler '", compiler, "' is not installed; install the package ", CompilerPackage(compiler),
          " (on Debian and Ubuntu: apt-get install), or name another compiler in the target file")),
      ExitCode::kMissingCompiler);
}

std::string FindInPath(const std::string& program) {
  if (absl::StrContains(program, '/')) return program;
  const char* path = std::getenv("PATH");
  for (absl::string_view folder : absl::StrSplit(path != nullptr ? path : "/usr/bin:/bin", ':')) {
    std::string candidate = absl::StrCat(folder, "/", program);
    if (access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return program;
}

// Changes when the program's file is replaced, as by a package upgrade. Empty when there is none.
std::string FileIdentity(const std::string& compiler) {
  const std::string path = FindInPath(compiler);
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return "";
  return absl::StrFormat("%s %d %d %d.%d", path, info.st_ino, info.st_size, info.st_mtim.tv_sec,
                         info.st_mtim.tv_nsec);
}

std::string Tail(const std::string& text) {
  return text.size() <= kMaxDetail ? text : absl::StrCat("...", text.substr(text.size() - kMaxDetail + 3));
}

// The first line that reports an error, without the scratch folder's name.
std::string FirstError(const std::string& err) {
  for (absl::string_view line : absl::StrSplit(err, '\n')) {
    const std::size_t at = line.find("error: ");
    if (at != absl::string_view::npos) return std::string(line.substr(at + 7));
  }
  return "no message";
}

v1::Failure MakeFailure(v1::FailureKind kind, const std::string& message, const std::string& err) {
  v1::Failure failure;
  failure.set_kind(kind);
  failure.set_phase(v1::PHASE_BUILD);
  failure.set_message(message);
  failure.set_detail(Tail(err));
  return failure;
}

// The failure of a compiler process, UNSPECIFIED when it succeeded. An error when the machine is to blame.
absl::StatusOr<v1::Failure> Judge(const RunResult& run, bool links, absl::Duration timeout) {
  if (run.timed_out) {
    return MakeFailure(v1::FAILURE_KIND_BUILD_TIMEOUT,
                       absl::StrCat("the compiler took longer than ", absl::FormatDuration(timeout)),
                       run.err);
  }
  if (run.exit_code == 0) return v1::Failure();
  if (absl::StrContains(run.err, "No space left on device")) {
    return absl::ResourceExhaustedError(
        "no disk space left to compile in; free some in $TMPDIR (or /tmp), or set TMPDIR to another folder");
  }
  if (run.signal != 0) {
    return MakeFailure(v1::FAILURE_KIND_COMPILE,
                       absl::StrCat("the compiler was ended by signal ", run.signal), run.err);
  }
  // collect2 is gcc's linker driver; clang names the command itself.
  const bool link = links && (absl::StrContains(run.err, "collect2: error") ||
                              absl::StrContains(run.err, "linker command failed"));
  if (link) return MakeFailure(v1::FAILURE_KIND_LINK, "the linker refused the kernel", run.err);
  return MakeFailure(v1::FAILURE_KIND_COMPILE,
                     absl::StrCat("the compiler refused the source: ", FirstError(run.err)), run.err);
}

const std::vector<std::string>& LinkFlags() {
  // -z defs: an unresolved symbol is the candidate's link failure here, not a load failure on the device.
  // No start files: a kernel has no constructors, and the linker is done in half the time.
  static const auto* flags =
      new std::vector<std::string>{"-shared", "-nostartfiles", "-Wl,-z,defs", "-Wl,--as-needed"};
  return *flags;
}

// What to link with, one after the other until it suffices: reading the libraries takes a linker longer than
// all else, and few kernels call anything but what compilers make of loops that copy and clear.
std::vector<std::vector<std::string>> Libraries(absl::string_view assembler) {
  if (absl::StrContains(assembler, "GOMP_")) return {{}};  // Threads.
  const bool copies = absl::StrContains(assembler, "memcpy") || absl::StrContains(assembler, "memmove") ||
                      absl::StrContains(assembler, "memset");
  if (copies) return {{"-nostdlib", "-l:libc.so.6"}, {}};
  return {{"-nostdlib"}, {}};
}

template <typename... Lists>
std::vector<std::string> Join(const Lists&... lists) {
  std::vector<std::string> all;
  (all.insert(all.end(), lists.begin(), lists.end()), ...);
  return all;
}

}  // namespace

absl::StatusOr<std::string> CompilerVersion(const std::string& compiler) {
  static auto* mu = new absl::Mutex;
  static auto* known =
      new std::map<std::string, std::pair<std::string, std::string>>;  // Identity and version.
  const std::string identity = FileIdentity(compiler);
  if (identity.empty()) return MissingCompiler(compiler);
  {
    absl::MutexLock lock(mu);
    const auto it = known->find(compiler);
    if (it != known->end() && it->second.first == identity) return it->second.second;
  }
  SubprocessOptions options;
  options.argv = {compiler, "--version"};
  const absl::StatusOr<RunResult> run = RunProcess(options, absl::Seconds(30));
  if (absl::IsNotFound(run.status())) return MissingCompiler(compiler);
  if (!run.ok()) return run.status();
  if (run->exit_code != 0) {
    return WithExitCode(
        absl::FailedPreconditionError(absl::StrCat("'", compiler, " --version' failed: ", Tail(run->err))),
        ExitCode::kMissingCompiler);
  }
  std::string version = std::vector<std::string>(absl::StrSplit(run->out, absl::MaxSplits('\n', 1)))[0];
  absl::MutexLock lock(mu);
  (*known)[compiler] = {identity, version};
  return version;
}

std::vector<std::string> CompilerFlags(const schedules::Target& target,
                                       const schedules::KernelSource& source) {
  // -w: nobody reads a kernel's warnings. How far to optimise is the target's to say.
  // An object is linked to fixed addresses on the runner, and into an image without a C library: what the
  // compiler makes calls to there is only memcpy, memmove and memset (-ffreestanding promises no more).
  static const std::vector<std::string> kShared = {"-std=gnu11", "-fPIC", "-w"};
  static const std::vector<std::string> kObject = {"-std=gnu11",
                                                   "-w",
                                                   "-ffreestanding",
                                                   "-fno-pic",
                                                   "-ffunction-sections",
                                                   "-fno-unwind-tables",
                                                   "-fno-asynchronous-unwind-tables"};
  const bool object = target.kernel_format == schedules::KernelFormat::kObject;
  return Join(object ? kObject : kShared, target.flags, source.flags);
}

absl::StatusOr<CompileResult> Compile(const schedules::KernelSource& source, const schedules::Target& target,
                                      const CompilerOptions& options) {
  TUNEFARM_ASSIGN_OR_RETURN(const TempDir scratch, TempDir::Create("tunefarm-build"));
  const std::vector<std::string> flags = CompilerFlags(target, source);
  CompileResult result;
  absl::Duration left = options.timeout;
  std::string input = "kernel.c";
  std::string text = source.c;
  if (options.warm != nullptr && options.launcher.empty()) {
    std::optional<RunResult> translated =
        options.warm->Translate(target.compiler, flags, options.cpus, source.c, options.timeout);
    if (translated.has_value() && translated->timed_out) {
      TUNEFARM_ASSIGN_OR_RETURN(result.failure, Judge(*translated, false, options.timeout));
      return result;
    }
    if (translated.has_value() && translated->exit_code == 0) {
      left -= translated->wall;  // Without the start of a warm compiler, which is not the candidate's.
      input = "kernel.s";
      text = std::move(translated->out);
    }
  }
  TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(absl::StrCat(scratch.path(), "/", input), text));
  const bool object = target.kernel_format == schedules::KernelFormat::kObject;
  const absl::Time deadline = absl::Now() + left;
  const auto run = [&](std::vector<std::string> argv, bool links) -> absl::Status {
    SubprocessOptions process;
    process.argv = std::move(argv);
    process.working_directory = scratch.path();
    process.set_environment = {
        absl::StrCat("TMPDIR=", scratch.path())};  // A killed compiler leaves its own scratch files.
    process.cpus = options.cpus;
    TUNEFARM_ASSIGN_OR_RETURN(
        const RunResult end,
        RunProcess(process, std::max(deadline - absl::Now(), absl::Milliseconds(1)), 64 << 10));
    TUNEFARM_ASSIGN_OR_RETURN(result.failure, Judge(end, links, options.timeout));
    return absl::OkStatus();
  };
  using Words = std::vector<std::string>;
  const Words compiler = {target.compiler};
  const auto failed = [&] { return result.failure.kind() != v1::FAILURE_KIND_UNSPECIFIED; };
  // What is translated already needs no step of its own before it is linked.
  if (object || input == "kernel.c") {
    TUNEFARM_RETURN_IF_ERROR(
        run(Join(options.launcher, compiler, flags, Words{"-c", input, "-o", "kernel.o"}), false));
    if (failed()) return result;
    input = "kernel.o";
  }
  if (!object) {
    for (const Words& libraries : Libraries(text)) {
      TUNEFARM_RETURN_IF_ERROR(
          run(Join(compiler, flags, LinkFlags(), Words{input}, libraries, Words{"-o", "kernel.so"}), true));
      if (!failed()) break;
    }
    if (failed()) return result;
  }
  TUNEFARM_ASSIGN_OR_RETURN(result.object, ReadFile(scratch.path() + (object ? "/kernel.o" : "/kernel.so")));
  return result;
}

}  // namespace tunefarm::tuner
