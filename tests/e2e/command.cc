#include "tests/e2e/command.h"

#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <regex>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/catch.h"

namespace tunefarm {

RunResult Tunefarm(const std::string& folder, std::vector<std::string> arguments, const std::string& path) {
  SubprocessOptions options;
  options.argv = std::move(arguments);
  options.argv.insert(options.argv.begin(), ProgramPath("tunefarm"));
  options.environment = TestEnvironment(folder, path);
  const auto result = RunProcess(options, kPatience);
  INFO(result.status().ToString());
  REQUIRE(result.ok());
  INFO(absl::StrJoin(options.argv, " ") << "\n" << result->out << result->err);
  REQUIRE_FALSE(result->timed_out);
  return *result;
}

RunningCommand::RunningCommand(const std::string& folder, std::vector<std::string> arguments) {
  static int number = 0;
  out_ = absl::StrCat(folder, "/command-", ++number, ".out");
  err_ = absl::StrCat(folder, "/command-", number, ".err");
  SubprocessOptions options;
  // The shell parts stdout from stderr and then becomes the command.
  options.argv = {"/bin/sh",
                  "-c",
                  "out=$1 err=$2; shift 2; exec \"$@\" >\"$out\" 2>\"$err\"",
                  "sh",
                  out_,
                  err_,
                  ProgramPath("tunefarm")};
  options.argv.insert(options.argv.end(), arguments.begin(), arguments.end());
  options.environment = TestEnvironment(folder);
  auto process = Subprocess::Spawn(options);
  INFO(process.status().ToString());
  REQUIRE(process.ok());
  process_ = *std::move(process);
}

void RunningCommand::Signal(int signal) { REQUIRE(kill(process_->pid(), signal) == 0); }

void RunningCommand::Kill() {
  Signal(SIGKILL);
  REQUIRE(process_->Wait(kPatience).has_value());
}

int RunningCommand::AwaitExit() {
  const std::optional<int> status = process_->Wait(kPatience);
  INFO(out() << err());
  REQUIRE(status.has_value());
  REQUIRE(WIFEXITED(*status));
  return WEXITSTATUS(*status);
}

std::vector<Json> Objects(const std::string& output) {
  std::vector<std::string> lines = absl::StrSplit(output, '\n');
  lines.pop_back();  // Empty, or cut.
  std::vector<Json> objects;
  for (const std::string& line : lines) {
    INFO(line);
    const Json object = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    REQUIRE(object.is_object());
    REQUIRE(object.contains("event"));
    objects.push_back(object);
  }
  return objects;
}

std::vector<Json> ObjectsOf(const std::string& output, const std::string& event) {
  std::vector<Json> some;
  for (const Json& object : Objects(output)) {
    if (object["event"] == event) some.push_back(object);
  }
  return some;
}

Json ObjectOf(const std::string& output, const std::string& event) {
  const std::vector<Json> some = ObjectsOf(output, event);
  INFO(event << " in\n" << output);
  REQUIRE(some.size() == 1);
  return some[0];
}

std::vector<std::string> KeysOf(const Json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : object.items()) keys.push_back(key);
  return keys;
}

std::vector<std::string> DocumentedKeys(const std::string& event, const std::string& list) {
  const auto formats = ReadFile(TUNEFARM_FORMATS);
  REQUIRE(formats.ok());
  const std::size_t begin = formats->find(absl::StrCat("{\"event\":\"", event, "\""));
  INFO(event);
  REQUIRE(begin != std::string::npos);
  const std::size_t end = formats->find("}\n", begin), code_end = formats->find("}`", begin);
  std::string object = formats->substr(begin, std::min(end, code_end) + 1 - begin);
  const std::regex lists("\"([a-z_]+)\":\\[(\\{[^\\]]*\\})\\]");
  if (list.empty()) {
    object = std::regex_replace(object, lists, "\"$1\"");
  } else {
    std::smatch found;
    REQUIRE(std::regex_search(object, found, lists));
    REQUIRE(found[1] == list);
    object = found[2];
  }
  std::vector<std::string> keys;
  const std::regex key("[{,]\\s*\"([a-z0-9_]+)\"");  // A value stands behind a colon.
  for (std::sregex_iterator it(object.begin(), object.end(), key), none; it != none; ++it)
    keys.push_back((*it)[1]);
  return keys;
}

}  // namespace tunefarm
