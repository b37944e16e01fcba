#include "db/failure_text.h"

#include "absl/strings/ascii.h"
#include "absl/strings/strip.h"

namespace tunefarm::db {

std::string FailureText(v1::FailureKind kind) {
  if (kind == v1::FAILURE_KIND_UNSPECIFIED) return {};
  if (!v1::FailureKind_IsValid(kind)) kind = v1::FAILURE_KIND_INTERNAL;
  return absl::AsciiStrToLower(absl::StripPrefix(v1::FailureKind_Name(kind), "FAILURE_KIND_"));
}

}  // namespace tunefarm::db
