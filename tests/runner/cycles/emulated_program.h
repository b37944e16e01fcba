// Small programs in assembly, built by the cross compilers and run under QEMU with the counting plugin.
#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "runner/cycles/model_spec.h"
#include "runner/cycles/region.h"

namespace tunefarm::cycles {

enum class TestCore { kM4, kM7, kM55, kA9, kA64 };

// The instructions of `lines`, as one block. Fails when there is no assembler: then a test says so and
// passes.
absl::StatusOr<CodeBlock> Assemble(TestCore core, const std::string& lines);

// What the plugin wrote about a program that marks a region `regions` times, each with one call of `kernel`,
// which starts at `kernel_offset` (at least 0x200) from the program's start and returns. A region holds the
// return of its beginning's marker, two calls, and the kernel: three instructions and four taken branches
// (with the kernel's return) more than the kernel's own.
absl::StatusOr<std::string> CountedText(TestCore core, const std::string& kernel, const ModelSpec& spec,
                                        int regions = 1, unsigned kernel_offset = 0x200);

// True, and says so, when a program that the test needs is missing.
bool Missing(const absl::Status& status);

}  // namespace tunefarm::cycles
