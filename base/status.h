// Errors are values: absl::Status and absl::StatusOr, with two macros to pass them on.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"

namespace tunefarm {

// The same code and payloads, with `context` put before the message: "reading jobs.db: disk is full".
inline absl::Status WithContext(const absl::Status& status, absl::string_view context) {
  if (status.ok()) return status;
  absl::Status result(status.code(), absl::StrCat(context, ": ", status.message()));
  status.ForEachPayload(
      [&](absl::string_view url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  return result;
}

}  // namespace tunefarm

#define TUNEFARM_RETURN_IF_ERROR(expr)                                    \
  do {                                                                    \
    if (absl::Status tunefarm_status_ = (expr); !tunefarm_status_.ok()) { \
      return tunefarm_status_;                                            \
    }                                                                     \
  } while (false)

#define TUNEFARM_CONCAT_INNER(a, b) a##b
#define TUNEFARM_CONCAT(a, b) TUNEFARM_CONCAT_INNER(a, b)

// TUNEFARM_ASSIGN_OR_RETURN(auto value, Compute());
#define TUNEFARM_ASSIGN_OR_RETURN(lhs, expr) \
  TUNEFARM_ASSIGN_OR_RETURN_INNER(TUNEFARM_CONCAT(tunefarm_statusor_, __LINE__), lhs, expr)
// `lhs` may be a declaration, which parentheses would spoil.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define TUNEFARM_ASSIGN_OR_RETURN_INNER(tmp, lhs, expr) \
  auto tmp = (expr);                                    \
  if (!tmp.ok()) return std::move(tmp).status();        \
  lhs = *std::move(tmp)
// NOLINTEND(bugprone-macro-parentheses)
