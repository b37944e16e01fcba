// A board with its device, and small kernels for it, written here: arguments are an input of 1000 floats, a
// constant of 16 floats, and an output of 1000 floats, which is to become input[i] * constant[i % 16].
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/inputs.h"
#include "base/subprocess.h"
#include "proto/policies.h"
#include "runner/boards/board_device.h"
#include "tests/catch.h"

namespace tunefarm {

// True when all programs are installed; else says what is skipped.
inline bool HaveBoardTools() {
  for (const char* program : {"arm-none-eabi-gcc", "qemu-system-arm", "bwrap"}) {
    SubprocessOptions options;
    options.argv = {program, "--version"};
    const absl::StatusOr<RunResult> run = RunProcess(options, absl::Seconds(30));
    if (run.ok() && run->exit_code == 0) continue;
    WARN("skipped: " << program << " is not installed");
    return false;
  }
  return true;
}

inline constexpr char kBoardHead[] = R"(
#include <stddef.h>
#include <stdint.h>
void* memcpy(void*, const void*, size_t);
void* memset(void*, int, size_t);
#define RUN void tunefarm_run(void* const* a, const void* p, void* w)
#define PREPARE void tunefarm_prepare(const void* const* c, void* p)
)";
inline constexpr char kProduct[] =
    " for (int i = 0; i < 1000; ++i) ((float*)a[2])[i] = ((const float*)a[0])[i] * ((const float*)a[1])[i % "
    "16]; ";

class BoardBench {
 public:
  explicit BoardBench(const std::string& name = "emulated:cortex-m4") : BoardBench(*FindBoard(name)) {}
  explicit BoardBench(const Board& board) : board_(board), folder_(*TempDir::Create()) {
    BoardDeviceOptions options;
    options.device_id = "test";
    options.state_directory = folder_.path();
    absl::StatusOr<std::unique_ptr<BoardDevice>> device = BoardDevice::Create(board, options);
    INFO(device.status().ToString());
    REQUIRE(device.ok());
    device_ = *std::move(device);
  }

  std::string Compile(const std::string& body, const std::vector<std::string>& flags = {"-O2"}) {
    const std::string stem = absl::StrCat(folder_.path(), "/kernel", ++compiled_);
    REQUIRE(WriteFileAtomic(stem + ".c", kBoardHead + body).ok());
    SubprocessOptions options;
    options.argv = {board_.toolchain.compiler, "-ffreestanding", "-w", "-c", "-o", stem + ".o", stem + ".c"};
    options.argv.insert(options.argv.end(), board_.toolchain.flags.begin(), board_.toolchain.flags.end());
    options.argv.insert(options.argv.end(), flags.begin(), flags.end());
    const absl::StatusOr<RunResult> result = RunProcess(options, absl::Minutes(1));
    REQUIRE(result.ok());
    INFO(result->err);
    REQUIRE(result->exit_code == 0);
    return stem + ".o";
  }

  LocalWork Work(const std::vector<std::string>& kernels) {
    LocalWork work;
    work.kernel_paths = kernels;
    v1::RunDescription& run = *work.item.mutable_run();
    const std::pair<v1::ArgumentRole, std::uint64_t> arguments[] = {
        {v1::ARGUMENT_ROLE_INPUT, 1000}, {v1::ARGUMENT_ROLE_CONSTANT, 16}, {v1::ARGUMENT_ROLE_OUTPUT, 1000}};
    for (const auto& [role, elements] : arguments) {
      v1::Argument& argument = *run.add_arguments();
      argument.set_type(v1::DATA_TYPE_F32);
      argument.set_role(role);
      argument.set_elements(elements);
    }
    run.set_input_seed(3);
    run.set_check_deadline_us(500e3);
    run.set_flop(1000);
    *run.mutable_policy() = ScreeningPolicy();
    std::vector<float> want(1000);
    for (std::uint64_t i = 0; i < want.size(); ++i) want[i] = InputFloat(3, 0, i) * InputFloat(3, 1, i % 16);
    Expect(work, want.data(), want.size() * sizeof(float));
    return work;
  }

  void Expect(LocalWork& work, const void* bytes, std::size_t size) {
    work.expected_path = absl::StrCat(folder_.path(), "/expected", ++compiled_);
    REQUIRE(
        WriteFileAtomic(work.expected_path, absl::string_view(static_cast<const char*>(bytes), size)).ok());
  }

  v1::Measurement Measure(const LocalWork& work) {
    WorkControl control;
    return device_->Measure(work, control);
  }

  BoardDevice& device() { return *device_; }
  const std::string& folder() const { return folder_.path(); }

 private:
  Board board_;
  TempDir folder_;
  std::unique_ptr<BoardDevice> device_;
  int compiled_ = 0;
};

}  // namespace tunefarm
