#include "cli/readiness.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/compiler_package.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "base/subprocess.h"

namespace tunefarm::cli {
namespace {

// A compiler that takes longer for a few lines is broken or waits for a licence server.
constexpr absl::Duration kCompileDeadline = absl::Seconds(20);

absl::StatusOr<RunResult> RunCompiler(const schedules::Target& target, std::vector<std::string> arguments) {
  SubprocessOptions options;
  options.argv = std::move(arguments);
  options.argv.insert(options.argv.begin(), target.compiler);
  auto result = RunProcess(options, kCompileDeadline);
  if (absl::IsNotFound(result.status())) {
    return WithExitCode(absl::NotFoundError(absl::StrCat(
                            "the compiler '", target.compiler, "' for target ", target.name,
                            " is not in PATH; install it, on Debian and Ubuntu with `apt-get install ",
                            CompilerPackage(target.compiler), "`")),
                        ExitCode::kMissingCompiler);
  }
  return result;
}

std::string FailureOf(const RunResult& result) {
  if (result.timed_out) return "took too long";
  return std::string(absl::StripAsciiWhitespace(result.err.empty() ? result.out : result.err));
}

}  // namespace

absl::StatusOr<std::string> CompilerVersion(const schedules::Target& target) {
  TUNEFARM_ASSIGN_OR_RETURN(const RunResult result, RunCompiler(target, {"--version"}));
  if (result.exit_code != 0) {
    return WithExitCode(absl::FailedPreconditionError(
                            absl::StrCat("`", target.compiler, " --version` failed: ", FailureOf(result))),
                        ExitCode::kMissingCompiler);
  }
  const std::vector<std::string> lines = absl::StrSplit(result.out, absl::MaxSplits('\n', 1));
  return lines[0];
}

absl::Status CheckCompiles(const schedules::Target& target) {
  TUNEFARM_ASSIGN_OR_RETURN(const TempDir folder, TempDir::Create("tunefarm-cc"));
  const std::string source = folder.path() + "/probe.c";
  TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(source,
                                           "typedef float v4 __attribute__((vector_size(16)));\n"
                                           "void probe(v4* a, const v4* b) { *a += *b * *b; }\n"));
  std::vector<std::string> arguments = target.flags;
  const bool object = target.kernel_format == schedules::KernelFormat::kObject;
  const std::vector<std::string> form =
      object ? std::vector<std::string>{"-c"} : std::vector<std::string>{"-shared", "-fPIC"};
  arguments.insert(arguments.end(), form.begin(), form.end());
  arguments.insert(arguments.end(), {"-O3", "-o", folder.path() + "/probe", source});
  TUNEFARM_ASSIGN_OR_RETURN(const RunResult result, RunCompiler(target, std::move(arguments)));
  if (result.exit_code == 0) return absl::OkStatus();
  return WithExitCode(absl::FailedPreconditionError(
                          absl::StrCat("'", target.compiler, "' cannot compile for ", target.name, " (flags ",
                                       absl::StrJoin(target.flags, " "), "): ", FailureOf(result))),
                      ExitCode::kMissingCompiler);
}

absl::Status CheckDevice(const schedules::Target& target, const std::vector<v1::DeviceFacts>& devices) {
  if (devices.empty()) {
    return WithExitCode(absl::NotFoundError("no device is registered; start a tunefarm-runner on one"),
                        ExitCode::kNoDevice);
  }
  std::vector<std::string> reasons;
  for (const v1::DeviceFacts& device : devices) {
    if (device.architecture() != target.architecture) {
      reasons.push_back(absl::StrCat(device.device_id(), " is ", device.architecture()));
      continue;
    }
    std::vector<std::string> missing;
    for (const std::string& feature : target.isa_features) {
      if (std::find(device.isa_features().begin(), device.isa_features().end(), feature) ==
          device.isa_features().end()) {
        missing.push_back(feature);
      }
    }
    if (missing.empty()) return absl::OkStatus();
    reasons.push_back(absl::StrCat(device.device_id(), " lacks ", absl::StrJoin(missing, ", ")));
  }
  return WithExitCode(absl::FailedPreconditionError(
                          absl::StrCat("no device can run code for ", target.name, " (", target.architecture,
                                       "): ", absl::StrJoin(reasons, "; "),
                                       ". Choose another --target, or a farm that has such a device "
                                       "(--daemon)")),
                      ExitCode::kNoDevice);
}

absl::StatusOr<schedules::Target> FindTargetOrExplain(const std::string& name) {
  auto target = schedules::FindTarget(name);
  if (!target.ok()) return WithExitCode(target.status(), ExitCode::kUnknownTarget);
  return target;
}

}  // namespace tunefarm::cli
