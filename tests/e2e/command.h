// Running the tunefarm command as a user or a script does, and reading its objects.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/subprocess.h"
#include "tests/e2e/farm_harness.h"

namespace tunefarm {

using Json = nlohmann::ordered_json;

// To its end, with home and scratch below `folder`. `path` replaces PATH.
RunResult Tunefarm(const std::string& folder, std::vector<std::string> arguments,
                   const std::string& path = "");

// One that runs while the test goes on. Killed on destruction.
class RunningCommand {
 public:
  RunningCommand(const std::string& folder, std::vector<std::string> arguments);
  std::string out() const { return ReadFile(out_).value_or(""); }
  std::string err() const { return ReadFile(err_).value_or(""); }
  void Signal(int signal);
  // SIGKILL, to this process alone, as `kill -9` does.
  void Kill();
  int AwaitExit();

 private:
  std::string out_, err_;
  std::optional<Subprocess> process_;
};

// Of the complete lines of an output, each of which must be an object with an "event".
std::vector<Json> Objects(const std::string& output);
std::vector<Json> ObjectsOf(const std::string& output, const std::string& event);
// The only one.
Json ObjectOf(const std::string& output, const std::string& event);

std::vector<std::string> KeysOf(const Json& object);
// The keys of the object with `event`, in order, as docs/formats.md has them; of the objects in its list
// `list`, when that is given.
std::vector<std::string> DocumentedKeys(const std::string& event, const std::string& list = "");

}  // namespace tunefarm
