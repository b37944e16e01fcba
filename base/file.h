// Files, whole: read, write so that a crash leaves the old or the new content, and private scratch folders.
#pragma once

#include <string>

#include "absl/strings/string_view.h"
#include "base/status.h"

namespace tunefarm {

absl::StatusOr<std::string> ReadFile(const std::string& path);

// Writes beside `path` and renames over it. A full disk is kResourceExhausted, and `path` is as it was.
absl::Status WriteFileAtomic(const std::string& path, absl::string_view content, int mode = 0644);

// mkdir -p.
absl::Status MakeDirectories(const std::string& path);

// errno as a Status whose message names `what`.
absl::Status ErrnoToStatus(int error, absl::string_view what);

// The folder that holds the running program, where its siblings are found.
std::string ProgramDirectory();

// Where this user's tunefarm data and cache live: $TUNEFARM_HOME, else $XDG_DATA_HOME/tunefarm, else
// $HOME/.local/share/tunefarm.
std::string DataDirectory();

// A fresh folder below $TMPDIR (or /tmp), deleted with all its content on destruction. While its owner lives,
// the folder is locked, which tells it from what a killed process left; the first folder of a process removes
// those of earlier ones (RemoveAbandonedTempDirs).
class TempDir {
 public:
  // The folder's name is `prefix`, ".tmp-" and six characters. Only prefixes that begin with "tunefarm" are
  // cleaned up after a process that was killed.
  static absl::StatusOr<TempDir> Create(absl::string_view prefix = "tunefarm");
  TempDir(TempDir&& other) noexcept;
  TempDir& operator=(TempDir&& other) noexcept;
  ~TempDir();
  const std::string& path() const { return path_; }

 private:
  TempDir(std::string path, int lock_fd) : path_(std::move(path)), lock_fd_(lock_fd) {}
  std::string path_;  // Empty: moved from.
  int lock_fd_ = -1;  // The folder, locked with flock(2); closed in child processes.
};

// Removes this user's folders below `base` that Create made with a prefix that begins with "tunefarm", whose
// owner is gone, and in which no entry was made or removed for a minute (a folder is not locked yet at the
// moment of its creation). Folders with other names, tunefarm.abcdef among them, are somebody else's.
void RemoveAbandonedTempDirs(const std::string& base);

}  // namespace tunefarm
