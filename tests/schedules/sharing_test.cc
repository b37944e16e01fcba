#include "schedules/sharing.h"

#include <algorithm>
#include <vector>

#include "schedules/loop_tree.h"
#include "tests/catch.h"
#include "tests/schedules/kernel_batch.h"

namespace tunefarm::schedules {
namespace {

TEST_CASE("TheBusiestThreadGetsWhatAStaticScheduleDealsItsOwn") {
  const auto share = [](const std::vector<SharedLoop>& loops, int threads) {
    return BusiestShare(loops, threads);
  };
  CHECK(share({}, 2) == 1);
  CHECK(share({{4, 4}}, 1) == 1);
  CHECK(share({{4, 4}}, 2) == 0.5);
  CHECK(share({{3, 3}}, 2) == Approx(2.0 / 3));
  CHECK(share({{3, 3}}, 8) == Approx(1.0 / 3));
  // Two blocks of 96 rows and one of 4: the first thread has the two.
  CHECK(share({{3, 196.0 / 96}}, 2) == Approx(192.0 / 196));
  // Of two panels with three such blocks each, each thread has a panel.
  CHECK(share({{2, 2}, {3, 196.0 / 96}}, 2) == Approx(0.5));
  // Five of nine iterations: the first row, and two of the second.
  CHECK(share({{3, 3}, {3, 2.5}}, 2) == Approx((2.5 + 2) / 7.5));
  // By hand for every iteration: a small last one in each loop.
  const std::vector<SharedLoop> loops = {{3, 2.25}, {4, 3.5}};
  for (int threads = 1; threads <= 14; ++threads) {
    std::vector<double> work(threads, 0);
    for (int i = 0; i < 12; ++i) {
      int thread = 0, end = 12 / threads + (12 % threads > 0 ? 1 : 0);
      while (i >= end) {
        ++thread;
        end += 12 / threads + (thread < 12 % threads ? 1 : 0);
      }
      work[thread] += (i / 4 == 2 ? 0.25 : 1) * (i % 4 == 3 ? 0.5 : 1);
    }
    CHECK(BusiestShare(loops, threads) == Approx(*std::ranges::max_element(work) / (2.25 * 3.5)));
  }
}

TEST_CASE("ADefaultForThreadsGivesThemAboutAsMuch") {
  // Rows that 96 divide badly, and few columns or many; channels of windows that blocks divide badly.
  for (const char* text :
       {"conv2d:n=1,h=14,w=14,ci=1024,co=512,kh=1,kw=1,layout=nhwc", "matmul:m=200,n=300,k=256",
        "conv2d:n=1,h=14,w=14,ci=1024,co=48,kh=1,kw=1,layout=nhwc",
        "depthwise_conv2d:n=1,h=56,w=56,c=144,kh=3,kw=3,pad=1,layout=nhwc",
        "depthwise_conv2d:n=1,h=112,w=112,c=96,kh=3,kw=3,stride=2,pad=1,layout=nhwc"}) {
    for (const int threads : {2, 3, 4}) {
      const std::shared_ptr<const Task> task = MakeTask(text, "x86-64-v4", threads);
      const absl::StatusOr<LoopTree> tree = task->Lower(task->space().default_config());
      REQUIRE(tree.ok());
      std::vector<SharedLoop> loops;
      for (const LoopNode& node : tree->nodes) {
        if (node.is_loop && node.kind == LoopKind::kParallel) loops.push_back({node.extent, node.average});
      }
      INFO(text << " " << threads << ": " << task->space().ToText(task->space().default_config()));
      CHECK(!loops.empty());
      CHECK(BusiestShare(loops, threads) < 1.2 / threads);
    }
  }
}

TEST_CASE("ADefaultForThreadsHasThemReadTheLargerFactorOnce") {
  // More rows of the input than columns of weights, and the other way round; and panels that threads pack.
  for (const auto& [text, shares_columns] : std::vector<std::pair<const char*, bool>>{
           {"conv2d:n=1,h=28,w=28,ci=512,co=128,kh=1,kw=1,layout=nhwc", false},
           {"conv2d:n=1,h=56,w=56,ci=96,co=96,kh=1,kw=1,layout=nhwc", false},
           {"conv2d:n=1,h=7,w=7,ci=512,co=2048,kh=1,kw=1,layout=nhwc", true},
           {"dense:m=32,n=1024,k=768", true},
           {"matmul:m=768,n=768,k=768", true}}) {
    const std::shared_ptr<const Task> task = MakeTask(text, "x86-64-v3", 2);
    const ConfigSpace& space = task->space();
    const Config& config = space.default_config();
    const int64_t block_v = space.number(config, space.FindKnob("block_v"));
    INFO(text << ": " << space.ToText(config));
    CHECK((block_v > 0) == shares_columns);  // 0: all columns in one block.
  }
}

}  // namespace
}  // namespace tunefarm::schedules
