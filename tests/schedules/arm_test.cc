// Float32 kernels for Arm, built by the cross compiler and run under QEMU's user mode, where both are
// installed.
#include <cmath>
#include <cstring>
#include <iostream>

#include "base/file.h"
#include "base/subprocess.h"
#include "schedules/reference.h"
#include "schedules/schedule_template.h"
#include "tests/catch.h"
#include "tests/schedules/random_workload.h"

namespace tunefarm::schedules {
namespace {

// The program's exit code; -1 when it is not installed.
int RunTool(const std::vector<std::string>& argv, std::string* err) {
  SubprocessOptions options;
  options.argv = argv;
  const absl::StatusOr<RunResult> result = RunProcess(options, absl::Seconds(60));
  if (!result.ok()) {
    *err = std::string(result.status().message());
    return -1;
  }
  *err = result->err;
  return result->exit_code;
}

// Reads the arguments from files named by their number, runs the kernel and writes the output.
std::string Harness(const ComputeDefinition& compute, const KernelSource& source) {
  std::string c = "#include <stdio.h>\n#include <stdlib.h>\n";
  absl::StrAppend(&c,
                  "static void* make(size_t bytes) { return aligned_alloc(64, (bytes / 64 + 1) * 64); }\n",
                  "int main(int argc, char** argv) {\n  (void)argc;\n  void* a[8];\n  char name[4096];\n");
  const std::size_t output = compute.tensors.size() - 1;
  std::string constants;
  std::size_t bytes = 0;
  for (std::size_t t = 0; t <= output; ++t) {
    bytes = sizeof(float);
    for (const int64_t size : compute.tensors[t].shape) bytes *= static_cast<std::size_t>(size);
    absl::StrAppend(&c, "  a[", t, "] = make(", bytes, ");\n");
    if (t < output) {
      absl::StrAppend(&c, "  snprintf(name, sizeof name, \"%s/", t,
                      "\", argv[1]);\n  { FILE* f = fopen(name, \"rb\"); if (!f || fread(a[", t, "], 1, ",
                      bytes, ", f) != ", bytes, ") return 2; fclose(f); }\n");
    }
  }
  absl::StrAppend(&c, "  void* packed = make(", source.packed_bytes, "); void* workspace = make(",
                  source.workspace_bytes, ");\n");
  if (source.packed_bytes > 0) absl::StrAppend(&c, "  tunefarm_prepare((const void* const*)a, packed);\n");
  absl::StrAppend(
      &c, "  tunefarm_run(a, packed, workspace);\n  snprintf(name, sizeof name, \"%s/out\", argv[1]);\n",
      "  { FILE* f = fopen(name, \"wb\"); if (!f || fwrite(a[", output, "], 1, ", bytes, ", f) != ", bytes,
      ") return 2; fclose(f); }\n  return 0;\n}\n");
  return c;
}

// `emulator`: QEMU and its options.
void CheckTarget(const char* name, const std::vector<std::string>& emulator) {
  const absl::StatusOr<Target> target = FindTarget(name);
  REQUIRE(target.ok());
  absl::StatusOr<TempDir> scratch = TempDir::Create();
  REQUIRE(scratch.ok());
  const std::string& dir = scratch->path();
  std::string err;
  if (RunTool({target->compiler, "--version"}, &err) != 0) {
    std::cerr << "skipped, " << target->compiler << " is not installed\n";
    return;
  }
  const bool emulated = RunTool({emulator[0], "--version"}, &err) == 0;
  if (!emulated) std::cerr << "built only, " << emulator[0] << " is not installed\n";

  Rng rng(31);
  for (const auto& [op, layout] :
       {std::pair{"matmul", ""}, {"conv2d", "nhwc"}, {"conv2d", "nchw"}, {"depthwise_conv2d", "nhwc"}}) {
    const Workload workload = RandomWorkload(op, layout, rng);
    const absl::StatusOr<std::shared_ptr<const Task>> task = Task::Create(workload, *target);
    REQUIRE(task.ok());
    const Config config = (*task)->space().Sample(rng);
    INFO(workload.ToString() << " " << (*task)->space().ToText(config));
    const absl::StatusOr<KernelSource> source = (*task)->Generate(config);
    REQUIRE(source.ok());
    const ComputeDefinition& compute = (*task)->compute();
    REQUIRE(WriteFileAtomic(dir + "/kernel.c", source->c + Harness(compute, *source)).ok());
    std::vector<std::string> argv = {target->compiler};
    argv.insert(argv.end(), target->flags.begin(), target->flags.end());
    argv.insert(argv.end(),
                {"-Wall", "-Wextra", "-Werror", "-static", dir + "/kernel.c", "-o", dir + "/kernel"});
    const int built = RunTool(argv, &err);
    INFO(err);
    REQUIRE(built == 0);
    if (!emulated) continue;

    const std::vector<std::vector<float>> inputs = MakeInputs(compute, 3);
    for (std::size_t t = 0; t < inputs.size(); ++t) {
      const std::string bytes(reinterpret_cast<const char*>(inputs[t].data()),
                              inputs[t].size() * sizeof(float));
      REQUIRE(WriteFileAtomic(absl::StrCat(dir, "/", t), bytes).ok());
    }
    argv = emulator;
    argv.insert(argv.end(), {dir + "/kernel", dir});
    const int ran = RunTool(argv, &err);
    INFO(err);
    REQUIRE(ran == 0);
    const absl::StatusOr<std::string> bytes = ReadFile(dir + "/out");
    REQUIRE(bytes.ok());
    const std::vector<float> want = EvaluateDirectly(compute, inputs);
    REQUIRE(bytes->size() == want.size() * sizeof(float));
    std::vector<float> got(want.size());
    std::memcpy(got.data(), bytes->data(), bytes->size());
    const Tolerance tolerance = ToleranceOf(workload);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < want.size(); ++i) {
      wrong += !(std::abs(got[i] - want[i]) <= tolerance.absolute + tolerance.relative * std::abs(want[i]));
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("KernelsFor64BitArmAgreeWithTheReferenceUnderEmulation") {
  CheckTarget("cortex-a53", {"qemu-aarch64"});
}

TEST_CASE("KernelsFor32BitArmAgreeWithTheReferenceUnderEmulation") {
  CheckTarget("cortex-a9", {"qemu-arm", "-cpu", "cortex-a9"});
}

}  // namespace
}  // namespace tunefarm::schedules
