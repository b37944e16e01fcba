#include "cli/cpu_split.h"

#include "tests/catch.h"

namespace tunefarm::cli {

TEST_CASE("DeviceGetsTheLastCoreAndBuildersTheOthers") {
  const CpuSplit split = SplitCpus({0, 1, 2, 5}, 1);
  CHECK(split.device == std::vector<int>{5});
  CHECK(split.others == std::vector<int>{0, 1, 2});
  CHECK_FALSE(split.shared);
}

TEST_CASE("KernelsWithThreadsGetAsManyCores") {
  const CpuSplit split = SplitCpus({0, 1, 2, 3}, 3);
  CHECK(split.device == std::vector<int>{1, 2, 3});
  CHECK(split.others == std::vector<int>{0});
}

TEST_CASE("OneCoreIsShared") {
  const CpuSplit split = SplitCpus({7}, 1);
  CHECK(split.device == std::vector<int>{7});
  CHECK(split.others == std::vector<int>{7});
  CHECK(split.shared);
}

TEST_CASE("MoreThreadsThanCoresTakeAllCores") {
  const CpuSplit split = SplitCpus({0, 1}, 8);
  CHECK(split.device == std::vector<int>{0, 1});
  CHECK(split.shared);
}

TEST_CASE("ThisProcessMayUseSomeCore") {
  CHECK_FALSE(AllowedCpus().empty());
  CHECK(CpuListText({0, 2, 11}) == "0,2,11");
}

}  // namespace tunefarm::cli
