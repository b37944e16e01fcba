// A process of its own for the database's fault tests.
//
//   db-probe fill FILE [MAX_FILE_BYTES]   store records for ever, saying "ack N" when N are stored
//   db-probe check FILE read|write        open it and say "records N"
//
// An error is printed as "error MESSAGE" and its exit status is ours.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "base/exit_code.h"
#include "db/database.h"
#include "tests/db/samples.h"

namespace {

using tunefarm::db::Database;

int Fail(const absl::Status& status) {
  std::printf("error %s\n", std::string(status.message()).c_str());
  return static_cast<int>(tunefarm::ExitCodeOf(status));
}

absl::Status Fill(const std::string& file) {
  TUNEFARM_ASSIGN_OR_RETURN(const auto db, Database::Open(file, Database::Mode::kReadWrite));
  TUNEFARM_ASSIGN_OR_RETURN(const auto job, db->InsertJob(tunefarm::db::SampleRequest("probe"), 1));
  TUNEFARM_ASSIGN_OR_RETURN(const auto stored, db->JobRecords(job.id, 0));
  int trial = static_cast<int>(stored.size());
  for (;;) {
    std::vector<tunefarm::db::Trial> trials;
    std::vector<tunefarm::db::Record> records;
    for (const int end = trial + 3; trial < end; ++trial) {
      records.push_back(tunefarm::db::SampleRecord(job.id, trial, tunefarm::db::Timed(1000 + trial)));
      trials.push_back({job.id, 0, trial, records.back().config});
    }
    TUNEFARM_RETURN_IF_ERROR(db->InsertProposals(trials));
    TUNEFARM_RETURN_IF_ERROR(db->InsertRecords(records).status());
    std::printf("ack %d\n", trial);
    std::fflush(stdout);
  }
}

absl::Status Check(const std::string& file, Database::Mode mode) {
  TUNEFARM_ASSIGN_OR_RETURN(const auto db, Database::Open(file, mode));
  TUNEFARM_ASSIGN_OR_RETURN(const auto records, db->History({.limit = -1}));
  std::printf("records %zu\n", records.size());
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  const std::string command = argc > 2 ? argv[1] : "";
  if (command == "fill") {
    if (argc > 3) {
      const rlimit limit{std::strtoull(argv[3], nullptr, 10), RLIM_INFINITY};
      if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return 1;
      std::signal(SIGXFSZ, SIG_IGN);
    }
    return Fail(Fill(argv[2]));
  }
  if (command == "check" && argc == 4) {
    const auto mode = std::string(argv[3]) == "read" ? Database::Mode::kReadOnly : Database::Mode::kReadWrite;
    const absl::Status status = Check(argv[2], mode);
    return status.ok() ? 0 : Fail(status);
  }
  return 2;
}
