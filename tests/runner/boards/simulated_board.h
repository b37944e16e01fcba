// A board on the desk that is none: QEMU's core, a simulated debug probe (simulated_probe.py), and the real
// OpenOCD.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "runner/boards/board.h"
#include "tests/catch.h"
#include "tests/runner/boards/board_bench.h"

namespace tunefarm {

// Everything is in one RAM, and QEMU has no cycle counter.
inline Board SimulatedBoard(const std::string& server) {
  return *ParseBoard(absl::StrCat(R"json({
    "name": "simulated", "description": "QEMU behind OpenOCD", "kind": "gdb", "target": "cortex-m4",
    "core": "cortex-m4", "architecture": "armv7e-m", "isa_features": ["thumb2", "dsp"], "clock_hz": 25000000,
    "toolchain": {"compiler": "arm-none-eabi-gcc",
                  "flags": ["-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=hard", "-mfpu=fpv4-sp-d16"]},
    "memory": [{"name": "ram", "start": "0x20000000", "bytes": 262144, "kind": "ram", "wait_states": 0}],
    "placement": {"code": "ram", "constants": "ram", "data": "ram", "stack": "ram"}, "stack_bytes": 8192,
    "gdb": {"reset": ["reset halt"], "timer": "systick", "server": ")json",
                                  server, "\"}}"));
}

// True when all programs are installed; else says what is skipped.
inline bool HaveOpenOcd() {
  for (const char* program : {"openocd", "python3", "setpriv"}) {
    SubprocessOptions options;
    options.argv = {program, "--version"};
    const absl::StatusOr<RunResult> run = RunProcess(options, absl::Seconds(30));
    if (run.ok() && run->exit_code == 0) continue;
    WARN("skipped: " << program << " is not installed");
    return false;
  }
  return HaveBoardTools();
}

// Runs for as long as the object lives; nothing of it stays, however the test ends.
class OpenOcdServer {
 public:
  OpenOcdServer() : folder_(*TempDir::Create()) {
    const std::string socket = folder_.path() + "/probe";
    SubprocessOptions probe;
    probe.argv = {"python3", TUNEFARM_TEST_SOURCES "/boards/simulated_probe.py", socket};
    probe.discard_output = true;
    probe_.emplace(*Subprocess::Spawn(probe));
    REQUIRE(Comes(*probe_, [&] { return FileExists(socket); }));
    SubprocessOptions openocd;
    openocd.argv = {"openocd", "-c", absl::StrCat("set SOCKET ", socket), "-f",
                    TUNEFARM_TEST_SOURCES "/boards/simulated_probe.cfg"};
    openocd.output_path = folder_.path() + "/openocd.log";
    openocd_.emplace(*Subprocess::Spawn(openocd));
    // It has taken a free port and tells which.
    const bool listens = Comes(*openocd_, [&] { return ReadPort(openocd.output_path); });
    INFO(ReadFile(openocd.output_path).value_or(""));
    REQUIRE(listens);
  }

  std::string address() const { return absl::StrCat("127.0.0.1:", port_); }

 private:
  template <typename Condition>
  static bool Comes(Subprocess& process, Condition condition) {
    const absl::Time until = absl::Now() + absl::Seconds(30);
    while (!condition()) {
      if (absl::Now() > until || process.Wait(absl::Milliseconds(10)).has_value()) return false;
    }
    return true;
  }
  static bool FileExists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }
  bool ReadPort(const std::string& log) {
    const std::string text = ReadFile(log).value_or("");
    constexpr char kBefore[] = "Listening on port ";
    const std::size_t at = text.find(kBefore);
    const std::size_t end = text.find(" for gdb", at);
    if (at == std::string::npos || end == std::string::npos) return false;
    const std::size_t begin = at + sizeof kBefore - 1;
    return absl::SimpleAtoi(text.substr(begin, end - begin), &port_);
  }

  TempDir folder_;
  std::optional<Subprocess> probe_, openocd_;
  int port_ = 0;
};

}  // namespace tunefarm
