// Compiled with the precompiled header, so that CMake makes one; main.cc must not use it.
#include "tests/catch.h"
