#include "tests/schedules/kernel_batch.h"

#include <dlfcn.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/file.h"
#include "base/subprocess.h"
#include "schedules/host_target.h"
#include "schedules/loop_tree.h"
#include "schedules/reference.h"
#include "tests/catch.h"

namespace tunefarm::schedules {
namespace {

constexpr std::size_t kGuardBytes = 64;
constexpr char kGuard = 0x5a;

// Memory with a pattern around it and inside it, so that neither overruns nor unwritten elements pass, and
// within 63 bytes of its end a page that cannot be read.
class GuardedMemory {
 public:
  explicit GuardedMemory(std::size_t bytes) : bytes_(bytes) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t rounded = (bytes + 63) / 64 * 64;
    const std::size_t usable = (rounded + kGuardBytes + page - 1) / page * page;
    mapped_ = usable + page;
    memory_ = static_cast<char*>(
        mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(memory_ != MAP_FAILED);
    REQUIRE(mprotect(memory_ + usable, page, PROT_NONE) == 0);
    std::memset(memory_, kGuard, usable);
    data_ = memory_ + usable - rounded;
    end_ = memory_ + usable;
  }
  ~GuardedMemory() { munmap(memory_, mapped_); }
  GuardedMemory(const GuardedMemory&) = delete;
  GuardedMemory& operator=(const GuardedMemory&) = delete;

  void* data() const { return data_; }
  bool Intact() const {
    const auto untouched = [](const char* from, const char* to) {
      return std::all_of(from, to, [](char byte) { return byte == kGuard; });
    };
    return untouched(data_ - kGuardBytes, data_) && untouched(data_ + bytes_, end_);
  }

