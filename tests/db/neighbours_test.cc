// Distances between shapes, and what they say about a carried-over config.
#include "db/neighbours.h"

#include <cmath>

#include "tests/catch.h"

namespace tunefarm::db {
namespace {

TEST_CASE("DoublingASizeIsAboutOneOctave") {
  const Shape a = ParseShape("matmul:m=127,n=63,dtype=f32"), b = ParseShape("matmul:m=255,n=31,dtype=f32");
  CHECK(Distance(a, b) == Approx(2));
  CHECK(Distance(a, a) == 0);
}

TEST_CASE("KeyOrderDoesNotMatter") {
  const Shape a = ParseShape("op:k=3,m=1,layout=nchw,dtype=f32"),
              b = ParseShape("op:dtype=f32,m=1,layout=nchw,k=3");
  CHECK(a.family == b.family);
  CHECK(Distance(a, b) == 0);
}

TEST_CASE("OperatorDtypeLayoutAndKeysMakeTheFamily") {
  const std::string family = ParseShape("conv2d:n=1,h=8,layout=nhwc,dtype=f32").family;
  CHECK(ParseShape("conv2d:n=2,h=9,layout=nhwc,dtype=f32").family == family);
  for (const char* other : {"conv3d:n=1,h=8,layout=nhwc,dtype=f32", "conv2d:n=1,h=8,layout=nchw,dtype=f32",
                            "conv2d:n=1,h=8,layout=nhwc,dtype=i8", "conv2d:n=1,w=8,layout=nhwc,dtype=f32"}) {
    CHECK(ParseShape(other).family != family);
  }
}

TEST_CASE("AnotherEpilogueIsNearButNotEqual") {
  const Shape a = ParseShape("matmul:m=8,epilogue=bias+relu"), b = ParseShape("matmul:m=8,epilogue=none"),
              c = ParseShape("matmul:m=8");
  CHECK(a.family == b.family);
  CHECK(Distance(a, b) == kEpilogueOctaves);
  CHECK(Distance(b, c) == 0);
}

TEST_CASE("ZeroPointsAndClampsDoNotTellShapesApart") {
  const Shape a = ParseShape("dense:m=1,n=128,k=128,dtype=i8,izp=-128,ozp=-128,epilogue=bias"),
              b = ParseShape("dense:m=1,n=128,k=640,dtype=i8,izp=89,ozp=3,amin=3,amax=99,epilogue=bias");
  CHECK(a.family == b.family);
  CHECK(Distance(a, b) == Approx(std::log2(641.0 / 129.0)));
  CHECK(ParseShape("dense:m=1,n=128,k=128,dtype=i8,rounding=single").family != a.family);
}

TEST_CASE("TextThatIsNoWorkloadIsAloneInItsFamily") {
  for (const char* text : {"", "matmul", "matmul:", "matmul:m", "matmul:=3,k=1"}) {
    CHECK(ParseShape(text).family == text);
    CHECK(ParseShape(text).octaves.empty());
  }
}

TEST_CASE("NearestAreSortedCountedAndWithinReach") {
  NeighbourIndex index;
  const auto shape = [](int m) { return ParseShape("matmul:m=" + std::to_string(m)); };
  const NeighbourGroup group{shape(1).family, "t", 1, false};
  for (const int m : {1023, 15, 127, 63, 31}) index.Add(group, {m, "", m == 63 ? "b" : "a", shape(m)});
  const auto tasks = [&](const std::string& device_class, float reach, std::size_t count) {
    std::vector<int64_t> found;
    for (const Near& near : index.Nearest(group, shape(127), device_class, reach, count)) {
      found.push_back(near.neighbour->task);
    }
    return found;
  };
  using Tasks = std::vector<int64_t>;
  CHECK(tasks("", 10, 3) == Tasks{127, 63, 31});
  CHECK(tasks("a", 10, 3) == Tasks{127, 31, 1023});  // 1023 and 15 are equally far.
  CHECK(tasks("", 1.5, 9) == Tasks{127, 63});
  CHECK(index.Nearest({group.family, "u", 1, false}, shape(127), "", 10, 3).empty());
}

TEST_CASE("RuleOfThumbIsNothingAtNoDistanceAndDoublesAtEightOctaves") {
  CHECK(RuleOfThumbLoss(0) == 0);
  CHECK(RuleOfThumbLoss(8) == Approx(1));
}

TEST_CASE("EvidenceIsScaledToTheDistanceAndOneOutlierDoesNotDecide") {
  CHECK(LossFromEvidence({{1, 0.1}, {2, 0.2}, {1, 5.0}}, 3) == Approx(0.3));
}

}  // namespace
}  // namespace tunefarm::db
