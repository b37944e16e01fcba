// Products with fewer multiplications: what they serve, that they are right, and how exact they are.
#include <algorithm>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "schedules/fast_product_rule.h"
#include "schedules/loop_tree.h"
#include "schedules/schedule_template.h"
#include "schedules/strassen.h"
#include "tests/catch.h"
#include "tests/schedules/kernel_batch.h"

namespace tunefarm::schedules {
namespace {

std::string ValueOf(const Task& task, const Config& config, const char* name) {
  const int knob = task.space().FindKnob(name);
  return knob < 0 ? "" : task.space().knobs()[knob].values[config.choice[knob]];
}

void Set(const Task& task, Config& config, const char* name, const std::string& value) {
  const int knob = task.space().FindKnob(name);
  const std::vector<std::string>& values = task.space().knobs()[knob].values;
  const auto found = std::ranges::find(values, value);
  REQUIRE(found != values.end());
  config.choice[knob] = static_cast<uint16_t>(found - values.begin());
}

bool OffersFast(const std::string& text, const char* target) {
  const std::shared_ptr<const Task> task = MakeTask(text, target);
  const int knob = task->space().FindKnob("algorithm");
  return knob >= 0 && task->space().knobs()[knob].values.back() == "fast";
}

TEST_CASE("ProductsOfCoresWithWideVectorsMayTakeFewerMultiplications") {
  for (const char* target : {"x86-64-v3", "x86-64-v4", "x86-64-v4-vnni"}) {
    INFO(target);
    CHECK(OffersFast("matmul:m=64,n=64,k=64", target));
    CHECK(OffersFast("dense:m=128,n=768,k=768,epilogue=bias", target));
    CHECK(OffersFast("batch_matmul:b=12,m=128,n=64,k=128", target));
    CHECK(OffersFast("conv2d:n=1,h=28,w=28,ci=128,co=512,kh=1,kw=1,layout=nhwc", target));
    CHECK(OffersFast("conv2d:n=2,h=28,w=28,ci=128,co=512,kh=1,kw=1,stride=2,layout=nchw", target));
    // Too few terms, rows or lanes; padding; algorithms of their own.
    CHECK(!OffersFast("matmul:m=64,n=64,k=4", target));
    CHECK(!OffersFast("dense:m=1,n=1000,k=2048", target));
    CHECK(!OffersFast("matmul:m=1000,n=3,k=1000", target));
    CHECK(OffersFast("conv2d:n=1,h=14,w=14,ci=64,co=64,kh=3,kw=3,pad=1,stride=2,layout=nhwc", target));
    // Padding along the lanes, which is not gathered.
    CHECK(!OffersFast("conv2d:n=1,h=14,w=14,ci=64,co=64,kh=5,kw=5,pad=2,layout=nchw", target));
    CHECK(!OffersFast("depthwise_conv2d:n=1,h=14,w=14,c=64,kh=3,kw=3,pad=1,layout=nhwc", target));
  }
  CHECK(!OffersFast("matmul:m=64,n=64,k=64", "x86-64-v2"));
  CHECK(!OffersFast("matmul:m=64,n=64,k=64", "cortex-a53"));
}

// Of convolutions, or of the other products. Returns the kinds of kernels that came up: with pairs or not,
// and levels of Strassen's products.
std::set<std::string> CheckAgainstReference(const char* target_name, bool convolutions) {
  // Sums and groups of tiles that fit and that do not, either factor with the lanes, constant and not,
  // batches, groups.
  const std::vector<std::string> shapes = {
      "matmul:m=13,n=37,k=300",
      "matmul:m=64,n=128,k=192",
      "matmul:m=8,n=16,k=200",
      "matmul:m=33,n=70,k=291,epilogue=bias+relu",
      "dense:m=9,n=45,k=131,epilogue=bias",
      "dense:m=100,n=165,k=514,epilogue=bias+residual+relu6",
      "batch_matmul:b=3,m=15,n=40,k=270",
      "batch_matmul:b=2,m=41,n=67,k=256",
      "conv2d:n=2,h=5,w=3,ci=299,co=51,kh=1,kw=1,layout=nhwc,epilogue=bias+residual",
      "conv2d:n=1,h=6,w=7,ci=128,co=22,kh=1,kw=1,stride=2,layout=nhwc,epilogue=bias+relu",
      "conv2d:n=2,h=9,w=7,ci=140,co=19,kh=1,kw=1,layout=nchw,epilogue=bias+residual+relu",
      "conv2d:n=2,h=9,w=11,ci=165,co=33,kh=1,kw=1,stride=2,layout=nchw,epilogue=bias",
      "conv2d:n=1,h=9,w=11,ci=25,co=33,kh=3,kw=3,stride=2,layout=nhwc,epilogue=bias",
      "conv2d:n=2,h=9,w=8,ci=512,co=96,groups=2,kh=1,kw=1,layout=nhwc,epilogue=bias",
      "conv2d:n=2,h=9,w=11,ci=25,co=40,kh=3,kw=3,stride=2,pad=1,layout=nhwc,epilogue=bias+relu",
      "conv2d:n=1,h=13,w=15,ci=3,co=48,kh=7,kw=7,stride=2,pad=3,layout=nhwc,epilogue=bias",
      "conv2d:n=1,h=12,w=9,ci=16,co=56,kh=5,kw=5,pad=4,dilation=2,layout=nhwc,epilogue=bias",
      "conv2d:n=1,h=7,w=9,ci=96,co=128,groups=2,kh=1,kw=7,pad_l=3,pad_r=2,layout=nhwc",
      "conv2d:n=2,h=9,w=7,ci=128,co=40,kh=1,kw=1,layout=nchw8c,epilogue=bias+residual+relu",
      "conv2d:n=1,h=9,w=11,ci=24,co=64,kh=3,kw=3,stride=2,pad=1,layout=nchw8c,epilogue=bias",
      "conv2d:n=2,h=8,w=7,ci=112,co=48,kh=1,kw=1,layout=nchw16c,epilogue=bias+residual"};
  std::set<std::string> kinds;
  Rng rng = Rng(11).Fork(target_name);
  std::vector<BatchKernel> kernels;
  for (std::size_t s = 0; s < shapes.size(); ++s) {
    if (absl::StartsWith(shapes[s], "conv2d") != convolutions) continue;
    const std::shared_ptr<const Task> task = MakeTask(shapes[s], target_name, s % 3 == 2 ? 2 : 1);
    std::vector<Config> configs;
    for (int tries = 0; configs.size() < 7 && tries < 20000; ++tries) {
      Config config = task->space().Sample(rng);
      if (ValueOf(*task, config, "algorithm") == "fast") configs.push_back(std::move(config));
    }
    INFO(shapes[s] << " " << target_name);
    REQUIRE(configs.size() == 7);
    for (const Config& config : configs) {
      const absl::StatusOr<KernelSource> source = task->Generate(config);
      const absl::StatusOr<LoopTree> tree = task->Lower(config);
      REQUIRE(source.ok());
      REQUIRE(tree.ok());
      CHECK(source->packed_bytes == static_cast<uint64_t>(tree->packed_bytes));
      CHECK(source->workspace_bytes == static_cast<uint64_t>(tree->workspace_bytes));
      const std::string pairs = ValueOf(*task, config, "pairs"), levels = ValueOf(*task, config, "strassen");
      kinds.insert(pairs + " " + levels);
      CHECK(source->error_growth == Approx((pairs == "none" ? 1 : kPairErrorGrowth) *
                                           (levels == "0" ? 1 : StrassenErrorGrowth(levels[0] - '0'))));
      kernels.push_back({task, config, *source});
    }
  }
  const absl::StatusOr<Target> target = FindTarget(target_name);
  const absl::StatusOr<std::vector<std::string>> wrong = CheckKernels(kernels, *target, MachineRuns(*target));
  INFO(wrong.status().message());
  REQUIRE(wrong.ok());
  CHECK(*wrong == std::vector<std::string>{});
  return kinds;
}

TEST_CASE("FastProductsAgreeWithTheReference") {
  CHECK(CheckAgainstReference("x86-64-v3", /*convolutions=*/false).size() >= 7);
}

TEST_CASE("FastConvolutionsAgreeWithTheReference") {
  CHECK(CheckAgainstReference("x86-64-v3", /*convolutions=*/true).size() == 8);
}

TEST_CASE("FastProductsWithWideVectorsAgreeWithTheReference") {
  CHECK(CheckAgainstReference("x86-64-v4", /*convolutions=*/false).size() >= 7);
}

TEST_CASE("FastConvolutionsWithWideVectorsAgreeWithTheReference") {
  // Vectors over two blocks of channels may do without pairs and Strassen's products.
  CHECK(CheckAgainstReference("x86-64-v4", /*convolutions=*/true).size() == 9);
}

TEST_CASE("FastProductsStayExactWhereFactorsAreOfDifferentMagnitudes") {
  // Sums of a and w as they are would leave nothing of the smaller one.
  for (const char* target_name : {"x86-64-v3", "x86-64-v4"}) {
    const absl::StatusOr<Target> target = FindTarget(target_name);
    if (!MachineRuns(*target)) continue;
    std::vector<BatchKernel> kernels;
    for (const char* shape : {"matmul:m=20,n=70,k=300", "dense:m=16,n=96,k=160",
                              "conv2d:n=1,h=6,w=16,ci=128,co=24,kh=1,kw=1,layout=nchw"}) {
      const std::shared_ptr<const Task> task = MakeTask(shape, target_name);
      for (const char* pairs : {"none", "of_3"}) {
        Config config = task->space().default_config();
        Set(*task, config, "algorithm", "fast");
        Set(*task, config, "fast_rows", "4");
        Set(*task, config, "pairs", pairs);
        Set(*task, config, "strassen", pairs == std::string("none") ? "1" : "0");
        config = task->space().Canonical(config);
        const absl::StatusOr<KernelSource> source = task->Generate(config);
        INFO(shape << " " << source.status().message());
        REQUIRE(source.ok());
        kernels.push_back({task, config, *source, 3e5f, 2e-4f});
        kernels.push_back({task, config, *source, 1e-20f, 1e15f});
      }
    }
    const absl::StatusOr<std::vector<std::string>> wrong = CheckKernels(kernels, *target, true);
    INFO(wrong.status().message());
    REQUIRE(wrong.ok());
    CHECK(*wrong == std::vector<std::string>{});
  }
}

TEST_CASE("AnInfinityStaysInItsRowOrItsGroupOfRows") {
  for (const char* target_name : {"x86-64-v3", "x86-64-v4"}) {
    const absl::StatusOr<Target> target = FindTarget(target_name);
    if (!MachineRuns(*target)) continue;
    const std::shared_ptr<const Task> task = MakeTask("matmul:m=96,n=80,k=300", target_name);
    std::vector<BatchKernel> kernels;
    for (const bool pairs : {false, true}) {
      Config config = task->space().default_config();
      Set(*task, config, "algorithm", "fast");
      Set(*task, config, "fast_rows", "4");
      Set(*task, config, "pairs", pairs ? "of_3" : "none");
      Set(*task, config, "strassen", pairs ? "0" : "1");
      config = task->space().Canonical(config);
      const absl::StatusOr<KernelSource> source = task->Generate(config);
      REQUIRE(source.ok());
      BatchKernel kernel{task, config, *source};
      kernel.infinite_row = 21;
      kernel.rows_in_group = pairs ? 1 : 2 * 4;  // Two register tiles.
      kernels.push_back(kernel);
    }
    const absl::StatusOr<std::vector<std::string>> wrong = CheckKernels(kernels, *target, true);
    INFO(wrong.status().message());
    REQUIRE(wrong.ok());
    CHECK(*wrong == std::vector<std::string>{});
  }
}

// The rows of the thread that has most of them, when blocks are dealt out by a static schedule.
int64_t RowsOfTheBusiest(const Task& task, const Config& config, int64_t rows, int threads) {
  const int64_t block = std::stoll(ValueOf(task, config, "pack_block"));
  const int64_t tile = std::stoll(ValueOf(task, config, "fast_rows"));
  const int64_t group = tile << std::stoll(ValueOf(task, config, "strassen"));
  const int64_t rows_of_block = (block + group - 1) / group * group;
  const int64_t blocks = (rows + rows_of_block - 1) / rows_of_block;
  return std::min(rows, (blocks + threads - 1) / threads * rows_of_block);
}

TEST_CASE("FastProductsOfThreadsStartWithBlocksOfTheirOwnWhereEachGetsAboutAsMuch") {
  struct Case {
    int64_t edge;
    const char* channels;
    int threads;
  };
  for (const char* target : {"x86-64-v3", "x86-64-v4"}) {
    for (const Case& c : {Case{7, "ci=576,co=160", 2}, Case{14, "ci=384,co=96", 2},
                          Case{28, "ci=128,co=512", 2}, Case{28, "ci=128,co=512", 3}}) {
      const std::string text = absl::StrCat("conv2d:n=1,h=", c.edge, ",w=", c.edge, ",", c.channels,
                                            ",kh=1,kw=1,layout=nhwc,epilogue=bias");
      INFO(target << " " << text << ", " << c.threads << " threads");
      const std::shared_ptr<const Task> task = MakeTask(text, target, c.threads);
      bool own = false;
      for (const Config& start : task->space().starts()) {
        if (ValueOf(*task, start, "algorithm") != "fast") continue;
        if (ValueOf(*task, start, "share") == "in_block") continue;
        own = true;
        const int64_t busiest = RowsOfTheBusiest(*task, start, c.edge * c.edge, c.threads);
        CHECK(10 * c.threads * busiest <= 14 * c.edge * c.edge);
      }
      CHECK(own);
    }
  }
  // Uneven however they are cut, and so many columns that what is read from another's cache does not matter.
  const std::shared_ptr<const Task> uneven =
      MakeTask("dense:m=21,n=2048,k=512,epilogue=bias", "x86-64-v4", 2);
  for (const Config& start : uneven->space().starts()) {
    if (ValueOf(*uneven, start, "algorithm") == "fast") CHECK(ValueOf(*uneven, start, "share") == "in_block");
  }
}

TEST_CASE("NoStartOfFastProductsIsLostToThreads") {
  const auto fast_starts = [](const std::string& text, const char* target, int threads) {
    const std::shared_ptr<const Task> task = MakeTask(text, target, threads);
    return std::ranges::count_if(task->space().starts(), [&](const Config& start) {
      return ValueOf(*task, start, "algorithm") == "fast" && task->space().Check(start).ok();
    });
  };
  for (const char* target : {"x86-64-v3", "x86-64-v4"}) {
    for (const char* text : {"conv2d:n=1,h=7,w=7,ci=576,co=160,kh=1,kw=1,layout=nhwc",
                             "conv2d:n=1,h=14,w=14,ci=256,co=1024,kh=1,kw=1,layout=nhwc",
                             "conv2d:n=1,h=28,w=28,ci=512,co=128,kh=1,kw=1,layout=nchw",
                             "dense:m=100,n=768,k=768", "matmul:m=384,n=384,k=384"}) {
      const auto alone = fast_starts(text, target, 1);
      for (const int threads : {2, 3, 4, 8}) {
        INFO(target << " " << text << ", " << threads << " threads");
        CHECK(fast_starts(text, target, threads) >= alone);
      }
    }
  }
}

TEST_CASE("FastProductsAreSharedAmongThreadsByBlocks") {
  const std::shared_ptr<const Task> task = MakeTask("matmul:m=512,n=512,k=512", "x86-64-v4", 2);
  const ConfigSpace& space = task->space();
  Config config = space.default_config();
  const auto set = [&](const char* name, const char* value) { Set(*task, config, name, value); };
  set("algorithm", "fast");
  set("parallel", "yes");
  set("pack_block", "128");
  config = space.Canonical(config);
  const absl::StatusOr<KernelSource> source = task->Generate(config);
  REQUIRE(source.ok());
  CHECK(source->c.find("omp parallel for num_threads(2)") != std::string::npos);
  set("pack_block", "all");
  CHECK(space.Check(config).message() == "there are fewer blocks than threads");
  // Or in each block: the packing, and the register tiles.
  set("share", "in_block");
  CHECK(space.Check(config).ok());
  const absl::StatusOr<LoopTree> tree = task->Lower(config);
  REQUIRE(tree.ok());
  CHECK(static_cast<uint64_t>(tree->workspace_bytes) < source->workspace_bytes + 512 * 512 * sizeof(float));
  set("parallel", "no");
  CHECK(space.Check(config).message() == "nothing is shared in a block of one thread");
}

}  // namespace
}  // namespace tunefarm::schedules
