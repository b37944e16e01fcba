// The way from a task to C source: the one interface that search, builders, `show` and tests use.
//
//   workload + target -> Task::Create -> space -> config -> Schedule (LoopTree) -> C source
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "schedules/compute.h"
#include "schedules/config_space.h"
#include "schedules/target.h"
#include "schedules/workload.h"

namespace tunefarm::schedules {

struct LoopTree;  // schedules/loop_tree.h

// A candidate's source and what is needed to run it. Kernel ABI: docs/formats.md.
struct KernelSource {
  std::string c;  // One translation unit, readable, no includes beyond the compiler's own headers.
  std::vector<std::string> flags;  // To add to the target's: the compiler flags that the config decided.
  uint64_t packed_bytes = 0;
  uint64_t workspace_bytes = 0;
  // How many times the tolerance of direct summation (ToleranceOf) a correct result may use: what the
  // algorithm states of itself. 1 but for Winograd's (WinogradErrorGrowth) and paired products.
  double error_growth = 1;
};

// A task: workload x target, with its template chosen. Immutable, thread safe.
class Task {
 public:
  // kInvalidArgument when no template can serve the workload on the target.
  static absl::StatusOr<std::shared_ptr<const Task>> Create(const Workload& workload, const Target& target,
                                                            int threads = 1);
  virtual ~Task() = default;

  const Workload& workload() const { return workload_; }
  const Target& target() const { return target_; }
  int threads() const { return threads_; }
  const ComputeDefinition& compute() const { return compute_; }
  // The same computation with unit axes dropped and adjacent axes fused where every tensor allows it: what
  // loop trees number their axes and tensors by. Tensors keep their number.
  virtual const ComputeDefinition& loop_compute() const = 0;
  virtual const ConfigSpace& space() const = 0;
  // Which template and which version of it: a record found under another version is not replayed blindly.
  virtual std::string template_version() const = 0;

  // The scheduled loop nest. kInvalidArgument with the reason for an illegal config. Cheap (some
  // microseconds): features are taken from it for every config that search looks at.
  virtual absl::StatusOr<LoopTree> Lower(const Config& config) const = 0;
  // Lower and print.
  virtual absl::StatusOr<KernelSource> Generate(const Config& config) const = 0;

 protected:
  Task(const Workload& workload, const Target& target, int threads)
      : workload_(workload), target_(target), threads_(threads), compute_(DefineCompute(workload)) {}

  // What parallel loops need of the compiler. A kernel with threads is never unloaded: those of OpenMP
  // outlive the call, and their code must stay.
  std::vector<std::string> ThreadFlags() const {
    if (threads_ == 1) return {};
    return {"-fopenmp", "-Wl,-z,nodelete"};
  }

 private:
  Workload workload_;
  Target target_;
  int threads_;
  ComputeDefinition compute_;
};

}  // namespace tunefarm::schedules
