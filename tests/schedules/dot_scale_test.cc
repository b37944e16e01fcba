// Int8 sums scaled by floats (schedules/dot_scale_text_x86.cc): exact, for all channels that layers have.
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "schedules/dot_kernel.h"
#include "schedules/fixed_point.h"
#include "tests/catch.h"
#include "tests/schedules/program_batch.h"

namespace tunefarm::schedules {
namespace {

// What a C program prints.
absl::StatusOr<std::string> RunC(const std::string& text, const Target& target) {
  TUNEFARM_ASSIGN_OR_RETURN(const TempDir scratch, TempDir::Create());
  const std::string program = scratch.path() + "/program";
  TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(program + ".c", text));
  SubprocessOptions options;
  options.argv = {target.compiler};
  options.argv.insert(options.argv.end(), target.flags.begin(), target.flags.end());
  options.argv.insert(options.argv.end(), {"-std=gnu11", "-Wall", "-Wextra", "-Werror",
                                           "-Wno-unused-function", program + ".c", "-o", program});
  TUNEFARM_ASSIGN_OR_RETURN(const RunResult built, RunProcess(options, absl::Seconds(100)));
  if (built.exit_code != 0) return absl::InternalError(built.err.substr(0, 4000));
  options.argv = {program};
  TUNEFARM_ASSIGN_OR_RETURN(const RunResult ran, RunProcess(options, absl::Seconds(60)));
  if (ran.exit_code != 0) return absl::InternalError("the program failed");
  return ran.out;
}

Requantize Quantisation(Rounding rounding, int zero, int lowest, int highest) {
  Requantize requantize;
  requantize.rounding = rounding;
  requantize.output_zero_point = zero;
  requantize.output_min = lowest;
  requantize.output_max = highest;
  return requantize;
}

// Channels of scales from 2^-16 to 4, some of them powers of two, whose sums stay within 2^24 and within what
// the scale turns into words. Every 50th is held against scale() in all its sums but those that are clamped;
// prints how many channels were not fitted, and how many results were wrong.
constexpr char kScan[] = R"(
#include <stdio.h>
static uint64_t state = 88172645463325252ull;
static uint32_t next(void) {
  state ^= state << 13, state ^= state >> 7, state ^= state << 17;
  return (uint32_t)(state >> 16);
}
int main(void) {
  long unfitted = 0, wrong = 0;
  for (long channel = 0; channel < 4000; ++channel) {
    const int32_t multiplier = next() % 8 == 0 ? 1 << 30 : (int32_t)((1u << 30) + next() % (1u << 30));
    const int32_t shift = (int32_t)(next() % 18) - 15;
    int64_t low = -(int64_t)(next() % (1 << 24)), high = next() % (1 << 24);
    const int32_t bias = (int32_t)(next() % 1000);
    int32_t entry[8] = {bias};
    if (!fit_scale(entry, 1, multiplier, shift, low, high)) {
      ++unfitted;
      continue;
    }
    if (channel % 50 != 0) continue;
    const int64_t reach = shift < 0 ? 300ll << (1 - shift) : 600;
    if (low < -reach) low = -reach;
    if (high > reach) high = reach;
    $ROUND_DOWN
    for (int64_t sum = low; sum <= high; sum += LANES) {
      union {
        VECTOR vector;
        int32_t at[LANES];
      } x;
      for (int i = 0; i < LANES; ++i) x.at[i] = (int32_t)sum + i + entry[0] - bias;
      x.vector = requantize(x.vector PARAMETERS);
      for (int i = 0; i < LANES && sum + i <= high; ++i) {
        const int32_t y = x.at[i] < LOWEST ? LOWEST : x.at[i] > HIGHEST ? HIGHEST : x.at[i];
        wrong += y != exact_result((int32_t)sum + i, multiplier, shift);
      }
    }
    $ROUND_BACK
  }
  printf("%ld unfitted, %ld wrong\n", unfitted, wrong);
  return 0;
}
)";

