// Int8 workloads through the whole of `tunefarm tune`: built, filled on the device, checked exactly,
// measured, stored and looked up.
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/e2e/command.h"

namespace tunefarm {
namespace {

TEST_CASE("Int8OperatorsAreTunedCheckedExactlyAndLookedUp") {
  const TempDir folder = TempDir::Create("tf").value();
  const auto run = [&](std::vector<std::string> arguments) {
    return Tunefarm(folder.path(), std::move(arguments));
  };
  // Odd sizes, zero points at both ends, a clamp, uneven padding, either rounding.
  const std::vector<std::string> workloads = {
      "dense:m=1,n=10,k=67,dtype=i8,izp=-128,ozp=24,rounding=single,epilogue=bias",
      "conv2d:n=1,h=9,w=9,ci=5,co=7,kh=3,kw=3,stride=2,pad_t=0,pad_l=0,pad_b=1,pad_r=1,layout=nhwc,dtype=i8,"
      "izp=127,"
      "ozp=-128,amin=-128,amax=100,epilogue=bias",
      "avg_pool2d:n=1,h=8,w=8,c=13,kh=8,kw=8,stride=8,pad=0,layout=nhwc,dtype=i8",
      "add:n=1001,dtype=i8,izp=-128,izp2=4,ozp=-128",
  };
  constexpr int kTrials = 4;
  std::vector<std::string> tune = {"tune",       "--trials", absl::StrCat(kTrials),
                                   "--strategy", "random",   "--json"};
  for (const std::string& workload : workloads) tune.insert(tune.end(), {"--workload", workload});
  const RunResult tuned = run(tune);
  INFO(tuned.err);
  REQUIRE(tuned.exit_code == 0);
  const std::vector<Json> trials = ObjectsOf(tuned.out, "trial");
  CHECK(trials.size() == workloads.size() * kTrials);
  // A kernel that is wrong in one bit would be a wrong_result.
  for (const Json& trial : trials) {
    INFO(trial.dump());
    CHECK(trial["status"] == "ok");
  }

  for (const std::string& workload : workloads) {
    const RunResult best = run({"query", "best", "--workload", workload, "--target", "host", "--json"});
    INFO(best.err);
    CHECK(ObjectOf(best.out, "best")["match"] == "exact");
  }
  // Another zero point is another workload, as near as can be; and people read of integer operations.
  const RunResult near = run({"query", "best", "--workload", "add:n=1001,izp=3", "--target", "host"});
  INFO(near.out << near.err);
  CHECK(absl::StrContains(near.out, "near"));
  CHECK(absl::StrContains(near.out, " GOP/s"));
  CHECK_FALSE(absl::StrContains(near.out, "GFLOP"));
}

}  // namespace
}  // namespace tunefarm
