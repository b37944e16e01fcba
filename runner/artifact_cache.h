// Kernels and expected outputs on the local disk, by digest: fetched once, checked, and dropped by least
// recent use when they grow beyond a bound.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "base/status.h"

namespace tunefarm {

class ArtifactCache {
 public:
  // Brings the bytes of an artifact; kNotFound when the farm does not have it (any more).
  using Fetch = std::function<absl::StatusOr<std::string>(const std::string& digest)>;

  // Uses `directory` alone; what is there from an earlier run is kept when its name is a digest, newest
  // first, and removed otherwise.
  static absl::StatusOr<ArtifactCache> Open(const std::string& directory, std::uint64_t max_bytes,
                                            Fetch fetch);

  ArtifactCache(ArtifactCache&&) = default;
  ArtifactCache& operator=(ArtifactCache&&) = default;

  // The path of the artifact's file, read-only. It stays until max_bytes of more recently used artifacts
  // exist: callers use it at once. kInvalidArgument for what is not a digest, kDataLoss when what was fetched
  // has another digest, kResourceExhausted on a full disk.
  absl::StatusOr<std::string> Get(const std::string& digest);

  std::uint64_t bytes() const { return bytes_; }

 private:
  struct Entry {
    std::string digest;
    std::uint64_t bytes;
  };
  ArtifactCache(std::string directory, std::uint64_t max_bytes, Fetch fetch)
      : directory_(std::move(directory)), max_bytes_(max_bytes), fetch_(std::move(fetch)) {}
  std::string PathOf(const std::string& digest) const;
  void Add(const std::string& digest, std::uint64_t bytes);
  void Evict();

  std::string directory_;
  std::uint64_t max_bytes_;
  Fetch fetch_;
  std::uint64_t bytes_ = 0;
  std::list<Entry> entries_;  // Most recently used first.
  absl::flat_hash_map<std::string, std::list<Entry>::iterator> by_digest_;
};

}  // namespace tunefarm
