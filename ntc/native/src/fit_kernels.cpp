#include "fit_kernels.h"

namespace ntc {

namespace baseline {
extern const FitKernels fit_kernels;
}
#ifdef NTC_HAS_AVX2
namespace avx2 {
extern const FitKernels fit_kernels;
}
namespace avx512 {
extern const FitKernels fit_kernels;
}
#endif

const FitKernels& fit_kernels_for(Isa isa) {
#ifdef NTC_HAS_AVX2
  // The fit multiplies floats: what comes after AVX-512 adds nothing to that.
  if (isa >= Isa::avx512) return avx512::fit_kernels;
  if (isa == Isa::avx2) return avx2::fit_kernels;
#endif
  return baseline::fit_kernels;
}

}  // namespace ntc
