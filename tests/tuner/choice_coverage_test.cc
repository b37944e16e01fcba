#include "tuner/choice_coverage.h"

#include <map>

#include "tests/catch.h"
#include "tuner/evolutionary_search.h"

namespace tunefarm::tuner {
namespace {

using schedules::Config;
using schedules::ConfigSpace;
using schedules::Knob;
using schedules::KnobKind;

// An algorithm of three, of which one knows no tile, and a tile of eight sizes.
ConfigSpace Space() {
  Knob algorithm{"algorithm", KnobKind::kChoice, {"direct", "small", "large"}, {0, 1, 2}, false};
  Knob tile{"tile", KnobKind::kSplit, {}, {}, true};
  for (int i = 0; i < 8; ++i) {
    tile.values.push_back(std::to_string(i));
    tile.numbers.push_back(i);
  }
  const auto fast = [](const ConfigSpace&, const Config& c) { return c.choice[0] != 2 || c.choice[1] == 0; };
  const auto legal = [fast](const ConfigSpace& space, const Config& c) {
    return fast(space, c) ? absl::OkStatus() : absl::InvalidArgumentError("large has no tile");
  };
  const auto canonical = [](const ConfigSpace&, Config& c) {
    if (c.choice[0] == 2) c.choice[1] = 0;
  };
  return ConfigSpace({algorithm, tile}, Config{{0, 0}}, legal, fast, canonical);
}

std::map<int, int> ByAlgorithm(const std::vector<Config>& configs) {
  std::map<int, int> count;
  for (const Config& config : configs) ++count[config.choice[0]];
  return count;
}

// A model that knows better than to try anything but the first algorithm.
Predictor LikesDirect() {
  Predictor predict;
  predict.random_share = 0;
  predict.scores = [](const std::vector<Config>& configs) {
    std::vector<float> scores;
    for (const Config& c : configs) scores.push_back(c.choice[0] == 0 ? 1.0f : 0.0f);
    return scores;
  };
  return predict;
}

}  // namespace

TEST_CASE("EveryChoiceIsTriedOnceBesideTheDefault") {
  const ConfigSpace space = Space();
  TaskHistory history(space);
  history.Add(0, space.default_config());
  const std::vector<Scored> candidates = {{Config{{0, 1}}, 9}, {Config{{1, 5}}, 3}, {Config{{1, 4}}, 2}};
  CandidateSet picked(history);
  CoverChoices(history, candidates, 8, picked);
  // Direct has the default already.
  const std::vector<Config> want = {Config{{1, 0}}, Config{{2, 0}}};
  CHECK(picked.configs() == want);
  // What has been tried is not tried again, and there are no more than there is room for.
  history.Add(1, Config{{1, 5}});
  CandidateSet next(history);
  CoverChoices(history, candidates, 8, next);
  CHECK(next.configs() == std::vector<Config>{Config{{2, 0}}});
  CandidateSet none(history);
  CoverChoices(history, candidates, 0, none);
  CHECK(none.configs().empty());
}

TEST_CASE("ChoiceThatTheDefaultCannotTakeIsTriedByItsBestCandidate") {
  Knob form{"form", KnobKind::kChoice, {"plain", "packed"}, {0, 1}, false};
  Knob tile{"tile", KnobKind::kSplit, {"1", "2", "4"}, {1, 2, 4}, true};
  // Packed needs a tile of more than one.
  const auto fast = [](const ConfigSpace&, const Config& c) { return c.choice[0] == 0 || c.choice[1] > 0; };
  const auto legal = [fast](const ConfigSpace& space, const Config& c) {
    return fast(space, c) ? absl::OkStatus() : absl::InvalidArgumentError("packed needs a tile");
  };
  const ConfigSpace space({form, tile}, Config{{0, 0}}, legal, fast, nullptr);
  TaskHistory history(space);
  history.Add(0, space.default_config());
  const std::vector<Scored> candidates = {{Config{{0, 1}}, 9}, {Config{{1, 2}}, 8}, {Config{{1, 1}}, 7}};
  CandidateSet picked(history);
  CoverChoices(history, candidates, 8, picked);
  CHECK(picked.configs() == std::vector<Config>{Config{{1, 2}}});
}

TEST_CASE("SearchTriesEveryAlgorithmThoughTheModelDislikesIt") {
  const ConfigSpace space = Space();
  TaskHistory history(space);
  history.Add(0, space.default_config());
  Rng rng(1);
  const std::vector<Config> asked = EvolutionarySearch().Ask(history, LikesDirect(), 8, rng);
  CHECK(asked[0].choice[0] == 0);  // The most promising first.
  CHECK(ByAlgorithm(asked)[1] >= 1);
  CHECK(ByAlgorithm(asked)[2] >= 1);
}

TEST_CASE("SearchTriesEveryAlgorithmThoughNewModelsDropTheRestOfEachBatch") {
  const ConfigSpace space = Space();
  TaskHistory history(space);
  history.Add(0, space.default_config());
  std::vector<Config> measured;
  Rng rng(1);
  while (measured.size() < 6) {
    measured.push_back(EvolutionarySearch().Ask(history, LikesDirect(), 8, rng).front());
    history.Add(history.next_trial(), measured.back());
  }
  CHECK(ByAlgorithm(measured)[1] >= 1);
  CHECK(ByAlgorithm(measured)[2] >= 1);
}

TEST_CASE("DefaultOfAnAlgorithmIsTriedBeforeVariantsThatOnlyTheModelKnows") {
  // The form means something to the fast algorithm alone.
  Knob form{"form", KnobKind::kChoice, {"plain", "packed"}, {0, 1}, false};
  Knob algorithm{"algorithm", KnobKind::kChoice, {"direct", "fast"}, {0, 1}, false};
  const auto fast = [](const ConfigSpace&, const Config& c) { return c.choice[1] == 1 || c.choice[0] == 1; };
  const auto legal = [fast](const ConfigSpace& space, const Config& c) {
    return fast(space, c) ? absl::OkStatus() : absl::InvalidArgumentError("direct has no form");
  };
  const auto canonical = [](const ConfigSpace&, Config& c) {
    if (c.choice[1] == 0) c.choice[0] = 1;
  };
  const ConfigSpace space({form, algorithm}, Config{{1, 0}}, legal, fast, canonical);
  TaskHistory history(space);
  history.Add(0, space.default_config());
  const std::vector<Scored> candidates = {{Config{{0, 1}}, 9}};
  CandidateSet picked(history);
  CoverChoices(history, candidates, 8, picked);
  CHECK(picked.configs() == std::vector<Config>{Config{{1, 1}}, Config{{0, 1}}});
}

TEST_CASE("GoodStartsOfASpaceAreAskedForBeforeAnythingElse") {
  const ConfigSpace plain = Space();
  const auto fast = [&plain](const ConfigSpace&, const Config& c) { return plain.IsLegal(c); };
  const auto legal = [&plain](const ConfigSpace&, const Config& c) { return plain.Check(c); };
  // Illegal: the large algorithm has no tile. It is not kept.
  const ConfigSpace space(plain.knobs(), plain.default_config(), legal, fast, nullptr,
                          {Config{{1, 6}}, Config{{2, 3}}, Config{{1, 2}}});
  CHECK(space.starts() == std::vector<Config>{Config{{1, 6}}, Config{{1, 2}}});
  TaskHistory history(space);
  history.Add(0, space.default_config());
  history.Add(1, Config{{1, 6}});
  Rng rng(1);
  CHECK(EvolutionarySearch().Ask(history, LikesDirect(), 8, rng).front() == Config{{1, 2}});
}

TEST_CASE("HintsComeFirstAndLeaveRoomForOthers") {
  const ConfigSpace space = Space();
  TaskHistory history(space);
  history.Add(0, space.default_config());
  Predictor predict;
  predict.scores = [](const std::vector<Config>& configs) {
    return std::vector<float>(configs.size(), 0.0f);
  };
  predict.hints = [&] {
    std::vector<Config> hints = {space.default_config()};  // Seen: no use.
    for (uint16_t tile = 1; tile < 8; ++tile) hints.push_back(Config{{1, tile}});
    return hints;
  };
  Rng rng(1);
  const std::vector<Config> asked = EvolutionarySearch().Ask(history, predict, 8, rng);
  REQUIRE(asked.size() == 8);
  CHECK(asked[0] == Config{{1, 1}});
  CHECK(asked[3] == Config{{1, 4}});
  CHECK(asked[4] != Config{{1, 5}});
}

}  // namespace tunefarm::tuner
