#include "schedules/workload.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/digest.h"
#include "schedules/compute.h"
#include "schedules/operator_table.h"

namespace tunefarm::schedules {

std::string Workload::ToString() const {
  const OperatorInfo& info = InfoOf(op_);
  std::string text = absl::StrCat(info.name, ":");
  for (const KeyInfo& key : info.keys) {
    const int64_t value = dim(key.name);
    if (key.always_printed || value != key.default_value) absl::StrAppend(&text, key.name, "=", value, ",");
  }
  if (info.has_layout) absl::StrAppend(&text, "layout=", LayoutName(layout_), ",");
  absl::StrAppend(&text, "dtype=", DTypeName(dtype_));
  const char* separator = ",epilogue=";
  for (const EpilogueStep step : epilogue_) {
    absl::StrAppend(&text, separator, EpilogueStepName(step));
    separator = "+";
  }
  return text;
}

std::string Workload::Hash() const { return Sha256Hex(ToString()).substr(0, 16); }

absl::string_view Workload::op_name() const { return InfoOf(op_).name; }

int64_t Workload::dim(absl::string_view key) const {
  const auto found = dims_.find(std::string_view(key.data(), key.size()));
  if (found == dims_.end()) {
    std::fprintf(stderr, "no key '%s' in %s\n", std::string(key).c_str(), std::string(op_name()).c_str());
    std::abort();
  }
  return found->second;
}

bool Workload::has_epilogue(EpilogueStep step) const {
  return std::find(epilogue_.begin(), epilogue_.end(), step) != epilogue_.end();
}

double Workload::flop() const { return DefineCompute(*this).flop; }

}  // namespace tunefarm::schedules
