// Rows of a fast product that cannot be read in place, as C: copied one behind the other (im2col).
#include <algorithm>

#include "schedules/fast_product_packing.h"

namespace tunefarm::schedules {
namespace {

// Where an access stands along a dimension of its tensor, with the axes that `at` gives a value.
template <typename At>
std::string PlaceOf(const ComputeFacts& facts, const AffineIndex& index, const At& at) {
  CSum place(index.constant);
  for (const AffineTerm& term : index.terms) {
    const std::optional<int64_t> value = at(term.axis);
    if (value.has_value()) {
      place.Add(*value * term.coefficient);
    } else {
      place.Add(facts.compute.axes[term.axis].name, term.coefficient);
    }
  }
  return place.Text();
}

// True where an element lies inside of the tensor; with `run`, where those of all these axes do.
std::string InsideOf(const ComputeFacts& facts, const LinearAccess& access, const std::vector<int>& run) {
  const std::vector<int64_t>& shape = facts.compute.tensors[access.access.tensor].shape;
  std::string inside;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const AffineIndex& index = access.access.index[d];
    int64_t lowest = index.constant, highest = index.constant;
    for (const AffineTerm& term : index.terms) {
      const int64_t reach = term.coefficient * (facts.compute.axes[term.axis].extent - 1);
      (reach < 0 ? lowest : highest) += reach;
    }
    const auto end = [&](bool last) {
      return PlaceOf(facts, index, [&](int axis) -> std::optional<int64_t> {
        if (std::ranges::find(run, axis) == run.end()) return std::nullopt;
        return last ? facts.compute.axes[axis].extent - 1 : 0;
      });
    };
    const auto add = [&](const std::string& condition) {
      absl::StrAppend(&inside, inside.empty() ? "" : " && ", condition);
    };
    if (lowest < 0) add(absl::StrCat(end(false), " >= 0"));
    if (highest >= shape[d]) add(absl::StrCat(end(true), " < ", shape[d]));
  }
  return inside;
}

}  // namespace

void PrintGatherRows(const FastProductKernel& kernel, CText& out) {
  const ComputeFacts& facts = kernel.facts;
  const ProductFactor& factor = kernel.factors.rows;
  const LinearAccess& access = *factor.access;
  const std::vector<Axis>& axes = facts.compute.axes;
  const std::vector<int>& terms = kernel.factors.terms;
  // The last terms that lie one behind the other are copied at once.
  std::size_t first_of_run = terms.size() - 1;
  while (first_of_run > 0 && access.stride[terms[first_of_run - 1]] ==
                                 access.stride[terms[first_of_run]] * axes[terms[first_of_run]].extent)
    --first_of_run;
  const std::vector<int> run(terms.begin() + static_cast<std::ptrdiff_t>(first_of_run), terms.end());
  int64_t length = 1;
  for (const int axis : run) length *= axes[axis].extent;
  out.Blank();
  std::string outer;
  for (const int axis : kernel.factors.outer) absl::StrAppend(&outer, "long ", axes[axis].name, ", ");
  const int64_t width = kernel.layout.rows().width, stride = GatheredRow(kernel.layout, kernel.plan);
  out.Line("// Copies rows of these numbers, run by run: a run of one row is near that of the next.");
  out.Open("static void gather_rows(const float* restrict tensor, ", outer,
           "const long* restrict numbers, float* restrict copies)");
  for (const int axis : kernel.factors.outer) out.Line("(void)", axes[axis].name, ";");
  std::vector<std::pair<std::string, std::string>> places;  // Along each axis: name, how it follows.
  int64_t inside_axis = 1;
  for (auto axis = factor.axes.rbegin(); axis != factor.axes.rend(); ++axis) {
    places.emplace_back(axes[*axis].name,
                        absl::StrCat("numbers[r] / ", inside_axis, " % ", axes[*axis].extent));
    inside_axis *= axes[*axis].extent;
  }
  for (const auto& [name, place] : places) {
    out.Line("long all_", name, "[", width, "];");
    out.Line("for (long r = 0; r < ", width, "; ++r) all_", name, "[r] = ", place, ";");
  }
  int opened = 0;
  const auto open = [&](int axis) {
    const std::string& name = axes[axis].name;
    out.Open("for (long ", name, " = 0; ", name, " < ", axes[axis].extent, "; ++", name, ")");
    ++opened;
  };
  for (std::size_t t = 0; t < first_of_run; ++t) open(terms[t]);
  CSum at(access.offset);
  const auto add = [&](int axis) { at.Add(axes[axis].name, access.stride[axis]); };
  for (const int axis : kernel.factors.outer) add(axis);
  for (const int axis : factor.axes) add(axis);
  for (std::size_t t = 0; t < first_of_run; ++t) add(terms[t]);
  out.Open("for (long r = 0; r < ", width, "; ++r)");
  for (const auto& [name, place] : places) out.Line("const long ", name, " = all_", name, "[r];");
  out.Line("const long at = ", at.Text(), ";");
  out.Line("float* restrict copy = copies + r * ", stride, ";");
  const std::string whole = InsideOf(facts, access, run);
  const auto copy_run = [&] {
    out.Line("for (long k = 0; k < ", length, "; ++k) copy[k] = tensor[at + k * ",
             access.stride[terms.back()], "];");
  };
  if (whole.empty()) {
    copy_run();
  } else {
    out.Open("if (", whole, ")");
    copy_run();
    out.Else();
    out.Line("float* restrict to = copy;");
    const int before = opened;
    CSum in_run;
    for (const int axis : run) {
      open(axis);
      in_run.Add(axes[axis].name, access.stride[axis]);
    }
    out.Line("*to++ = ", InsideOf(facts, access, {}), " ? tensor[at + ", in_run.Text(), "] : 0;");
    for (; opened > before; --opened) out.Close();
    out.Close();
  }
  out.Close();
  out.Line("copies += ", length, ";");
  for (; opened > 0; --opened) out.Close();
  const int64_t zeros = RowTerms(kernel.layout, kernel.plan) - kernel.factors.term_count;
  if (zeros > 0) {
    out.Line("for (long r = 0; r < ", width, "; ++r) for (long k = 0; k < ", zeros, "; ++k) copies[r * ",
             stride, " + k] = 0;");
  }
  out.Close();
}

}  // namespace tunefarm::schedules
