// Redraws a block of lines in place on a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace tunefarm::cli {

struct TerminalSize {
  std::size_t width = 80;
  std::size_t height = 24;
};
// Of stdout; 80 x 24 where it does not say.
TerminalSize StdoutSize();
bool StdoutIsTerminal();
// What to give to Table: the width of a terminal, no limit in a pipe.
std::size_t TableWidth();

// Not thread safe. Nothing else may write to the terminal while a block is on it.
class LiveScreen {
 public:
  // Draws `lines` over the block drawn before, unless that was less than kMinInterval ago.
  void Draw(const std::vector<std::string>& lines, absl::Time now);
  // Takes the block off, so that ordinary output goes on where it began.
  void Clear();

  // 5 a second: the eye sees no more in a table, and a slow serial line or ssh keeps up.
  static constexpr absl::Duration kMinInterval = absl::Milliseconds(200);

 private:
  std::size_t drawn_ = 0;
  absl::Time last_ = absl::InfinitePast();
};

}  // namespace tunefarm::cli
