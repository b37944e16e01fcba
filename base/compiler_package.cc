#include "base/compiler_package.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace tunefarm {

std::string CompilerPackage(const std::string& compiler) {
  absl::string_view triple = compiler;
  return absl::ConsumeSuffix(&triple, "-gcc") ? absl::StrCat("gcc-", triple) : compiler;
}

}  // namespace tunefarm
