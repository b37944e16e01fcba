// What correct kernels of a task compute: the reference's output for the task's inputs, as an artifact.
#pragma once

#include "schedules/workload.h"
#include "tuner/artifact_cache.h"
#include "tuner/measurement_client.h"

namespace tunefarm::tuner {

// Raw little-endian elements (measurement.proto). Computed by the reference operator, well below a second for
// a layer of ResNet-50, or taken from the cache (may be null). Pure otherwise; thread safe.
Artifact ExpectedOutput(const schedules::Workload& workload, ArtifactCache* cache);

}  // namespace tunefarm::tuner
