// Best-history lookup, top and history.
#include <algorithm>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_format.h"
#include "db/impl.h"
#include "db/shape.h"

namespace tunefarm::db {
namespace {

// Tuned shapes around the near one that are asked how well configs carry over. More make a lookup slower and
// speak of shapes that are further away; with fewer, kMinEvidence is seldom reached.
constexpr std::size_t kWitnesses = 8;
// Fewer observations than this are an anecdote: the rule of thumb is used.
constexpr std::size_t kMinEvidence = 3;
// History of up to so many records is collected through the index and sorted; of more it is read from the
// newest on, where matches are then dense enough to end soon.
constexpr int64_t kSortedHistory = 100000;

std::string Describe(const Record& record) {
  const double median =
      record.confirmation.has_value() ? record.confirmation->kernels(0).median_us() : record.median_us();
  return absl::StrFormat("record %d, %s, %.6g us (%.4g %s) on device class %s", record.id,
                         record.estimated   ? "estimated"
                         : record.confirmed ? "confirmed by interleaved pairs"
                                            : "not yet confirmed",
                         median, record.flop / median / 1e3, SpeedUnit(record.workload), record.device_class);
}

std::string DescribeKey(const LookupKey& key) {
  return absl::StrCat("target ", key.target_name,
                      key.device_class.empty() ? "" : absl::StrCat(", device class ", key.device_class), ", ",
                      key.threads, key.threads == 1 ? " thread" : " threads",
                      key.estimated ? ", estimated times" : "");
}

struct BestRow {
  int64_t record;
  double median_us;
};

absl::StatusOr<BestRow> BestOf(Connection& connection, int64_t task) {
  TUNEFARM_ASSIGN_OR_RETURN(Statement find,
                            connection.Query("SELECT record, median_us FROM best WHERE task = ?", task));
  TUNEFARM_RETURN_IF_ERROR(find.Step().status());
  return BestRow{find.Int(0), find.Real(1)};
}

// What a record's config took on another task, where it was tried.
absl::StatusOr<std::optional<double>> TimeOn(Connection& connection, int64_t record, int64_t task) {
  TUNEFARM_ASSIGN_OR_RETURN(
      Statement find,
      connection.Query("SELECT o.median_us FROM record r JOIN record o ON o.task = ?2 AND o.config_hash = "
                       "r.config_hash AND o.config = r.config AND o.template_version = r.template_version "
                       "WHERE r.id = ?1 AND o.median_us IS NOT NULL ORDER BY o.median_us LIMIT 1",
                       record, task));
  TUNEFARM_ASSIGN_OR_RETURN(const bool found, find.Step());
  if (!found) return std::optional<double>();
  return std::make_optional(find.Real(0));
}

}  // namespace

absl::StatusOr<std::optional<int64_t>> Database::Impl::MeasuredTask(const LookupKey& key,
                                                                    std::string* choice) {
  TUNEFARM_ASSIGN_OR_RETURN(
      Statement find,
      connection->Query("SELECT t.id, t.device_class, t.records, count(*) OVER () FROM workload w "
                        "JOIN task t ON t.workload = w.id JOIN best b ON b.task = t.id WHERE w.text = ?1 AND "
                        "t.target_name = ?2 AND t.threads = ?3 AND t.estimated = ?4 AND (?5 = '' OR "
                        "t.device_class = ?5) ORDER BY t.records DESC, t.id LIMIT 1",
                        key.workload, key.target_name, key.threads, key.estimated, key.device_class));
  TUNEFARM_ASSIGN_OR_RETURN(const bool found, find.Step());
  if (!found) return std::optional<int64_t>();
  if (find.Int(3) > 1) {
    *choice = absl::StrCat("; of ", find.Int(3), " device classes, ", find.Text(1), " has the most records (",
                           find.Int(2), ")");
  }
  return std::make_optional(find.Int(0));
}

absl::Status Database::Impl::LoadNeighbours() {
  TUNEFARM_ASSIGN_OR_RETURN(
      Statement rows,
      connection->Query(
          "SELECT b.id, t.id, w.text, t.target_name, t.device_class, t.threads, t.estimated FROM best b "
          "JOIN task t ON t.id = b.task JOIN workload w ON w.id = t.workload WHERE b.id > ? ORDER BY b.id",
          neighbours_until));
  for (;;) {
    TUNEFARM_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return absl::OkStatus();
    neighbours_until = rows.Int(0);
    Neighbour neighbour{rows.Int(1), rows.Text(2), rows.Text(4), {}};
    neighbour.shape = ParseShape(neighbour.workload);
    NeighbourGroup group{neighbour.shape.family, rows.Text(3), static_cast<int32_t>(rows.Int(5)),
                         rows.Int(6) != 0};
    neighbours.Add(group, std::move(neighbour));
  }
}

absl::StatusOr<Lookup> Database::Impl::FindNear(const LookupKey& key) {
  TUNEFARM_RETURN_IF_ERROR(LoadNeighbours());
  const Shape shape = ParseShape(key.workload);
  const NeighbourGroup group{shape.family, key.target_name, key.threads, key.estimated};
  Lookup lookup;
  const std::vector<Near> found = neighbours.Nearest(group, shape, key.device_class, kReachOctaves, 1);
  if (found.empty()) {
    lookup.explanation = absl::StrCat(
        "no tuned workload is near ", key.workload, " for ", DescribeKey(key),
        ": use the default config, or tune it with `tunefarm tune --workload \"", key.workload, "\"`");
    return lookup;
  }
  const Neighbour& near = *found.front().neighbour;
  const float distance = found.front().distance;
  TUNEFARM_ASSIGN_OR_RETURN(const BestRow best, BestOf(*connection, near.task));
  TUNEFARM_ASSIGN_OR_RETURN(lookup.record, Find(best.record));
  lookup.match = Match::kNear;

  std::vector<ObservedLoss> evidence;
  for (const Near& witness :
       neighbours.Nearest(group, near.shape, near.device_class, kReachOctaves, kWitnesses + 1)) {
    if (witness.neighbour->task == near.task || !(witness.distance > 0)) continue;
    TUNEFARM_ASSIGN_OR_RETURN(const BestRow other, BestOf(*connection, witness.neighbour->task));
    TUNEFARM_ASSIGN_OR_RETURN(const auto there, TimeOn(*connection, best.record, witness.neighbour->task));
    if (there.has_value())
      evidence.push_back({witness.distance, std::max(0.0, *there / other.median_us - 1)});
    TUNEFARM_ASSIGN_OR_RETURN(const auto here, TimeOn(*connection, other.record, near.task));
    if (here.has_value()) evidence.push_back({witness.distance, std::max(0.0, *here / best.median_us - 1)});
  }
  const std::size_t seen = evidence.size();
  const bool enough = seen >= kMinEvidence;
  lookup.expected_loss = enough ? LossFromEvidence(evidence, distance) : RuleOfThumbLoss(distance);
  lookup.explanation = absl::StrFormat(
      "nearest tuned workload, %.2g octaves away: %s (%s); expect about %.0f %% more time than tuned, %s",
      distance, near.workload, Describe(*lookup.record), 100 * lookup.expected_loss,
      enough ? absl::StrCat("from ", seen, " trials of one tuned shape's best config on another nearby")
             : std::string("by a rule of thumb, for lack of measured neighbours"));
  return lookup;
}

absl::StatusOr<Lookup> Database::FindBest(const LookupKey& key) {
  absl::MutexLock lock(&impl_->mu);
  std::string choice;
  TUNEFARM_ASSIGN_OR_RETURN(const std::optional<int64_t> task, impl_->MeasuredTask(key, &choice));
  if (!task.has_value()) return impl_->FindNear(key);
  TUNEFARM_ASSIGN_OR_RETURN(const BestRow best, BestOf(*impl_->connection, *task));
  Lookup lookup;
  TUNEFARM_ASSIGN_OR_RETURN(lookup.record, impl_->Find(best.record));
  lookup.match = Match::kExact;
  lookup.explanation = absl::StrCat("tuned for exactly this workload: ", Describe(*lookup.record), choice);
  return lookup;
}

absl::StatusOr<std::vector<Record>> Database::Top(const LookupKey& key, int64_t limit) {
  absl::MutexLock lock(&impl_->mu);
  std::vector<Record> top;
  std::string choice;
  TUNEFARM_ASSIGN_OR_RETURN(const std::optional<int64_t> task, impl_->MeasuredTask(key, &choice));
  if (!task.has_value()) return top;
  TUNEFARM_ASSIGN_OR_RETURN(Statement rows,
                            impl_->connection->Query("SELECT id, config_hash FROM record WHERE task = ? AND "
                                                     "median_us IS NOT NULL ORDER BY median_us, id",
                                                     *task));
  absl::flat_hash_set<int64_t> configs;
  while (static_cast<int64_t>(top.size()) < limit) {
    TUNEFARM_ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) break;
    if (!configs.insert(rows.Int(1)).second) continue;
    TUNEFARM_ASSIGN_OR_RETURN(Record record, impl_->Find(rows.Int(0)));
    top.push_back(std::move(record));
  }
  return top;
}

