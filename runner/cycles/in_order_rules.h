// What llvm-mca gets wrong about cores or units that issue in order, put right from the text of the
// instructions. Pure.
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

// For the A9, whose NEON unit takes one instruction at a time: a cycle for each, also for the loads and
// stores of its registers, of 128 bits (as LLVM's model means it; llvm-mca has VLD1 to VST4 for nothing), and
// one more where they are loaded into lanes; two for float arithmetic and VPADAL on 128 bits, the unit being
// 64 bits wide, and for 32-bit integer multiplications.
double SerialNeonFloor(const Listing& listing);

// For A64 cores of which LLVM's model has a conditional branch wait three cycles for the flags of the
// comparison before it (A55): it is predicted, and a wrong prediction is charged apart.
void PredictBranches(Listing* listing);

}  // namespace tunefarm::cycles
