// Which record a lookup answers with.
#include "base/file.h"
#include "db/database.h"
#include "tests/catch.h"
#include "tests/db/samples.h"

namespace tunefarm::db {
namespace {

constexpr char kWorkload[] = "matmul:m=64,n=64,k=64,dtype=f32,epilogue=none";

struct Fixture {
  TempDir folder = *TempDir::Create();
  std::unique_ptr<Database> db = *Database::Open(folder.path() + "/log.db", Database::Mode::kReadWrite);
  std::string job = db->InsertJob(SampleRequest("token"), 5)->id;
  int next_trial = 0;
  LookupKey key{kWorkload, "cortex-a72", "cortex-a72"};

  // The id of a new record.
  int64_t Add(v1::Measurement measurement, const std::string& workload = kWorkload,
              const std::string& config = "", const std::string& device_class = "cortex-a72",
              bool estimated = false) {
    Record record = SampleRecord(job, next_trial++, std::move(measurement));
    record.workload = workload;
    if (!config.empty()) record.config = config;
    record.device_class = device_class;
    record.estimated = estimated;
    const auto id = db->InsertRecord(record);
    INFO(id.status().ToString());
    REQUIRE(id.ok());
    return *id;
  }
  Lookup Find(const LookupKey& k) {
    const auto found = db->FindBest(k);
    INFO(found.status().ToString());
    REQUIRE(found.ok());
    return *found;
  }
};

v1::Measurement Censored(double lower_bound_us) {
  v1::Measurement measurement = Timed(lower_bound_us);
  measurement.mutable_kernels(0)->set_censored(true);
  return measurement;
}

TEST_CASE_METHOD(Fixture, "FastestRecordOfTheTaskIsTheExactAnswer") {
  Add(Timed(10));
  const int64_t fastest = Add(Timed(5));
  Add(Timed(7));
  const Lookup found = Find(key);
  CHECK(found.match == Match::kExact);
  CHECK(found.record->id == fastest);
  CHECK(found.expected_loss == 0);
}

TEST_CASE_METHOD(Fixture, "FailedAndCensoredTrialsAreNeverTheBest") {
  Add(Failed(v1::FAILURE_KIND_WRONG_RESULT));
  Add(Censored(1));
  CHECK(Find(key).match == Match::kDefault);
  const int64_t slow = Add(Timed(1000));
  Add(Censored(2));
  CHECK(Find(key).record->id == slow);
  CHECK(db->Top(key, 10)->size() == 1);
}

TEST_CASE_METHOD(Fixture, "ConfirmedRecordTakesPrecedenceOverAFasterUnconfirmedOne") {
  const int64_t confirmed = Add(Timed(10));
  Add(Timed(9));
  REQUIRE(db->MarkConfirmed(confirmed, Timed(10.5)).ok());
  Add(Timed(8));
  const Lookup found = Find(key);
  CHECK(found.record->id == confirmed);
  CHECK(found.record->confirmed);
  CHECK(found.record->confirmation->kernels(0).median_us() == 10.5);
  CHECK(found.record->median_us() == 10);
}

TEST_CASE_METHOD(Fixture, "FastestConfirmationWinsAndANewOneReplacesTheOld") {
  const int64_t a = Add(Timed(10)), b = Add(Timed(11));
  REQUIRE(db->MarkConfirmed(a, Timed(10)).ok());
  REQUIRE(db->MarkConfirmed(b, Timed(9)).ok());
  CHECK(Find(key).record->id == b);
  REQUIRE(db->MarkConfirmed(b, Timed(12)).ok());
  CHECK(Find(key).record->id == a);
  REQUIRE(db->MarkConfirmed(b, Timed(10)).ok());
  CHECK(Find(key).record->id == b);  // Of equals, the newer record.
}

TEST_CASE_METHOD(Fixture, "ConfirmationsOfOtherTemplatesNoLongerCount") {
  // A program with newer templates cannot build what an older one found, however fast that was.
  const int64_t old = Add(Timed(10));
  REQUIRE(db->MarkConfirmed(old, Timed(8)).ok());
  Record record = SampleRecord(job, next_trial++, Timed(11));
  record.template_version = "tiled/2";
  const auto id = db->InsertRecord(record);
  REQUIRE(id.ok());
  CHECK(Find(key).record->id == old);
  REQUIRE(db->MarkConfirmed(*id, Timed(9)).ok());
  CHECK(Find(key).record->id == *id);
  CHECK(Find(key).record->confirmed);
}

TEST_CASE_METHOD(Fixture, "OnlyATimedRecordCanBeConfirmedAndOnlyByATime") {
  const int64_t failed = Add(Failed(v1::FAILURE_KIND_CRASH)), timed = Add(Timed(3));
  CHECK(absl::IsFailedPrecondition(db->MarkConfirmed(failed, Timed(1))));
  CHECK(absl::IsNotFound(db->MarkConfirmed(999, Timed(1))));
  CHECK(absl::IsInvalidArgument(db->MarkConfirmed(timed, Failed(v1::FAILURE_KIND_NOISY))));
  CHECK_FALSE(Find(key).record->confirmed);
}

TEST_CASE_METHOD(Fixture, "EstimatedAndMeasuredTimesNeverMix") {
  Add(Timed(1), kWorkload, "", "cortex-a72", true);
  CHECK(Find(key).match == Match::kDefault);
  key.estimated = true;
  CHECK(Find(key).match == Match::kExact);
}

TEST_CASE_METHOD(Fixture, "WithoutADeviceClassTheOneWithMostRecordsAnswers") {
  Add(Timed(1), kWorkload, "", "cortex-a76");
  Add(Timed(10));
  Add(Failed(v1::FAILURE_KIND_CRASH));
  key.device_class = "";
  const Lookup found = Find(key);
  CHECK(found.record->device_class == "cortex-a72");
  CHECK(found.explanation.find("2 device classes") != std::string::npos);
  key.device_class = "cortex-a76";
  CHECK(Find(key).record->median_us() == 1);
}

TEST_CASE_METHOD(Fixture, "NearestShapeOfTheSameKindIsTheNearAnswer") {
  const int64_t close = Add(Timed(20), "matmul:m=128,n=64,k=64,dtype=f32,epilogue=none");
  Add(Timed(1), "matmul:m=512,n=64,k=64,dtype=f32,epilogue=none");
  Add(Timed(1), "matmul:m=64,n=64,k=64,dtype=f16,epilogue=none");
  Add(Timed(1), "dense:m=64,n=64,k=64,dtype=f32,epilogue=none");
  const Lookup found = Find(key);
  CHECK(found.match == Match::kNear);
  CHECK(found.record->id == close);
  CHECK(found.expected_loss > 0);
  CHECK(found.explanation.find("rule of thumb") != std::string::npos);
}

TEST_CASE_METHOD(Fixture, "ShapeOutOfReachOrForAnotherTargetIsTheDefaultAnswer") {
  Add(Timed(20), "matmul:m=65536,n=64,k=64,dtype=f32,epilogue=none");
  const Lookup far = Find(key);
  CHECK(far.match == Match::kDefault);
  CHECK_FALSE(far.record.has_value());
  CHECK(far.explanation.find(kWorkload) != std::string::npos);
  key = {"matmul:m=65536,n=64,k=65,dtype=f32,epilogue=none", "x86-64-v3", ""};
  CHECK(Find(key).match == Match::kDefault);
  key.target_name = "cortex-a72";
  CHECK(Find(key).match == Match::kNear);
  key.threads = 2;
  CHECK(Find(key).match == Match::kDefault);
  key.threads = 1;
  key.device_class = "cortex-a76";
  CHECK(Find(key).match == Match::kDefault);
}

TEST_CASE_METHOD(Fixture, "ShapeTunedAfterTheFirstLookupIsFound") {
  CHECK(Find(key).match == Match::kDefault);
  Add(Timed(20), "matmul:m=128,n=64,k=64,dtype=f32,epilogue=none");
  CHECK(Find(key).match == Match::kNear);
  Add(Timed(20), "matmul:m=65,n=64,k=64,dtype=f32,epilogue=none");
  CHECK(Find(key).record->workload == "matmul:m=65,n=64,k=64,dtype=f32,epilogue=none");
}

TEST_CASE_METHOD(Fixture, "ExpectedLossComesFromTrialsOfConfigsOnNeighbouringShapes") {
  // Three shapes, an octave apart (to within log2(1+v)'s rounding); each one's best config costs 10 % on the
  // next.
  const std::string shapes[] = {"matmul:m=127,n=64,k=64,dtype=f32", "matmul:m=255,n=64,k=64,dtype=f32",
                                "matmul:m=511,n=64,k=64,dtype=f32"};
  const std::string configs[] = {"tile_m=a", "tile_m=b", "tile_m=c"};
  for (int i = 0; i < 3; ++i) {
    Add(Timed(100), shapes[i], configs[i]);
    if (i > 0) Add(Timed(110), shapes[i], configs[i - 1]);
    if (i > 0) Add(Timed(110), shapes[i - 1], configs[i]);
  }
  Add(Timed(120), shapes[2], configs[0]);  // Two octaves, 20 %: the same per octave.
  const Lookup found = Find({"matmul:m=63,n=64,k=64,dtype=f32", "cortex-a72", "cortex-a72"});
  REQUIRE(found.match == Match::kNear);
  CHECK(found.record->workload == shapes[0]);
  CHECK(found.expected_loss == Approx(0.10).epsilon(0.001));
  CHECK(found.explanation.find("rule of thumb") == std::string::npos);
}

TEST_CASE_METHOD(Fixture, "TopIsFastestFirstWithEachConfigOnce") {
  Add(Timed(3), kWorkload, "tile_m=a");
  Add(Timed(1), kWorkload, "tile_m=b");
  Add(Timed(2), kWorkload, "tile_m=a");
  Add(Timed(4), kWorkload, "tile_m=c");
  const auto top = db->Top(key, 10);
  REQUIRE(top->size() == 3);
  CHECK((*top)[0].median_us() == 1);
  CHECK((*top)[1].median_us() == 2);
  CHECK((*top)[2].median_us() == 4);
  CHECK(db->Top(key, 2)->size() == 2);
}

TEST_CASE_METHOD(Fixture, "HistoryIsNewestFirstFilteredAndPaged") {
  const int64_t a = Add(Timed(1)), b = Add(Failed(v1::FAILURE_KIND_CRASH));
  const int64_t c = Add(Timed(3), "dense:m=1,n=2,k=3,dtype=f32"),
                d = Add(Timed(4), kWorkload, "", "cortex-a76");
  const auto ids = [&](const HistoryFilter& filter) {
    const auto records = db->History(filter);
    INFO(records.status().ToString());
    REQUIRE(records.ok());
    std::vector<int64_t> result;
    for (const Record& record : *records) result.push_back(record.id);
    return result;
  };
  using Ids = std::vector<int64_t>;
  CHECK(ids({}) == Ids{d, c, b, a});
  HistoryFilter filter;
  filter.workload = kWorkload;
  CHECK(ids(filter) == Ids{d, b, a});
  filter.device_class = "cortex-a72";
  CHECK(ids(filter) == Ids{b, a});
  filter.failures = false;
  CHECK(ids(filter) == Ids{a});
  filter = {};
  filter.job_id = job;
  filter.limit = 2;
  CHECK(ids(filter) == Ids{d, c});
  filter.before_id = c;
  CHECK(ids(filter) == Ids{b, a});
  filter = {};
  filter.target_name = "nowhere";
  CHECK(ids(filter).empty());
}

}  // namespace
}  // namespace tunefarm::db
