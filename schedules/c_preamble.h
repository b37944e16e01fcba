// What generated kernels begin with: their title, vector types and small helpers.
#pragma once

#include <string>

#include "schedules/c_text.h"
#include "schedules/compute.h"

namespace tunefarm::schedules {

// `title` and `config` become comments; an empty config none. With one lane a "vec" is a float. relu and
// relu6 are there when the epilogue has them.
void PrintPreamble(const std::string& title, const std::string& config, int lanes,
                   const ComputeDefinition& compute, CText& out);

// vec load_blocks(from, stride, blocks) and store_blocks(to, stride, blocks, x): the first blocks of a vector
// of `lanes`, each of `block` lanes that lie together, `stride` elements from one to the next.
void PrintBlockAccess(int lanes, int64_t block, CText& out);

// vec load_part(from, count) and store_part(to, x, count): the first lanes of a vector, the others zero; for
// counts that the compiler knows. No byte behind them is touched.
void PrintParts(int lanes, CText& out);

// vec every_second(vec a, vec b): the even elements of `a`, then the odd ones of `b`.
void PrintEverySecond(int lanes, CText& out);

}  // namespace tunefarm::schedules
