#include "schedules/dot_printing.h"

#include "absl/strings/str_join.h"
#include "base/divide.h"
#include "schedules/dot_windows.h"

namespace tunefarm::schedules {
namespace {

constexpr int64_t kAlignment = 64;

const LinearAccess* BiasOf(const ComputeFacts& facts) {
  for (std::size_t e = 0; e < facts.epilogue.size(); ++e) {
    if (facts.compute.epilogue[e].step == EpilogueStep::kBias) return &facts.epilogue[e];
  }
  return nullptr;
}

}  // namespace

ChannelTable AddChannelTable(LoopTree& tree, const ComputeFacts& facts, const DotRoles& roles,
                             const DotPlan& plan) {
  ChannelTable table;
  int64_t channels = 1;
  for (const int axis : roles.batch) {
    if (!facts.multiplier.uses[axis]) continue;
    table.axes.push_back(axis);
    table.size.push_back(facts.compute.axes[axis].extent);
    channels *= table.size.back();
  }
  if (roles.channels >= 0) {
    table.tile = int64_t{plan.vectors} * plan.kernel->lanes;
    table.axes.push_back(roles.channels);
    table.size.push_back((facts.compute.axes[roles.channels].extent + table.tile - 1) / table.tile *
                         table.tile);
    channels *= table.size.back();
  }
  table.fields = ChannelFields(*plan.kernel, *facts.compute.requantize);
  table.elements = channels * static_cast<int64_t>(table.fields.size());
  LoopBuffer buffer;
  buffer.scope = BufferScope::kConstant;
  buffer.tensor = static_cast<int16_t>(facts.multiplier.access.tensor);
  buffer.elements = table.elements;
  // Whether there are channels of the general kind, and a byte for each.
  if (plan.kernel->quick())
    buffer.elements += 1 + CeilDivide(facts.compute.tensors[facts.multiplier.access.tensor].shape[0], 4);
  buffer.bytes = buffer.elements * buffer.element_bytes;
  buffer.offset_bytes = tree.packed_bytes;
  tree.packed_bytes += (buffer.bytes + kAlignment - 1) / kAlignment * kAlignment;
  table.buffer = static_cast<int>(tree.buffers.size());
  tree.buffers.push_back(buffer);
  // The bias is read from there.
  if (const LinearAccess* bias = BiasOf(facts)) {
    for (LoopAccess& access : tree.accesses) {
      if (access.buffer == bias->access.tensor) access.buffer = static_cast<uint8_t>(table.buffer);
    }
  }
  return table;
}

TapPlan LayOutTaps(LoopTree& tree, const ComputeFacts& facts, const DotRoles& roles, const DotPlan& plan) {
  int taps = 1, stride = 1;
  for (const AffineTerm& term : facts.lhs.access.index[facts.lhs.access.index.size() - 2].terms) {
    if (term.axis == roles.rows) stride = static_cast<int>(term.coefficient);
    if (term.axis == roles.tap) taps = static_cast<int>(facts.compute.axes[roles.tap].extent);
  }
  TapPlan result = PlanTaps(taps, stride, plan.rows);
  for (LoopBuffer& buffer : tree.buffers) {
    if (buffer.scope != BufferScope::kConstant) continue;
    buffer.elements = buffer.elements / taps * 2 * static_cast<int64_t>(result.weight_words.size());
    buffer.bytes = buffer.elements * buffer.element_bytes;
    tree.packed_bytes = (buffer.bytes + kAlignment - 1) / kAlignment * kAlignment;
  }
  return result;
}

void DotPrinter::Preamble() {
  out_.Line("#include <stdint.h>");
  out_.Raw(DotKernelText(*dot_.kernel, *facts_.compute.requantize));
}

const char* DotPrinter::TypeOf(int buffer) const {
  const LoopBuffer& b = tree_.buffers[buffer];
  if (buffer == dot_.channels.buffer) return "int32_t";
  if (buffer == dot_.pair_sums.buffer) return "uint32_t";
  if (b.scope == BufferScope::kConstant) return CTypeOf(dot_.kernel->rhs);
  if (b.scope == BufferScope::kWorkspace) return CTypeOf(dot_.kernel->lhs);
  return facts_.compute.tensors[b.tensor].dtype == DType::kI8 ? "int8_t" : "int32_t";
}

void DotPrinter::PackWeights(int node, const std::string& source, const std::string& destination) {
  if (dot_.kernel->planar) return PackTaps(source, destination);
  if (dot_.kernel->window_terms > 0) return PackWindows(source, destination);
  const LoopNode& statement = tree_.nodes[tree_.nodes[node].end - 1];
  const LoopAccess& write = tree_.accesses[statement.first_access + 1];
  const std::vector<int>& order = dot_.kernel->order;
  if (!order.empty()) {
    out_.Line("static const unsigned char term[] = {", absl::StrJoin(order, ", "), "};");
  }
  // Counters "<axis>_<depth>"; an axis stands at the sum of its counters' steps.
  std::vector<CSum> at(facts_.compute.axes.size());
  std::vector<int64_t> reach(facts_.compute.axes.size(), 0);  // Its last slot.
  CSum to;
  int open = 0;
  std::string lane, group_term;  // Of paired products: the counters of a vector's channels and of a group.
  for (int n = node; tree_.nodes[n].is_loop; ++n, ++open) {
    const LoopNode& loop = tree_.nodes[n];
    const std::string counter = absl::StrCat(facts_.compute.axes[loop.axis].name, "_", open);
    out_.Open("for (long ", counter, " = 0; ", counter, " < ", loop.extent, "; ++", counter, ")");
    const bool group = !order.empty() && loop.axis == dot_.roles.k && loop.step == 1;
    at[loop.axis].Add(group ? absl::StrCat("term[", counter, "]") : counter, loop.step);
    reach[loop.axis] += int64_t{loop.extent - 1} * loop.step;
    std::string* const inner = !dot_.kernel->paired || loop.step != 1 ? nullptr
                               : loop.axis == dot_.roles.channels     ? &lane
                               : loop.axis == dot_.roles.k            ? &group_term
                                                                      : nullptr;
    if (inner != nullptr) {
      *inner = counter;
    } else {
      to.Add(counter, write.strides[loop.depth]);
    }
  }
  if (dot_.kernel->paired) {
    const int64_t lanes = dot_.kernel->lanes;
    to.Add(absl::StrCat(lane, " / ", lanes), lanes * 4);
    to.Add(absl::StrCat(group_term, " / 2"), lanes * 2);
    to.Add(absl::StrCat(lane, " % ", lanes), 2);
    to.Add(absl::StrCat(group_term, " % 2"), 1);
  }
  CSum from(facts_.rhs.offset);
  std::string inside;
  for (std::size_t axis = 0; axis < at.size(); ++axis) {
    const int64_t extent = facts_.compute.axes[axis].extent;
    if (reach[axis] == 0) continue;
    const std::string& name = facts_.compute.axes[axis].name;
    out_.Line("const long ", name, " = ", at[axis].Text(), ";");
    from.Add(name, facts_.rhs.stride[axis]);
    if (reach[axis] >= extent) absl::StrAppend(&inside, inside.empty() ? "" : " && ", name, " < ", extent);
  }
  const std::string element = absl::StrCat(source, "[", from.Text(), "]");
  out_.Line(destination, "[", to.Text(), "] = ", inside, inside.empty() ? "" : " ? ", element,
            inside.empty() ? "" : " : 0", ";");
  while (open-- > 0) out_.Close();
}

// For each channel and row of the window, the words of the tap plan.
void DotPrinter::PackTaps(const std::string& source, const std::string& destination) {
  CSum from(facts_.rhs.offset);
  const auto open = [&](int axis) {
    const Axis& a = facts_.compute.axes[axis];
    out_.Open("for (long ", a.name, " = 0; ", a.name, " < ", a.extent, "; ++", a.name, ")");
    from.Add(a.name, facts_.rhs.stride[axis]);
  };
  out_.Line("int16_t* word = ", destination, ";");
  open(dot_.roles.channels);
  int loops = 1;
  for (const int tap : dot_.roles.taps) {
    if (tap == dot_.roles.tap) continue;
    open(tap);
    ++loops;
  }
  const int64_t stride = dot_.roles.tap < 0 ? 0 : facts_.rhs.stride[dot_.roles.tap];
  for (const std::array<int, 2>& taps : dot_.taps.weight_words) {
    for (const int tap : taps) {
      CSum element = from;
      element.Add(tap * stride);
      out_.Line("*word++ = ", tap < 0 ? "0" : absl::StrCat(source, "[", element.Text(), "]"), ";");
    }
  }
  while (loops-- > 0) out_.Close();
}

void DotPrinter::PrintSlots() {
  std::vector<int> slots;
  slots.reserve(dot_.kernel->lanes);
  for (int c = 0; c < dot_.kernel->lanes; ++c) slots.push_back(WindowSlot(*dot_.kernel, c));
  out_.Line("static const unsigned char slot[] = {", absl::StrJoin(slots, ", "), "};");
}

// For each tile of the micro-kernel's lanes, groups of taps, columns of the window: the lanes with their
// terms.
void DotPrinter::PackWindows(const std::string& source, const std::string& destination) {
  const DotKernel& kernel = *dot_.kernel;
  const WindowPlan window = PlanWindow(facts_, dot_.roles, kernel);
  const int64_t tile = window.WeightsOf(kernel.lanes),
                channels = facts_.compute.axes[dot_.roles.channels].extent;
  const int64_t padded = (channels + kernel.lanes - 1) / kernel.lanes * kernel.lanes;
  PrintSlots();
  out_.Line("for (long i = 0; i < ", padded / kernel.lanes * tile, "; ++i) ", destination, "[i] = 0;");
  CSum from(facts_.rhs.offset), to;
  const auto open = [&](const char* name, int64_t extent) {
    out_.Open("for (long ", name, " = 0; ", name, " < ", extent, "; ++", name, ")");
  };
  open("channel", channels);
  open("down", window.height);
  open("across", window.columns);
  from.Add("channel", facts_.rhs.stride[dot_.roles.channels]);
  if (window.down >= 0) from.Add("down", facts_.rhs.stride[window.down]);
  if (window.across >= 0) from.Add("across", facts_.rhs.stride[window.across]);
  to.Add(absl::StrCat("channel / ", kernel.lanes), tile);
  to.Add(absl::StrCat("down / ", window.terms), int64_t{window.columns} * kernel.lanes * window.terms);
  to.Add("across", int64_t{kernel.lanes} * window.terms);
  to.Add(absl::StrCat("slot[channel % ", kernel.lanes, "]"), window.terms);
  to.Add(absl::StrCat("down % ", window.terms), 1);
  out_.Line(destination, "[", to.Text(), "] = ", source, "[", from.Text(), "];");
  for (int i = 0; i < 3; ++i) out_.Close();
}

void DotPrinter::PackChannels(const std::string& destination) {
  const ChannelTable& table = dot_.channels;
  const LinearAccess* bias = BiasOf(facts_);
  const auto constant = [&](const LinearAccess& access, const char* type, const char* name) {
    out_.Line("const ", type, "* restrict ", name, " = constants[", access.access.tensor, "];");
  };
  const Requantize& requantize = *facts_.compute.requantize;
  const int32_t folded = FoldedOffset(dot_.kernel->lhs, requantize);
  const bool quick = dot_.kernel->quick();
  const auto fields = static_cast<int64_t>(table.fields.size());
  if (bias != nullptr) constant(*bias, "int32_t", "bias");
  constant(facts_.multiplier, "int32_t", "multiplier");
  constant(facts_.shift, "int32_t", "shift");
  if (folded != 0 || quick) constant(facts_.rhs, "int8_t", "weights");
  const int64_t general = table.elements;  // Where flags stand.
  if (quick) out_.Line(destination, "[", general, "] = 0;");
  CSum slot, channel(facts_.multiplier.offset), weight(facts_.rhs.offset);
  int64_t stride = 1;
  for (const int64_t size : table.size) stride *= size;
  std::string tiled;
  for (std::size_t i = 0; i < table.axes.size(); ++i) {
    const int axis = table.axes[i];
    const std::string& name = facts_.compute.axes[axis].name;
    out_.Open("for (long ", name, "_0 = 0; ", name, "_0 < ", table.size[i], "; ++", name, "_0)");
    const int64_t extent = facts_.compute.axes[axis].extent;
    out_.Line("const long ", name, " = ",
              table.size[i] > extent ? absl::StrCat("min_long(", name, "_0, ", extent - 1, ")") : name + "_0",
              ";");
    stride /= table.size[i];
    if (axis == dot_.roles.channels) tiled = name + "_0";
    if (axis != dot_.roles.channels) slot.Add(name + "_0", stride * fields);
    channel.Add(name, facts_.multiplier.stride[axis]);
    weight.Add(name, facts_.rhs.stride[axis]);
  }
  if (!tiled.empty()) {
    slot.Add(absl::StrCat(tiled, " / ", table.tile), table.tile * fields);
    if (dot_.kernel->window_terms > 0) {
      PrintSlots();
      const int lanes = dot_.kernel->lanes;
      slot.Add(absl::StrCat(tiled, " % ", table.tile, " / ", lanes), lanes);
      slot.Add(absl::StrCat("slot[", tiled, " % ", lanes, "]"), 1);
    } else {
      slot.Add(absl::StrCat(tiled, " % ", table.tile), 1);
    }
  }
  out_.Line("int32_t sum = ", bias == nullptr ? "0" : absl::StrCat("bias[", channel.Text(), "]"), ";");
  if (quick) out_.Line("int64_t low = sum, high = sum;  // What sums lie between.");
  if (folded != 0 || quick) {
    int open = 0;
    for (std::size_t axis = facts_.spatial_axes; axis < facts_.compute.axes.size(); ++axis, ++open) {
      const std::string& name = facts_.compute.axes[axis].name;
      out_.Open("for (long ", name, " = 0; ", name, " < ", facts_.compute.axes[axis].extent, "; ++", name,
                ")");
      weight.Add(name, facts_.rhs.stride[axis]);
    }
    out_.Line("const int32_t w = weights[", weight.Text(), "];");
    // The input is read with that much too much in it.
    if (folded != 0)
      out_.Line("sum -= ", folded < 0 ? absl::StrCat("(", folded, ")") : absl::StrCat(folded), " * w;");
    if (dot_.pair_sums.buffer >= 0) {
      const std::string& k = facts_.compute.axes[dot_.roles.k].name;
      CSum partner = weight;
      partner.Add(2 * int64_t{facts_.rhs.stride[dot_.roles.k]});
      out_.Line("// What products of sums have too much in them.");
      out_.Line("if (", k, " % 4 < 2 && ", k, " + 2 < ", facts_.compute.axes[dot_.roles.k].extent,
                ") sum -= w * weights[", partner.Text(), "];");
    }
    if (quick) {
      const int32_t zero = requantize.input_zero_point;
      out_.Line("low += w * (w < 0 ? ", 127 - zero, " : ", -128 - zero, ");");
      out_.Line("high += w * (w < 0 ? ", -128 - zero, " : ", 127 - zero, ");");
    }
    while (open-- > 0) out_.Close();
  }
  out_.Line("int32_t* entry = ", destination, " + ", slot.Text(), ";");
  out_.Line("entry[0] = sum;");
  if (quick) {
    PackShortCut(absl::StrCat("multiplier[", channel.Text(), "]"),
                 absl::StrCat("shift[", channel.Text(), "]"));
    out_.Line("((uint8_t*)(", destination, " + ", general + 1, "))[", channel.Text(), "] = !quick;");
    out_.Line(destination, "[", general, "] |= !quick;");
  } else {
    out_.Line("entry[", table.tile, "] = multiplier[", channel.Text(), "];");
    out_.Line("entry[", 2 * table.tile, "] = shift[", channel.Text(), "];");
  }
  for (std::size_t i = 0; i < table.axes.size(); ++i) out_.Close();
}

// `quick` says whether the entry holds. A channel whose results are all the same, as where pruning left no
// weights, may have any scale and bias: its sums count for nothing.
void DotPrinter::PackShortCut(const std::string& multiplier, const std::string& shift) {
  const ChannelTable& table = dot_.channels;
  const int64_t tile = table.tile;
  out_.Line("int quick = ", multiplier, " == 0;");
  out_.Line("int32_t result = ", facts_.compute.requantize->output_zero_point, ";");
  out_.Open("if (", multiplier, " > 0 && ", shift, " <= 0 && ", shift,
            " >= -31 && low >= -2147483647 && high <= 2147483647)");
  out_.Line("result = exact_result((int32_t)low, ", multiplier, ", ", shift, ");");
  out_.Line("quick = exact_result((int32_t)high, ", multiplier, ", ", shift, ") == result;");
  out_.Close();
  if (dot_.kernel->scaling == DotScaling::kFloats) {
    out_.Open("if (quick)");
    out_.Line("const float addend = (float)result + 0.5f;");
    out_.Line("for (int field = 1; field < ", table.fields.size(), "; ++field) entry[field * ", tile,
              "] = 0;");
    out_.Line("__builtin_memcpy(entry + ", 3 * tile, ", &addend, 4);");
    out_.Close();
    out_.Line("if (!quick) quick = fit_scale(entry, ", tile, ", ", multiplier, ", ", shift, ", low, high);");
    return;
  }
  out_.Line("const int constant = quick;");
  out_.Line("quick = quick || (low > -(1 << 29) && high < 1 << 29 && ", shift, " <= -1 && ", shift,
            " >= -22);");
  out_.Line("const int32_t right = constant || !quick ? 1 : -", shift, ";");
  out_.Line("entry[", tile, "] = constant ? 0 : ", multiplier, ";");
  out_.Line("entry[", 2 * tile, "] = constant ? 2 * result : (1 << right >> 1) + ",
            facts_.compute.requantize->output_zero_point, " * (1 << right);");
  out_.Line("entry[", 3 * tile, "] = right;");
}

void DotPrinter::GeneralRun() {
  const Requantize& requantize = *facts_.compute.requantize;
  const LinearAccess* bias = BiasOf(facts_);
  out_.Blank();
  out_.Line("// For channels that the short cuts of requantize() do not hold for: a result at a time.");
  out_.Open(
      "static __attribute__((noinline)) void run_general(void* const* arguments, const uint8_t* general)");
  const auto argument = [&](const LinearAccess& access, const char* type, const char* name) {
    out_.Line("const ", type, "* ", name, " = arguments[", access.access.tensor, "];");
  };
  argument(facts_.lhs, "int8_t", "x");
  argument(facts_.rhs, "int8_t", "w");
  if (bias != nullptr) argument(*bias, "int32_t", "bias");
  argument(facts_.multiplier, "int32_t", "multiplier");
  argument(facts_.shift, "int32_t", "shift");
  out_.Line("int8_t* out = arguments[", facts_.output.access.tensor, "];");
  const auto address = [&](const LinearAccess& access) {
    CSum sum(access.offset);
    for (std::size_t axis = 0; axis < facts_.compute.axes.size(); ++axis) {
      sum.Add(facts_.compute.axes[axis].name, access.stride[axis]);
    }
    return sum.Text();
  };
  const auto open = [&](std::size_t axis) {
    const Axis& a = facts_.compute.axes[axis];
    out_.Open("for (long ", a.name, " = 0; ", a.name, " < ", a.extent, "; ++", a.name, ")");
  };
  const std::size_t spatial = static_cast<std::size_t>(facts_.spatial_axes),
                    axes = facts_.compute.axes.size();
  bool in_loop = false;
  for (std::size_t axis = 0; axis < spatial; ++axis) {
    if (facts_.multiplier.uses[axis]) open(axis);
    in_loop = in_loop || facts_.multiplier.uses[axis];
  }
  if (in_loop) {
    out_.Line("if (!general[", address(facts_.multiplier), "]) continue;");
  } else {
    out_.Line("(void)general;");
  }
  for (std::size_t axis = 0; axis < spatial; ++axis) {
    if (!facts_.multiplier.uses[axis]) open(axis);
  }
  out_.Line("int32_t sum = ", bias == nullptr ? "0" : absl::StrCat("bias[", address(*bias), "]"), ";");
  for (std::size_t axis = spatial; axis < axes; ++axis) open(axis);
  const std::vector<int64_t>& shape = facts_.compute.tensors[facts_.lhs.access.tensor].shape;
  for (std::size_t d = 0; facts_.lhs.reads_padding && d < shape.size(); ++d) {
    CSum index(facts_.lhs.access.index[d].constant);
    for (const AffineTerm& term : facts_.lhs.access.index[d].terms) {
      index.Add(facts_.compute.axes[term.axis].name, term.coefficient);
    }
    out_.Line("if ((unsigned long)(", index.Text(), ") >= ", shape[d], ") continue;");
  }
  out_.Line("sum += (x[", address(facts_.lhs), "] - (", requantize.input_zero_point, ")) * w[",
            address(facts_.rhs), "];");
  for (std::size_t axis = spatial; axis < axes; ++axis) out_.Close();
  out_.Line("out[", address(facts_.output), "] = (int8_t)exact_result(sum, multiplier[",
            address(facts_.multiplier), "], shift[", address(facts_.shift), "]);");
  for (std::size_t axis = 0; axis < spatial; ++axis) out_.Close();
  out_.Close();
}

void DotPrinter::CallGeneralRun(const std::string& table) {
  if (!dot_.kernel->quick()) return;
  const int64_t general = dot_.channels.elements;
  out_.Line("if (", table, "[", general, "]) run_general(arguments, (const uint8_t*)(", table, " + ",
            general + 1, "));");
}

void DotPrinter::RoundDown() {
  if (RoundsDown(*dot_.kernel)) out_.Line("const uint32_t rounding = round_down();");
}

void DotPrinter::RoundBack() {
  if (RoundsDown(*dot_.kernel)) out_.Line("round_as(rounding);");
}

}  // namespace tunefarm::schedules
