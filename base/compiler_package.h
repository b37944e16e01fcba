// Which Debian package brings a compiler, for messages that say what to install.
#pragma once

#include <string>

namespace tunefarm {

// "gcc-arm-none-eabi" for "arm-none-eabi-gcc"; the program's own name where it has no triple.
std::string CompilerPackage(const std::string& compiler);

}  // namespace tunefarm
