#include "tuner/precompiled_headers.h"

#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "base/subprocess.h"
#include "tuner/compiler.h"

namespace tunefarm::tuner {
namespace {

// arm_mve.h is read as fast as it would be loaded.
constexpr const char* kSlowHeaders[] = {"immintrin.h", "arm_neon.h"};
constexpr absl::Duration kTimeout = absl::Seconds(30);

}  // namespace

std::string PrecompiledHeaders::For(const std::string& compiler, const std::vector<std::string>& flags,
                                    const std::string& source) {
  std::string text;
  for (const char* header : kSlowHeaders) {
    const std::string line = absl::StrCat("#include <", header, ">\n");
    if (absl::StrContains(source, line)) text += line;
  }
  if (text.empty()) return "";
  // One made by another version of the compiler would be ignored by it.
  const absl::StatusOr<std::string> version = CompilerVersion(compiler);
  if (!version.ok()) return "";
  const std::string key =
      absl::StrCat(compiler, "\n", *version, "\n", absl::StrJoin(flags, "\n"), "\n", text);
  absl::MutexLock lock(&mu_);
  const auto known = made_.find(key);
  if (known != made_.end()) return known->second;
  return made_[key] = Make(compiler, flags, text);
}

std::string PrecompiledHeaders::Make(const std::string& compiler, const std::vector<std::string>& flags,
                                     const std::string& text) {
  // The compiler looks for HEADER.gch where it is told to include HEADER, and reads that one if it must.
  if (!folder_.has_value()) {
    absl::StatusOr<TempDir> folder = TempDir::Create("tunefarm-headers");
    if (!folder.ok()) return "";
    folder_.emplace(*std::move(folder));
  }
  const std::string header = absl::StrCat(folder_->path(), "/intrinsics", made_.size(), ".h");
  if (!WriteFileAtomic(header, text).ok()) return "";
  SubprocessOptions options;
  options.argv = {compiler};
  options.argv.insert(options.argv.end(), flags.begin(), flags.end());
  options.argv.insert(options.argv.end(), {"-x", "c-header", header, "-o", absl::StrCat(header, ".gch")});
  options.temporary_directory = folder_->path();
  const absl::StatusOr<RunResult> result = RunProcess(options, kTimeout, 64 << 10);
  return result.ok() && result->exit_code == 0 ? header : "";
}

}  // namespace tunefarm::tuner
