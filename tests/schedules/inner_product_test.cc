// Inner products: what they serve, that they are right, and that they are the default where they should be.
#include <optional>

#include "schedules/loop_tree.h"
#include "schedules/schedule_template.h"
#include "tests/catch.h"
#include "tests/schedules/kernel_batch.h"

namespace tunefarm::schedules {
namespace {

std::string Algorithm(const Task& task, const Config& config) {
  const int knob = task.space().FindKnob("algorithm");
  return knob < 0 ? "" : task.space().knobs()[knob].values[config.choice[knob]];
}

std::string DefaultOf(const std::string& text, const char* target) {
  const std::shared_ptr<const Task> task = MakeTask(text, target);
  return Algorithm(*task, task->space().default_config());
}

bool OffersInnerProducts(const std::string& text, const char* target) {
  const std::shared_ptr<const Task> task = MakeTask(text, target);
  const int knob = task->space().FindKnob("algorithm");
  return knob >= 0 && task->space().knobs()[knob].values.back() == "inner_product";
}

TEST_CASE("FewColumnsAreComputedAsInnerProductsByDefault") {
  for (const char* target : {"x86-64-v3", "x86-64-v4", "cortex-a76"}) {
    INFO(target);
    CHECK(DefaultOf("dense:m=1,n=10,k=1280,epilogue=bias", target) == "inner_product");
    CHECK(DefaultOf("dense:m=1,n=2,k=256", target) == "inner_product");
    CHECK(DefaultOf("matmul:m=1000,n=1,k=1000", target) == "inner_product");
    CHECK(DefaultOf("matmul:m=1,n=1,k=100000", target) == "inner_product");
    CHECK(DefaultOf("conv2d:n=1,h=14,w=14,ci=512,co=2,kh=1,kw=1,layout=nhwc", target) == "inner_product");
    // There is no such choice where columns and rows fill an outer product's tile, or sums are short.
    CHECK(!OffersInnerProducts("dense:m=128,n=768,k=768", target));
    CHECK(!OffersInnerProducts("dense:m=1,n=1000,k=2048", target));
    CHECK(!OffersInnerProducts("matmul:m=100,n=3,k=5", target));
    CHECK(!OffersInnerProducts("conv2d:n=1,h=14,w=14,ci=512,co=2,kh=5,kw=5,pad=2,layout=nhwc", target));
  }
}

TEST_CASE("InnerProductKernelsAgreeWithTheReference") {
  // Sums that fill vectors and that do not, columns side by side and one behind the other, single rows and
  // columns, batches.
  const std::vector<std::string> shapes = {
      "matmul:m=13,n=3,k=300",
      "matmul:m=1,n=1,k=1000",
      "matmul:m=50,n=1,k=128",
      "matmul:m=2,n=17,k=97,epilogue=bias+relu",
      "dense:m=1,n=10,k=131,epilogue=bias",
      "dense:m=9,n=5,k=64,epilogue=bias+residual+relu6",
      "dense:m=1,n=2,k=256,epilogue=relu",
      "batch_matmul:b=3,m=5,n=2,k=70",
      "batch_matmul:b=2,m=1,n=7,k=64",
      "conv2d:n=2,h=5,w=3,ci=99,co=3,kh=1,kw=1,layout=nhwc,epilogue=bias+residual",
      "conv2d:n=1,h=6,w=7,ci=128,co=2,kh=1,kw=1,stride=2,layout=nhwc"};
  for (const char* target_name : {"x86-64-v2", "x86-64-v3", "x86-64-v4", "cortex-a53"}) {
    Rng rng = Rng(11).Fork(target_name);
    std::vector<BatchKernel> kernels;
    for (std::size_t s = 0; s < shapes.size(); ++s) {
      const std::shared_ptr<const Task> task = MakeTask(shapes[s], target_name, s % 3 == 2 ? 2 : 1);
      if (!OffersInnerProducts(shapes[s], target_name)) continue;  // Enough columns for narrow vectors.
      std::vector<Config> configs;
      for (int tries = 0; configs.size() < 4 && tries < 400; ++tries) {
        Config config = tries == 0 ? task->space().default_config() : task->space().Sample(rng);
        if (Algorithm(*task, config) == "inner_product") configs.push_back(std::move(config));
      }
      INFO(shapes[s] << " " << target_name);
      REQUIRE(configs.size() >= 3);
      for (const Config& config : configs) {
        const absl::StatusOr<KernelSource> source = task->Generate(config);
        const absl::StatusOr<LoopTree> tree = task->Lower(config);
        REQUIRE(source.ok());
        REQUIRE(tree.ok());
        CHECK(source->packed_bytes == static_cast<uint64_t>(tree->packed_bytes));
        CHECK(source->error_growth == 1);
        kernels.push_back({task, config, *source});
      }
    }
    CHECK(kernels.size() > 20);
    const absl::StatusOr<Target> target = FindTarget(target_name);
    const absl::StatusOr<std::vector<std::string>> wrong =
        CheckKernels(kernels, *target, MachineRuns(*target));
    INFO(wrong.status().message());
    REQUIRE(wrong.ok());
    CHECK(*wrong == std::vector<std::string>{});
  }
}

TEST_CASE("LargeInnerProductsAreSharedAmongThreads") {
  const std::string large = "matmul:m=4000,n=1,k=1000", small = "matmul:m=40,n=1,k=100";
  for (const auto& [text, shared] : {std::pair(large, true), std::pair(small, false)}) {
    const std::shared_ptr<const Task> task = MakeTask(text, "x86-64-v3", 2);
    REQUIRE(DefaultOf(text, "x86-64-v3") == "inner_product");
    const absl::StatusOr<KernelSource> source = task->Generate(task->space().default_config());
    REQUIRE(source.ok());
    CHECK((source->c.find("omp parallel") != std::string::npos) == shared);
  }
}

}  // namespace
}  // namespace tunefarm::schedules
