#include "runner/device/plausible_speed.h"

#include <algorithm>

#include "absl/strings/string_view.h"

namespace tunefarm {

// Four times the operations a core of this ISA can do in a cycle: two fused multiply-adds on full vectors, of
// int8 four times as many. Four times, because Winograd's F(4x4,3x3) needs a quarter of a convolution's
// products, and because a clock may be boosted after it was measured; both together do not happen, since its
// transforms take as long as a third of the products. 0 for an ISA without an entry.
double PlausibleFlopPerCycle(const v1::DeviceFacts& facts, const v1::RunDescription& run) {
  const auto has = [&facts](absl::string_view name) {
    return std::find(facts.isa_features().begin(), facts.isa_features().end(), name) !=
           facts.isa_features().end();
  };
  if (has("amx_tile") || has("sve")) return 0;  // Widths that we do not know.
  const bool bytes = std::ranges::any_of(run.arguments(), [](const v1::Argument& argument) {
    return argument.role() == v1::ARGUMENT_ROLE_OUTPUT && argument.type() == v1::DATA_TYPE_I8;
  });
  const double times = bytes ? 4 * 4 : 4;
  if (has("avx512f")) return times * 64;
  if (has("fma")) return times * 32;
  if (has("avx")) return times * 16;
  if (has("sse4_2") || has("asimd") || has("neon")) return times * 16;
  return 0;
}

}  // namespace tunefarm
