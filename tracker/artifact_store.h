// Kernels and expected outputs as files named by the SHA-256 of their content, in a folder bounded in bytes:
// the least recently used go first, those that open work needs never go.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "base/digest.h"
#include "base/status.h"

namespace tunefarm {

// Thread safe. Files are complete or absent: they are written beside and renamed.
class ArtifactStore {
 public:
  // Takes over what the folder holds; deletes what a crash left half-written.
  static absl::StatusOr<std::unique_ptr<ArtifactStore>> Open(const std::string& folder,
                                                             std::uint64_t limit_bytes);

  // One artifact on its way in. Deleting it before Finish leaves nothing behind.
  class Upload {
   public:
    ~Upload();
    Upload(const Upload&) = delete;
    Upload& operator=(const Upload&) = delete;
    // kInvalidArgument when more comes than was announced, kResourceExhausted on a full disk.
    absl::Status Append(absl::string_view data);
    // kDataLoss when size or digest differ from what was announced.
    absl::Status Finish();

   private:
    friend class ArtifactStore;
    Upload(ArtifactStore* store, std::string digest, std::uint64_t size)
        : store_(store), digest_(std::move(digest)), size_(size) {}
    ArtifactStore* store_;
    std::string digest_;
    std::uint64_t size_;
    std::uint64_t received_ = 0;
    std::string path_;
    int fd_ = -1;
    Sha256 hash_;
  };

  bool Has(const std::string& digest);
  // Room for `size` bytes is made and kept first. kResourceExhausted: no room even without all that may go;
  // kInvalidArgument: not a digest. Must not outlive the store.
  absl::StatusOr<std::unique_ptr<Upload>> Begin(const std::string& digest, std::uint64_t size);
  // A descriptor on the file, which stays readable even if it is evicted meanwhile. kNotFound. The caller
  // closes it.
  absl::StatusOr<int> OpenForReading(const std::string& digest);

  // Keeps these from being evicted, once more each, if all are there; otherwise keeps none and returns the
  // missing.
  std::vector<std::string> Pin(const std::vector<std::string>& digests);
  // The same, whether they are there or not: for what was pinned before a restart.
  void PinAnyway(const std::vector<std::string>& digests);
  void Unpin(const std::vector<std::string>& digests);

  std::uint64_t bytes();

 private:
  struct Entry {
    std::uint64_t size = 0;
    std::list<std::string>::iterator age;
  };

  ArtifactStore(std::string folder, std::uint64_t limit) : folder_(std::move(folder)), limit_(limit) {}
  std::string PathOf(const std::string& digest) const { return folder_ + "/" + digest; }
  absl::Status MakeRoom(std::uint64_t size) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Adopt(const std::string& digest, std::uint64_t size) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Touch(Entry& entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string folder_;
  const std::uint64_t limit_;
  absl::Mutex mu_;
  absl::flat_hash_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mu_);
  std::list<std::string> by_age_ ABSL_GUARDED_BY(mu_);  // Least recently used first.
  absl::flat_hash_map<std::string, int> pins_ ABSL_GUARDED_BY(mu_);
  std::uint64_t stored_ ABSL_GUARDED_BY(mu_) = 0;
  std::uint64_t reserved_ ABSL_GUARDED_BY(mu_) = 0;  // By uploads under way.
  std::uint64_t uploads_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace tunefarm
