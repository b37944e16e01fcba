#include "schedules/workload.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/digest.h"
#include "schedules/compute.h"
#include "schedules/operator_table.h"

namespace tunefarm::schedules {

namespace {

// "KEY=VALUE,", or the parts of a short form that does not hold; nothing for an optional key at its default.
void AppendKey(const Workload& workload, const KeyInfo& key, std::string& text) {
  if (key.parts.empty()) {
    const int64_t value = workload.dim(key.name);
    if (key.always_printed || value != key.default_value) absl::StrAppend(&text, key.name, "=", value, ",");
    return;
  }
  const bool equal = std::ranges::all_of(
      key.parts, [&](const std::string& part) { return workload.dim(part) == workload.dim(key.parts[0]); });
  if (equal) {
    absl::StrAppend(&text, key.name, "=", workload.dim(key.parts[0]), ",");
  } else {
    for (const std::string& part : key.parts) absl::StrAppend(&text, part, "=", workload.dim(part), ",");
  }
}

}  // namespace

std::string Workload::ToString() const {
  const OperatorInfo& info = InfoOf(op_);
  std::string text = absl::StrCat(info.name, ":");
  for (const KeyInfo& key : info.keys) AppendKey(*this, key, text);
  if (info.has_layout) absl::StrAppend(&text, "layout=", LayoutName(layout_), ",");
  absl::StrAppend(&text, "dtype=", DTypeName(dtype_), ",");
  if (dtype_ == DType::kI8) {
    for (const KeyInfo& key : info.int8_keys) AppendKey(*this, key, text);
    if (rounding_ != Rounding::kDouble) absl::StrAppend(&text, "rounding=", RoundingName(rounding_), ",");
  }
  const char* separator = "epilogue=";
  for (const EpilogueStep step : epilogue_) {
    absl::StrAppend(&text, separator, EpilogueStepName(step));
    separator = "+";
  }
  if (epilogue_.empty()) text.pop_back();  // The comma.
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
