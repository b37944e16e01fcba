#include "schedules/clipped_taps.h"

#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

TEST_CASE("CrossingTilesAreThoseWithATapOutside") {
  int crossing = 0;
  for (const int64_t size : {1, 4, 7, 12}) {
    for (const int64_t step : {1, 2}) {
      for (const int64_t dilation : {1, 2}) {
        for (const int64_t pad : {0, 1, 3}) {
          for (const Tail tail : {Tail::kGuard, Tail::kShift}) {
            for (const int64_t tile : {1, 2, 3, 5}) {
              const int64_t taps = 3, window = dilation * (taps - 1) + 1;
              if (size + 2 * pad < window) continue;
              const int64_t extent = (size + 2 * pad - window) / step + 1;
              if (tail == Tail::kShift && extent < tile) continue;
              const EdgeDimension dimension{0, 1, step, dilation, -pad, size};
              // Element by element.
              std::vector<TilePlace> expected;
              for (int64_t start = 0; start < extent; start += tile) {
                TilePlace place{start, std::min(tile, extent - start)};
                if (tail == Tail::kShift) place = {std::min(start, extent - tile), tile};
                bool outside = false;
                for (int64_t at = place.begin; at < place.begin + place.size; ++at) {
                  for (int64_t tap = 0; tap < taps; ++tap) {
                    const int64_t index = at * step + tap * dilation - pad;
                    outside = outside || index < 0 || index >= size;
                  }
                }
                if (outside) expected.push_back(place);
              }
              const ClippedTile covered{extent, tile, tail, taps};
              const std::vector<TilePlace> found = CrossingTiles(dimension, covered);
              REQUIRE(found.size() == expected.size());
              for (std::size_t i = 0; i < found.size(); ++i) {
                CHECK(found[i].begin == expected[i].begin);
                CHECK(found[i].size == expected[i].size);
              }
              CHECK(CountCrossingTiles(dimension, covered) == static_cast<int>(expected.size()));
              crossing += static_cast<int>(expected.size());
            }
          }
        }
      }
    }
  }
  CHECK(crossing > 100);
}

}  // namespace
}  // namespace tunefarm::schedules
