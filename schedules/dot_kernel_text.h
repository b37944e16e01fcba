// The C text of each architecture's micro-kernels, between dot_kernel.cc and the files that hold it. In the
// text, $LOW and $HIGH are the output's limits without its zero point, which is $ZERO.
#pragma once

#include <vector>

#include "schedules/dot_kernel.h"

namespace tunefarm::schedules {

bool HasFeature(const Target& target, const char* feature);

std::vector<const DotKernel*> X86DotKernels(const Target& target);
std::vector<const char*> X86DotText(const DotKernel& kernel, Rounding rounding);
std::vector<const DotKernel*> NeonDotKernels(const Target& target);
std::vector<const char*> NeonDotText(const DotKernel& kernel, Rounding rounding);

}  // namespace tunefarm::schedules
