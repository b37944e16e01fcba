#include "schedules/c_preamble.h"

namespace tunefarm::schedules {

void PrintPreamble(const std::string& title, const std::string& config, int lanes,
                   const ComputeDefinition& compute, CText& out) {
  out.Line("// ", title);
  if (!config.empty()) out.Line("// ", config);
  if (lanes > 1) {
    const int bytes = lanes * 4;
    out.Line("typedef float vec __attribute__((vector_size(", bytes, "), may_alias));");
    out.Line("typedef float vec_unaligned __attribute__((vector_size(", bytes, "), may_alias, aligned(4)));");
    out.Line("typedef int mask __attribute__((vector_size(", bytes, ")));");
  } else {
    out.Line("typedef float vec;");
  }
  out.Line("static inline long min_long(long a, long b) { return a < b ? a : b; }");
  bool relu = false, relu6 = false;
  for (const EpilogueOp& op : compute.epilogue) {
    relu = relu || op.step == EpilogueStep::kRelu;
    relu6 = relu6 || op.step == EpilogueStep::kRelu6;
  }
  if (relu) {
    out.Line("static inline vec relu(vec x) { return ",
             lanes > 1 ? "(vec)((mask)x & (x > 0.0f))" : "x > 0 ? x : 0", "; }");
  }
  if (relu6) {
    out.Open("static inline vec relu6(vec x)");
    if (lanes > 1) {
      out.Line("const vec positive = (vec)((mask)x & (x > 0.0f)), six = (vec){0} + 6.0f;");
      out.Line("const mask small = positive < six;");
      out.Line("return (vec)((small & (mask)positive) | (~small & (mask)six));");
    } else {
      out.Line("return x < 0 ? 0 : x > 6 ? 6 : x;");
    }
    out.Close();
  }
}

}  // namespace tunefarm::schedules
