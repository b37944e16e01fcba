#include "runner/artifact_cache.h"

#include <algorithm>
#include <filesystem>
#include <vector>

#include "base/digest.h"
#include "base/file.h"

namespace tunefarm {

namespace fs = std::filesystem;

absl::StatusOr<ArtifactCache> ArtifactCache::Open(const std::string& directory, std::uint64_t max_bytes,
                                                  Fetch fetch) {
  TUNEFARM_RETURN_IF_ERROR(MakeDirectories(directory));
  ArtifactCache cache(directory, max_bytes, std::move(fetch));
  struct Found {
    fs::file_time_type when;
    std::string digest;
    std::uint64_t bytes;
  };
  std::vector<Found> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename().string();
    if (IsDigest(name) && entry.is_regular_file(error)) {
      found.push_back({entry.last_write_time(error), name, entry.file_size(error)});
    } else {
      fs::remove_all(entry.path(), error);  // A half-written file of a run that was killed.
    }
  }
  std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) { return a.when < b.when; });
  for (const Found& file : found) cache.Add(file.digest, file.bytes);
  cache.Evict();
  return cache;
}

std::string ArtifactCache::PathOf(const std::string& digest) const {
  return absl::StrCat(directory_, "/", digest);
}

void ArtifactCache::Add(const std::string& digest, std::uint64_t bytes) {
  entries_.push_front({digest, bytes});
  by_digest_[digest] = entries_.begin();
  bytes_ += bytes;
}

void ArtifactCache::Evict() {
  while (bytes_ > max_bytes_ && entries_.size() > 1) {
    const Entry& oldest = entries_.back();
    std::error_code error;
    fs::remove(PathOf(oldest.digest), error);
    bytes_ -= oldest.bytes;
    by_digest_.erase(oldest.digest);
    entries_.pop_back();
  }
}

absl::StatusOr<std::string> ArtifactCache::Get(const std::string& digest) {
  if (!IsDigest(digest)) return absl::InvalidArgumentError(absl::StrCat("'", digest, "' is not a digest"));
  std::string path = PathOf(digest);
  if (const auto found = by_digest_.find(digest); found != by_digest_.end()) {
    std::error_code error;
    if (fs::file_size(path, error) == found->second->bytes && !error) {
      entries_.splice(entries_.begin(), entries_, found->second);
      return path;
    }
    bytes_ -= found->second->bytes;  // Somebody cleaned up under us.
    entries_.erase(found->second);
    by_digest_.erase(found);
  }
  TUNEFARM_ASSIGN_OR_RETURN(const std::string content, fetch_(digest));
  if (Sha256Hex(content) != digest) {
    return absl::DataLossError(absl::StrCat("artifact ", digest, " arrived with another content"));
  }
  TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(path, content, 0444));
  Add(digest, content.size());
  Evict();
  return path;
}

}  // namespace tunefarm
