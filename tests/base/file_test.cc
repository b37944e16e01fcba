#include "base/file.h"

#include <sys/stat.h>

#include <filesystem>

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

}  // namespace tunefarm
