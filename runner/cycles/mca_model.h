// The cores that LLVM's scheduling models describe, each with its own corrections.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "runner/cycles/cost_cache.h"
#include "runner/cycles/cycle_model.h"
#include "runner/cycles/llvm_mca.h"

namespace tunefarm::cycles {

class McaModel : public CycleModel {
 public:
  static std::vector<std::string> Names();
  // kInvalidArgument: no such model. kNotFound: llvm-mca is missing. `cache_directory` as in estimator.h.
  static absl::StatusOr<std::unique_ptr<McaModel>> Create(const std::string& name,
                                                          const std::string& cache_directory);

  const ModelFacts& facts() const override { return facts_; }
  absl::StatusOr<std::vector<BlockCost>> Costs(const std::vector<const CodeBlock*>& blocks) override;

 private:
  McaModel(ModelFacts facts, LlvmMca mca, CostCache cache);
  ModelFacts facts_;
  LlvmMca mca_;
  CostCache cache_;
};

}  // namespace tunefarm::cycles
