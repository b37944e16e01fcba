// How fast the log database takes and finds records, and how large it gets.
//
//   bench-db [--records 1000000] [--tasks 10000] [--batch 100]
#include <sys/resource.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/rng.h"
#include "base/status.h"
#include "db/database.h"

namespace tunefarm {
namespace {

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The i-th distinct shape; "near" ones have an odd k, which none of these has.
std::string Workload(int64_t i, bool near) {
  return absl::StrCat("matmul:m=", 16 * (1 + i % 100), ",n=", 16 * (1 + i / 100), ",k=", near ? 255 : 256,
                      ",dtype=f32,epilogue=none");
}

db::Record MakeRecord(const std::string& job, int64_t task, int trial, Rng& rng) {
  db::Record record;
  record.job_id = job;
  record.task_index = static_cast<int32_t>(task);
  record.trial = trial;
  record.workload = Workload(task, false);
  record.target_name = "x86-64-v3";
  record.target_json = std::string(600, 't');
  record.config =
      absl::StrCat("tile_m=", rng.Uniform(16), ",tile_n=", rng.Uniform(16), ",tile_k=", rng.Uniform(16),
                   ",order=mnk,unroll=", rng.Uniform(8), ",pack=rhs,tail=pad,vector=16");
  record.template_version = "tiled/1";
  record.toolchain = std::string(200, 'c');
  record.kernel_digest = std::string(64, 'a');
  record.device_id = "board";
  record.device_class = "bench";
  record.flop = 1e9;
  record.policy.set_name("standard");
  if (rng.Bernoulli(0.1)) {
    record.measurement.mutable_failure()->set_kind(v1::FAILURE_KIND_COMPILE);
    return record;
  }
  v1::KernelResult& kernel = *record.measurement.add_kernels();
  const double median = 50 + 1000 * rng.UniformDouble();
  for (int i = 0; i < 20; ++i) kernel.add_samples_us(median * (1 + 0.01 * rng.UniformDouble()));
  kernel.set_median_us(median);
  kernel.set_raw_median_us(median);
  kernel.set_low_us(median);
  kernel.set_high_us(median);
  kernel.set_iterations(100);
  v1::Environment& environment = *record.measurement.mutable_environment();
  environment.set_boot_id(std::string(36, 'b'));
  environment.set_device_id("board");
  environment.set_mhz(1500);
  return record;
}

// Median and 99th percentile, in microseconds, of many lookups.
absl::Status Time(db::Database& db, const char* name, int64_t tasks, bool near) {
  constexpr int kLookups = 10000;
  Rng rng(3);
  std::vector<double> us;
  for (int i = 0; i < kLookups; ++i) {
    const db::LookupKey key{Workload(static_cast<int64_t>(rng.Uniform(static_cast<uint64_t>(tasks))), near),
                            "x86-64-v3", "bench"};
    const double start = Seconds();
    const auto found = db.FindBest(key);
    us.push_back(1e6 * (Seconds() - start));
    if (!found.ok()) return found.status();
    if (found->match != (near ? db::Match::kNear : db::Match::kExact))
      return absl::InternalError(found->explanation);
  }
  const double first = us.front();
  std::sort(us.begin(), us.end());
  std::printf("FindBest %-6s median %8.1f us   p99 %8.1f us   first %8.1f us\n", name, us[kLookups / 2],
              us[kLookups * 99 / 100], first);
  return absl::OkStatus();
}

absl::Status Run(int64_t records, int64_t tasks, int64_t batch) {
  TUNEFARM_ASSIGN_OR_RETURN(TempDir folder, TempDir::Create("tunefarm-bench-db"));
  const std::string path = folder.path() + "/log.db";
  {
    TUNEFARM_ASSIGN_OR_RETURN(const auto db, db::Database::Open(path, db::Database::Mode::kReadWrite));
    TUNEFARM_ASSIGN_OR_RETURN(const db::Job job, db->InsertJob({}, 1));
    Rng rng(1);
    double inserting = 0;
    std::vector<db::Record> pending;
    for (int64_t i = 0; i < records; ++i) {
      // Tasks one after the other, as jobs do.
      const int64_t per_task = std::max<int64_t>(1, records / tasks);
      pending.push_back(MakeRecord(job.id, i / per_task, static_cast<int>(i % per_task), rng));
      if (static_cast<int64_t>(pending.size()) < batch && i + 1 < records) continue;
      const double start = Seconds();
      TUNEFARM_RETURN_IF_ERROR(db->InsertRecords(pending).status());
      inserting += Seconds() - start;
      pending.clear();
    }
    std::printf("inserted %lld records in batches of %lld: %.0f a second\n", static_cast<long long>(records),
                static_cast<long long>(batch), static_cast<double>(records) / inserting);
  }
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return ErrnoToStatus(errno, path);
  std::printf("%.0f bytes a record, %.2f GB\n",
              static_cast<double>(info.st_size) / static_cast<double>(records),
              static_cast<double>(info.st_size) / 1e9);
  TUNEFARM_ASSIGN_OR_RETURN(const auto db, db::Database::Open(path, db::Database::Mode::kReadOnly));
  TUNEFARM_RETURN_IF_ERROR(Time(*db, "exact", tasks, false));
  TUNEFARM_RETURN_IF_ERROR(Time(*db, "near", tasks, true));
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  std::printf("largest resident memory %.0f MB\n", static_cast<double>(usage.ru_maxrss) / 1024);
  return absl::OkStatus();
}

}  // namespace
}  // namespace tunefarm

int main(int argc, char** argv) {
  CLI::App app("Inserts synthetic records into a scratch database and times lookups.");
  int64_t records = 1000000, tasks = 10000, batch = 100;
  app.add_option("--records", records, "How many")->capture_default_str()->check(CLI::PositiveNumber);
  app.add_option("--tasks", tasks, "Distinct workloads among them")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--batch", batch, "Records in one transaction")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = tunefarm::Run(records, std::min(tasks, records), batch);
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", std::string(status.message()).c_str());
  return 1;
}
