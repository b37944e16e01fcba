// Convolution windows seen as runs of neighbouring elements.
#pragma once

#include "schedules/compute.h"

namespace tunefarm::schedules {

// The same computation with reduction axes fused that together run through neighbouring elements of both
// factors: kw and ci of an nhwc convolution without dilation become one axis over a row of the window, and
// the two dimensions of the input one. An element lies outside the fused dimension exactly when it lies
// outside the outer one, so that padding keeps its meaning. Tensors keep their number and their elements'
// order.
ComputeDefinition FuseWindow(const ComputeDefinition& compute);

}  // namespace tunefarm::schedules
