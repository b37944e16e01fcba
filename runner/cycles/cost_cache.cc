#include "runner/cycles/cost_cache.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "base/digest.h"
#include "base/file.h"

namespace tunefarm::cycles {
namespace {

constexpr std::size_t kKeyDigits = 32;

std::string KeyOf(const CodeBlock& block) { return Sha256Hex(block.code).substr(0, kKeyDigits); }

bool Parse(absl::string_view line, std::string* key, McaCost* cost) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  int loop = 0;
  if (words.size() != 4 || words[0].size() != kKeyDigits || !absl::SimpleAtod(words[1], &cost->cycles) ||
      !absl::SimpleAtoi(words[2], &cost->unmodelled) || !absl::SimpleAtoi(words[3], &loop) ||
      !std::isfinite(cost->cycles) || cost->cycles < 0 || cost->unmodelled < 0) {
    return false;
  }
  cost->low_overhead_loop = loop != 0;
  *key = std::string(words[0]);
  return true;
}

}  // namespace

CostCache::CostCache(std::string path, std::size_t max_bytes) : path_(std::move(path)) {
  if (path_.empty()) return;
  const absl::StatusOr<std::string> text = ReadFile(path_);
  if (!text.ok()) return;
  if (text->size() > max_bytes) {
    unlink(path_.c_str());
    return;
  }
  // What follows the last end of a line is being written, or was cut off.
  for (absl::string_view line :
       absl::StrSplit(text->substr(0, text->rfind('\n') + 1), '\n', absl::SkipEmpty())) {
    std::string key;
    McaCost cost;
    if (Parse(line, &key, &cost)) costs_[key] = cost;
  }
}

const McaCost* CostCache::Find(const CodeBlock& block) const {
  const auto found = costs_.find(KeyOf(block));
  return found == costs_.end() ? nullptr : &found->second;
}

void CostCache::Add(const CodeBlock& block, const McaCost& cost) {
  const std::string key = KeyOf(block);
  costs_[key] = cost;
  absl::StrAppendFormat(&pending_, "%s %.17g %d %d\n", key, cost.cycles, cost.unmodelled,
                        cost.low_overhead_loop ? 1 : 0);
}

absl::Status CostCache::Flush() {
  const std::string lines = std::exchange(pending_, "");
  if (path_.empty() || lines.empty()) return absl::OkStatus();
  const int fd = open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (fd < 0) return ErrnoToStatus(errno, absl::StrCat("cannot open ", path_));
  // One write: lines of two processes do not mix.
  const ssize_t put = write(fd, lines.data(), lines.size());
  const int error = errno;
  close(fd);
  if (put == static_cast<ssize_t>(lines.size())) return absl::OkStatus();
  return ErrnoToStatus(put < 0 ? error : ENOSPC, absl::StrCat("cannot write ", path_));
}

}  // namespace tunefarm::cycles