TEST_CASE("FloatsGiveTheResultsOfTheFixedPoint") {
  struct Case {
    const char *target, *kernel;
    int lanes;
  };
  for (const Case& c : {Case{"x86-64-v3", "vpmaddwd", 8}, Case{"x86-64-v4", "vpmaddwd512", 16}}) {
    const Target target = FindTarget(c.target).value();
    if (const std::string reason = WhyNotRun(target); !reason.empty()) {
      std::cerr << "skipped " << c.target << ": " << reason << "\n";
      continue;
    }
    for (const DotKernel* kernel : DotKernelsOf(target)) {
      if (std::string(kernel->name) != c.kernel) continue;
      for (const Rounding rounding : {Rounding::kSingle, Rounding::kDouble}) {
        for (const Requantize& requantize :
             {Quantisation(rounding, 5, -128, 127), Quantisation(rounding, -128, -128, 127),
              Quantisation(rounding, 127, -128, 127), Quantisation(rounding, -3, -3, 60)}) {
          std::string parameters;
          for (std::size_t f = 1; f < ChannelFields(*kernel, requantize).size(); ++f)
            absl::StrAppend(&parameters, ", _mm", c.lanes * 32, "_set1_epi32(entry[", f, "])");
          const bool rounds = RoundsDown(*kernel);
          const std::string main = absl::StrReplaceAll(
              kScan, {{"LANES", absl::StrCat(c.lanes)},
                      {"VECTOR", absl::StrCat("__m", c.lanes * 32, "i")},
                      {"PARAMETERS", parameters},
                      {"LOWEST", absl::StrCat("(", requantize.output_min, ")")},
                      {"HIGHEST", absl::StrCat("(", requantize.output_max, ")")},
                      {"$ROUND_DOWN", rounds ? "const uint32_t rounding = round_down();" : ""},
                      {"$ROUND_BACK", rounds ? "round_as(rounding);" : ""}});
          const absl::StatusOr<std::string> printed =
              RunC(absl::StrCat("#include <stdint.h>\n", DotKernelText(*kernel, requantize), main), target);
          INFO(c.kernel << " zero point " << requantize.output_zero_point << " double "
                        << (rounding == Rounding::kDouble) << " " << printed.status().message());
          REQUIRE(printed.ok());
          CHECK(*printed == "0 unfitted, 0 wrong\n");
        }
      }
    }
  }
}

// The first sum whose result is at least so large.
int32_t FirstSum(int result, int zero, int32_t multiplier, int32_t shift, Rounding rounding) {
  int64_t below = -(1 << 28), first = 1 << 28;
  while (first - below > 1) {
    const int64_t middle = below + (first - below) / 2;
    const int32_t scaled =
        MultiplyByQuantizedMultiplier(static_cast<int32_t>(middle), multiplier, shift, rounding);
    (scaled + zero >= result ? first : below) = middle;
  }
  return static_cast<int32_t>(first);
}

const std::vector<const char*> kTargets = {"x86-64-v3", "x86-64-v4", "x86-64-v4-vnni", "cortex-a76",
                                           "cortex-a9", "cortex-m4", "cortex-m55"};

// With the input at its zero point a sum is the bias.
TEST_CASE("ResultsAreExactWhereTheyEnd") {
  for (const Target& target : TargetsThatRun(kTargets)) {
    std::vector<ProgramKernel> kernels;
    for (const char* rounding : {"double", "single"}) {
      for (const int zero : {5, -128}) {
        const Workload workload =
            Workload::Parse(absl::StrCat("dense:m=2,n=600,k=20,izp=-7,ozp=", zero, ",rounding=", rounding,
                                         ",epilogue=bias,dtype=i8"))
                .value();
        const std::shared_ptr<const Task> task = Task::Create(workload, target).value();
        const auto change = [=](IntTensors& inputs) {
          for (int32_t& x : inputs[0]) x = -7;
          for (std::size_t c = 0; c < inputs[4].size(); ++c) {
            inputs[4][c] = -static_cast<int32_t>(1 + c % 16);
            if (c % 5 == 0) inputs[3][c] = 1 << 30;
            const int result = static_cast<int>(c * 37 % 255) - 127;
            const int32_t first =
                FirstSum(result, zero, inputs[3][c], inputs[4][c],
                         std::string(rounding) == "double" ? Rounding::kDouble : Rounding::kSingle);
            inputs[2][c] = first - static_cast<int32_t>(c % 2);
          }
        };
        kernels.push_back({task, task->space().default_config(), change});
      }
    }
    CheckProgram(kernels, target);
  }
}

