#include "cli/farm_child.h"

#include "absl/time/clock.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "cli/local_farm.h"
#include "tests/catch.h"

namespace tunefarm::cli {
namespace {

// A program in `folder` that does what `script` says.
std::string WriteProgram(const std::string& folder, const std::string& name, const std::string& script) {
  const std::string path = folder + "/" + name;
  REQUIRE(WriteFileAtomic(path, "#!/bin/sh\n" + script + "\n", 0755).ok());
  return path;
}

struct Scratch {
  TempDir folder = *TempDir::Create("cli-test");
  const std::string& path() const { return folder.path(); }
};

}  // namespace

TEST_CASE("TheReadyLineIsFoundOnlyWhenComplete") {
  CHECK(FindReadyLine("log\nx listening on unix:/a\nmore\n", "x listening on ") == "unix:/a");
  CHECK(FindReadyLine("x listening on unix:/a", "x listening on ").empty());
  CHECK(FindReadyLine("say x listening on unix:/a\n", "x listening on ").empty());
}

TEST_CASE("TheTailOfALogIsItsLastLinesIndented") {
  CHECK(LogTail("1\n2\n3\n", 2) == "  2\n  3");
  CHECK(LogTail("only\n", 5) == "  only");
}

TEST_CASE("AProgramIsReadyWhenItSaysSo") {
  const Scratch scratch;
  const std::string program = WriteProgram(scratch.path(), "server",
                                           "echo starting >&2; echo server listening on here; exec sleep 60");
  auto child = FarmChild::Start(program, {}, {}, scratch.path() + "/log");
  REQUIRE(child.ok());
  const auto address = child->AwaitReady("server listening on ", absl::Seconds(20));
  REQUIRE(address.ok());
  CHECK(*address == "here");
  CHECK(child->CheckAlive().ok());
}

TEST_CASE("AProgramThatEndsIsQuotedWithItsExitStatus") {
  const Scratch scratch;
  const std::string program =
      WriteProgram(scratch.path(), "server", "echo no user namespaces here >&2; exit 19");
  auto child = FarmChild::Start(program, {}, {}, scratch.path() + "/log");
  REQUIRE(child.ok());
  const auto address = child->AwaitReady("server listening on ", absl::Seconds(20));
  CHECK(ExitCodeOf(address.status()) == ExitCode::kNoSandbox);
  CHECK(std::string(address.status().message()) ==
        "server ended with exit status 19; it said:\n  no user namespaces here");
}

TEST_CASE("AProgramThatIsNeverReadyIsGivenUp") {
  const Scratch scratch;
  const std::string program = WriteProgram(scratch.path(), "server", "echo hm; exec sleep 60");
  auto child = FarmChild::Start(program, {}, {}, scratch.path() + "/log");
  REQUIRE(child.ok());
  const auto address = child->AwaitReady("server listening on ", absl::Milliseconds(300));
  CHECK(absl::IsDeadlineExceeded(address.status()));
  CHECK(std::string(address.status().message()).find("server was not ready within 300ms") == 0);
}

TEST_CASE("AMissingProgramIsNamed") {
  const Scratch scratch;
  LocalFarmOptions options;
  options.program_directory = scratch.path();
  const auto farm = LocalFarm::Start(options);
  CHECK(ExitCodeOf(farm.status()) == ExitCode::kNotFound);
  CHECK(std::string(farm.status().message()).find(scratch.path() + "/tunefarm-tracker is missing") !=
        std::string::npos);
}

TEST_CASE("ADatabaseInUseIsExplained") {
  const Scratch scratch;
  WriteProgram(scratch.path(), "tunefarm-tracker",
               "echo tunefarm-tracker listening on unix:/x; exec sleep 60");
  WriteProgram(scratch.path(), "tunefarm-runner", "echo tunefarm-runner registered as here; exec sleep 60");
  WriteProgram(scratch.path(), "tunefarmd", "echo database is locked >&2; exit 10");
  LocalFarmOptions options;
  options.program_directory = scratch.path();
  options.database = scratch.path() + "/t.db";
  const auto farm = LocalFarm::Start(options);
  CHECK(ExitCodeOf(farm.status()) == ExitCode::kDatabaseLocked);
  CHECK(std::string(farm.status().message()).find("another tunefarm is using " + options.database) == 0);
  CHECK(std::string(farm.status().message()).find("--daemon") != std::string::npos);
}

TEST_CASE("AFarmNoticesThatAChildDied") {
  const Scratch scratch;
  const std::string go_on = scratch.path() + "/go-on";
  WriteProgram(scratch.path(), "tunefarm-tracker",
               "echo tunefarm-tracker listening on unix:/x; exec sleep 60");
  WriteProgram(scratch.path(), "tunefarm-runner",
               "echo tunefarm-runner registered as here; while [ ! -e " + go_on +
                   " ]; do sleep 0.01; done; echo out of luck >&2; exit 1");
  LocalFarmOptions options;
  options.program_directory = scratch.path();
  auto farm = LocalFarm::Start(options);
  REQUIRE(farm.ok());
  CHECK((*farm)->device_id() == "here");
  CHECK((*farm)->tracker_address() == "unix:/x");
  REQUIRE((*farm)->CheckAlive().ok());
  REQUIRE(WriteFileAtomic(go_on, "").ok());
  absl::Status status;
  for (const absl::Time until = absl::Now() + absl::Seconds(20); status.ok() && absl::Now() < until;) {
    status = (*farm)->CheckAlive();
  }
  REQUIRE_FALSE(status.ok());
  CHECK(std::string(status.message()).find("tunefarm-runner ended with exit status 1") == 0);
  CHECK(std::string(status.message()).find("out of luck") != std::string::npos);
}

}  // namespace tunefarm::cli
