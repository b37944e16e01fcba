// Products by pairs of terms: what they serve, that they are right, and how exact they are.
#include <algorithm>

#include "schedules/loop_tree.h"
#include "schedules/paired_product_rule.h"
#include "schedules/schedule_template.h"
#include "tests/catch.h"
#include "tests/schedules/kernel_batch.h"

namespace tunefarm::schedules {
namespace {

std::string Algorithm(const Task& task, const Config& config) {
  const int knob = task.space().FindKnob("algorithm");
  return knob < 0 ? "" : task.space().knobs()[knob].values[config.choice[knob]];
}

bool OffersPairs(const std::string& text, const char* target) {
  const std::shared_ptr<const Task> task = MakeTask(text, target);
  const int knob = task->space().FindKnob("algorithm");
  return knob >= 0 && task->space().knobs()[knob].values.back() == "paired";
}

TEST_CASE("ProductsOfCoresWithWideVectorsMayBeTakenInPairs") {
  for (const char* target : {"x86-64-v4", "x86-64-v4-vnni"}) {
    INFO(target);
    CHECK(OffersPairs("matmul:m=64,n=64,k=64", target));
    CHECK(OffersPairs("dense:m=128,n=768,k=768,epilogue=bias", target));
    CHECK(OffersPairs("batch_matmul:b=12,m=128,n=64,k=128", target));
    CHECK(OffersPairs("conv2d:n=1,h=28,w=28,ci=128,co=512,kh=1,kw=1,layout=nhwc", target));
    CHECK(OffersPairs("conv2d:n=2,h=28,w=28,ci=128,co=512,kh=1,kw=1,stride=2,layout=nchw", target));
    // Too few terms, rows or lanes; padding; algorithms of their own.
    CHECK(!OffersPairs("matmul:m=64,n=64,k=4", target));
    CHECK(!OffersPairs("dense:m=1,n=1000,k=2048", target));
    CHECK(!OffersPairs("matmul:m=1000,n=3,k=1000", target));
    CHECK(!OffersPairs("conv2d:n=1,h=14,w=14,ci=64,co=64,kh=3,kw=3,pad=1,layout=nhwc", target));
    CHECK(!OffersPairs("depthwise_conv2d:n=1,h=14,w=14,c=64,kh=3,kw=3,pad=1,layout=nhwc", target));
  }
  CHECK(!OffersPairs("matmul:m=64,n=64,k=64", "x86-64-v3"));
  CHECK(!OffersPairs("matmul:m=64,n=64,k=64", "cortex-a53"));
}

TEST_CASE("PairedKernelsAgreeWithTheReference") {
  // Sums and tiles that fit and that do not, either factor with the lanes, constant and not, batches, groups.
  const std::vector<std::string> shapes = {
      "matmul:m=13,n=37,k=300",
      "matmul:m=64,n=48,k=96",
      "matmul:m=2,n=8,k=12",
      "matmul:m=33,n=17,k=97,epilogue=bias+relu",
      "dense:m=9,n=45,k=131,epilogue=bias",
      "dense:m=100,n=65,k=514,epilogue=bias+residual+relu6",
      "batch_matmul:b=3,m=15,n=20,k=70",
      "batch_matmul:b=2,m=41,n=67,k=256",
      "conv2d:n=2,h=5,w=3,ci=99,co=31,kh=1,kw=1,layout=nhwc,epilogue=bias+residual",
      "conv2d:n=1,h=6,w=7,ci=128,co=22,kh=1,kw=1,stride=2,layout=nhwc,epilogue=bias+relu",
      "conv2d:n=2,h=9,w=7,ci=40,co=19,kh=1,kw=1,layout=nchw,epilogue=bias+residual+relu",
      "conv2d:n=2,h=9,w=11,ci=65,co=33,kh=1,kw=1,stride=2,layout=nchw,epilogue=bias",
      "conv2d:n=1,h=9,w=11,ci=5,co=33,kh=3,kw=3,stride=2,layout=nhwc,epilogue=bias",
      "conv2d:n=2,h=9,w=8,ci=64,co=48,groups=2,kh=1,kw=1,layout=nhwc,epilogue=bias"};
  for (const char* target_name : {"x86-64-v4"}) {
    Rng rng = Rng(11).Fork(target_name);
    std::vector<BatchKernel> kernels;
    for (std::size_t s = 0; s < shapes.size(); ++s) {
      const std::shared_ptr<const Task> task = MakeTask(shapes[s], target_name, s % 3 == 2 ? 2 : 1);
      std::vector<Config> configs;
      for (int tries = 0; configs.size() < 5 && tries < 4000; ++tries) {
        Config config = task->space().Sample(rng);
        if (Algorithm(*task, config) == "paired") configs.push_back(std::move(config));
      }
      INFO(shapes[s] << " " << target_name);
      REQUIRE(configs.size() == 5);
      for (const Config& config : configs) {
        const absl::StatusOr<KernelSource> source = task->Generate(config);
        const absl::StatusOr<LoopTree> tree = task->Lower(config);
        REQUIRE(source.ok());
        REQUIRE(tree.ok());
        CHECK(source->packed_bytes == static_cast<uint64_t>(tree->packed_bytes));
        CHECK(source->workspace_bytes == static_cast<uint64_t>(tree->workspace_bytes));
        CHECK(source->error_growth == kPairedProductErrorGrowth);
        kernels.push_back({task, config, *source});
      }
    }
    const absl::StatusOr<Target> target = FindTarget(target_name);
    const absl::StatusOr<std::vector<std::string>> wrong =
        CheckKernels(kernels, *target, MachineRuns(*target));
    INFO(wrong.status().message());
    REQUIRE(wrong.ok());
    CHECK(*wrong == std::vector<std::string>{});
  }
}

TEST_CASE("PairsStayExactWhereFactorsAreOfDifferentMagnitudes") {
  // Sums of a and w as they are would leave nothing of the smaller one.
  for (const char* target_name : {"x86-64-v4"}) {
    const absl::StatusOr<Target> target = FindTarget(target_name);
    if (!MachineRuns(*target)) continue;
    std::vector<BatchKernel> kernels;
    for (const char* shape : {"matmul:m=20,n=70,k=300", "dense:m=16,n=48,k=100",
                              "conv2d:n=1,h=6,w=8,ci=64,co=24,kh=1,kw=1,layout=nchw"}) {
      const std::shared_ptr<const Task> task = MakeTask(shape, target_name);
      Config config = task->space().default_config();
      config.choice[task->space().FindKnob("algorithm")] = 1;
      config = task->space().Canonical(config);
      const absl::StatusOr<KernelSource> source = task->Generate(config);
      INFO(shape << " " << source.status().message());
      REQUIRE(source.ok());
      kernels.push_back({task, config, *source, 3e5f, 2e-4f});
      kernels.push_back({task, config, *source, 1e-20f, 1e15f});
    }
    const absl::StatusOr<std::vector<std::string>> wrong = CheckKernels(kernels, *target, true);
    INFO(wrong.status().message());
    REQUIRE(wrong.ok());
    CHECK(*wrong == std::vector<std::string>{});
  }
}

TEST_CASE("PairedKernelsAreSharedAmongThreadsByBlocks") {
  const std::shared_ptr<const Task> task = MakeTask("matmul:m=512,n=512,k=512", "x86-64-v4", 2);
  const ConfigSpace& space = task->space();
  Config config = space.default_config();
  config.choice[space.FindKnob("algorithm")] = 1;
  const auto set = [&](const char* name, const std::string& value) {
    const int knob = space.FindKnob(name);
    const std::vector<std::string>& values = space.knobs()[knob].values;
    config.choice[knob] = static_cast<uint16_t>(std::ranges::find(values, value) - values.begin());
  };
  set("parallel", "yes");
  set("pack_block", "128");
  config = space.Canonical(config);
  const absl::StatusOr<KernelSource> source = task->Generate(config);
  REQUIRE(source.ok());
  CHECK(source->c.find("omp parallel for num_threads(2)") != std::string::npos);
  set("pack_block", "all");
  CHECK(space.Check(config).message() == "there are fewer blocks than threads");
}

}  // namespace
}  // namespace tunefarm::schedules
