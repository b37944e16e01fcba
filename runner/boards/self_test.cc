#include "runner/boards/self_test.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/compiler_package.h"
#include "base/file.h"
#include "base/inputs.h"
#include "base/subprocess.h"
#include "proto/policies.h"
#include "runner/boards/board_device.h"
#include "runner/emulated/user_mode_device.h"

namespace tunefarm {
namespace {

constexpr int kElements = 256;
constexpr std::uint64_t kSeed = 7;

// Doubles 256 floats; with a division by an input that is never zero but for `zero`, and a wait without an
// end.
constexpr char kGood[] =
    "void tunefarm_run(void* const* a, const void* p, void* w) {"
    " for (int i = 0; i < 256; ++i) ((float*)a[1])[i] = 2 * ((const float*)a[0])[i]; }\n";
constexpr char kFaulting[] =
    "void tunefarm_run(void* const* a, const void* p, void* w) { __builtin_trap(); }\n";
constexpr char kLooping[] =
    "void tunefarm_run(void* const* a, const void* p, void* w) { for (;;) __asm__ volatile(\"\"); }\n";

class Tester {
 public:
  Tester(const Board& board, TempDir scratch, std::string state_directory, bool sandboxed)
      : board_(board),
        scratch_(std::move(scratch)),
        state_directory_(std::move(state_directory)),
        sandboxed_(sandboxed) {}

  absl::StatusOr<std::string> Toolchain() {
    SubprocessOptions options;
    options.argv = {board_.toolchain.compiler, "--version"};
    absl::StatusOr<RunResult> run = RunProcess(options, absl::Seconds(30));
    if (absl::IsNotFound(run.status())) {
      return absl::NotFoundError(
          absl::StrCat(board_.toolchain.compiler,
                       " is not installed; install the board's toolchain (on Debian and Ubuntu the package ",
                       CompilerPackage(board_.toolchain.compiler), ")"));
    }
    TUNEFARM_RETURN_IF_ERROR(run.status());
    for (const auto& [source, name] :
         {std::pair(kGood, "good"), std::pair(kFaulting, "faulting"), std::pair(kLooping, "looping")}) {
      TUNEFARM_RETURN_IF_ERROR(Compile(source, name));
    }
    return absl::StrCat(run->out.substr(0, run->out.find('\n')), ", kernels compile");
  }

  absl::StatusOr<std::string> Open() {
    if (board_.kind == BoardKind::kQemuUser) {
      UserModeOptions options;
      options.device_id = "doctor";
      options.state_directory = state_directory_;
      options.sandboxed = sandboxed_;
      TUNEFARM_ASSIGN_OR_RETURN(device_, UserModeDevice::Create(board_, options));
      return absl::StrCat(board_.qemu.program, " runs, as ", board_.qemu.cpu);
    }
    BoardDeviceOptions options;
    options.device_id = "doctor";
    options.state_directory = state_directory_;
    options.sandboxed = sandboxed_;
    TUNEFARM_ASSIGN_OR_RETURN(std::unique_ptr<BoardDevice> device, BoardDevice::Create(board_, options));
    board_device_ = device.get();
    device_ = std::move(device);
    return absl::StrFormat("the on-device runtime has %d bytes; %d of %s are left for kernels",
                           RuntimeBytes(board_device_->linker()),
                           board_device_->linker().map().Free(board_.placement.data), board_.placement.data);
  }

  absl::StatusOr<std::string> Connect() {
    const absl::Time start = absl::Now();
    TUNEFARM_ASSIGN_OR_RETURN(const std::unique_ptr<gdb::Client> client,
                              board_device_->link().Reset(absl::Seconds(20)));
    TUNEFARM_ASSIGN_OR_RETURN(const std::uint32_t pc, client->ReadRegister("pc"));
    return absl::StrFormat("%s answers after %d ms, halted at 0x%08x",
                           board_.emulated() ? board_.qemu.program : board_.gdb.server,
                           absl::ToInt64Milliseconds(absl::Now() - start), pc);
  }

