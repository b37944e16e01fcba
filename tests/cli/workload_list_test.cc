#include "cli/workload_list.h"

#include "base/exit_code.h"
#include "base/file.h"
#include "tests/catch.h"
#include "tests/cli/events.h"

namespace tunefarm::cli {
namespace {

bool Contains(const absl::Status& status, const std::string& text) {
  return std::string(status.message()).find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("AFileHasAWorkloadALineWithItsWeight") {
  const auto list = ParseWorkloadFile(
      "# layers of my net\n"
      "\n"
      "matmul:m=128,n=128,k=128,dtype=f32   3 # thrice\r\n"
      "\tmatmul:m=1,n=2,k=3,dtype=f32\n",
      "my.workloads");
  REQUIRE(list.ok());
  REQUIRE(list->size() == 2);
  CHECK((*list)[0].workload.ToString() == schedules::Workload::Parse(kMatmul)->ToString());
  CHECK((*list)[0].weight == 3);
  CHECK((*list)[1].weight == 1);
}

TEST_CASE("AnErrorInAFileNamesFileAndLine") {
  const auto bad = ParseWorkloadFile(
      "\nmatmul:m=128,n=128,k=128,dtype=f32\nmatmul:m=oops,n=1,k=1,dtype=f32\n", "my.workloads");
  REQUIRE_FALSE(bad.ok());
  CHECK(Contains(bad.status(), "my.workloads line 3"));
  CHECK(ExitCodeOf(bad.status()) == ExitCode::kBadWorkload);
  const auto op = ParseWorkloadFile("fft:n=3\n", "f");
  CHECK(ExitCodeOf(op.status()) == ExitCode::kUnknownOperator);
}

TEST_CASE("AWeightThatIsNoPositiveNumberIsRefused") {
  for (const char* weight : {"x", "0", "-1", "nan", "2 3"}) {
    const auto bad = ParseWorkloadFile(std::string(kMatmul) + " " + weight, "f");
    REQUIRE_FALSE(bad.ok());
    CHECK(Contains(bad.status(), "f line 1"));
    CHECK(ExitCodeOf(bad.status()) == ExitCode::kBadWorkload);
  }
}

TEST_CASE("AnEmptyFileIsAnError") { CHECK_FALSE(ParseWorkloadFile("# nothing\n", "f").ok()); }

TEST_CASE("EqualWorkloadsAreOneTaskWithTheSumOfWeights") {
  const auto list =
      SelectWorkloads({.texts = {"matmul:m=1,n=2,k=3,dtype=f32", "matmul:k=3,n=2,m=1,dtype=f32"}});
  REQUIRE(list.ok());
  REQUIRE(list->size() == 1);
  CHECK((*list)[0].weight == 2);
}

TEST_CASE("OnlyAndLimitPickLayersOfASet") {
  const auto all = SelectWorkloads({.sets = {"resnet18"}});
  REQUIRE(all.ok());
  const auto some = SelectWorkloads({.sets = {"resnet18"}, .only = "kh=1,"});
  REQUIRE(some.ok());
  CHECK(some->size() < all->size());
  for (const auto& [workload, weight] : *some) CHECK(workload.ToString().find("kh=1,") != std::string::npos);
  const auto three = SelectWorkloads({.sets = {"resnet18"}, .limit = 3});
  REQUIRE(three.ok());
  CHECK(three->size() == 3);
  CHECK((*three)[2].workload == (*all)[2].workload);
}

TEST_CASE("ASelectionOfNothingIsAUsageError") {
  CHECK(ExitCodeOf(SelectWorkloads({}).status()) == ExitCode::kUsage);
  CHECK(ExitCodeOf(SelectWorkloads({.sets = {"resnet18"}, .only = "no such thing"}).status()) ==
        ExitCode::kUsage);
  const auto set = SelectWorkloads({.sets = {"resnet19"}});
  CHECK(ExitCodeOf(set.status()) == ExitCode::kBadWorkload);
  CHECK(Contains(set.status(), "resnet18"));
}

TEST_CASE("AMissingFileIsNamed") {
  const auto missing = SelectWorkloads({.files = {"/no/such/file"}});
  CHECK(ExitCodeOf(missing.status()) == ExitCode::kNotFound);
  CHECK(Contains(missing.status(), "/no/such/file"));
}

}  // namespace tunefarm::cli
