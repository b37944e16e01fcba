#include "cli/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>

#include "absl/strings/str_cat.h"
#include "base/exit_code.h"

namespace tunefarm::cli {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};
std::atomic<int> g_count{0};
struct sigaction g_before[3];

// Children die with this process (base/subprocess.h), so that leaving at once leaves nothing running.
void OnSignal(int) {
  if (g_count.fetch_add(1) > 0) _exit(static_cast<int>(ExitCode::kInterrupted));
}

}  // namespace

InterruptScope::InterruptScope() {
  g_count = 0;
  struct sigaction action{};
  action.sa_handler = OnSignal;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  for (int i = 0; i < 3; ++i) sigaction(kSignals[i], &action, &g_before[i]);
}

InterruptScope::~InterruptScope() {
  for (int i = 0; i < 3; ++i) sigaction(kSignals[i], &g_before[i], nullptr);
}

bool InterruptScope::requested() { return g_count > 0; }

absl::Status InterruptScope::Check(absl::string_view what) {
  if (!requested()) return absl::OkStatus();
  return WithExitCode(absl::CancelledError(absl::StrCat("interrupted ", what)), ExitCode::kInterrupted);
}

}  // namespace tunefarm::cli
