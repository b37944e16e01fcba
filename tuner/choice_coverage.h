// A first look at every alternative: which values of the knobs without an order (algorithms, forms of
// reading, vector axes) were measured too seldom to be judged. What one of them costs, its neighbours do not
// tell, and a model that has not seen a value knows nothing of it.
#pragma once

#include <vector>

#include "tuner/batch_picker.h"
#include "tuner/candidate_set.h"

namespace tunefarm::tuner {

// Adds to `picked`, until it holds `most`, a config for each choice that no trial of the history and no pick
// has: the default with that choice, which is a fair trial of it and seldom a slow one; after all of those,
// where that is not legal, the best of `candidates` (sorted, best first) that has it.
void CoverChoices(const TaskHistory& history, const std::vector<Scored>& candidates, int most,
                  CandidateSet& picked);

}  // namespace tunefarm::tuner
