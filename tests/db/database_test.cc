// What the log database promises about jobs, trials and records.
#include "db/database.h"

#include <sqlite3.h>

#include <set>
#include <thread>

#include "base/exit_code.h"
#include "base/file.h"
#include "db/failure_text.h"
#include "tests/catch.h"
#include "tests/db/samples.h"

namespace tunefarm::db {
namespace {

struct Fixture {
  TempDir folder = *TempDir::Create();
  std::string path = folder.path() + "/log.db";
  std::unique_ptr<Database> db = Open();
  std::string job = db->InsertJob(SampleRequest("token"), 5)->id;

  std::unique_ptr<Database> Open(Database::Mode mode = Database::Mode::kReadWrite) const {
    auto opened = Database::Open(path, mode);
    INFO(opened.status().ToString());
    REQUIRE(opened.ok());
    return *std::move(opened);
  }
  void Reopen() {
    db.reset();
    db = Open();
  }
};

TEST_CASE_METHOD(Fixture, "JobSubmittedTwiceWithOneTokenIsOneJob") {
  const auto again = db->InsertJob(SampleRequest("token"), 99);
  REQUIRE(again.ok());
  CHECK(again->id == job);
  CHECK(again->submitted_unix_us == 5);
  CHECK(db->Jobs()->size() == 1);
  CHECK(db->InsertJob(SampleRequest("other"), 6)->id != job);
}

TEST_CASE_METHOD(Fixture, "JobsWithoutATokenAreAllDifferent") {
  CHECK(db->InsertJob(SampleRequest(""), 1)->id != db->InsertJob(SampleRequest(""), 1)->id);
  CHECK(db->Jobs()->size() == 3);
}

TEST_CASE_METHOD(Fixture, "JobIdsAreSayable") {
  REQUIRE(job.size() == 10);
  CHECK(job.substr(0, 4) == "job-");
  CHECK(job.find_first_not_of("0123456789abcdef", 4) == std::string::npos);
}

TEST_CASE_METHOD(Fixture, "JobKeepsStateMessageRequestAndNotesAcrossRestart") {
  REQUIRE(db->SetJobState(job, JobState::kCancelled, "by ann").ok());
  REQUIRE(db->SetJobNote(job, "class", std::string("a\0b", 3)).ok());
  REQUIRE(db->SetJobNote(job, "class", "cortex-a72").ok());
  Reopen();
  const auto found = db->FindJob(job);
  REQUIRE(found.ok());
  CHECK(found->state == JobState::kCancelled);
  CHECK(found->message == "by ann");
  CHECK(found->request.SerializeAsString() == SampleRequest("token").SerializeAsString());
  CHECK(**db->JobNote(job, "class") == "cortex-a72");
  CHECK_FALSE(db->JobNote(job, "absent")->has_value());
}

TEST_CASE_METHOD(Fixture, "UnknownJobIsNotFoundAndTheMessageSaysHowToListThem") {
  for (const absl::Status& status :
       {db->FindJob("job-000000").status(), db->SetJobState("job-000000", JobState::kDone, ""),
        db->OpenProposals("job-000000").status(),
        db->InsertRecord(SampleRecord("job-000000", 0, Timed(1))).status()}) {
    CHECK(absl::IsNotFound(status));
    CHECK(ExitCodeOf(status) == ExitCode::kNotFound);
    CHECK(std::string(status.message()).find("tunefarm jobs") != std::string::npos);
  }
}

TEST_CASE_METHOD(Fixture, "EventsReplayInOrderFromAnySequence") {
  std::vector<v1::JobEvent> events(5);
  for (int i = 0; i < 5; ++i) {
    events[i].set_sequence(i + 1);
    events[i].mutable_notice()->set_text("event " + std::to_string(i + 1));
  }
  REQUIRE(db->AppendEvents(job, events).ok());
  Reopen();
  const auto replayed = db->Events(job, 2, 2);
  REQUIRE(replayed->size() == 2);
  CHECK((*replayed)[0].notice().text() == "event 3");
  CHECK((*replayed)[1].sequence() == 4);
}

TEST_CASE_METHOD(Fixture, "EventsThatRepeatASequenceAreRefusedAsAWhole") {
  v1::JobEvent first, second;
  first.set_sequence(1);
  second.set_sequence(2);
  REQUIRE(db->AppendEvents(job, {first}).ok());
  CHECK(absl::IsInvalidArgument(db->AppendEvents(job, {second, first})));
  CHECK(db->Events(job, 0, 10)->size() == 1);
}

TEST_CASE_METHOD(Fixture, "ProposalStaysOpenUntilItsRecordIsStored") {
  REQUIRE(db->InsertProposals({{job, 0, 0, "tile_m=0"}, {job, 0, 1, "tile_m=1"}}).ok());
  REQUIRE(db->InsertRecord(SampleRecord(job, 0, Timed(10))).ok());
  Reopen();
  const auto open = db->OpenProposals(job);
  REQUIRE(open->size() == 1);
  CHECK((*open)[0].trial == 1);
  CHECK((*open)[0].config == "tile_m=1");
}

TEST_CASE_METHOD(Fixture, "ProposalRepeatedIsANoOpAndWithAnotherConfigRefused") {
  REQUIRE(db->InsertProposals({{job, 0, 0, "tile_m=0"}}).ok());
  CHECK(db->InsertProposals({{job, 0, 0, "tile_m=0"}}).ok());
  CHECK(absl::IsAlreadyExists(db->InsertProposals({{job, 0, 1, "tile_m=1"}, {job, 0, 0, "tile_m=9"}})));
  CHECK(db->OpenProposals(job)->size() == 1);
  REQUIRE(db->InsertRecord(SampleRecord(job, 0, Timed(10))).ok());
  CHECK(db->InsertProposals({{job, 0, 0, "tile_m=0"}}).ok());
  CHECK(db->OpenProposals(job)->empty());
}

TEST_CASE_METHOD(Fixture, "RecordComesBackAsItWasStored") {
  Record stored = SampleRecord(job, 3, Timed(12.5));
  stored.estimated = true;
  stored.threads = 4;
  const auto id = db->InsertRecord(stored);
  REQUIRE(id.ok());
  Reopen();
  const auto found = db->FindRecord(*id);
  REQUIRE(found.ok());
  CHECK(found->id == *id);
  CHECK(found->job_id == job);
  CHECK(found->trial == 3);
  CHECK(found->workload == stored.workload);
  CHECK(found->target_name == stored.target_name);
  CHECK(found->target_json == stored.target_json);
  CHECK(found->config == stored.config);
  CHECK(found->template_version == stored.template_version);
  CHECK(found->toolchain == stored.toolchain);
  CHECK(found->kernel_digest == stored.kernel_digest);
  CHECK(found->device_id == stored.device_id);
  CHECK(found->device_class == stored.device_class);
  CHECK(found->estimated);
  CHECK(found->threads == 4);
  CHECK(found->input_seed == ~uint64_t{0});
  CHECK(found->search_seed == 7);
  CHECK(found->flop == stored.flop);
  CHECK(found->created_unix_us == stored.created_unix_us);
  CHECK_FALSE(found->confirmed);
  CHECK(found->policy.SerializeAsString() == stored.policy.SerializeAsString());
  CHECK(found->measurement.SerializeAsString() == stored.measurement.SerializeAsString());
}

TEST_CASE_METHOD(Fixture, "EveryFailureKindCanBeStored") {
  const auto* kinds = v1::FailureKind_descriptor();
  for (int i = 0; i < kinds->value_count(); ++i) {
    const auto kind = static_cast<v1::FailureKind>(kinds->value(i)->number());
    if (kind == v1::FAILURE_KIND_UNSPECIFIED) continue;
    INFO(FailureText(kind));
    const auto id = db->InsertRecord(SampleRecord(job, i, Failed(kind)));
    REQUIRE(id.ok());
    CHECK(db->FindRecord(*id)->measurement.failure().kind() == kind);
  }
  CHECK(FailureText(v1::FAILURE_KIND_WRONG_RESULT) == "wrong_result");
}

TEST_CASE_METHOD(Fixture, "RecordOfOneTrialIsStoredOnce") {
  const auto first = db->InsertRecord(SampleRecord(job, 0, Timed(10)));
  const auto second = db->InsertRecord(SampleRecord(job, 0, Timed(5)));
  REQUIRE(second.ok());
  CHECK(*second == *first);
  CHECK(db->FindRecord(*first)->median_us() == 10);
  CHECK(db->JobRecords(job, 0)->size() == 1);
}

TEST_CASE_METHOD(Fixture, "BatchIsStoredAsAWholeOrNotAtAll") {
  const auto ids =
      db->InsertRecords({SampleRecord(job, 0, Timed(10)), SampleRecord("job-000000", 1, Timed(10))});
  CHECK_FALSE(ids.ok());
  CHECK(db->JobRecords(job, 0)->empty());
  // What the undone batch interned is interned again.
  REQUIRE(db->InsertRecord(SampleRecord(job, 0, Timed(10))).ok());
  CHECK(db->JobRecords(job, 0)->front().toolchain == "gcc 12.2 -O3");
}

TEST_CASE_METHOD(Fixture, "RecordWithNeitherTimeNorFailureIsRefused") {
  CHECK(absl::IsInvalidArgument(db->InsertRecord(SampleRecord(job, 0, {})).status()));
  CHECK(absl::IsInvalidArgument(db->InsertRecord(SampleRecord(job, 0, Timed(0))).status()));
  Record record = SampleRecord(job, 0, Timed(1));
  record.kernel_digest = "../../etc/passwd";
  CHECK(absl::IsInvalidArgument(db->InsertRecord(record).status()));
}

TEST_CASE_METHOD(Fixture, "JobRecordsComeInTrialOrder") {
  REQUIRE(db->InsertRecords({SampleRecord(job, 2, Timed(1)), SampleRecord(job, 0, Timed(2)),
                             SampleRecord(job, 1, Failed(v1::FAILURE_KIND_CRASH))})
              .ok());
  const auto records = db->JobRecords(job, 0);
  REQUIRE(records->size() == 3);
  for (int i = 0; i < 3; ++i) CHECK((*records)[i].trial == i);
}

TEST_CASE_METHOD(Fixture, "ReaderSeesWhatIsWrittenWhileItIsOpen") {
  const auto reader = Open(Database::Mode::kReadOnly);
  std::thread writer([&] {
    for (int trial = 0; trial < 50; ++trial)
      (void)db->InsertRecord(SampleRecord(job, trial, Timed(100 - trial)));
  });
  // A reader never sees a best that is slower than one it saw before, nor fails.
  double last = 1e9;
  LookupKey key{SampleRecord(job, 0, {}).workload, "cortex-a72", "cortex-a72"};
  while (last > 51) {
    const auto found = reader->FindBest(key);
    REQUIRE(found.ok());
    if (!found->record.has_value()) continue;
    REQUIRE(found->record->median_us() <= last);
    last = found->record->median_us();
  }
  writer.join();
  CHECK(reader->JobRecords(job, 0)->size() == 50);
}

TEST_CASE_METHOD(Fixture, "ReaderCannotWrite") {
  const auto reader = Open(Database::Mode::kReadOnly);
  const absl::Status status = reader->SetJobState(job, JobState::kDone, "");
  CHECK(absl::IsPermissionDenied(status));
  CHECK(ExitCodeOf(status) == ExitCode::kDatabaseReadOnly);
}

}  // namespace
}  // namespace tunefarm::db
