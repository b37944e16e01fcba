#include "tuner/carry_over.h"

#include "tests/catch.h"
#include "tests/tuner/fake_task.h"

namespace tunefarm::tuner {

TEST_CASE("ConfigIsCarriedOverByKnobNamesAndNearestSizes") {
  const auto task = FakeTask::Make();
  const schedules::ConfigSpace& space = task->space();
  const auto text = [&](const char* from) { return space.ToText(*CarryOver(from, space)); };
  // The same space: the same config.
  CHECK(text("tm=4,tn=4,tk=64,tb=2,order=nm") == "tm=4,tn=4,tk=64,tb=2,order=nm");
  // Sizes that are not there: the nearest by their ratio (3 is nearer to 4 than to 2); "all" is the largest.
  CHECK(text("tm=5,tn=3,tk=all,tb=2,order=nm") == "tm=4,tn=4,tk=256,tb=2,order=nm");
  // Other knobs, and values that nothing is like: the default's.
  CHECK(text("algorithm=winograd_4x4,order=diagonal,tm=2") == "tm=2,tn=1,tk=8,tb=1,order=mn");
}

TEST_CASE("CarriedConfigIsLegalOrNothing") {
  const auto task = FakeTask::Make();
  const schedules::ConfigSpace& space = task->space();
  // 8 x 8 is too large a tile here: one of the two goes back to the default's 1.
  const std::optional<schedules::Config> config = CarryOver("tm=8,tn=8,tk=64,tb=2,order=nm", space);
  REQUIRE(config.has_value());
  CHECK(space.IsLegal(*config));
  CHECK(space.ToText(*config) == "tm=1,tn=8,tk=64,tb=2,order=nm");
  CHECK(CarryOver("no config at all", space) == space.default_config());
}

}  // namespace tunefarm::tuner
