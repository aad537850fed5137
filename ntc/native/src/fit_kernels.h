// The fit kernels that this build holds.
#pragma once

#include "fit_types.h"
#include "isa.h"

namespace ntc {

// The fastest kernels that a machine of this level runs.
const FitKernels& fit_kernels_for(Isa isa);

}  // namespace ntc
