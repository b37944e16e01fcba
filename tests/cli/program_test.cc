// The real binary: exit statuses, what goes to stdout and what to stderr.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "absl/strings/str_split.h"
#include "base/exit_code.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "tests/catch.h"
#include "tests/cli/events.h"

namespace tunefarm::cli {
namespace {

// Runs tunefarm with a home of its own.
struct Program {
  TempDir home = *TempDir::Create("cli-test");
  RunResult Run(std::vector<std::string> arguments) const {
    const char* folder = std::getenv("TUNEFARM_BIN_DIR");
    REQUIRE(folder != nullptr);
    SubprocessOptions options;
    options.argv = std::move(arguments);
    options.argv.insert(options.argv.begin(), std::string(folder) + "/tunefarm");
    options.environment =
        std::vector<std::string>{"PATH=" + std::string(std::getenv("PATH")), "TUNEFARM_HOME=" + home.path()};
    const auto result = RunProcess(options, absl::Seconds(60));
    REQUIRE(result.ok());
    REQUIRE_FALSE(result->timed_out);
    return *result;
  }
};

bool Has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

struct Bad {
  std::vector<std::string> arguments;
  ExitCode code;
  std::string names;  // What the message must name.
};

}  // namespace

TEST_CASE("EachBadInputHasItsExitStatusAndNamesTheThing") {
  const Program program;
  const std::string file = program.home.path() + "/bad.workloads";
  REQUIRE(WriteFileAtomic(file, "# one\nmatmul:m=x,n=1,k=1,dtype=f32\n").ok());
  REQUIRE(WriteFileAtomic(program.home.path() + "/junk.db", std::string(8192, 'x')).ok());
  const Bad cases[] = {
      {{"tune"}, ExitCode::kUsage, "--workload"},
      {{"frobnicate"}, ExitCode::kUsage, "frobnicate"},
      {{"tune", "--workload", kMatmul, "--frobnicate"}, ExitCode::kUsage, "--frobnicate"},
      {{"tune", "--workload", kMatmul, "--strategy", "luck"}, ExitCode::kUsage, "luck"},
      {{"tune", "--workload", kMatmul, "--trials", "0"}, ExitCode::kUsage, "--trials"},
      {{"tune", "--workload", kMatmul, "--detach"}, ExitCode::kUsage, "--daemon"},
      {{"tune", "--workloads", "resnet19"}, ExitCode::kBadWorkload, "resnet19"},
      {{"tune", "--workload", "matmul:m=1024,n=1024"}, ExitCode::kBadWorkload, "k"},
      {{"tune", "--workload-file", file}, ExitCode::kBadWorkload, "bad.workloads line 2"},
      {{"tune", "--workload-file", "/no/such/file"}, ExitCode::kNotFound, "/no/such/file"},
      {{"tune", "--workload", "fft:n=1024"}, ExitCode::kUnknownOperator, "fft"},
      {{"tune", "--workload", kMatmul, "--target", "z80"}, ExitCode::kUnknownTarget, "z80"},
      {{"tune", "--workload", "matmul:m=99999999,n=99999999,k=99999999,dtype=f32"},
       ExitCode::kShapeOverflow,
       ""},
      {{"jobs", "--db", "/no/such.db"}, ExitCode::kNotFound, "/no/such.db"},
      {{"show", "17", "--db", "/no/such.db"}, ExitCode::kNotFound, "/no/such.db"},
      {{"show", "17", "--db", program.home.path() + "/junk.db"}, ExitCode::kDatabaseCorrupt, "junk.db"},
      {{"query", "best", "--workload", "fft:n=1"}, ExitCode::kUnknownOperator, "fft"},
      {{"query"}, ExitCode::kUsage, "tunefarm query --help"},
      {{"replay"}, ExitCode::kUsage, "RECORD"},
      {{"watch", "job-1", "--daemon", "nowhere"}, ExitCode::kUsage, "nowhere"},
      {{"watch", "job-1", "--daemon", "farm.example:9191"}, ExitCode::kUsage, "--tls-cert"},
  };
  for (const Bad& bad : cases) {
    const RunResult result = program.Run(bad.arguments);
    INFO(bad.arguments.front() << " " << bad.arguments.back() << ": " << result.err);
    CHECK(result.exit_code == static_cast<int>(bad.code));
    CHECK(Has(result.err, "tunefarm: "));
    CHECK(Has(result.err, bad.names));
    CHECK(result.out.empty());
  }
}

TEST_CASE("ADaemonThatDoesNotAnswerIsUnreachable") {
  const Program program;
  const std::string address = "unix:" + program.home.path() + "/none";
  const RunResult result = program.Run({"jobs", "--daemon", address, "--json"});
  CHECK(result.exit_code == static_cast<int>(ExitCode::kUnreachable));
  CHECK(result.wall < absl::Seconds(10));
  CHECK(Has(result.err, address));
  const auto error = nlohmann::json::parse(result.out);
  CHECK(error["event"] == "error");
  CHECK(error["code"] == 13);
}

TEST_CASE("WithJsonAUsageErrorIsAnObjectToo") {
  const Program program;
  const RunResult result = program.Run({"tune", "--no-such-flag", "--json"});
  CHECK(result.exit_code == 2);
  CHECK(nlohmann::json::parse(result.out)["code"] == 2);
}

TEST_CASE("EveryCommandHasHelpWithAnExample") {
  const Program program;
  for (const char* command : {"tune", "resume", "jobs", "watch", "cancel", "devices", "query", "show",
                              "replay", "targets", "workloads", "doctor"}) {
    const RunResult result = program.Run({command, "--help"});
    INFO(command);
    CHECK(result.exit_code == 0);
    CHECK(result.err.empty());
    CHECK(Has(result.out, std::string("  tunefarm ") + command));
    // `query` leaves it to the questions below it.
    CHECK(Has(result.out, "--json") == (std::string(command) != "query"));
  }
  CHECK(program.Run({"--help"}).exit_code == 0);
  CHECK(program.Run({"--version"}).exit_code == 0);
}

TEST_CASE("ListsAreObjectsWithJson") {
  const Program program;
  const std::pair<std::vector<std::string>, std::vector<std::string>> lists[] = {
      {{"workloads", "--json"}, {"event", "set", "tasks", "layers", "flop"}},
      {{"workloads", "resnet18", "--json"}, {"event", "task", "weight", "flop"}},
      {{"targets", "--json"}, {"event", "target", "compiler_found", "facts"}},
      {{"version", "--json"}, {"event", "version", "compiler", "grpc"}},
  };
  for (const auto& [arguments, fields] : lists) {
    const RunResult result = program.Run(arguments);
    INFO(arguments[0]);
    REQUIRE(result.exit_code == 0);
    for (const absl::string_view line : absl::StrSplit(result.out, '\n', absl::SkipEmpty())) {
      const auto object = nlohmann::ordered_json::parse(std::string(line));
      std::vector<std::string> keys;
      for (const auto& [key, value] : object.items()) keys.push_back(key);
      CHECK(keys == fields);
    }
  }
}

TEST_CASE("AListOfWorkloadsIsAFileThatTuneReads") {
  const Program program;
  const RunResult list = program.Run({"workloads", "resnet18"});
  REQUIRE(list.exit_code == 0);
  const std::string file = program.home.path() + "/my.workloads";
  REQUIRE(WriteFileAtomic(file, list.out).ok());
  // Read without complaint, then stopped by the target.
  const RunResult result = program.Run({"tune", "--workload-file", file, "--target", "z80"});
  CHECK(result.exit_code == static_cast<int>(ExitCode::kUnknownTarget));
}

}  // namespace tunefarm::cli
