// Each kind of bad input ends `tunefarm` with an exit status of its own and a message that names the thing.
#include <sqlite3.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/exit_code.h"
#include "db/database.h"
#include "tests/catch.h"
#include "tests/e2e/command.h"

namespace tunefarm {
namespace {

constexpr char kMatmul[] = "matmul:m=16,n=32,k=32,dtype=f32";

struct Home {
  TempDir folder = TempDir::Create("tf").value();
  std::string Path(const std::string& name) const { return folder.path() + "/" + name; }
  RunResult Tune(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {"tune", "--trials", "2"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return Tunefarm(folder.path(), arguments);
  }
  // An empty log database.
  std::string Database(const std::string& name) const {
    REQUIRE(db::Database::Open(Path(name), db::Database::Mode::kReadWrite).ok());
    return Path(name);
  }
};

void CheckRefused(const RunResult& result, ExitCode code, const std::string& names) {
  INFO(result.out << result.err);
  CHECK(result.exit_code == static_cast<int>(code));
  CHECK(absl::StrContains(result.err, names));
  CHECK(absl::StartsWith(result.err, "tunefarm: "));
}

// Somebody who accepts connections and never says a word.
class SilentServer {
 public:
  explicit SilentServer(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    REQUIRE(path.size() < sizeof address.sun_path);
    std::strcpy(address.sun_path, path.c_str());
    REQUIRE(bind(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(fd_, 8) == 0);
  }
  ~SilentServer() { close(fd_); }

 private:
  int fd_;
};

TEST_CASE_METHOD(Home, "WhatCannotBeTunedIsRefusedBeforeAnythingStarts") {
  CheckRefused(Tune({"--workload", "matmul:m=16,n=,k=32,dtype=f32"}), ExitCode::kBadWorkload, "n");
  CheckRefused(Tune({"--workload", "convolution9d:m=16"}), ExitCode::kUnknownOperator, "convolution9d");
  CheckRefused(Tune({"--workload", kMatmul, "--target", "pdp-11"}), ExitCode::kUnknownTarget, "pdp-11");
  CheckRefused(Tune({"--workload", "matmul:m=4000000000,n=4000000000,k=4000000000,dtype=f32"}),
               ExitCode::kShapeOverflow, "4000000000");
  REQUIRE_FALSE(ReadFile(Path("home/tunefarm.db")).ok());
}

TEST_CASE_METHOD(Home, "MoreThreadsThanABoardHasCoresAreRefused") {
  const RunResult two = Tune({"--workload", kMatmul, "--device", "emulated:cortex-m7", "--threads", "2"});
  CheckRefused(two, ExitCode::kUsage, "cortex-m7");
  CHECK(absl::StrContains(two.err, "--threads"));
  REQUIRE_FALSE(ReadFile(Path("home/tunefarm.db")).ok());
}

TEST_CASE_METHOD(Home, "AMissingCompilerIsNamedWithThePackageThatHasIt") {
  const RunResult none =
      Tunefarm(folder.path(), {"tune", "--workload", kMatmul, "--target", "x86-64-v2"}, Path("no-bin"));
  CheckRefused(none, ExitCode::kMissingCompiler, "'gcc'");
  CHECK(absl::StrContains(none.err, "apt-get install gcc"));

  auto text = Tunefarm(folder.path(), {"targets", "--json"});
  Json target;
  for (const Json& row : ObjectsOf(text.out, "target")) {
    if (row["target"] == "x86-64-v2") target = row["facts"];
  }
  REQUIRE(target.is_object());
  target["name"] = "mine";
  target["compiler"] = "mips-linux-gnu-gcc";
  REQUIRE(WriteFileAtomic(Path("mine.json"), target.dump()).ok());
  const RunResult cross = Tune({"--workload", kMatmul, "--target", Path("mine.json")});
  CheckRefused(cross, ExitCode::kMissingCompiler, "mips-linux-gnu-gcc");
  CHECK(absl::StrContains(cross.err, "gcc-mips-linux-gnu"));
}

TEST_CASE_METHOD(Home, "ADatabaseThatCannotBeUsedIsNamedAndLeftAsItIs") {
  const std::string junk = Path("junk.db"), newer = Database("newer.db"), text(5000, 'x');
  REQUIRE(WriteFileAtomic(junk, text).ok());
  CheckRefused(Tune({"--workload", kMatmul, "--db", junk}), ExitCode::kDatabaseCorrupt, junk);
  CHECK(ReadFile(junk).value() == text);

  sqlite3* connection = nullptr;
  REQUIRE(sqlite3_open(newer.c_str(), &connection) == SQLITE_OK);
  REQUIRE(sqlite3_exec(connection, "PRAGMA user_version=1000", nullptr, nullptr, nullptr) == SQLITE_OK);
  sqlite3_close(connection);
  const std::string before = ReadFile(newer).value();
  CheckRefused(Tune({"--workload", kMatmul, "--db", newer}), ExitCode::kDatabaseNewer, newer);
  CHECK(ReadFile(newer).value() == before);
}

TEST_CASE_METHOD(Home, "ALockedDatabaseNamesTheWayToShareIt") {
  const std::string path = Path("log.db");
  const auto writer = db::Database::Open(path, db::Database::Mode::kReadWrite);
  REQUIRE(writer.ok());
  const RunResult result = Tune({"--workload", kMatmul, "--db", path});
  CheckRefused(result, ExitCode::kDatabaseLocked, path);
  CHECK(absl::StrContains(result.err, "--daemon"));
  // Reading needs no lock.
  CHECK(Tunefarm(folder.path(), {"jobs", "--db", path}).exit_code == 0);
}

// Root may write everywhere, so it takes a read-only mount.
TEST_CASE_METHOD(Home, "AReadOnlyDatabaseIsReadAndNotWritten") {
  const auto can = RunProcess({.argv = {"unshare", "-rm", "true"}}, kPatience);
  if (!can.ok() || can->exit_code != 0) {
    WARN("skipped: this machine gives no user namespaces");
    return;
  }
  REQUIRE(MakeDirectories(Path("ro")).ok());
  const std::string path = Database("ro/log.db");
  const auto run = [&](std::vector<std::string> arguments) {
    SubprocessOptions options;
    options.argv = {"unshare",
                    "-rm",
                    "sh",
                    "-ec",
                    "mount --bind \"$1\" \"$1\"; mount -o remount,bind,ro \"$1\"; shift; \"$@\"",
                    "sh",
                    Path("ro"),
                    ProgramPath("tunefarm")};
    options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
    options.environment = TestEnvironment(folder.path());
    const auto result = RunProcess(options, kPatience);
    REQUIRE(result.ok());
    return *result;
  };
  CHECK(run({"jobs", "--db", path}).exit_code == 0);
  CheckRefused(run({"tune", "--workload", kMatmul, "--trials", "2", "--db", path}),
               ExitCode::kDatabaseReadOnly, path);
}

TEST_CASE_METHOD(Home, "ATrackerOrDaemonThatDoesNotAnswerIsNamedWithinSeconds") {
  const std::string nobody = "unix:" + Path("nobody"), silent = "unix:" + Path("silent");
  const SilentServer server(Path("silent"));
  for (const std::string& address : {nobody, silent}) {
    const RunResult tracker = Tunefarm(folder.path(), {"devices", "--tracker", address});
    CheckRefused(tracker, ExitCode::kUnreachable, address);
    CHECK(tracker.wall < absl::Seconds(15));
    const RunResult daemon = Tune({"--workload", kMatmul, "--daemon", address});
    CheckRefused(daemon, ExitCode::kUnreachable, address);
    CHECK(daemon.wall < absl::Seconds(15));
  }
}

}  // namespace
}  // namespace tunefarm
