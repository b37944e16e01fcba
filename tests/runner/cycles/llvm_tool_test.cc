// Programs that are forked for each input, or started where they cannot be. `cat` and `false` stand for
// LLVM's.
#include "runner/cycles/llvm_tool.h"

#include <thread>

#include "tests/catch.h"

namespace tunefarm::cycles {

TEST_CASE("LlvmToolAnswersEachInput") {
  LlvmTool tool({"cat"});
  for (const std::string input : {"one\n", "", "three\n"}) {
    const auto result = tool.Run(input);
    REQUIRE(result.ok());
    CHECK(result->out == input);
  }
}

TEST_CASE("LlvmToolOutlivesTheThreadThatStartedIt") {
  LlvmTool tool({"cat"});
  for (const std::string input : {"one", "two", "three"}) {
    absl::StatusOr<RunResult> result;
    std::thread([&] { result = tool.Run(input); }).join();
    REQUIRE(result.ok());
    CHECK(result->out == input);
  }
}

TEST_CASE("LlvmToolThatCannotBeForkedIsStartedEachTime") {
  // Looks at its input without opening it.
  LlvmTool tool({"stat", "--format=%s"});
  CHECK(tool.Run("text").value().out == "4\n");
  CHECK(tool.Run("longer").value().out == "6\n");
  CHECK(LlvmTool({"false"}).Run("").status().code() == absl::StatusCode::kInternal);
  CHECK(absl::IsNotFound(LlvmTool({"no-such-program"}).Run("").status()));
  CHECK(absl::IsNotFound(LlvmTool::Version("no-such-program").status()));
}

}  // namespace tunefarm::cycles
