// The harness's files as text: the runner compiles them for the board's core.
#pragma once

namespace tunefarm {

extern const char kUserHarnessSource[];       // user_harness.c
extern const char kUserHarnessArenaLayout[];  // arena_layout.h

}  // namespace tunefarm