 private:
  std::size_t bytes_, mapped_;
  char *memory_, *data_, *end_;
};

std::string Name(const BatchKernel& kernel) {
  return absl::StrCat(kernel.task->workload().ToString(), " [", kernel.task->space().ToText(kernel.config),
                      "]");
}

void Run(void* library, std::size_t number, const BatchKernel& kernel, std::vector<std::string>& wrong) {
  const ComputeDefinition& compute = kernel.task->compute();
  std::vector<std::vector<float>> inputs = MakeInputs(compute, number + 1);
  for (float& x : inputs[0]) x *= kernel.lhs_magnitude;
  for (float& x : inputs[1]) x *= kernel.rhs_magnitude;
  const std::vector<float> want = EvaluateDirectly(compute, inputs);
  const int64_t columns = compute.tensors.back().shape.back();
  const auto spoiled = [&](std::size_t element) {
    return kernel.infinite_row >= 0 && static_cast<int64_t>(element) / columns / kernel.rows_in_group ==
                                           kernel.infinite_row / kernel.rows_in_group;
  };
  if (kernel.infinite_row >= 0) {
    const int64_t terms = compute.tensors[0].shape.back();
    inputs[0][kernel.infinite_row * terms + terms / 3] = std::numeric_limits<float>::infinity();
  }
  Tolerance tolerance = ToleranceOf(kernel.task->workload());
  tolerance.absolute *= kernel.source.error_growth * static_cast<double>(kernel.lhs_magnitude) *
                        static_cast<double>(kernel.rhs_magnitude);
  tolerance.relative *= kernel.source.error_growth;

  std::vector<std::unique_ptr<GuardedMemory>> tensors;
  std::vector<void*> arguments;
  std::vector<const void*> constants;
  for (std::size_t t = 0; t < compute.tensors.size(); ++t) {
    std::size_t bytes = sizeof(float);
    for (const int64_t size : compute.tensors[t].shape) bytes *= static_cast<std::size_t>(size);
    tensors.push_back(std::make_unique<GuardedMemory>(bytes));
    if (t < inputs.size()) std::memcpy(tensors[t]->data(), inputs[t].data(), bytes);
    arguments.push_back(tensors[t]->data());
    constants.push_back(compute.tensors[t].role == TensorRole::kConstant ? tensors[t]->data() : nullptr);
  }
  const GuardedMemory packed(kernel.source.packed_bytes), workspace(kernel.source.workspace_bytes);
  const auto prepare = reinterpret_cast<void (*)(const void* const*, void*)>(
      dlsym(library, absl::StrCat("tunefarm_prepare_", number).c_str()));
  const auto run = reinterpret_cast<void (*)(void* const*, const void*, void*)>(
      dlsym(library, absl::StrCat("tunefarm_run_", number).c_str()));
  if (run == nullptr || (prepare != nullptr) != (kernel.source.packed_bytes > 0)) {
    wrong.push_back(absl::StrCat("symbols do not fit packed_bytes: ", Name(kernel)));
    return;
  }
  if (prepare != nullptr) prepare(constants.data(), packed.data());
  run(arguments.data(), packed.data(), workspace.data());

  for (std::size_t t = 0; t < tensors.size(); ++t) {
    if (!tensors[t]->Intact())
      wrong.push_back(absl::StrCat("wrote outside ", compute.tensors[t].name, ": ", Name(kernel)));
  }
  if (!packed.Intact()) wrong.push_back(absl::StrCat("wrote outside the packed area: ", Name(kernel)));
  if (!workspace.Intact()) wrong.push_back(absl::StrCat("wrote outside the workspace: ", Name(kernel)));
  const float* got = static_cast<const float*>(arguments.back());
  for (std::size_t i = 0; i < want.size(); ++i) {
    if (!spoiled(i) &&
        !(std::abs(got[i] - want[i]) <= tolerance.absolute + tolerance.relative * std::abs(want[i]))) {
      wrong.push_back(
          absl::StrCat("element ", i, " is ", got[i], " instead of ", want[i], ": ", Name(kernel)));
      return;
    }
  }
}

}  // namespace

absl::StatusOr<std::vector<std::string>> CheckKernels(const std::vector<BatchKernel>& kernels,
                                                      const Target& target, bool run,
                                                      const char* optimisation) {
  TUNEFARM_ASSIGN_OR_RETURN(const TempDir scratch, TempDir::Create());
  const std::string source = scratch.path() + "/kernels.c", object = scratch.path() + "/kernels.so";
  std::string all;
  std::vector<std::string> argv = {target.compiler};
  // One translation unit: the kernels' helpers are renamed, so that each brings its own.
  for (std::size_t k = 0; k < kernels.size(); ++k) {
    for (const char* name : {"tunefarm_prepare",
                             "tunefarm_run",
                             "min_long",
                             "max_long",
                             "load_part",
                             "store_part",
                             "every_second",
                             "relu",
                             "relu6",
                             "vec",
                             "vec_unaligned",
                             "mask",
                             "transpose",
                             "channels_last",
                             "channels_first",
                             "transform_columns",
                             "transform_edge",
                             "transform_input",
                             "transform_output",
                             "transform_weights",
                             "load_lanes",
                             "store_lanes",
                             "multiply",
                             "sum_lanes",
                             "pack_columns",
                             "pack_rows",
                             "pack_lanes",
                             "pack_constant",
                             "larger",
                             "power_of_2",
                             "from_bits",
                             "largest_lane",
                             "last_lanes",
                             "add_lanes",
                             "add",
                             "measure_lanes",
                             "multiply_group",
                             "multiply_few",
                             "tile_sums",
                             "belongs",
                             "products_needed",
                             "gather",
                             "gather_rows",
                             "load_blocks",
                             "store_blocks",
                             "constant_blocks",
                             "mask_unaligned",
                             "word"}) {
      absl::StrAppend(&all, "#undef ", name, "\n#define ", name, " ", name, "_", k, "\n");
    }
    absl::StrAppend(&all, kernels[k].source.c);
    for (const std::string& flag : kernels[k].source.flags) argv.push_back(flag);
  }
  TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(source, all));
  argv.insert(argv.end(), target.flags.begin(), target.flags.end());
  for (const char* flag : {optimisation, "-std=gnu11", "-Wall", "-Wextra", "-Werror", "-Wno-unused-function",
                           "-fPIC", "-shared"}) {
    argv.push_back(flag);
  }
  argv.insert(argv.end(), {source, "-o", object});
  SubprocessOptions options;
  options.argv = argv;
  TUNEFARM_ASSIGN_OR_RETURN(const RunResult built, RunProcess(options, absl::Seconds(100)));
  if (built.exit_code != 0) return absl::InternalError(built.err.substr(0, 4000));
  std::vector<std::string> wrong;
  if (!run) return wrong;
  // Never unloaded: OpenMP's threads outlive the call.
  void* library = dlopen(object.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (library == nullptr) return absl::InternalError(dlerror());
  for (std::size_t k = 0; k < kernels.size(); ++k) Run(library, k, kernels[k], wrong);
  return wrong;
}

std::shared_ptr<const Task> MakeTask(const std::string& text, const char* target_name, int threads) {
  const absl::StatusOr<Workload> workload = Workload::Parse(text);
  INFO(text << " " << workload.status().message());
  REQUIRE(workload.ok());
  const absl::StatusOr<Target> target = FindTarget(target_name);
  REQUIRE(target.ok());
  absl::StatusOr<std::shared_ptr<const Task>> task = Task::Create(*workload, *target, threads);
  REQUIRE(task.ok());
  return *task;
}

bool MachineRuns(const Target& target) {
  const absl::StatusOr<Target> host = FindTarget("host");
  if (!host.ok() || host->architecture != target.architecture) return false;
  for (const std::string& feature : target.isa_features) {
    if (std::find(host->isa_features.begin(), host->isa_features.end(), feature) == host->isa_features.end())
      return false;
  }
  return true;
}

}  // namespace tunefarm::schedules
