#include "tuner/artifact_cache.h"

#include <filesystem>

#include "base/digest.h"
#include "base/file.h"
#include "tests/catch.h"

namespace tunefarm::tuner {
namespace {

std::string Key(int i) { return Sha256Hex(std::to_string(i)); }
constexpr int64_t kEntry = 100 + 64;  // Of a content of 100 bytes.
std::string Content(int i) { return std::string(100, static_cast<char>('a' + i)); }

TEST_CASE("CacheGivesBackWhatWasPut") {
  const auto folder = TempDir::Create();
  auto cache = ArtifactCache::Open(folder->path(), 1 << 20).value();
  CHECK(cache->Get(Key(1)) == std::nullopt);
  cache->Put(Key(1), Content(1));
  CHECK(cache->Get(Key(1)) == Content(1));
  CHECK(cache->degraded().ok());
}

TEST_CASE("CacheDropsTheLeastRecentlyUsedBeyondItsLimit") {
  const auto folder = TempDir::Create();
  auto cache = ArtifactCache::Open(folder->path(), 3 * kEntry).value();
  for (int i : {1, 2, 3}) cache->Put(Key(i), Content(i));
  CHECK(cache->Get(Key(1)).has_value());  // Now 2 is the oldest.
  cache->Put(Key(4), Content(4));
  CHECK(!cache->Get(Key(2)).has_value());
  for (int i : {1, 3, 4}) CHECK(cache->Get(Key(i)) == Content(i));
  CHECK(cache->bytes() == 3 * kEntry);
}

TEST_CASE("CacheSurvivesItsProcessAndShrinksToASmallerLimit") {
  const auto folder = TempDir::Create();
  {
    auto cache = ArtifactCache::Open(folder->path(), 1 << 20).value();
    for (int i : {1, 2, 3}) cache->Put(Key(i), Content(i));
  }
  CHECK(ArtifactCache::Open(folder->path(), 1 << 20).value()->Get(Key(2)) == Content(2));
  CHECK(ArtifactCache::Open(folder->path(), kEntry).value()->bytes() == kEntry);
  int files = 0;
  for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(folder->path())) ++files;
  CHECK(files == 1);
}

TEST_CASE("DamagedArtifactCountsAsAbsent") {
  const auto folder = TempDir::Create();
  auto cache = ArtifactCache::Open(folder->path(), 1 << 20).value();
  cache->Put(Key(1), Content(1));
  const std::string path = folder->path() + "/" + Key(1);
  std::string bytes = ReadFile(path).value();
  bytes[bytes.size() / 2] ^= 1;
  REQUIRE(WriteFileAtomic(path, bytes).ok());
  CHECK(!cache->Get(Key(1)).has_value());
  CHECK(!std::filesystem::exists(path));
  CHECK(cache->bytes() == 0);
}

TEST_CASE("TruncatedArtifactCountsAsAbsent") {
  const auto folder = TempDir::Create();
  auto cache = ArtifactCache::Open(folder->path(), 1 << 20).value();
  cache->Put(Key(1), Content(1));
  REQUIRE(WriteFileAtomic(folder->path() + "/" + Key(1), "short").ok());
  CHECK(!cache->Get(Key(1)).has_value());
}

TEST_CASE("CacheThatCannotWriteDegradesAndSaysSo") {
  const auto folder = TempDir::Create();
  const std::string cache_folder = folder->path() + "/cache";
  auto cache = ArtifactCache::Open(cache_folder, 1 << 20).value();
  std::filesystem::remove_all(cache_folder);
  cache->Put(Key(1), Content(1));
  CHECK(!cache->degraded().ok());
  CHECK(!cache->Get(Key(1)).has_value());
  std::filesystem::create_directory(cache_folder);
  cache->Put(Key(1), Content(1));
  CHECK(cache->degraded().ok());
  CHECK(cache->Get(Key(1)) == Content(1));
}

TEST_CASE("KeyThatIsNoDigestNamesNoFile") {
  const auto folder = TempDir::Create();
  auto cache = ArtifactCache::Open(folder->path() + "/cache", 1 << 20).value();
  cache->Put("../outside", "x");
  CHECK(!std::filesystem::exists(folder->path() + "/outside"));
  CHECK(!cache->Get("../outside").has_value());
}

TEST_CASE("ArtifactLargerThanTheCacheIsNotKept") {
  const auto folder = TempDir::Create();
  auto cache = ArtifactCache::Open(folder->path(), 50).value();
  cache->Put(Key(1), Content(1));
  CHECK(!cache->Get(Key(1)).has_value());
  CHECK(cache->bytes() == 0);
}

}  // namespace
}  // namespace tunefarm::tuner
