#include "tuner/prior_knowledge.h"

#include <set>
#include <utility>

#include "schedules/loop_tree.h"
#include "tests/catch.h"

namespace tunefarm::tuner {
namespace {

std::shared_ptr<const schedules::Task> MatmulTask(int rows, const char* target = "x86-64-v3") {
  const auto workload = schedules::Workload::Parse(absl::StrCat("matmul:m=", rows, ",n=64,k=64,dtype=f32"));
  return *schedules::Task::Create(*workload, *schedules::FindTarget(target));
}

// As a job leaves them: random configs of the task, the newest first; the i-th takes 100 + i us.
std::vector<db::Record> RecordsOf(const schedules::Task& task, int count) {
  Rng rng(7);
  std::vector<db::Record> records;
  std::set<std::string> known;
  while (static_cast<int>(records.size()) < count) {
    db::Record record;
    record.config = task.space().ToText(task.space().Sample(rng));
    if (!known.insert(record.config).second) continue;
    record.workload = task.workload().ToString();
    record.target_name = task.target().name;
    record.target_json = task.target().ToJson();
    record.template_version = task.template_version();
    record.device_class = "board";
    record.measurement.add_kernels()->set_median_us(100 + static_cast<double>(records.size()));
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace

TEST_CASE("EarlierJobsGiveAModelAndTheBestConfigsOfSimilarTasks") {
  const auto known = MatmulTask(64), fresh = MatmulTask(128);
  const std::vector<db::Record> records = RecordsOf(*known, 80);
  const std::vector<SessionTask> tasks = {{fresh}};
  const absl::StatusOr<PriorKnowledge> prior = LearnFrom(records, tasks);
  REQUIRE(prior.ok());
  CHECK(prior->hints == std::vector<std::vector<std::string>>{{records[0].config, records[1].config}});
  REQUIRE_FALSE(prior->start_model.empty());
  // A session takes it, and the same records teach the same.
  CHECK(JobSession::Create({{fresh, 1, {}, prior->hints[0]}},
                           {.trials = 8, .strategy = "xgb", .start_model = prior->start_model})
            .ok());
  CHECK(LearnFrom(records, tasks)->start_model == prior->start_model);
}

TEST_CASE("OnlyRecordsThatMeanTheSameTodayTeach") {
  const auto known = MatmulTask(64);
  const auto learns_nothing = [&](const std::vector<db::Record>& records, const SessionTask& task) {
    const absl::StatusOr<PriorKnowledge> prior = LearnFrom(records, {task});
    return prior.ok() && prior->start_model.empty() && prior->hints[0].empty();
  };
  std::vector<db::Record> records = RecordsOf(*known, 80);
  CHECK_FALSE(learns_nothing(records, {known}));
  SECTION("another target") { CHECK(learns_nothing(records, {MatmulTask(64, "x86-64-v2")})); }
  SECTION("another operator") {
    const auto dense = schedules::Workload::Parse("dense:m=64,n=64,k=64,dtype=f32");
    CHECK(learns_nothing(records, {*schedules::Task::Create(*dense, *schedules::FindTarget("x86-64-v3"))}));
  }
  SECTION("another template") {
    for (db::Record& record : records) record.template_version = "tiled-0";
    CHECK(learns_nothing(records, {known}));
  }
  SECTION("failures of the farm") {
    for (db::Record& record : records) {
      record.measurement.clear_kernels();
      record.measurement.mutable_failure()->set_kind(v1::FAILURE_KIND_DEVICE_LOST);
    }
    CHECK(learns_nothing(records, {known}));
  }
  SECTION("configs that are not legal") {
    for (db::Record& record : records) record.config = "lanes=3";
    CHECK(learns_nothing(records, {known}));
  }
  SECTION("no records") { CHECK(learns_nothing({}, {known})); }
}

}  // namespace tunefarm::tuner
