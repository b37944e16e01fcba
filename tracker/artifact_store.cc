#include "tracker/artifact_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <tuple>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/exit_code.h"
#include "base/file.h"

namespace tunefarm {
namespace {

constexpr char kPartial[] = ".partial";

absl::Status DiskError(int error, const std::string& path) {
  absl::Status status = ErrnoToStatus(error, absl::StrCat("storing the artifact ", path));
  return error == ENOSPC || error == EDQUOT ? WithExitCode(status, ExitCode::kDiskFull) : status;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ArtifactStore>> ArtifactStore::Open(const std::string& folder,
                                                                   std::uint64_t limit_bytes) {
  TUNEFARM_RETURN_IF_ERROR(MakeDirectories(folder));
  std::vector<std::tuple<std::int64_t, std::string, std::uint64_t>> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    struct stat status{};
    if (absl::EndsWith(name, kPartial)) {
      unlink(entry.path().c_str());
    } else if (IsDigest(name) && stat(entry.path().c_str(), &status) == 0) {
      if (status.st_size == 0) {  // What a power failure leaves of a file that was not flushed.
        unlink(entry.path().c_str());
        continue;
      }
      found.emplace_back(status.st_mtim.tv_sec, name, status.st_size);
    }
  }
  if (error) return absl::PermissionDeniedError(absl::StrCat("reading ", folder, ": ", error.message()));
  std::sort(found.begin(), found.end());
  std::unique_ptr<ArtifactStore> store(new ArtifactStore(folder, limit_bytes));
  absl::MutexLock lock(&store->mu_);
  for (const auto& [age, digest, size] : found) store->Adopt(digest, size);
  return store;
}

void ArtifactStore::Adopt(const std::string& digest, std::uint64_t size) {
  const auto [entry, added] = entries_.try_emplace(digest);
  if (!added) return;
  entry->second.size = size;
  entry->second.age = by_age_.insert(by_age_.end(), digest);
  stored_ += size;
}

void ArtifactStore::Touch(Entry& entry) { by_age_.splice(by_age_.end(), by_age_, entry.age); }

bool ArtifactStore::Has(const std::string& digest) {
  absl::MutexLock lock(&mu_);
  const auto found = entries_.find(digest);
  if (found == entries_.end()) return false;
  Touch(found->second);  // Whoever asks is about to use it.
  return true;
}

absl::Status ArtifactStore::MakeRoom(std::uint64_t size) {
  for (auto oldest = by_age_.begin(); stored_ + reserved_ + size > limit_ && oldest != by_age_.end();) {
    const std::string digest = *oldest;
    ++oldest;
    if (pins_.contains(digest)) continue;
    const auto entry = entries_.find(digest);
    unlink(PathOf(digest).c_str());
    stored_ -= entry->second.size;
    by_age_.erase(entry->second.age);
    entries_.erase(entry);
  }
  if (stored_ + reserved_ + size <= limit_) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "the artifact store is full: ", stored_ + reserved_, " of ", limit_,
      " bytes are needed by waiting work; try again when some of it is done, or start the tracker with a "
      "larger --artifact-limit-mb"));
}

absl::StatusOr<std::unique_ptr<ArtifactStore::Upload>> ArtifactStore::Begin(const std::string& digest,
                                                                            std::uint64_t size) {
  if (!IsDigest(digest))
    return absl::InvalidArgumentError("the artifact's name is not a SHA-256 in lower case");
  std::unique_ptr<Upload> upload(new Upload(nullptr, digest, size));
  {
    absl::MutexLock lock(&mu_);
    if (size > limit_) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the artifact has ", size, " bytes; the whole store has ", limit_,
                       ": start the tracker with a larger --artifact-limit-mb"));
    }
    TUNEFARM_RETURN_IF_ERROR(MakeRoom(size));
    reserved_ += size;
    upload->path_ = absl::StrCat(PathOf(digest), ".", ++uploads_, kPartial);
    upload->store_ = this;
  }
  upload->fd_ = open(upload->path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (upload->fd_ < 0) return DiskError(errno, upload->path_);
  return upload;
}

ArtifactStore::Upload::~Upload() {
  if (fd_ >= 0) {
    close(fd_);
    unlink(path_.c_str());
  }
  if (store_ == nullptr) return;
  absl::MutexLock lock(&store_->mu_);
  store_->reserved_ -= size_;
}

absl::Status ArtifactStore::Upload::Append(absl::string_view data) {
  if (data.size() > size_ - received_) {
    return absl::InvalidArgumentError(
        absl::StrCat("artifact ", digest_, " is longer than the ", size_, " bytes that were announced"));
  }
  hash_.Update(data.data(), data.size());
  received_ += data.size();
  while (!data.empty()) {
    const ssize_t wrote = write(fd_, data.data(), data.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return DiskError(errno, path_);
    data.remove_prefix(wrote);
  }
  return absl::OkStatus();
}

absl::Status ArtifactStore::Upload::Finish() {
  if (received_ != size_) {
    return absl::DataLossError(
        absl::StrCat("artifact ", digest_, ": ", size_, " bytes were announced, ", received_, " came"));
  }
  const std::string actual = hash_.FinishHex();
  if (actual != digest_) {
    return absl::DataLossError(
        absl::StrCat("artifact ", digest_, ": the bytes that came have digest ", actual));
  }
  absl::MutexLock lock(&store_->mu_);
  if (!store_->entries_.contains(digest_)) {
    if (rename(path_.c_str(), store_->PathOf(digest_).c_str()) != 0) return DiskError(errno, path_);
    store_->Adopt(digest_, size_);
  } else {
    unlink(path_.c_str());
  }
  close(std::exchange(fd_, -1));
  return absl::OkStatus();
}

absl::StatusOr<int> ArtifactStore::OpenForReading(const std::string& digest) {
  absl::MutexLock lock(&mu_);
  const auto found = entries_.find(digest);
  if (found == entries_.end()) {
    return absl::NotFoundError(absl::StrCat("no artifact ", digest, ": it was never put, or it was evicted"));
  }
  Touch(found->second);
  const int fd = open(PathOf(digest).c_str(), O_RDONLY | O_CLOEXEC);
  return fd >= 0 ? absl::StatusOr<int>(fd) : ErrnoToStatus(errno, PathOf(digest));
}

std::vector<std::string> ArtifactStore::Pin(const std::vector<std::string>& digests) {
  absl::MutexLock lock(&mu_);
  std::vector<std::string> missing;
  for (const std::string& digest : digests) {
    if (!entries_.contains(digest)) missing.push_back(digest);
  }
  std::sort(missing.begin(), missing.end());
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  if (missing.empty()) {
    for (const std::string& digest : digests) ++pins_[digest];
  }
  return missing;
}

void ArtifactStore::PinAnyway(const std::vector<std::string>& digests) {
  absl::MutexLock lock(&mu_);
  for (const std::string& digest : digests) ++pins_[digest];
}

void ArtifactStore::Unpin(const std::vector<std::string>& digests) {
  absl::MutexLock lock(&mu_);
  for (const std::string& digest : digests) {
    const auto found = pins_.find(digest);
    if (found != pins_.end() && --found->second == 0) pins_.erase(found);
  }
}

std::uint64_t ArtifactStore::bytes() {
  absl::MutexLock lock(&mu_);
  return stored_;
}

}  // namespace tunefarm
