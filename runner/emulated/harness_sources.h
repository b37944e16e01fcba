// The files of the harness, embedded when the library is built: a runner compiles them for the core of its
// board.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tunefarm {

// Names and contents. Lives for ever.
const std::vector<std::pair<std::string, const char*>>& HarnessSources();

}  // namespace tunefarm
