#include "cost_model/loop_facts.h"

#include <initializer_list>

#include "tests/catch.h"

namespace tunefarm::cost_model {
namespace {

using schedules::LoopAccess;
using schedules::LoopKind;
using schedules::LoopNode;
using schedules::LoopTree;

// A single path of serial loops with one statement inside.
LoopTree Nest(std::initializer_list<int> extents) {
  LoopTree tree;
  int16_t depth = 0;
  for (int extent : extents) {
    LoopNode loop;
    loop.parent = static_cast<int16_t>(depth - 1);
    loop.depth = depth++;
    loop.extent = extent;
    loop.average = static_cast<float>(extent);
    tree.nodes.push_back(loop);
  }
  LoopNode statement;
  statement.is_loop = false;
  statement.parent = static_cast<int16_t>(depth - 1);
  statement.depth = depth;
  tree.nodes.push_back(statement);
  return tree;
}

LoopAccess Strides(std::initializer_list<int> strides) {
  LoopAccess access;
  int d = 0;
  for (int stride : strides) access.strides[d++] = stride;
  return access;
}

}  // namespace

TEST_CASE("IterationsAreTheProductOfAverageExtents") {
  LoopTree tree = Nest({4, 8, 16});
  tree.nodes[1].average = 7.5f;  // The last tile is shorter.
  tree.nodes[2].kind = LoopKind::kVectorized;
  const LoopPath path = PathOf(tree, tree.nodes.back());
  REQUIRE(path.depth == 3);
  REQUIRE(path.iterations == Approx(4 * 7.5 * 16));
  REQUIRE(path.lanes == 16);
}

TEST_CASE("ContiguousFootprintGrowsWithItsLoops") {
  // a[i * 64 + j], i < 4, j < 64, floats: 64 floats are 4 lines.
  const LoopTree tree = Nest({4, 64});
  const LoopPath path = PathOf(tree, tree.nodes.back());
  const Footprints bytes = FootprintsOf(Strides({64, 1}), path, 4);
  REQUIRE(bytes[2] == 64);      // One element costs its line.
  REQUIRE(bytes[1] == 64 * 4);  // One row.
  REQUIRE(bytes[0] == 1024);    // All of it is one piece.
}

TEST_CASE("StridedFootprintPaysALineForEachPiece") {
  // A column of 8 elements, 1000 apart, then 4 such columns beside each other.
  const LoopTree tree = Nest({4, 8});
  const LoopPath path = PathOf(tree, tree.nodes.back());
  const Footprints bytes = FootprintsOf(Strides({1, 1000}), path, 4);
  REQUIRE(bytes[1] == 8 * 64);
  REQUIRE(bytes[0] == 8 * 64);  // The same lines.
}

TEST_CASE("OverlappingWindowsCountOnce") {
  // a[i + k], i < 16, k < 17: 32 different elements, two lines.
  const LoopTree tree = Nest({16, 17});
  const LoopPath path = PathOf(tree, tree.nodes.back());
  REQUIRE(FootprintsOf(Strides({1, 1}), path, 4)[0] == 128);
}

TEST_CASE("TrafficIsReloadedByEveryOuterLoopButThoseThatReuseDirectly") {
  // for i < 10, for j < 20, for k < 16: a[i * 16 + k].
  const LoopTree tree = Nest({10, 20, 16});
  const LoopPath path = PathOf(tree, tree.nodes.back());
  const LoopAccess a = Strides({16, 0, 1});
  const Footprints a_bytes = FootprintsOf(a, path, 4);
  REQUIRE(Traffic(a, path, a_bytes, 2) == 64 * 10);  // j reuses the row, i brings another.
  // b[j * 16 + k]: i outside j brings all of it again.
  const LoopAccess b = Strides({0, 16, 1});
  REQUIRE(Traffic(b, path, FootprintsOf(b, path, 4), 2) == 64 * 20 * 10);
}

TEST_CASE("FittingLevelIsTheOutermostThatFits") {
  const LoopTree tree = Nest({10, 20, 16});
  const LoopPath path = PathOf(tree, tree.nodes.back());
  const std::vector<Footprints> footprints = {FootprintsOf(Strides({16, 0, 1}), path, 4),
                                              FootprintsOf(Strides({0, 16, 1}), path, 4)};
  // Level 2: 64 + 64. Level 1: 64 + 1280. Level 0: 640 + 1280.
  REQUIRE(FittingLevel(footprints, path, 10000) == 0);
  REQUIRE(FittingLevel(footprints, path, 1919) == 1);
  REQUIRE(FittingLevel(footprints, path, 1343) == 2);
  REQUIRE(FittingLevel(footprints, path, 100) == 3);
}

}  // namespace tunefarm::cost_model
