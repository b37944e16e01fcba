#include "tuner/warm_compilers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tuner/compiler.h"

namespace tunefarm::tuner {
namespace {

constexpr const char* kSlowHeaders[] = {"immintrin.h", "arm_neon.h", "arm_mve.h"};

// Each holds some 60 MB. A job's tasks differ in a handful of flags; at half of this, jobs of several targets
// would start compilers again and again.
constexpr std::size_t kMaxEntries = 8;

constexpr absl::Duration kStartTimeout = absl::Seconds(30);
constexpr std::size_t kMaxAssembler = 64 << 20;

std::string SlowHeaders(const std::string& source) {
  std::string headers;
  for (const char* header : kSlowHeaders) {
    const std::string line = absl::StrCat("#include <", header, ">\n");
    if (absl::StrContains(source, line)) headers += line;
  }
  return headers;
}

}  // namespace

std::shared_ptr<WarmCompilers::Entry> WarmCompilers::Find(const std::string& compiler,
                                                          const std::vector<std::string>& flags,
                                                          const std::vector<int>& cpus,
                                                          const std::string& headers) {
  const absl::StatusOr<std::string> version = CompilerVersion(compiler);
  // clang makes objects without assembler text in between: they might differ from those made from it.
  if (!version.ok() || absl::StrContains(*version, "clang")) return nullptr;
  const std::string key = absl::StrCat(compiler, "\n", *version, "\n", absl::StrJoin(flags, "\n"), "\n",
                                       absl::StrJoin(cpus, ","), "\n", headers);
  absl::MutexLock lock(&mu_);
  const auto known =
      std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry->key == key; });
  if (known != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, known);
    return entries_.front();
  }
  auto entry = std::make_shared<Entry>();
  entry->key = key;
  if (absl::StatusOr<TempDir> folder = TempDir::Create("tunefarm-compiler"); folder.ok()) {
    entry->folder.emplace(*std::move(folder));
    const std::string& path = entry->folder->path();
    ForkServerOptions options;
    // Of the name that a kernel's own file has, which stands in the object.
    options.argv = {compiler};
    options.argv.insert(options.argv.end(), flags.begin(), flags.end());
    options.argv.insert(options.argv.end(), {"-S", "kernel.c", "-o", "-"});
    options.input = path + "/candidate.c";
    options.working_directory = path;
    options.cpus = cpus;
    if (WriteFileAtomic(path + "/kernel.c", absl::StrCat(headers, "#include \"", options.input, "\"\n"))
            .ok()) {
      if (auto server = ForkServer::Start(options, kStartTimeout); server.ok())
        entry->server = *std::move(server);
    }
  }
  entries_.push_front(entry);
  if (entries_.size() > kMaxEntries) entries_.pop_back();
  return entry;
}

void WarmCompilers::Forget(const std::shared_ptr<Entry>& entry) {
  absl::MutexLock lock(&mu_);
  entries_.remove(entry);
}

std::optional<RunResult> WarmCompilers::Translate(const std::string& compiler,
                                                  const std::vector<std::string>& flags,
                                                  const std::vector<int>& cpus, const std::string& source,
                                                  absl::Duration timeout) {
  const std::shared_ptr<Entry> entry = Find(compiler, flags, cpus, SlowHeaders(source));
  if (entry == nullptr || entry->server == nullptr) return std::nullopt;
  absl::StatusOr<RunResult> result = entry->server->Run(source, timeout, kMaxAssembler);
  if (result.ok()) return *std::move(result);
  Forget(entry);  // The next one has a new compiler.
  return std::nullopt;
}

}  // namespace tunefarm::tuner