  absl::StatusOr<std::string> Load() {
    TUNEFARM_ASSIGN_OR_RETURN(
        BoardSession session,
        BoardSession::Start(board_device_->link(), board_device_->linker().runtime(), absl::Seconds(20)));
    for (const ElfSegment& segment : board_device_->linker().runtime().segments) {
      TUNEFARM_ASSIGN_OR_RETURN(const std::string back,
                                session.Read(segment.address, segment.content.size()));
      // Breakpoints may show as instructions of their own, two of two bytes.
      std::size_t different = 0;
      for (std::size_t i = 0; i < back.size(); ++i) different += back[i] != segment.content[i] ? 1 : 0;
      if (different > 4) {
        return absl::DataLossError(
            absl::StrFormat("%d bytes at 0x%08x are not what was written: this is no RAM, or not initialised",
                            different, segment.address));
      }
    }
    return "what was written is read back";
  }

  absl::StatusOr<std::string> Run() {
    const v1::Measurement measurement = Measure("good");
    if (measurement.kernels_size() != 1) return Unexpected(measurement);
    const v1::KernelResult& result = measurement.kernels(0);
    std::string detail = absl::StrFormat("a kernel runs and its result is right: %.0f cycles, %.2f us",
                                         result.cycles(), result.median_us());
    if (result.estimated()) {
      absl::StrAppendFormat(&detail, ", estimated by %s, +-%.0f %%", result.cycle_model(),
                            100 * result.error_band());
      const v1::Measurement again = Measure("good");
      if (again.kernels_size() != 1) return Unexpected(again);
      if (again.kernels(0).cycles() != result.cycles()) {
        return absl::InternalError(absl::StrFormat("the same kernel took %.0f cycles, then %.0f",
                                                   result.cycles(), again.kernels(0).cycles()));
      }
      detail += ", the same twice";
    } else {
      absl::StrAppendFormat(&detail, ", by %s", board_.gdb.timer == BoardTimer::kDwt ? "DWT" : "SysTick");
    }
    return detail;
  }

  absl::StatusOr<std::string> Recover() {
    const v1::Measurement faulted = Measure("faulting");
    const v1::FailureKind kind = faulted.failure().kind();
    if (kind != v1::FAILURE_KIND_FAULT && kind != v1::FAILURE_KIND_CRASH) return Unexpected(faulted);
    const absl::Time failed = absl::Now();
    const v1::Measurement next = Measure("good");
    if (next.kernels_size() != 1) return Unexpected(next);
    const absl::Duration took = absl::Now() - failed;
    const v1::Measurement looped = Measure("looping");
    if (looped.failure().kind() != v1::FAILURE_KIND_TIMEOUT) return Unexpected(looped);
    const v1::Measurement last = Measure("good");
    if (last.kernels_size() != 1) return Unexpected(last);
    return absl::StrFormat(
        "%s; after it the next kernel was done in %d ms; a loop without an end is stopped, too",
        faulted.failure().message(), absl::ToInt64Milliseconds(took));
  }

  bool bare_metal() const { return board_device_ != nullptr; }

 private:
  absl::Status Compile(const std::string& source, const std::string& name) {
    const std::string stem = absl::StrCat(scratch_.path(), "/", name);
    TUNEFARM_RETURN_IF_ERROR(WriteFileAtomic(stem + ".c", source));
    SubprocessOptions options;
    options.argv = {board_.toolchain.compiler, "-O2", "-w"};
    const bool shared = board_.kind == BoardKind::kQemuUser;
    const std::vector<std::string> form = shared
                                              ? std::vector<std::string>{"-shared", "-fPIC", "-nostartfiles"}
                                              : std::vector<std::string>{"-c", "-ffreestanding"};
    options.argv.insert(options.argv.end(), form.begin(), form.end());
    options.argv.insert(options.argv.end(), board_.toolchain.flags.begin(), board_.toolchain.flags.end());
    options.argv.insert(options.argv.end(), {stem + ".c", "-o", stem + ".o"});
    TUNEFARM_ASSIGN_OR_RETURN(const RunResult run, RunProcess(options, absl::Seconds(30)));
    if (run.exit_code == 0) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat(board_.toolchain.compiler, ": ", run.err));
  }

