#include "tuner/artifact_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "base/digest.h"
#include "base/file.h"

namespace tunefarm::tuner {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kDigestLength = 64;  // The head of every file: the digest of the rest.

}  // namespace

absl::StatusOr<std::unique_ptr<ArtifactCache>> ArtifactCache::Open(const std::string& folder,
                                                                   int64_t max_bytes) {
  TUNEFARM_RETURN_IF_ERROR(MakeDirectories(folder));
  struct Found {
    fs::file_time_type used;
    std::string key;
    int64_t bytes;
  };
  std::vector<Found> found;
  std::error_code error;
  fs::directory_iterator files(folder, error);
  if (error) return ErrnoToStatus(error.value(), absl::StrCat("cannot read the cache folder ", folder));
  for (const fs::directory_entry& file : files) {
    std::string key = file.path().filename().string();
    std::error_code gone;
    const auto bytes = static_cast<int64_t>(file.file_size(gone));
    const fs::file_time_type used = file.last_write_time(gone);
    if (!gone && IsDigest(key)) found.push_back({used, std::move(key), bytes});
  }
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return std::tie(a.used, a.key) < std::tie(b.used, b.key); });
  std::unique_ptr<ArtifactCache> cache(new ArtifactCache(folder, max_bytes));
  absl::MutexLock lock(&cache->mu_);
  for (const Found& file : found) cache->Insert(file.key, file.bytes);
  return cache;
}

std::optional<std::string> ArtifactCache::Get(const std::string& key) {
  if (!IsDigest(key)) return std::nullopt;
  absl::StatusOr<std::string> file = ReadFile(PathOf(key));
  const bool whole =
      file.ok() && file->size() >= kDigestLength &&
      file->compare(0, kDigestLength, Sha256Hex(absl::string_view(*file).substr(kDigestLength))) == 0;
  absl::MutexLock lock(&mu_);
  if (!whole) {
    if (file.ok()) unlink(PathOf(key).c_str());
    Erase(key);
    return std::nullopt;
  }
  utimensat(AT_FDCWD, PathOf(key).c_str(), nullptr, 0);  // Last use, for the next process.
  Insert(key, static_cast<int64_t>(file->size()));
  return file->substr(kDigestLength);
}

void ArtifactCache::Put(const std::string& key, absl::string_view content) {
  const auto size = static_cast<int64_t>(content.size() + kDigestLength);
  if (!IsDigest(key) || size > max_bytes_) return;
  const absl::Status written = WriteFileAtomic(PathOf(key), absl::StrCat(Sha256Hex(content), content));
  absl::MutexLock lock(&mu_);
  degraded_ = written;
  if (written.ok()) Insert(key, size);
}

absl::Status ArtifactCache::degraded() const {
  absl::MutexLock lock(&mu_);
  return degraded_;
}

int64_t ArtifactCache::bytes() const {
  absl::MutexLock lock(&mu_);
  return bytes_;
}

std::string ArtifactCache::PathOf(const std::string& key) const { return absl::StrCat(folder_, "/", key); }

void ArtifactCache::Insert(const std::string& key, int64_t bytes) {
  Erase(key);
  entries_[key] = {bytes, uses_.insert(uses_.end(), key)};
  bytes_ += bytes;
  while (bytes_ > max_bytes_) {
    const std::string oldest = uses_.front();
    unlink(PathOf(oldest).c_str());
    Erase(oldest);
  }
}

void ArtifactCache::Erase(const std::string& key) {
  const auto it = entries_.find(key);
  if (it == entries_.end()) return;
  bytes_ -= it->second.bytes;
  uses_.erase(it->second.use);
  entries_.erase(it);
}

}  // namespace tunefarm::tuner
