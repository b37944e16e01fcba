#include <algorithm>
#include <iostream>
#include <optional>

#include "schedules/loop_tree.h"
#include "schedules/schedule_template.h"
#include "tests/catch.h"
#include "tests/schedules/kernel_batch.h"
#include "tests/schedules/random_workload.h"

namespace tunefarm::schedules {
namespace {

std::shared_ptr<const Task> MakeTask(const Workload& workload, const Target& target, int threads = 1) {
  absl::StatusOr<std::shared_ptr<const Task>> task = Task::Create(workload, target, threads);
  INFO(workload.ToString() << " " << task.status().message());
  REQUIRE(task.ok());
  return *task;
}

Target TargetNamed(const char* name) {
  absl::StatusOr<Target> target = FindTarget(name);
  REQUIRE(target.ok());
  return *target;
}

void CheckAll(const std::vector<BatchKernel>& kernels, const Target& target, bool run,
              const char* optimisation = "-O1") {
  const absl::StatusOr<std::vector<std::string>> wrong = CheckKernels(kernels, target, run, optimisation);
  INFO(wrong.status().message());
  REQUIRE(wrong.ok());
  CHECK(*wrong == std::vector<std::string>{});
}

BatchKernel Generate(const std::shared_ptr<const Task>& task, const Config& config) {
  absl::StatusOr<KernelSource> source = task->Generate(config);
  INFO(task->workload().ToString() << " " << task->space().ToText(config) << " "
                                   << source.status().message());
  REQUIRE(source.ok());
  return {task, config, *source};
}

// The default and some random configs of random workloads.
void CheckOperator(const std::string& op, const std::string& layout, const char* target_name, int workloads,
                   int configs, int threads = 1) {
  const Target target = TargetNamed(target_name);
  const bool run = MachineRuns(target);
  if (!run)
    std::cerr << "built only, this machine cannot run it: " << op << " " << layout << " for " << target_name
              << "\n";
  Rng rng = Rng(20).Fork(op).Fork(layout).Fork(target_name);
  std::vector<BatchKernel> kernels;
  for (int w = 0; w < workloads; ++w) {
    const std::shared_ptr<const Task> task = MakeTask(RandomWorkload(op, layout, rng), target, threads);
    kernels.push_back(Generate(task, task->space().default_config()));
    for (int c = 0; c < configs; ++c) kernels.push_back(Generate(task, task->space().Sample(rng)));
  }
  CheckAll(kernels, target, run);
}

TEST_CASE("MatrixProductKernelsAgreeWithTheReference") {
  for (const char* op : {"matmul", "dense", "batch_matmul"}) {
    for (const char* target : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) CheckOperator(op, "", target, 4, 3);
  }
}

TEST_CASE("ConvolutionKernelsAgreeWithTheReference") {
  for (const char* layout : {"nchw", "nhwc"}) {
    for (const char* target : {"x86-64-v2", "x86-64-v3", "x86-64-v4"})
      CheckOperator("conv2d", layout, target, 5, 3);
  }
}

TEST_CASE("KernelsOfBlockedLayoutsAgreeWithTheReference") {
  for (const char* layout : {"nchw8c", "nchw16c"}) {
    for (const char* target : {"x86-64-v3", "x86-64-v4"}) {
      CheckOperator("conv2d", layout, target, 4, 3);
      CheckOperator("depthwise_conv2d", layout, target, 2, 2);
    }
  }
  CheckOperator("conv2d", "nchw8c", "x86-64-v3", 2, 2, 2);
}

TEST_CASE("DepthwiseKernelsAgreeWithTheReference") {
  for (const char* layout : {"nchw", "nhwc"}) {
    for (const char* target : {"x86-64-v2", "x86-64-v3", "x86-64-v4"})
      CheckOperator("depthwise_conv2d", layout, target, 4, 3);
  }
}

TEST_CASE("ThreadedKernelsAgreeWithTheReference") {
  CheckOperator("matmul", "", "x86-64-v3", 3, 2, 2);
  CheckOperator("conv2d", "nhwc", "x86-64-v3", 3, 2, 2);
  CheckOperator("conv2d", "nchw", "x86-64-v3", 3, 2, 3);
}

TEST_CASE("EveryTailDecisionAgreesWithTheReference") {
  const Target target = TargetNamed("x86-64-v2");
  if (!MachineRuns(target)) return;
  const absl::StatusOr<Workload> workload =
      Workload::Parse("conv2d:n=1,h=9,w=11,ci=5,co=13,kh=3,kw=3,pad=1,layout=nhwc,epilogue=bias+relu");
  REQUIRE(workload.ok());
  const std::shared_ptr<const Task> task = MakeTask(*workload, target);
  std::vector<BatchKernel> kernels;
  // 11 columns in tiles of 3, 9 rows in tiles of 2 and 13 channels in tiles of 8 all leave a rest.
  for (const char* rows : {"guard", "shift", "pad"}) {
    for (const char* vector : {"guard", "shift"}) {
      for (const char* lhs : {"copy_root", "panel_root", "edges"}) {
        if (std::string(lhs) == "edges" && std::string(rows) == "pad") continue;  // Illegal.
        const absl::StatusOr<Config> config = task->space().FromText(absl::StrCat(
            "lanes=4,vectors=2,rows=3,rows2=2,block_r=all,block_r2=all,order=vr,inner=rows,reduce=taps_k,"
            "unroll=1,lhs=",
            lhs, ",rhs=panel_root,tail_rows=", rows, ",tail_vector=", vector, ",algorithm=direct,tiles=8"));
        INFO(config.status().message());
        REQUIRE(config.ok());
        REQUIRE(task->space().Check(*config).ok());
        kernels.push_back(Generate(task, *config));
      }
    }
  }
  CHECK(kernels.size() == 12 + 4);
  CheckAll(kernels, target, true);
}

// The default with other choices; nothing where they are not legal.
std::optional<Config> WithChoices(const Task& task,
                                  const std::vector<std::pair<std::string, std::string>>& choices) {
  Config config = task.space().default_config();
  for (const auto& [name, value] : choices) {
    const int knob = task.space().FindKnob(name);
    if (knob < 0) continue;
    const std::vector<std::string>& values = task.space().knobs()[knob].values;
    const auto found = std::find(values.begin(), values.end(), value);
    if (found == values.end()) return std::nullopt;
    config.choice[knob] = static_cast<uint16_t>(found - values.begin());
  }
  if (!task.space().IsLegal(config)) return std::nullopt;
  return config;
}

TEST_CASE("LeavingOutTapsBeyondTheEdgesAgreesWithTheReference") {
  const Target target = TargetNamed("x86-64-v3");
  if (!MachineRuns(target)) return;
  std::vector<BatchKernel> kernels;
  for (const char* text :
       {"depthwise_conv2d:n=2,h=9,w=7,c=11,kh=3,kw=3,pad=1,layout=nhwc,epilogue=bias+relu6",
        "depthwise_conv2d:n=1,h=14,w=15,c=16,kh=3,kw=3,stride=2,pad=1,layout=nhwc",
        "depthwise_conv2d:n=1,h=8,w=8,c=8,kh=3,kw=3,stride=2,pad_b=1,pad_r=1,layout=nhwc",
        "depthwise_conv2d:n=1,h=7,w=9,c=8,kh=5,kw=5,pad=2,layout=nhwc",
        "depthwise_conv2d:n=1,h=6,w=7,c=8,kh=3,kw=3,pad_t=2,pad_l=3,dilation=2,pad_r=5,layout=nhwc",
        "depthwise_conv2d:n=1,h=2,w=3,c=8,kh=5,kw=5,pad=4,stride=3,layout=nhwc",
        "depthwise_conv2d:n=1,h=5,w=6,c=8,kh=1,kw=1,pad=1,layout=nhwc",
        "conv2d:n=1,h=9,w=11,ci=5,co=13,kh=3,kw=3,pad=1,layout=nhwc,epilogue=bias+relu",
        "conv2d:n=1,h=9,w=13,ci=6,co=12,groups=2,kh=3,kw=3,pad=1,stride=2,layout=nhwc",
        "conv2d:n=1,h=3,w=11,ci=5,co=16,kh=3,kw=1,pad_t=1,pad_b=0,layout=nchw"}) {
    const absl::StatusOr<Workload> workload = Workload::Parse(text);
    INFO(text << " " << workload.status().message());
    REQUIRE(workload.ok());
    const std::shared_ptr<const Task> task = MakeTask(*workload, target);
    std::size_t before = kernels.size();
    // Loops that begin and end with the input; variants of tiles along one axis; along two.
    struct Tile {
      const char *reduce, *rows, *rows2, *tail;
    };
    for (const Tile& tile : {Tile{"taps_k", "1", "1", "guard"}, Tile{"inner_tap_out", "3", "1", "shift"},
                             Tile{"inner_tap_out", "7", "1", "guard"}, Tile{"taps_out", "3", "2", "guard"},
                             Tile{"taps_out", "2", "2", "shift"}}) {
      const std::optional<Config> config = WithChoices(*task, {{"lhs", "clipped"},
                                                               {"vector_axis", "co"},
                                                               {"vectors", "1"},
                                                               {"reduce", tile.reduce},
                                                               {"rows", tile.rows},
                                                               {"rows2", tile.rows2},
                                                               {"tail_rows", tile.tail},
                                                               {"block_v", "all"}});
      if (config.has_value()) kernels.push_back(Generate(task, *config));
    }
    CHECK(kernels.size() > before);
  }
  CHECK(kernels.size() > 25);
  CheckAll(kernels, target, true);
}

TEST_CASE("VectorsAlongAStridedWidthAgreeWithTheReference") {
  for (const char* target_name : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
    const Target target = TargetNamed(target_name);
    if (!MachineRuns(target)) continue;
    std::vector<BatchKernel> kernels;
    int of_every_second = 0;
    for (const char* text :
         {"depthwise_conv2d:n=2,h=9,w=37,c=3,kh=3,kw=3,stride=2,pad=1,layout=nchw,epilogue=bias+relu6",
          "depthwise_conv2d:n=1,h=8,w=64,c=2,kh=3,kw=3,stride=2,pad_b=1,pad_r=1,layout=nchw",
          "depthwise_conv2d:n=1,h=5,w=80,c=2,kh=5,kw=5,stride=2,pad=2,layout=nchw",
          "depthwise_conv2d:n=1,h=5,w=70,c=2,kh=3,kw=3,stride_w=3,stride_h=1,pad=1,layout=nchw"}) {
      const absl::StatusOr<Workload> workload = Workload::Parse(text);
      INFO(text << " " << workload.status().message());
      REQUIRE(workload.ok());
      const std::shared_ptr<const Task> task = MakeTask(*workload, target);
      const std::size_t before = kernels.size();
      for (const char* lhs : {"direct", "edges", "clipped", "copy_root", "copy_middle"}) {
        for (const char* tail : {"guard", "shift"}) {
          const std::optional<Config> config = WithChoices(
              *task, {{"lhs", lhs}, {"vector_axis", "ow"}, {"vectors", "1"}, {"tail_vector", tail}});
          if (!config.has_value()) continue;
          kernels.push_back(Generate(task, *config));
          of_every_second += kernels.back().source.c.find("= every_second(") != std::string::npos;
        }
      }
      CHECK(kernels.size() > before);
    }
    CHECK(of_every_second > 10);
    CHECK(of_every_second < static_cast<int>(kernels.size()));
    CheckAll(kernels, target, true);
  }
}

TEST_CASE("VectorsThatCrossAnEdgeOfTheirRowAgreeWithTheReference") {
  for (const char* target_name : {"x86-64-v2", "x86-64-v3", "x86-64-v4"}) {
    const Target target = TargetNamed(target_name);
    if (!MachineRuns(target)) continue;
    std::vector<BatchKernel> kernels;
    for (const char* text :
         {"depthwise_conv2d:n=2,h=9,w=37,c=3,kh=3,kw=3,pad=1,layout=nchw,epilogue=bias+relu6",
          "depthwise_conv2d:n=1,h=9,w=38,c=3,kh=3,kw=3,stride=2,pad=1,layout=nchw,epilogue=bias",
          "depthwise_conv2d:n=1,h=7,w=7,c=5,kh=3,kw=3,pad=1,layout=nchw,epilogue=bias+residual+relu",
          "depthwise_conv2d:n=1,h=3,w=3,c=2,kh=5,kw=5,pad=2,layout=nchw",
          "depthwise_conv2d:n=1,h=14,w=14,c=2,kh=3,kw=3,stride=2,pad=1,layout=nchw",
          "depthwise_conv2d:n=1,h=6,w=20,c=2,kh=5,kw=5,pad=2,layout=nchw",
          "depthwise_conv2d:n=1,h=6,w=21,c=2,kh=2,kw=3,dilation=2,pad_t=1,pad_l=3,pad_r=5,layout=nchw",
          // Taps that are outside for a whole vector, on either side, and for half of what a strided one
          // reads.
          "depthwise_conv2d:n=1,h=1,w=18,c=2,kh=1,kw=3,dilation=9,pad_l=17,pad_r=9,layout=nchw",
          "depthwise_conv2d:n=1,h=5,w=40,c=2,kh=1,kw=5,stride=2,pad_l=4,pad_r=2,layout=nchw",
          "conv2d:n=1,h=8,w=19,ci=5,co=6,kh=3,kw=3,pad=1,layout=nchw,epilogue=bias+relu",
          "conv2d:n=1,h=8,w=19,ci=6,co=4,groups=2,kh=3,kw=3,stride=2,pad=1,layout=nchw"}) {
      const absl::StatusOr<Workload> workload = Workload::Parse(text);
      INFO(text << " " << workload.status().message());
      REQUIRE(workload.ok());
      const std::shared_ptr<const Task> task = MakeTask(*workload, target);
      const std::size_t before = kernels.size();
      for (const char* lanes : {"4", "8", "16"}) {
        for (const char* tail : {"guard", "shift"}) {
          for (const char* rows : {"1", "3"}) {
            for (const char* vectors : {"1", "2"}) {
              const std::optional<Config> config = WithChoices(*task, {{"lhs", "clipped"},
                                                                       {"reduce", "taps_out"},
                                                                       {"vector_axis", "ow"},
                                                                       {"lanes", lanes},
                                                                       {"vectors", vectors},
                                                                       {"rows", rows},
                                                                       {"tail_vector", tail}});
              if (config.has_value()) kernels.push_back(Generate(task, *config));
            }
          }
        }
      }
      CHECK(kernels.size() > before);
    }
    CHECK(kernels.size() > 50);
    CheckAll(kernels, target, true);
  }
}

// A page that cannot be read follows each tensor.
TEST_CASE("TilesAtAnEdgeReadNothingBehindTheTensor") {
  for (const char* target_name : {"x86-64-v3", "x86-64-v4"}) {
    const Target target = TargetNamed(target_name);
    if (!MachineRuns(target)) continue;
    std::vector<BatchKernel> kernels;
    for (const char* text : {"conv2d:n=1,h=14,w=14,ci=16,co=16,kh=3,kw=3,stride=1,pad=1,layout=nchw",
                             "conv2d:n=1,h=14,w=14,ci=16,co=16,kh=3,kw=3,stride=1,pad=1,layout=nhwc",
                             "conv2d:n=1,h=13,w=16,ci=16,co=16,kh=3,kw=3,stride=2,pad=1,layout=nchw",
                             "depthwise_conv2d:n=1,h=14,w=14,c=16,kh=3,kw=3,stride=1,pad=1,layout=nchw",
                             "depthwise_conv2d:n=1,h=7,w=7,c=3,kh=3,kw=3,stride=1,pad=1,layout=nchw",
                             "depthwise_conv2d:n=1,h=9,w=17,c=3,kh=3,kw=3,stride=2,pad=1,layout=nchw"}) {
      const absl::StatusOr<Workload> workload = Workload::Parse(text);
      REQUIRE(workload.ok());
      const std::shared_ptr<const Task> task = MakeTask(*workload, target);
      for (const char* lhs : {"edges", "clipped", "panel_inner"}) {
        for (const char* axis : {"co", "ow", "c"}) {
          for (const char* rows : {"3", "8"}) {
            const std::optional<Config> config =
                WithChoices(*task, {{"lhs", lhs}, {"vector_axis", axis}, {"rows", rows}, {"vectors", "1"}});
            if (config.has_value()) kernels.push_back(Generate(task, *config));
          }
        }
      }
    }
    CHECK(kernels.size() > 20);
    CheckAll(kernels, target, true, "-O2");
  }
}

TEST_CASE("BlocksOfChannelsThatArePaddingReadNoBias") {
  const Target target = TargetNamed("x86-64-v3");
  if (!MachineRuns(target)) return;
  std::vector<BatchKernel> kernels;
  for (const char* text :
       {"conv2d:n=1,h=6,w=6,ci=16,co=32,kh=1,kw=1,layout=nchw8c,epilogue=bias+relu",
        "conv2d:n=1,h=6,w=6,ci=16,co=64,kh=1,kw=1,layout=nchw16c,epilogue=bias",
        "conv2d:n=1,h=6,w=6,ci=16,co=32,kh=3,kw=3,pad=1,layout=nchw8c,epilogue=bias+residual"}) {
    const absl::StatusOr<Workload> workload = Workload::Parse(text);
    REQUIRE(workload.ok());
    const std::shared_ptr<const Task> task = MakeTask(*workload, target);
    const std::optional<Config> config =
        WithChoices(*task, {{"vectors", "1"}, {"rows", "2"}, {"rows2", "3"}, {"tail_rows", "pad"}});
    REQUIRE(config.has_value());
    kernels.push_back(Generate(task, *config));
  }
  CheckAll(kernels, target, true);
}

TEST_CASE("DefaultConfigsServeEveryLayerOfTheBuiltinNetworks") {
  for (const char* target_name :
       {"x86-64-v2", "x86-64-v3", "x86-64-v4", "cortex-a53", "cortex-a76", "cortex-a9"}) {
    const Target target = TargetNamed(target_name);
    for (const std::string& network : BuiltinWorkloadNames()) {
      const auto workloads = BuiltinWorkloads(network);
      REQUIRE(workloads.ok());
      for (const WeightedWorkload& layer : *workloads) {
        for (const int threads : {1, 4}) {
          const std::shared_ptr<const Task> task = MakeTask(layer.workload, target, threads);
          CHECK(task->space().Check(task->space().default_config()).ok());
          CHECK(task->Lower(task->space().default_config()).ok());
        }
      }
    }
  }
}

TEST_CASE("AProductWhoseFactorOutgrowsTheSecondCacheMayStartWithBlocksOfTerms") {
  const auto starts_with_blocks = [](const char* text, const char* target) {
    const absl::StatusOr<Workload> workload = Workload::Parse(text);
    REQUIRE(workload.ok());
    const std::shared_ptr<const Task> task = MakeTask(*workload, TargetNamed(target));
    const ConfigSpace& space = task->space();
    return std::ranges::any_of(space.starts(), [&](const Config& start) {
      REQUIRE(space.Check(start).ok());
      const std::string config = space.ToText(start);
      return config.find("block_k=256,") != std::string::npos &&
             config.find("rhs=panel_inner,") != std::string::npos &&
             config.find("algorithm=direct,") != std::string::npos;
    });
  };
  for (const char* target : {"x86-64-v3", "x86-64-v4"}) {
    CHECK(starts_with_blocks("matmul:m=1024,n=1024,k=1024", target));
    CHECK(starts_with_blocks("batch_matmul:b=2,m=300,n=2000,k=600", target));
    CHECK_FALSE(starts_with_blocks("matmul:m=128,n=128,k=512", target));    // Fits.
    CHECK_FALSE(starts_with_blocks("matmul:m=1024,n=4096,k=64", target));   // Nothing to block.
    CHECK_FALSE(starts_with_blocks("dense:m=1024,n=1024,k=1024", target));  // Packed once for all calls.
  }
}

TEST_CASE("ShortSumsAndFewColumnsMayStartWithTilesThatLeaveRegistersEmpty") {
  const auto has_start = [](const char* text, const char* target, const std::string& tile) {
    const std::shared_ptr<const Task> task = MakeTask(Workload::Parse(text).value(), TargetNamed(target));
    const ConfigSpace& space = task->space();
    return std::ranges::any_of(space.starts(), [&](const Config& start) {
      REQUIRE(space.Check(start).ok());
      return space.ToText(start).find(tile) != std::string::npos;
    });
  };
  const char* const expand = "conv2d:n=1,h=56,w=56,ci=24,co=144,kh=1,kw=1,layout=nhwc,epilogue=bias+relu6";
  CHECK(has_start(expand, "x86-64-v4", "vectors=1,rows=12,"));
  CHECK(has_start(expand, "x86-64-v4", "vectors=3,rows=4,"));
  CHECK_FALSE(has_start(expand, "x86-64-v3", "vectors=1,rows=12,"));  // Has no more registers than that.
  CHECK_FALSE(has_start("dense:m=256,n=256,k=256", "x86-64-v4", "vectors=1,rows=12,"));  // Long sums.
  CHECK_FALSE(has_start("dense:m=3,n=256,k=24", "x86-64-v4", "vectors=3,rows=4,"));      // Too few rows.
  // 24 columns are three vectors of 8 lanes, but two of 16.
  CHECK(has_start("dense:m=256,n=24,k=144", "x86-64-v4", "lanes=8,vectors=3,rows=4,"));
  CHECK(has_start("dense:m=256,n=40,k=144", "x86-64-v4", "lanes=8,vectors=3,rows=4,"));
  CHECK_FALSE(has_start("dense:m=256,n=32,k=144", "x86-64-v4", "lanes=8,"));
}

TEST_CASE("WhatTheSpaceCallsLegalCanBeLoweredAndNothingElse") {
  Rng rng(5);
  int64_t legal = 0, drawn = 0;
  for (const char* op : {"matmul", "batch_matmul", "conv2d", "depthwise_conv2d"}) {
    for (int w = 0; w < 25; ++w) {
      const char* layouts[] = {"nchw", "nhwc", "nchw8c"};
      const Workload workload = RandomWorkload(op, layouts[w % 3], rng);
      const std::shared_ptr<const Task> task = MakeTask(workload, TargetNamed("x86-64-v3"), 1 + w % 3);
      for (int c = 0; c < 200; ++c) {
        const Config config = task->space().FromIndex(
            static_cast<int64_t>(rng.Uniform(static_cast<uint64_t>(task->space().size()))));
        const bool is_legal = task->space().IsLegal(config);
        const absl::StatusOr<LoopTree> tree = task->Lower(config);
        INFO(workload.ToString() << " " << task->space().ToText(config) << " " << tree.status().message());
        CHECK(tree.ok() == is_legal);
        legal += is_legal;
        ++drawn;
      }
    }
  }
  // Rarer, and sampling by rejection would be slow.
  CHECK(legal * 8 > drawn);
}

TEST_CASE("AnIllegalConfigIsRefusedWithItsReason") {
  const absl::StatusOr<Workload> workload = Workload::Parse("matmul:m=64,n=64,k=64");
  REQUIRE(workload.ok());
  const std::shared_ptr<const Task> task = MakeTask(*workload, TargetNamed("x86-64-v3"));
  Config config = task->space().default_config();
  const int rows = task->space().FindKnob("rows"), vectors = task->space().FindKnob("vectors");
  REQUIRE(rows >= 0);
  REQUIRE(vectors >= 0);
  config.choice[rows] = static_cast<uint16_t>(task->space().knobs()[rows].values.size() - 1);
  config.choice[vectors] = static_cast<uint16_t>(task->space().knobs()[vectors].values.size() - 1);
  const absl::StatusOr<KernelSource> source = task->Generate(config);
  CHECK(source.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK(std::string(source.status().message()).find("vector registers") != std::string::npos);
}

TEST_CASE("GeneratingTwiceGivesTheSameText") {
  Rng rng(8);
  for (const char* op : {"matmul", "conv2d", "depthwise_conv2d"}) {
    const Workload workload = RandomWorkload(op, "nhwc", rng);
    const std::shared_ptr<const Task> a = MakeTask(workload, TargetNamed("x86-64-v3"));
    const std::shared_ptr<const Task> b = MakeTask(workload, TargetNamed("x86-64-v3"));
    const Config config = a->space().Sample(rng);
    CHECK(a->Generate(config)->c == b->Generate(config)->c);
  }
}

}  // namespace
}  // namespace tunefarm::schedules
