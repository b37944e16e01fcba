// What llvm-mca gets wrong about cores that issue in order, put right from the text of the instructions.
// Pure.
//
// It lets results be written in program order only, where LLVM's model does not say otherwise: behind a float
// multiply-add of latency 10 every load then waits. No such core does that.
#pragma once

#include <string>
#include <vector>

namespace tunefarm::cycles {

// The text of each instruction of a block; empty where there is none.
using Listing = std::vector<std::string>;

// For Thumb cores: a block's float arithmetic and the rest, to be simulated apart; it then takes as long as
// the longer, or as half its instructions when that is more. One part where there is nothing to part, or an
// IT that may not be.
std::vector<Listing> PartFloat(const Listing& listing);

// For A64 cores whose SIMD unit is two pipes of 64 bits (A53, A55): no more than one 128-bit operation a
// cycle. With `loads`, a 128-bit load takes that cycle as well, as measured on the A53.
double NarrowSimdFloor(const Listing& listing, bool loads);

}  // namespace tunefarm::cycles
