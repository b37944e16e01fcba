#include "schedules/config_space.h"

#include <map>
#include <set>

#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

Knob Sizes(const std::string& name, std::vector<int64_t> sizes) {
  Knob knob{name, KnobKind::kSplit, {}, sizes, true};
  for (const int64_t size : sizes) knob.values.push_back(std::to_string(size));
  return knob;
}

Knob Choice(const std::string& name, std::vector<std::string> values) {
  Knob knob{name, KnobKind::kChoice, std::move(values), {}, false};
  for (std::size_t i = 0; i < knob.values.size(); ++i) knob.numbers.push_back(static_cast<int64_t>(i));
  return knob;
}

// 4 x 5 x 3 = 60 points; legal where the tile's product is at most `limit`.
ConfigSpace Tiles(int64_t limit) {
  const auto fits = [limit](const ConfigSpace& space, const Config& config) {
    return space.number(config, 0) * space.number(config, 1) <= limit;
  };
  return ConfigSpace(
      {Sizes("tile_m", {1, 2, 4, 8}), Sizes("tile_n", {8, 16, 32, 64, 128}),
       Choice("order", {"mnk", "nmk", "kmn"})},
      Config{{0, 0, 0}},
      [fits](const ConfigSpace& space, const Config& config) {
        return fits(space, config) ? absl::OkStatus() : absl::InvalidArgumentError("tile too large");
      },
      fits);
}
// Of the 20 pairs, those at most 64: 1: 8..64 (4), 2: 8..32 (3), 4: 8, 16 (2), 8: 8 (1), 10 in all, 30 with
// the order.
constexpr int64_t kLegalAt64 = 30;

TEST_CASE("ConfigTextRoundTripsForEveryPoint") {
  const ConfigSpace space = Tiles(64);
  REQUIRE(space.size() == 60);
  std::set<std::string> texts;
  for (int64_t index = 0; index < space.size(); ++index) {
    const Config config = space.FromIndex(index);
    CHECK(space.ToIndex(config) == index);
    CHECK(space.FromText(space.ToText(config)).value() == config);
    texts.insert(space.ToText(config));
  }
  CHECK(texts.size() == 60);
  CHECK(space.ToText(space.FromIndex(0)) == "tile_m=1,tile_n=8,order=mnk");
  // The last knob is the fastest: 1 * 15 + 2 * 3 + 1.
  CHECK(space.ToText(space.FromIndex(22)) == "tile_m=2,tile_n=32,order=nmk");
  CHECK(space.FromText("order=nmk,tile_n=32,tile_m=2").value() == space.FromIndex(22));
}

TEST_CASE("MalformedConfigTextNamesTheKnobAndItsValues") {
  const ConfigSpace space = Tiles(64);
  const auto message = [&](const std::string& text) {
    const absl::Status status = space.FromText(text).status();
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    return std::string(status.message());
  };
  CHECK(message("tile_m=3,tile_n=8,order=mnk") ==
        "config: knob 'tile_m' cannot be '3', its values are 1, 2, 4, 8");
  CHECK(message("tile_m=1,tile_n=8").find("'order' is missing") != std::string::npos);
  CHECK(message("").find("'tile_m' is missing") != std::string::npos);
  CHECK(message("tile_m=1,tile_m=1,tile_n=8,order=mnk").find("twice") != std::string::npos);
  CHECK(message("tilem=1").find("did you mean 'tile_m'?") != std::string::npos);
  CHECK(message("tile_m").find("cannot be ''") != std::string::npos);
  CHECK(message("\xff\n=\x01").find("'\?\?'") != std::string::npos);
}

TEST_CASE("CheckGivesTheReasonAndRefusesConfigsOfOtherSpaces") {
  const ConfigSpace space = Tiles(64);
  CHECK(space.Check(Config{{3, 0, 2}}).ok());
  CHECK(space.Check(Config{{3, 1, 2}}).message() == "tile too large");
  CHECK(space.Check(Config{{0, 0}}).code() == absl::StatusCode::kInvalidArgument);
  CHECK(space.Check(Config{{0, 0, 3}}).code() == absl::StatusCode::kInvalidArgument);
  CHECK(space.IsLegal(Config{{3, 0, 2}}));
  CHECK(!space.IsLegal(Config{{3, 1, 2}}));
}

TEST_CASE("SamplesAreLegalAndUniform") {
  const ConfigSpace space = Tiles(64);
  Rng rng(1);
  std::map<int64_t, int> counts;
  constexpr int kSamples = 30000;
  for (int i = 0; i < kSamples; ++i) {
    const Config config = space.Sample(rng);
    REQUIRE(space.IsLegal(config));
    ++counts[space.ToIndex(config)];
  }
  CHECK(counts.size() == kLegalAt64);
  // 1000 expected each; the standard deviation is 31.
  for (const auto& [index, count] : counts) CHECK(std::abs(count - 1000) < 200);
}

