#include "cli/live_screen.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"

namespace tunefarm::cli {

TerminalSize StdoutSize() {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) return {};
  return {size.ws_col, size.ws_row};
}

bool StdoutIsTerminal() { return isatty(STDOUT_FILENO) == 1; }

std::size_t TableWidth() { return StdoutIsTerminal() ? StdoutSize().width : 0; }

void LiveScreen::Draw(const std::vector<std::string>& lines, absl::Time now) {
  if (now - last_ < kMinInterval) return;
  last_ = now;
  // One write for the whole frame, so that a terminal never shows half of it.
  std::string frame;
  if (drawn_ > 0) absl::StrAppend(&frame, "\r\x1b[", drawn_, "A");
  for (const std::string& line : lines) absl::StrAppend(&frame, "\x1b[2K", line, "\n");
  frame += "\x1b[J";
  drawn_ = lines.size();
  std::fwrite(frame.data(), 1, frame.size(), stdout);
  std::fflush(stdout);
}

void LiveScreen::Clear() {
  if (drawn_ > 0) std::printf("\r\x1b[%zuA\x1b[J", drawn_);
  std::fflush(stdout);
  drawn_ = 0;
  last_ = absl::InfinitePast();
}

}  // namespace tunefarm::cli
