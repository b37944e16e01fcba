// A full disk below the daemon's database: the job waits, says why, and goes on when there is space.
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/catch.h"
#include "tests/e2e/farm_harness.h"

namespace tunefarm {
namespace {

TEST_CASE("AFullDiskPausesTheJobAndLosesNothing") {
  const auto can = RunProcess({.argv = {"unshare", "-rm", "true"}}, kPatience);
  if (!can.ok() || can->exit_code != 0) {
    WARN("skipped: this machine gives no user namespaces");
    return;
  }
  constexpr int kTrials = 120;  // More than are measured before the disk is full.
  Farm farm;
  const std::string folder = farm.Path("db");
  REQUIRE(MakeDirectories(folder).ok());
  // A small disk of the daemon's own.
  farm.daemon.RunUnder({"unshare", "-rm", "sh", "-ec",
                        "mount -t tmpfs -o size=4m none \"$1\"; shift; exec \"$@\"", "sh", folder});
  farm.Start();
  const std::string disk = absl::StrCat("/proc/", farm.daemon.pid(), "/root", folder);
  const std::string job = farm.Submit(QuickJob("ada", 1, kTrials));
  REQUIRE(Eventually([&] { return farm.Info(job).trials_done() >= 3; }));

  {
    std::ofstream filler(disk + "/filler", std::ios::binary);
    const std::string page(4096, 'x');
    while (filler.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
    }
  }
  std::string why;
  const bool told = Eventually([&] {
    why = farm.Progress(job).waiting_for();
    return absl::StrContains(why, "the database does not store");
  });
  INFO(why);
  REQUIRE(told);
  REQUIRE(absl::StrContains(why, "farm.db"));
  const v1::JobInfo waiting = farm.Info(job);
  REQUIRE(waiting.state() == v1::JOB_STATE_RUNNING);
  REQUIRE(waiting.trials_done() < kTrials);

  REQUIRE(std::filesystem::remove(disk + "/filler"));
  REQUIRE(farm.AwaitEnd(job) == v1::JOB_STATE_DONE);
  // The disk goes with its daemon.
  const std::string copy = farm.Path("copy");
  std::filesystem::copy(disk, copy, std::filesystem::copy_options::recursive);
  CheckComplete(copy + "/farm.db", job, 1, kTrials);
}

}  // namespace
}  // namespace tunefarm
