// The files of schedules/targets/, embedded when the library is built.
#pragma once

#include <vector>

namespace tunefarm::schedules {

// Their contents, in the alphabetical order of the file names. Lives for ever.
const std::vector<const char*>& BuiltinTargetJson();

}  // namespace tunefarm::schedules
