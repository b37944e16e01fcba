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

// A fresh folder below $TMPDIR (or /tmp), deleted with all its content on destruction.
class TempDir {
 public:
  static absl::StatusOr<TempDir> Create(absl::string_view prefix = "tunefarm");
  TempDir(TempDir&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  TempDir& operator=(TempDir&& other) noexcept;
  ~TempDir();
  const std::string& path() const { return path_; }

 private:
  explicit TempDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

}  // namespace tunefarm
