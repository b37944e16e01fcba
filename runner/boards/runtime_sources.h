// The files of runner/boards/runtime/, embedded when the library is built: a runner compiles them for its
// board.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tunefarm {

// Names and contents. Lives for ever.
const std::vector<std::pair<std::string, const char*>>& RuntimeSources();

}  // namespace tunefarm
