#include "schedules/dot_windows.h"

#include <set>
#include <vector>

#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

// What interleaving does to the channels of a tile, by its definition: bytes are interleaved within 128 bits,
// the low halves and then the high ones, until a lane holds all terms of a channel.
std::vector<int> InterleavedOrder(int vectors, int lanes) {
  const int words = lanes / vectors;
  std::vector<int> order;  // The channel at each place.
  for (int vector = 0; vector < vectors; ++vector) {
    for (int quarter = 0; quarter < words / 4; ++quarter) {
      for (int i = 0; i < 4; ++i) order.push_back(quarter * 4 * vectors + vector * 4 + i);
    }
  }
  return order;
}

TEST_CASE("WindowSlotsFollowInterleaving") {
  for (const int vectors : {2, 4}) {
    for (const int words : {8, 16}) {
      DotKernel kernel{.name = "windows", .lanes = vectors * words};
      kernel.window_terms = kernel.window_vectors = vectors;
      const std::vector<int> order = InterleavedOrder(vectors, kernel.lanes);
      for (int place = 0; place < kernel.lanes; ++place) {
        CHECK(WindowSlot(kernel, order[place]) == place);
      }
    }
  }
}

// Requantisation multiplies even and odd lanes apart.
TEST_CASE("AWindowSlotKeepsItsChannelsParity") {
  DotKernel kernel{.name = "windows", .lanes = 64};
  kernel.window_terms = kernel.window_vectors = 4;
  std::set<int> slots;
  for (int channel = 0; channel < 64; ++channel) {
    CHECK(WindowSlot(kernel, channel) % 2 == channel % 2);
    slots.insert(WindowSlot(kernel, channel));
  }
  CHECK(slots.size() == 64);
}

}  // namespace
}  // namespace tunefarm::schedules