TEST_CASE("SampleFindsLegalConfigsInAlmostEmptySpaces") {
  // 256^4 points; only those with all four knobs equal are legal: rejection finds one in 16 million, and
  // one-knob steps none at all.
  std::vector<int64_t> sizes(256);
  for (int i = 0; i < 256; ++i) sizes[i] = i;
  const auto equal = [](const ConfigSpace&, const Config& c) {
    return c.choice[0] == c.choice[1] && c.choice[1] == c.choice[2] && c.choice[2] == c.choice[3];
  };
  const auto check = [equal](const ConfigSpace& space, const Config& config) {
    return equal(space, config) ? absl::OkStatus() : absl::InvalidArgumentError("unequal");
  };
  const std::vector<Knob> knobs = {Sizes("a", sizes), Sizes("b", sizes), Sizes("c", sizes),
                                   Sizes("d", sizes)};
  const ConfigSpace lonely(knobs, Config{{9, 9, 9, 9}}, check, equal);
  Rng rng(2);
  CHECK(lonely.IsLegal(lonely.Sample(rng)));
  CHECK(lonely.RandomNeighbour(lonely.default_config(), rng) == lonely.default_config());
  CHECK(lonely.Neighbours(lonely.default_config()).empty());

  // A corner of 8^4 points, one in a million: the walk leaves the default and stays legal.
  const auto corner = [](const ConfigSpace&, const Config& c) {
    return c.choice[0] < 8 && c.choice[1] < 8 && c.choice[2] < 8 && c.choice[3] < 8;
  };
  const ConfigSpace sparse(
      knobs, Config{{0, 0, 0, 0}},
      [corner](const ConfigSpace& space, const Config& config) {
        return corner(space, config) ? absl::OkStatus() : absl::InvalidArgumentError("outside");
      },
      corner);
  std::set<int64_t> seen;
  for (int i = 0; i < 50; ++i) {
    const Config config = sparse.Sample(rng);
    CHECK(sparse.IsLegal(config));
    seen.insert(sparse.ToIndex(config));
  }
  CHECK(seen.size() > 25);
}

TEST_CASE("NeighboursDifferInOneKnobAndOrderedOnesByOneStep") {
  const ConfigSpace space = Tiles(64);
  // tile_m=2, tile_n=32 is at the limit: down in either, not up; two other orders.
  std::set<std::string> texts;
  for (const Config& config : space.Neighbours(space.FromText("tile_m=2,tile_n=32,order=mnk").value())) {
    texts.insert(space.ToText(config));
  }
  CHECK(texts == std::set<std::string>{"tile_m=1,tile_n=32,order=mnk", "tile_m=2,tile_n=16,order=mnk",
                                       "tile_m=2,tile_n=32,order=nmk", "tile_m=2,tile_n=32,order=kmn"});
}

TEST_CASE("RandomNeighboursAreLegalNearAndReachEverything") {
  const ConfigSpace space = Tiles(64);
  Rng rng(3);
  Config config = space.default_config();
  std::set<int64_t> seen;
  for (int i = 0; i < 5000; ++i) {
    const Config next = space.RandomNeighbour(config, rng);
    REQUIRE(space.IsLegal(next));
    int differing = 0;
    for (std::size_t k = 0; k < next.choice.size(); ++k) differing += next.choice[k] != config.choice[k];
    REQUIRE(differing >= 1);
    REQUIRE(differing <= 2);
    for (int k = 0; k < 2; ++k) REQUIRE(std::abs(int{next.choice[k]} - int{config.choice[k]}) <= 1);
    seen.insert(space.ToIndex(next));
    config = next;
  }
  CHECK(seen.size() == kLegalAt64);
}

TEST_CASE("CrossoverTakesEachKnobFromAParentAndStaysLegal") {
  const ConfigSpace space = Tiles(64);
  const Config a{{3, 0, 0}}, b{{0, 3, 1}};  // 8x8 and 1x64; 8x64 would be too large.
  Rng rng(4);
  std::set<int64_t> seen;
  for (int i = 0; i < 500; ++i) {
    const Config child = space.Crossover(a, b, rng);
    REQUIRE(space.IsLegal(child));
    for (std::size_t k = 0; k < 3; ++k)
      REQUIRE((child.choice[k] == a.choice[k] || child.choice[k] == b.choice[k]));
    seen.insert(space.ToIndex(child));
  }
  // Eight combinations, of which the two with 8x64 are illegal.
  CHECK(seen.size() == 6);
}

TEST_CASE("LegalConfigsAreCountedOrEstimated") {
  const ConfigSpace space = Tiles(64);
  Rng rng(5);
  CHECK(space.EstimateLegal(rng) == kLegalAt64);
  // From 50 of 60 points: half are legal, give or take four standard deviations (0.28 of 60).
  const int64_t estimate = space.EstimateLegal(rng, 50);
  CHECK(estimate > 13);
  CHECK(estimate < 47);
}

TEST_CASE("HugeSpacesSaturate") {
  std::vector<int64_t> sizes(1000);
  for (int i = 0; i < 1000; ++i) sizes[i] = i;
  std::vector<Knob> knobs;
  for (int i = 0; i < 8; ++i) knobs.push_back(Sizes("k" + std::to_string(i), sizes));
  const ConfigSpace space(
      knobs, Config{std::vector<uint16_t>(8)},
      [](const ConfigSpace&, const Config&) { return absl::OkStatus(); },
      [](const ConfigSpace&, const Config&) { return true; });
  CHECK(space.size() == std::numeric_limits<int64_t>::max());
  Rng rng(6);
  CHECK(space.EstimateLegal(rng) == std::numeric_limits<int64_t>::max());
  const Config config = space.Sample(rng);
  CHECK(space.FromText(space.ToText(config)).value() == config);
}

TEST_CASE("EqualSeedsGiveEqualSamples") {
  const ConfigSpace space = Tiles(64);
  Rng a(7), b(7);
  for (int i = 0; i < 100; ++i) CHECK(space.Sample(a) == space.Sample(b));
}

TEST_CASE("ConfigHashesSpread") {
  const ConfigSpace space = Tiles(64);
  std::set<std::size_t> hashes;
  for (int64_t index = 0; index < space.size(); ++index) hashes.insert(ConfigHash()(space.FromIndex(index)));
  CHECK(hashes.size() == 60);
}

}  // namespace
}  // namespace tunefarm::schedules
