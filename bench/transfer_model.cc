#include "bench/transfer_model.h"

#include "cost_model/corrected_estimate.h"
#include "cost_model/features.h"

namespace tunefarm::bench {

absl::StatusOr<std::string> TrainOnOthers(const std::vector<RecordedTable>& tables, std::size_t task) {
  cost_model::TrainingSet data;
  data.features = cost_model::NumFeatures();
  for (std::size_t t = 0; t < tables.size(); ++t) {
    const RecordedTable& table = tables[t];
    if (table.device_class != tables[task].device_class ||
        table.task->workload().ToString() == tables[task].task->workload().ToString() ||
        table.task->workload().op() != tables[task].task->workload().op()) {
      continue;
    }
    const std::vector<float> rows = cost_model::ExtractRows(*table.task, table.configs);
    data.rows.insert(data.rows.end(), rows.begin(), rows.end());
    for (const tuner::Outcome& outcome : table.outcomes) {
      const double share = outcome.ok ? table.best_us / outcome.median_us : 0;
      data.scores.push_back(static_cast<float>(share < 1 ? share : 1));
      data.task.push_back(static_cast<int32_t>(t));
    }
  }
  if (data.size() == 0) return std::string();
  TUNEFARM_ASSIGN_OR_RETURN(const auto model, cost_model::CorrectedEstimate::Create());
  TUNEFARM_RETURN_IF_ERROR(model->Fit(data));
  return model->Save();
}

}  // namespace tunefarm::bench
