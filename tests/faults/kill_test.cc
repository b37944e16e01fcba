// `kill -9` of any process of a farm, at any moment, again and again.
//
// By hand, for longer: TUNEFARM_KILLS=400 TUNEFARM_SEED=7 faults_test.
#include <sqlite3.h>

#include <cstdlib>
#include <numeric>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/time/clock.h"
#include "base/rng.h"
#include "tests/catch.h"
#include "tests/e2e/farm_harness.h"

namespace tunefarm {
namespace {

constexpr int kTasks = 2;

int FromEnvironment(const char* name, int otherwise) {
  const char* text = std::getenv(name);
  int value = 0;
  return text != nullptr && absl::SimpleAtoi(text, &value) && value > 0 ? value : otherwise;
}

// One number from the database, however its writer is doing; -1 when there is none yet.
int64_t Ask(const std::string& database, const char* question) {
  sqlite3* connection = nullptr;
  sqlite3_stmt* statement = nullptr;
  int64_t answer = -1;
  if (sqlite3_open_v2(database.c_str(), &connection, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK &&
      sqlite3_busy_timeout(connection, 1000) == SQLITE_OK &&
      sqlite3_prepare_v2(connection, question, -1, &statement, nullptr) == SQLITE_OK &&
      sqlite3_step(statement) == SQLITE_ROW) {
    answer = sqlite3_column_int64(statement, 0);
  }
  sqlite3_finalize(statement);
  sqlite3_close(connection);
  return answer;
}

TEST_CASE("KilledProcessesLoseNoTrialAndRecordNoneTwice") {
  const int kills = FromEnvironment("TUNEFARM_KILLS", 20);
  Rng rng(static_cast<uint64_t>(FromEnvironment("TUNEFARM_SEED", 1)));
  const int trials = std::max(24, kills);  // Per task: enough for kills to fall all along the way.
  const int budget = 2 * kTasks * trials;

  Farm farm(2);
  farm.Start();
  // One of them with a cost model, which must be trained again from the records after each start.
  v1::SubmitJobRequest modelled = QuickJob("bob", kTasks, trials);
  modelled.mutable_options()->set_strategy("xgb");
  const std::string jobs[] = {farm.Submit(QuickJob("ada", kTasks, trials)), farm.Submit(modelled)};

  // Each process equally often, in random order.
  FarmProgram* const programs[] = {&farm.tracker, &farm.daemon, &farm.runners[0], &farm.runners[1]};
  std::vector<int> victims(static_cast<std::size_t>(kills));
  std::iota(victims.begin(), victims.end(), 0);
  rng.Shuffle(victims);
  int killed = 0;
  for (const int victim : victims) {
    // Along with what is recorded, so that no kill comes when all is over, and then at a random moment: in
    // the middle of a build, a measurement, a transaction, or of the start after another's kill.
    const int64_t progress = static_cast<int64_t>(budget) * 9 / 10 * killed / kills;
    INFO("after " << killed << " kills");
    REQUIRE(Eventually([&] { return Ask(farm.database(), "SELECT count(*) FROM record") >= progress; }));
    absl::SleepFor(absl::Milliseconds(static_cast<int64_t>(rng.Uniform(200))));
    FarmProgram& program = *programs[victim % 4];
    program.Kill();
    program.Start();
    ++killed;
  }
  REQUIRE(killed == kills);

  for (const std::string& job : jobs) {
    REQUIRE(farm.AwaitEnd(job) == v1::JOB_STATE_DONE);
    CheckComplete(farm.database(), job, kTasks, trials);
  }
  // Nor is there anything else in it.
  REQUIRE(Ask(farm.database(), "SELECT count(*) FROM record") == budget);
  REQUIRE(Ask(farm.database(), "SELECT count(*) FROM proposal") == 0);
  REQUIRE(Ask(farm.database(), "SELECT count(*) FROM job") == 2);
  REQUIRE(Ask(farm.database(), "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check != 'ok'") ==
          0);
}

}  // namespace
}  // namespace tunefarm
