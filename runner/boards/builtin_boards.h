// The files of runner/boards/files/, embedded when the library is built.
#pragma once

#include <vector>

namespace tunefarm {

// Their contents, in the alphabetical order of the file names. Lives for ever.
const std::vector<const char*>& BuiltinBoardJson();

}  // namespace tunefarm
