// Artifacts are whole or absent, bounded in bytes, and never taken from waiting work.
#include "tracker/artifact_store.h"

#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "tests/catch.h"

namespace tunefarm {
namespace {

absl::Status Put(ArtifactStore& store, const std::string& content) {
  auto upload = store.Begin(Sha256Hex(content), content.size());
  if (!upload.ok()) return upload.status();
  for (std::size_t at = 0; at < content.size(); at += 100) {
    if (absl::Status status = (*upload)->Append(content.substr(at, 100)); !status.ok()) return status;
  }
  return (*upload)->Finish();
}

std::string Get(ArtifactStore& store, const std::string& digest) {
  const auto fd = store.OpenForReading(digest);
  if (!fd.ok()) return std::string(fd.status().message());
  std::string content(1 << 16, '\0');
  const ssize_t got = read(*fd, content.data(), content.size());
  close(*fd);
  content.resize(got);
  return content;
}

std::size_t FilesIn(const std::string& folder) {
  const auto files = std::filesystem::directory_iterator(folder);
  return std::distance(begin(files), end(files));
}

std::string Content(char fill) { return std::string(1000, fill); }

TEST_CASE("ArtifactComesBackAsItWasPut") {
  const TempDir folder = TempDir::Create().value();
  const auto store = ArtifactStore::Open(folder.path(), 10'000).value();
  REQUIRE(Put(*store, Content('a')).ok());
  CHECK(Get(*store, Sha256Hex(Content('a'))) == Content('a'));
  CHECK(Put(*store, Content('a')).ok());
  CHECK(FilesIn(folder.path()) == 1);
  CHECK(store->bytes() == 1000);
}

TEST_CASE("ArtifactWithTheWrongDigestOrSizeIsNotStored") {
  const TempDir folder = TempDir::Create().value();
  const auto store = ArtifactStore::Open(folder.path(), 10'000).value();
  {
    auto wrong = store->Begin(Sha256Hex("something else"), 4).value();
    REQUIRE(wrong->Append("abcd").ok());
    CHECK(wrong->Finish().code() == absl::StatusCode::kDataLoss);
    auto too_short = store->Begin(Sha256Hex("abcd"), 5).value();
    REQUIRE(too_short->Append("abcd").ok());
    CHECK(too_short->Finish().code() == absl::StatusCode::kDataLoss);
    auto too_long = store->Begin(Sha256Hex("abcd"), 3).value();
    CHECK(too_long->Append("abcd").code() == absl::StatusCode::kInvalidArgument);
  }
  CHECK(store->Begin("../../etc/passwd", 5).status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(FilesIn(folder.path()) == 0);
  CHECK(store->bytes() == 0);
}

TEST_CASE("UploadThatStopsHalfwayLeavesNothingAndReturnsItsRoom") {
  const TempDir folder = TempDir::Create().value();
  const auto store = ArtifactStore::Open(folder.path(), 1000).value();
  {
    auto upload = store->Begin(Sha256Hex(Content('a')), 1000).value();
    REQUIRE(upload->Append(std::string(500, 'a')).ok());
    CHECK(FilesIn(folder.path()) == 1);
    CHECK(Put(*store, Content('b')).code() == absl::StatusCode::kResourceExhausted);  // Its room is taken.
  }
  CHECK(FilesIn(folder.path()) == 0);
  CHECK(Put(*store, Content('b')).ok());
}

TEST_CASE("LeastRecentlyUsedGoesFirst") {
  const TempDir folder = TempDir::Create().value();
  const auto store = ArtifactStore::Open(folder.path(), 3000).value();
  for (char fill : {'a', 'b', 'c'}) REQUIRE(Put(*store, Content(fill)).ok());
  CHECK(Get(*store, Sha256Hex(Content('a'))) == Content('a'));  // Used again.
  REQUIRE(Put(*store, Content('d')).ok());
  CHECK(store->Has(Sha256Hex(Content('a'))));
  CHECK_FALSE(store->Has(Sha256Hex(Content('b'))));
  CHECK(store->bytes() == 3000);
  CHECK(FilesIn(folder.path()) == 3);
}

TEST_CASE("PinnedArtifactsAreNeverEvicted") {
  const TempDir folder = TempDir::Create().value();
  const auto store = ArtifactStore::Open(folder.path(), 2000).value();
  const std::string a = Sha256Hex(Content('a')), b = Sha256Hex(Content('b'));
  REQUIRE(Put(*store, Content('a')).ok());
  REQUIRE(Put(*store, Content('b')).ok());
  CHECK(store->Pin({a, a}).empty());
  REQUIRE(Put(*store, Content('c')).ok());
  CHECK(store->Has(a));
  CHECK_FALSE(store->Has(b));
  CHECK(store->Pin({Sha256Hex(Content('c'))}).empty());
  CHECK(Put(*store, Content('d')).code() == absl::StatusCode::kResourceExhausted);
  store->Unpin({a});
  CHECK(Put(*store, Content('d')).code() == absl::StatusCode::kResourceExhausted);  // Pinned twice.
  store->Unpin({a});
  CHECK(Put(*store, Content('d')).ok());
  CHECK_FALSE(store->Has(a));
}

TEST_CASE("PinNamesWhatIsMissingAndThenPinsNothing") {
  const TempDir folder = TempDir::Create().value();
  const auto store = ArtifactStore::Open(folder.path(), 1000).value();
  const std::string a = Sha256Hex(Content('a')), b = Sha256Hex(Content('b'));
  REQUIRE(Put(*store, Content('a')).ok());
  CHECK(store->Pin({a, b, b}) == std::vector<std::string>{b});
  CHECK(Put(*store, Content('c')).ok());
  CHECK_FALSE(store->Has(a));
}

TEST_CASE("StoreIsTakenOverAfterARestartWithoutHalfWrittenFiles") {
  const TempDir folder = TempDir::Create().value();
  {
    REQUIRE(Put(*ArtifactStore::Open(folder.path(), 10'000).value(), Content('a')).ok());
  }
  REQUIRE(WriteFileAtomic(folder.path() + "/" + Sha256Hex("x") + ".1.partial", "half").ok());
  REQUIRE(WriteFileAtomic(folder.path() + "/" + Sha256Hex("y"), "").ok());
  const auto store = ArtifactStore::Open(folder.path(), 10'000).value();
  CHECK(FilesIn(folder.path()) == 1);
  CHECK(Get(*store, Sha256Hex(Content('a'))) == Content('a'));
  CHECK_FALSE(store->Has(Sha256Hex("y")));
}

}  // namespace
}  // namespace tunefarm
