// A bounded folder of artifacts that are cheap to keep and costly to make again: compiled kernels and
// expected outputs. Losing any of it is harmless. What comes out is what went in, or nothing: each file
// carries the digest of its content.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "absl/synchronization/mutex.h"
#include "base/status.h"

namespace tunefarm::tuner {

// Thread safe. Several processes may share a folder; each then keeps to the limit by its own count.
class ArtifactCache {
 public:
  // Least recently used artifacts are deleted beyond `max_bytes`. What an earlier process left is found
  // again, oldest first by time of last use. Fails when the folder can neither be made nor read.
  static absl::StatusOr<std::unique_ptr<ArtifactCache>> Open(const std::string& folder, int64_t max_bytes);

  // `key` is a digest (base/digest.h) of all that decides the content. A damaged file counts as absent and is
  // deleted.
  std::optional<std::string> Get(const std::string& key);

  // Keeps a copy. On a full or broken disk it keeps nothing, and degraded() tells why; work goes on uncached.
  void Put(const std::string& key, absl::string_view content);

  // Why the last Put kept nothing, for a notice to the user; OK while all is well.
  absl::Status degraded() const;

  int64_t bytes() const;

 private:
  struct Entry {
    int64_t bytes;
    std::list<std::string>::iterator use;
  };
  ArtifactCache(std::string folder, int64_t max_bytes) : folder_(std::move(folder)), max_bytes_(max_bytes) {}
  std::string PathOf(const std::string& key) const;
  void Insert(const std::string& key, int64_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Erase(const std::string& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string folder_;
  const int64_t max_bytes_;
  mutable absl::Mutex mu_;
  std::list<std::string> uses_ ABSL_GUARDED_BY(mu_);  // Least recent first.
  std::unordered_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mu_);
  int64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status degraded_ ABSL_GUARDED_BY(mu_);
};

}  // namespace tunefarm::tuner