  v1::Measurement Measure(const std::string& name) {
    LocalWork work;
    work.kernel_paths = {absl::StrCat(scratch_.path(), "/", name, ".o")};
    work.expected_path = scratch_.path() + "/expected";
    v1::RunDescription& run = *work.item.mutable_run();
    std::vector<float> expected(kElements);
    for (const v1::ArgumentRole role : {v1::ARGUMENT_ROLE_INPUT, v1::ARGUMENT_ROLE_OUTPUT}) {
      v1::Argument& argument = *run.add_arguments();
      argument.set_type(v1::DATA_TYPE_F32);
      argument.set_role(role);
      argument.set_elements(kElements);
    }
    for (int i = 0; i < kElements; ++i) expected[i] = 2 * InputFloat(kSeed, 0, i);
    const absl::Status written = WriteFileAtomic(
        work.expected_path,
        absl::string_view(reinterpret_cast<const char*>(expected.data()), expected.size() * sizeof(float)));
    if (!written.ok()) {
      v1::Measurement failed;
      failed.mutable_failure()->set_kind(v1::FAILURE_KIND_INTERNAL);
      failed.mutable_failure()->set_message(std::string(written.message()));
      return failed;
    }
    run.set_input_seed(kSeed);
    run.set_flop(kElements);
    run.set_load_deadline_us(10e6);
    run.set_check_deadline_us(1e6);
    run.set_memory_limit_bytes(64 << 20);
    *run.mutable_policy() = ScreeningPolicy();
    WorkControl control;
    return device_->Measure(work, control);
  }

  static absl::Status Unexpected(const v1::Measurement& measurement) {
    if (measurement.kernels_size() > 0) return absl::InternalError("a kernel that must fail did not");
    return absl::AbortedError(absl::StrCat(measurement.failure().message(),
                                           measurement.failure().detail().empty()
                                               ? ""
                                               : absl::StrCat(" (", measurement.failure().detail(), ")")));
  }

  static std::uint64_t RuntimeBytes(const BoardLinker& linker) {
    std::uint64_t bytes = 0;
    for (const ElfSegment& segment : linker.runtime().segments) bytes += segment.memory_bytes;
    return bytes;
  }

  const Board& board_;
  TempDir scratch_;
  std::string state_directory_;
  bool sandboxed_;
  std::unique_ptr<Device> device_;
  BoardDevice* board_device_ = nullptr;  // The same, where it is one.
};

}  // namespace

void TestBoard(const Board& board, const std::string& state_directory, bool sandboxed,
               const std::function<void(const SelfTestStep&)>& tell) {
  absl::StatusOr<TempDir> scratch = TempDir::Create("tunefarm-doctor");
  if (!scratch.ok()) return tell({"scratch", scratch.status(), ""});
  Tester tester(board, *std::move(scratch), state_directory, sandboxed);
  const auto step = [&](const char* name, const absl::StatusOr<std::string>& found) {
    tell({name, found.status(), found.ok() ? *found : ""});
    return found.ok();
  };
  if (!step("toolchain", tester.Toolchain())) return;
  if (!step(board.kind == BoardKind::kQemuUser ? "emulator" : "runtime", tester.Open())) return;
  if (tester.bare_metal()) {
    if (!step(board.emulated() ? "emulator" : "server", tester.Connect())) return;
    if (!step("load", tester.Load())) return;
  }
  if (!step(board.emulated() ? "run" : "timer", tester.Run())) return;
  step("recovery", tester.Recover());
}

}  // namespace tunefarm
