// A search strategy says which configs of a task to measure next. It is asked with the whole history and
// keeps nothing that the history does not hold, so a session restored from the database goes on as if nothing
// had happened.
//
// To add one: a header and a source file, and a line in search_strategy.cc.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/rng.h"
#include "base/status.h"
#include "schedules/config_space.h"
#include "tuner/task_history.h"

namespace tunefarm::tuner {

// What is known of a task besides its own trials: the cost model's view of it, and its siblings'.
struct Predictor {
  // A number per config, larger is faster. Empty: there is no model.
  std::function<std::vector<float>(const std::vector<schedules::Config>&)> scores;
  // Share of picks to leave to chance, as the model is not to be believed altogether.
  double random_share = 0.05;
  // Legal configs that did well on similar tasks, the most promising first. Empty: none.
  std::function<std::vector<schedules::Config>()> hints;
};

class SearchStrategy {
 public:
  virtual ~SearchStrategy() = default;
  // Up to `count` distinct legal configs that the history has not seen, the most promising first. None: no
  // unseen config can be found. Deterministic in its arguments.
  virtual std::vector<schedules::Config> Ask(const TaskHistory& history, const Predictor& predict, int count,
                                             Rng& rng) = 0;
  // How many to ask for at once: 1 when asking is cheap, more when it costs a search.
  virtual int batch() const = 0;
  virtual bool uses_model() const = 0;
};

// kInvalidArgument lists the known names.
absl::StatusOr<std::unique_ptr<SearchStrategy>> MakeStrategy(absl::string_view name);
std::vector<std::string> StrategyNames();

}  // namespace tunefarm::tuner
