// Which number a GDB server gives each core register. Pure.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "base/status.h"

namespace tunefarm::gdb {

// Of r0 to r12, sp, lr, pc and xpsr, by these names.
using RegisterNumbers = std::map<std::string, int>;

// What servers without a description use for a Cortex-M: r0 to pc are 0 to 15, xpsr is 25.
RegisterNumbers MProfileRegisters();

// From a target description (GDB manual, appendix G): registers count up from 0 in document order, unless one
// names its number. `fetch` gives the text of an annex, of "target.xml" first and then of what it includes.
// kInvalidArgument when a core register is missing; errors of `fetch` are passed on.
absl::StatusOr<RegisterNumbers> ReadRegisterNumbers(
    const std::function<absl::StatusOr<std::string>(const std::string&)>& fetch);

}  // namespace tunefarm::gdb