absl::StatusOr<std::vector<Record>> Database::History(const HistoryFilter& filter) {
  absl::MutexLock lock(&impl_->mu);
  const bool by_task = filter.workload || filter.target_name || filter.device_class;
  std::string tasks = "FROM task t JOIN workload w ON w.id = t.workload WHERE 1";
  if (filter.workload) absl::StrAppend(&tasks, " AND w.text = ?1");
  if (filter.target_name) absl::StrAppend(&tasks, " AND t.target_name = ?2");
  if (filter.device_class) absl::StrAppend(&tasks, " AND t.device_class = ?3");
  std::string ids = "SELECT id FROM record";
  if (by_task && !filter.job_id) {
    TUNEFARM_ASSIGN_OR_RETURN(
        Statement sum, impl_->connection->Query(absl::StrCat("SELECT total(t.records) ", tasks),
                                                filter.workload, filter.target_name, filter.device_class));
    TUNEFARM_RETURN_IF_ERROR(sum.Step().status());
    absl::StrAppend(&ids, sum.Real(0) <= kSortedHistory ? " INDEXED BY record_by_speed" : " NOT INDEXED");
  }
  absl::StrAppend(&ids, " WHERE id < ?5");
  if (by_task) absl::StrAppend(&ids, " AND task IN (SELECT t.id ", tasks, ")");
  int64_t job = 0;
  if (filter.job_id) {
    TUNEFARM_ASSIGN_OR_RETURN(job, impl_->JobRow(*filter.job_id));
    absl::StrAppend(&ids, " AND job = ?4");
  }
  if (!filter.failures) absl::StrAppend(&ids, " AND failure IS NULL");
  absl::StrAppend(&ids, " ORDER BY id DESC LIMIT ?6");
  const int64_t before = filter.before_id > 0 ? filter.before_id : std::numeric_limits<int64_t>::max();
  TUNEFARM_ASSIGN_OR_RETURN(
      Statement rows,
      impl_->connection->Query(absl::StrCat(kSelectRecord, "WHERE r.id IN (", ids, ") ORDER BY r.id DESC"),
                               filter.workload, filter.target_name, filter.device_class, job, before,
                               filter.limit));
  return ReadRecords(rows);
}

}  // namespace tunefarm::db
