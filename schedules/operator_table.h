// The operators and the keys of their workloads: the one list that parsing, printing and error messages
// share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "schedules/workload.h"

namespace tunefarm::schedules {

struct KeyInfo {
  std::string name;
  int64_t minimum = 1;
  std::optional<int64_t> default_value;  // Absent: the key must be given.
  // False: printed only when it differs from its default. So a key that is added to an operator later leaves
  // the identity of all older workloads as it was.
  bool always_printed = true;
  // Keys that this one gives the same value: the workload has only them, and is printed with this one where
  // they are equal. A text may give either.
  std::vector<std::string> parts = {};
  int64_t maximum = int64_t{1} << 31;
};

struct OperatorInfo {
  Operator op;
  const char* name;
  std::vector<KeyInfo> keys;  // In the order they are printed.
  bool has_layout;
  std::vector<DType> dtypes;  // The first is the default.
  bool has_epilogue = true;
  std::vector<KeyInfo> int8_keys = {};  // What int8 workloads have besides; printed after the dtype.
  bool has_rounding = false;            // Of int8.
};

const std::vector<OperatorInfo>& OperatorTable();
const OperatorInfo& InfoOf(Operator op);
const OperatorInfo* FindOperator(absl::string_view name);  // nullptr when there is none.
std::vector<std::string> OperatorNames();

// The words of the other keys' values.
absl::string_view LayoutName(Layout layout);
absl::string_view EpilogueStepName(EpilogueStep step);
absl::string_view DTypeName(DType dtype);
absl::string_view RoundingName(Rounding rounding);

}  // namespace tunefarm::schedules
