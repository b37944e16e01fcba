#include "base/file.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <set>

#include "tests/catch.h"

namespace tunefarm {

TEST_CASE("AWrittenFileReadsBackAndLeavesNoScratchBehind") {
  const TempDir dir = *TempDir::Create();
  const std::string path = dir.path() + "/a";
  REQUIRE(WriteFileAtomic(path, "one").ok());
  REQUIRE(WriteFileAtomic(path, std::string("two\0three", 9), 0600).ok());
  CHECK(*ReadFile(path) == std::string("two\0three", 9));
  CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);
  struct stat info{};
  REQUIRE(stat(path.c_str(), &info) == 0);
  CHECK((info.st_mode & 0777) == 0600);
}

TEST_CASE("AMissingFileIsNamedInTheError") {
  const auto content = ReadFile("/nonexistent/file");
  REQUIRE_FALSE(content.ok());
  CHECK(content.status().code() == absl::StatusCode::kNotFound);
  CHECK(std::string(content.status().message()).find("/nonexistent/file") != std::string::npos);
}

TEST_CASE("AFullDeviceIsResourceExhaustedAndTheOldContentStays") {
  CHECK(ErrnoToStatus(ENOSPC, "writing").code() == absl::StatusCode::kResourceExhausted);
  const TempDir dir = *TempDir::Create();
  CHECK_FALSE(WriteFileAtomic(dir.path() + "/missing/a", "x").ok());
}

TEST_CASE("ATempDirIsGoneWithAllItsContentWhenItsOwnerIs") {
  std::string path;
  {
    TempDir dir = *TempDir::Create("spec");
    path = dir.path();
    REQUIRE(MakeDirectories(path + "/deep/er").ok());
    REQUIRE(WriteFileAtomic(path + "/deep/er/file", "x").ok());
    TempDir moved = std::move(dir);
    CHECK(std::filesystem::exists(path));
  }
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("TempDirsOfKilledProcessesAreRemovedAndThoseInUseAreNot") {
  const TempDir base = *TempDir::Create();
  REQUIRE(setenv("TMPDIR", base.path().c_str(), 1) == 0);
  const pid_t owner = fork();
  if (owner == 0) {
    const auto left = TempDir::Create("tunefarm-left");
    _exit(left.ok() && WriteFileAtomic(left->path() + "/file", "x").ok() ? 0 : 1);  // No destructor runs.
  }
  const TempDir used = *TempDir::Create("tunefarm-used");
  int status = -1;
  REQUIRE(waitpid(owner, &status, 0) == owner);
  REQUIRE(status == 0);
  const std::set<std::string> of_others = {"tunefarm", "tunefarm-clone", "tunefarm-bare.a1b2c3",
                                           "other.tmp-a1b2c3"};
  for (const std::string& name : of_others) REQUIRE(MakeDirectories(base.path() + "/" + name).ok());
  const auto names = [&base, &of_others] {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(base.path())) {
      const std::string name = entry.path().filename().string();
      if (of_others.count(name) == 0) found.insert(name.substr(0, name.find('.')));
    }
    return found;
  };

  RemoveAbandonedTempDirs(base.path());
  CHECK(names() == std::set<std::string>{"tunefarm-left", "tunefarm-used"});  // Too young.
  for (const auto& entry : std::filesystem::directory_iterator(base.path())) {
    std::filesystem::last_write_time(entry.path(),
                                     std::filesystem::file_time_type::clock::now() - std::chrono::hours(1));
  }
  RemoveAbandonedTempDirs(base.path());
  CHECK(names() == std::set<std::string>{"tunefarm-used"});
  for (const std::string& name : of_others) CHECK(std::filesystem::exists(base.path() + "/" + name));
}

}  // namespace tunefarm
