// What latents cost in bits: docs/decisions/0015-rate.md.

#include "fit_patch.inl"

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

constexpr float kLog2E = 1.44269504f;

NTC_INLINE Vec4 magnitude(Vec4 v) { return larger(v, -v); }

// Adds the gradient of a patch's bits, as a Laplace distribution would code them whose scale is the mean
// magnitude of a feature over the patch: |latent| / (scale ln 2) and a term that this leaves alone. Within
// one step of an int8 input of 0 the slope is linear, so that latents come to rest there.
NTC_INLINE void add_rate(const FitStep& step, const FitMip& mip, int level, const FitTileRef& tile,
                         float* latents, float* gradients) {
  const FitLevel& grid = step.levels[level];
  const int cells = mip.x[level].span * mip.y[level].span, padded = grid.padded;
  Noise none(0);
  read_patch<false>(step, mip, level, patch_cells(step, mip, level, tile), none, latents);
  const float share = 1.f / static_cast<float>(cells);
  for (int f = 0; f < padded; f += 4) {
    Vec4 sum{};
    for (int c = 0; c < cells; c++) sum += magnitude(load<Vec4>(latents + c * padded + f));
    const Vec4 weight = tile.weight * grid.price * kLog2E / (sum * share + kLeastScale);
    for (int c = 0; c < cells; c++) {
      const Vec4 slope = smaller(larger(load<Vec4>(latents + c * padded + f), Vec4{} - 1.f), Vec4{} + 1.f);
      float* out = gradients + c * padded + f;
      store(out, load<Vec4>(out) + weight * slope);
    }
  }
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
