// Int8 kernels by bilinear algorithms, exact to the last bit: what the tests of Winograd's and of Strassen's
// have in common.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "schedules/schedule_template.h"
#include "tests/schedules/program_batch.h"

namespace tunefarm::schedules {

struct BilinearCase {
  std::string workload;  // Without the dtype.
  std::function<void(IntTensors&)> change = nullptr;
};

std::shared_ptr<const Task> MakeInt8Task(const std::string& workload, const char* target, int threads = 1);

// A legal config with that algorithm and products.
Config SampleBilinear(const Task& task, const std::string& algorithm, const std::string& product, Rng& rng);

// For each case and algorithm but the direct one so many configs with each of the products, on all targets
// that run here; every third is shared by two threads.
void CheckBilinear(const std::vector<BilinearCase>& cases, int configs = 1);

}  // namespace tunefarm::schedules
