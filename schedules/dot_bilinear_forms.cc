#include "schedules/dot_bilinear_forms.h"

#include "absl/strings/str_cat.h"
#include "base/divide.h"

namespace tunefarm::schedules {
namespace {

// With fewer, the transforms cost what they save.
constexpr int64_t kFewestChannels = 8;

// Results of F(4x4,3x3) with stride 1 must be below 2^25, or plain loops compute them. It depends on the
// weights: with so many channels and an input zero point at an end of int8 they are while weights of both
// signs have a mean magnitude of 57, which trained ones rarely reach. With half as many it may be 114, which
// suits a default.
constexpr int64_t kMostChannelsOfFour = 512;
constexpr int kResultBitsOfAny = 29;  // What requantisation takes at most.

// An eighth of the multiplications must be worth more than the sums around them: of shorter sums, or fewer
// rows that the weights' transforms serve, it is not.
constexpr int64_t kFewestTerms = 128, kFewestRows = 16, kFewestColumns = 32;

bool IsWinograds(const Workload& workload) {
  if (workload.op() != Operator::kConv2d) return false;
  const auto is = [&](const char* key, int64_t value) { return workload.dim(key) == value; };
  const int64_t stride = workload.dim("stride_h");
  return is("kh", 3) && is("kw", 3) && stride <= 2 && is("stride_w", stride) && is("dilation", 1) &&
         is("groups", 1) && workload.dim("ci") >= kFewestChannels && workload.dim("co") >= kFewestChannels &&
         workload.dim("h") + workload.dim("pad_t") + workload.dim("pad_b") >= 3 + stride &&
         workload.dim("w") + workload.dim("pad_l") + workload.dim("pad_r") >= 3 + stride;
}

std::vector<DotBilinearForm> WinogradForms(const Workload& workload) {
  const auto stride = static_cast<int>(workload.dim("stride_h"));
  const auto extent = [&](const char* size, const char* before, const char* after) {
    return (workload.dim(size) + workload.dim(before) + workload.dim(after) - 3) / stride + 1;
  };
  std::vector<DotBilinearForm> forms;
  for (const int outputs : DotWinogradOutputs(stride)) {
    const DotWinogradForm& winograd = DotWinogradFormOf(outputs, stride);
    const bool in_range_of_any = winograd.result_bits() >= kResultBitsOfAny;
    if (!in_range_of_any && workload.dim("ci") > kMostChannelsOfFour) continue;
    DotBilinearForm form;
    form.name = absl::StrCat("winograd_", outputs, "x", outputs);
    form.winograd = &winograd;
    form.result_bits = winograd.result_bits();
    form.points = int64_t{winograd.points} * winograd.points;
    form.sets = int64_t{winograd.weight_rows()} * winograd.weight_rows();
    form.tiles = workload.dim("n") * CeilDivide(extent("h", "pad_t", "pad_b"), outputs) *
                 CeilDivide(extent("w", "pad_l", "pad_r"), outputs);
    form.terms = workload.dim("ci");
    form.columns = workload.dim("co");
    form.results = int64_t{outputs} * outputs;
    form.patch = form.points;
    // Points are read, go through two transforms and are written; results besides are requantised.
    form.input_instructions = 8.0 * static_cast<double>(form.points);
    form.output_instructions =
        4.0 * static_cast<double>(form.points) + 16.0 * static_cast<double>(form.results);
    form.may_be_default = in_range_of_any || workload.dim("ci") <= kMostChannelsOfFour / 2;
    forms.push_back(std::move(form));
  }
  return forms;
}

bool IsStrassens(const ComputeFacts& facts, const DotRoles& roles) {
  return roles.rows >= 0 && roles.rows2 < 0 && roles.channels >= 0 && roles.k >= 0 && roles.taps.empty() &&
         roles.batch.empty() && !facts.lhs.reads_padding && facts.lhs.offset == 0 &&
         facts.lhs.stride[roles.k] == 1 && facts.compute.axes[roles.rows].extent >= kFewestRows &&
         facts.compute.axes[roles.channels].extent >= kFewestColumns &&
         facts.compute.axes[roles.k].extent >= kFewestTerms;
}

DotBilinearForm StrassenForm(const ComputeFacts& facts, const DotRoles& roles, int levels) {
  const StrassenParts parts = PartsOf(facts, roles, levels);
  DotBilinearForm form;
  form.name = levels == 1 ? "strassen" : "strassen_twice";
  form.strassen_levels = levels;
  form.points = form.sets = levels == 1 ? 7 : 49;
  form.tiles = parts.row_part;
  form.terms = parts.term_part;
  form.columns = parts.column_part;
  form.results = int64_t{parts.parts()} * parts.parts();
  form.patch = form.results;
  form.start_tiles = 64;
  form.tile_size = levels;
  form.may_be_default = false;  // What it gains is less than what a cache may take.
  form.input_instructions = levels == 1 ? 20 : 160;
  form.output_instructions = (levels == 1 ? 22 : 140) + 17.0 * static_cast<double>(form.results);
  return form;
}

}  // namespace

StrassenParts PartsOf(const ComputeFacts& facts, const DotRoles& roles, int levels) {
  constexpr int64_t kGroup = 4;  // Whole groups of any micro-kernel.
  StrassenParts parts;
  parts.levels = levels;
  parts.rows = facts.compute.axes[roles.rows].extent;
  parts.terms = facts.compute.axes[roles.k].extent;
  parts.columns = facts.compute.axes[roles.channels].extent;
  parts.row_part = CeilDivide(parts.rows, parts.parts());
  parts.term_part = RoundUp(CeilDivide(parts.terms, parts.parts()), kGroup);
  parts.column_part = CeilDivide(parts.columns, parts.parts());
  return parts;
}

std::vector<DotBilinearForm> BilinearForms(const Workload& workload, const ComputeFacts& facts,
                                           const DotRoles& roles) {
  if (workload.dtype() != DType::kI8) return {};
  if (IsWinograds(workload)) return WinogradForms(workload);
  if (!IsStrassens(facts, roles)) return {};
  std::vector<DotBilinearForm> forms = {StrassenForm(facts, roles, 1)};
  if (facts.compute.axes[roles.k].extent >= 2 * kFewestTerms &&
      facts.compute.axes[roles.rows].extent >= 2 * kFewestRows)
    forms.push_back(StrassenForm(facts, roles, 2));
  return forms;
}

}  // namespace tunefarm::schedules
