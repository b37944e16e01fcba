// The files of bench/programs/, embedded when the library is built: they are compiled for the board's core.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace tunefarm {

// Names and contents. Lives for ever.
const std::vector<std::pair<std::string, const char*>>& ProgramSources();

}  // namespace tunefarm
