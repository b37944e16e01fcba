#include "bench/counted_program.h"

#include "base/file.h"
#include "runner/cycles/estimator.h"
#include "tests/catch.h"

namespace tunefarm::bench {
namespace {

// Counted twice: two instructions LOOPS times. The subroutine's address and the loop's count are set up
// outside of what differs between two values of LOOPS.
constexpr char kProgram[] = R"(
int counted_main(void);
void counted_print(const char* text);
static volatile int failure = FAILURE;
__attribute__((noinline)) void begin(void) { __asm__ volatile("" ::: "memory"); }
__attribute__((noinline)) void end(void) { __asm__ volatile("" ::: "memory"); }
int counted_main(void) {
  for (int run = 0; run < 2; ++run) {
    unsigned long left = LOOPS;
    begin();
#ifdef __aarch64__
    __asm__ volatile("1: subs %0, %0, #1\n b.ne 1b" : "+r"(left) : : "cc");
#else
    __asm__ volatile("1: subs %0, #1\n bne 1b" : "+l"(left) : : "cc");
#endif
    end();
  }
  counted_print("both done\n");
  return failure;
}
)";

struct Program {
  TempDir folder = *TempDir::Create("tunefarm-test");
  CountedProgram program;

  explicit Program(const std::string& text = kProgram) {
    program.sources = {folder.path() + "/program.c"};
    program.begin = "begin";
    program.end = "end";
    REQUIRE(WriteFileAtomic(program.sources[0], text).ok());
  }
  absl::StatusOr<CountedRun> Run(const std::string& device, int loops, int failure = 0) {
    const absl::StatusOr<Board> board = FindBoard(device);
    REQUIRE(board.ok());
    program.flags = {"-O3", absl::StrCat("-DLOOPS=", loops), absl::StrCat("-DFAILURE=", failure)};
    return RunCounted(*board, program);
  }
};

// True, and says so, when a program that the test needs is missing.
bool Missing(const absl::Status& status) {
  if (!absl::IsNotFound(status)) return false;
  WARN("skipped: " << status.message());
  return true;
}

TEST_CASE("AProgramIsCountedFromItsBeginToItsEndOnEveryEmulatedBoard") {
  for (const std::string& name : BuiltinBoardNames()) {
    INFO(name);
    Program program;
    const absl::StatusOr<CountedRun> few = program.Run("emulated:" + name, 100);
    if (Missing(few.status())) continue;
    INFO(few.status().message());
    REQUIRE(few.ok());
    const absl::StatusOr<CountedRun> many = program.Run("emulated:" + name, 350);
    REQUIRE(many.ok());
    CHECK(few->output == "both done\n");
    REQUIRE(few->regions.size() == 2);
    REQUIRE(many->regions.size() == 2);
    for (int run = 0; run < 2; ++run) {
      CHECK(many->regions[run].instructions - few->regions[run].instructions == 500);
    }
  }
}

TEST_CASE("AProgramCostsWhatTheRulesOfTheCortexM4Say") {
  const absl::StatusOr<Board> board = FindBoard("emulated:cortex-m4");
  REQUIRE(board.ok());
  Program program;
  const absl::StatusOr<CountedRun> few = program.Run("emulated:cortex-m4", 100);
  if (Missing(few.status())) return;
  const absl::StatusOr<CountedRun> many = program.Run("emulated:cortex-m4", 350);
  REQUIRE(few.ok());
  REQUIRE(many.ok());
  absl::StatusOr<cycles::Estimator> estimator = cycles::Estimator::Create(board->cycle_model, "");
  REQUIRE(estimator.ok());
  const auto estimates = estimator->Run({few->regions[1], many->regions[1]});
  REQUIRE(estimates.ok());
  // A subtraction, a branch, and two more for a branch that is taken.
  CHECK((*estimates)[1].cycles - (*estimates)[0].cycles == Approx(250 * 4));
}

TEST_CASE("AProgramThatFailsIsAnErrorWithItsWords") {
  for (const char* device : {"emulated:cortex-m4", "emulated:cortex-a53"}) {
    Program program;
    const absl::StatusOr<CountedRun> run = program.Run(device, 1, 1);
    if (Missing(run.status())) continue;
    CHECK(run.status().code() == absl::StatusCode::kAborted);
    CHECK_THAT(std::string(run.status().message()), Catch::Contains("both done"));
  }
}

TEST_CASE("AProgramWithoutItsMarksOrThatDoesNotCompileIsRefusedBeforeItRuns") {
  Program program;
  program.program.end = "finish";
  absl::StatusOr<CountedRun> run = program.Run("emulated:cortex-m4", 1);
  if (Missing(run.status())) return;
  CHECK(run.status().code() == absl::StatusCode::kInvalidArgument);
  CHECK_THAT(std::string(run.status().message()), Catch::Contains("finish"));

  Program broken("int counted_main(void) { return nothing; }");
  run = broken.Run("emulated:cortex-m4", 1);
  CHECK(run.status().code() == absl::StatusCode::kFailedPrecondition);
  CHECK_THAT(std::string(run.status().message()), Catch::Contains("nothing"));
}

}  // namespace
}  // namespace tunefarm::bench
