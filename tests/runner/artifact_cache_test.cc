#include "runner/artifact_cache.h"

#include <map>

#include "base/digest.h"
#include "base/file.h"
#include "tests/catch.h"

namespace tunefarm {
namespace {

struct Farm {
  std::map<std::string, std::string> content;
  int fetches = 0;

  std::string Add(const std::string& bytes) {
    content[Sha256Hex(bytes)] = bytes;
    return Sha256Hex(bytes);
  }
  ArtifactCache::Fetch fetch() {
    return [this](const std::string& digest) -> absl::StatusOr<std::string> {
      ++fetches;
      if (content.count(digest) == 0) return absl::NotFoundError("no such artifact");
      return content[digest];
    };
  }
};

}  // namespace

TEST_CASE("AnArtifactIsFetchedOnceAndSurvivesARestart") {
  const TempDir folder = *TempDir::Create();
  Farm farm;
  const std::string digest = farm.Add("kernel");
  {
    ArtifactCache cache = *ArtifactCache::Open(folder.path(), 100, farm.fetch());
    CHECK(*ReadFile(*cache.Get(digest)) == "kernel");
    CHECK(cache.Get(digest).ok());
  }
  ArtifactCache cache = *ArtifactCache::Open(folder.path(), 100, farm.fetch());
  CHECK(cache.Get(digest).ok());
  CHECK(farm.fetches == 1);
}

TEST_CASE("TheLeastRecentlyUsedArtifactGoesFirst") {
  const TempDir folder = *TempDir::Create();
  Farm farm;
  const std::string a = farm.Add(std::string(40, 'a'));
  const std::string b = farm.Add(std::string(40, 'b'));
  const std::string c = farm.Add(std::string(40, 'c'));
  ArtifactCache cache = *ArtifactCache::Open(folder.path(), 100, farm.fetch());
  REQUIRE(cache.Get(a).ok());
  REQUIRE(cache.Get(b).ok());
  REQUIRE(cache.Get(a).ok());
  REQUIRE(cache.Get(c).ok());  // b goes.
  CHECK(cache.bytes() == 80);
  REQUIRE(cache.Get(a).ok());
  CHECK(farm.fetches == 3);
  REQUIRE(cache.Get(b).ok());
  CHECK(farm.fetches == 4);
}

TEST_CASE("WhatArrivesWithAnotherContentIsRefused") {
  const TempDir folder = *TempDir::Create();
  Farm farm;
  const std::string digest = farm.Add("good");
  farm.content[digest] = "evil";
  ArtifactCache cache = *ArtifactCache::Open(folder.path(), 100, farm.fetch());
  CHECK(absl::IsDataLoss(cache.Get(digest).status()));
  CHECK(absl::IsInvalidArgument(cache.Get("../../etc/passwd").status()));
  CHECK(absl::IsNotFound(cache.Get(Sha256Hex("absent")).status()));
}

}  // namespace tunefarm