// As pruning and per-channel scales leave them in trained networks: a bias of 2^30 for a scale of 2^-28.
void PruneEverySecondChannel(IntTensors& inputs) {
  const std::size_t channels = inputs[4].size();
  for (std::size_t c = 1; c < channels; c += 2) {
    for (std::size_t k = 0; k < inputs[1].size() / channels; ++k)
      inputs[1][c * inputs[1].size() / channels + k] = 0;
    inputs[2][c] = c % 4 == 1 ? 1 << 30 : -(1 << 30);
    inputs[4][c] = -28;
  }
}

constexpr char kPruned[] = "dense:m=2,n=70,k=20,izp=-128,ozp=5,epilogue=bias,dtype=i8";

TEST_CASE("ChannelsWithoutWeightsAreExact") {
  for (const Target& target : TargetsThatRun(kTargets)) {
    const std::shared_ptr<const Task> task = Task::Create(Workload::Parse(kPruned).value(), target).value();
    CheckProgram({{task, task->space().default_config(), PruneEverySecondChannel}}, target);
  }
}

// How many channels the kernel leaves to plain loops.
std::string ChannelsInPlainLoops(const Target& target, const std::function<void(IntTensors&)>& change) {
  const std::shared_ptr<const Task> task = Task::Create(Workload::Parse(kPruned).value(), target).value();
  const KernelSource source = task->Generate(task->space().default_config()).value();
  IntTensors inputs = MakeIntInputs(task->compute(), 1);
  change(inputs);
  std::string text = "#include <stdint.h>\n#include <stdio.h>\nstatic long in_plain_loops;\n", tensors;
  for (std::size_t t = 0; t < inputs.size(); ++t) {
    absl::StrAppend(&text, "static ", task->compute().tensors[t].dtype == DType::kI8 ? "int8_t" : "int32_t",
                    " tensor_", t, "[] = {", absl::StrJoin(inputs[t], ","), "};\n");
    absl::StrAppend(&tensors, "tensor_", t, ", ");
  }
  const char kCall[] = ") run_general(arguments, (const uint8_t*)";
  CHECK(absl::StrContains(source.c, kCall));
  absl::StrAppend(&text, R"(static void count_channels(const uint8_t* general) {
  for (int c = 0; c < 70; ++c) in_plain_loops += general[c];
}
)",
                  absl::StrReplaceAll(source.c, {{kCall, ") count_channels((const uint8_t*)"}}),
                  "static char packed[", source.packed_bytes, "] __attribute__((aligned(64))), workspace[",
                  source.workspace_bytes, " + 64] __attribute__((aligned(64))), out[140];\n",
                  "int main(void) {\n  void* tensors[] = {", tensors, R"(out};
  tunefarm_prepare((const void* const*)tensors, packed);
  tunefarm_run(tensors, packed, workspace);
  printf("%ld", in_plain_loops);
  return 0;
}
)");
  return RunC(text, target).value_or("error");
}

TEST_CASE("PlainLoopsAreLeftToChannelsThatNeedThem") {
  for (const Target& target : TargetsThatRun({"x86-64-v3", "x86-64-v4", "x86-64-v4-vnni"})) {
    INFO(target.name);
    CHECK(ChannelsInPlainLoops(target, [](IntTensors&) {}) == "0");
    CHECK(ChannelsInPlainLoops(target, PruneEverySecondChannel) == "0");
    // Sums of more than 24 bits where a result ends.
    CHECK(ChannelsInPlainLoops(target, [](IntTensors& inputs) {
            PruneEverySecondChannel(inputs);
            inputs[4][8] = -23;
            inputs[2][8] = FirstSum(20, 5, inputs[3][8], -23, Rounding::kDouble);
          }) == "1");
  }
}

}  // namespace
}  // namespace tunefarm::schedules
