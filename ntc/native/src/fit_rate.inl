// What latents cost in bits: docs/decisions/0015-rate.md and 0026-predicted-bits.md.

#include "fit_patch.inl"

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

constexpr float kLog2E = 1.44269504f;

NTC_INLINE Vec4 magnitude(Vec4 v) { return larger(v, -v); }

// Of a magnitude, linear within one step of an int8 input of 0, so that latents come to rest there.
NTC_INLINE Vec4 slope(Vec4 v) { return smaller(larger(v, Vec4{} - 1.f), Vec4{} + 1.f); }

NTC_INLINE void add(float* out, Vec4 v) { store(out, load<Vec4>(out) + v); }

// Where the cells of a patch lie; features are read four at a time.
struct RatePatch {
  int columns, rows;
  ptrdiff_t right, down;  // to the next cells

  // Mean magnitude of the cells beside one, of which a patch always has some.
  NTC_INLINE Vec4 adjacent(const float* cell, int i, int j) const {
    Vec4 sum{};
    if (i > 0) sum += magnitude(load<Vec4>(cell - down));
    if (j > 0) sum += magnitude(load<Vec4>(cell - right));
    if (i + 1 < rows) sum += magnitude(load<Vec4>(cell + down));
    if (j + 1 < columns) sum += magnitude(load<Vec4>(cell + right));
    const int count = (i > 0) + (j > 0) + (i + 1 < rows) + (j + 1 < columns);
    return sum * (1.f / static_cast<float>(count));
  }
};

// How far a latent is from what the entropy coder predicts of its neighbours, the median of the left one, the
// upper one and left + upper - corner, or from the only one there is; and which of them that follows.
struct Residual {
  Vec4 value;
  IntVec4 left, upper, corner;  // masks

  NTC_INLINE Residual(const RatePatch& patch, const float* cell, int i, int j) : left{}, upper{}, corner{} {
    value = load<Vec4>(cell);
    if (i == 0 && j == 0) return;
    if (i == 0 || j == 0) {
      value -= load<Vec4>(i == 0 ? cell - patch.right : cell - patch.down);
      (i == 0 ? left : upper) = IntVec4{} - 1;
      return;
    }
    const Vec4 l = load<Vec4>(cell - patch.right), u = load<Vec4>(cell - patch.down);
    const Vec4 plane = l + u - load<Vec4>(cell - patch.down - patch.right);
    const Vec4 low = smaller(l, u), high = larger(l, u);
    const IntVec4 above = plane > high, outside = above | (plane < low), by_upper = above ^ (l > u);
    value -= smaller(larger(plane, low), high);
    corner = ~outside;
    left = corner | ~by_upper;
    upper = corner | by_upper;
  }
};

// Adds the gradient of a patch's bits: kPredicted of them as a Laplace distribution would code the residuals
// whose scale is their mean magnitude over the patch, the others as one would code the latents around 0 whose
// scale is the mean magnitude of the adjacent ones. It is slope / (scale ln 2): scales are left alone.
NTC_INLINE void add_rate(const FitStep& step, const FitMip& mip, int level, const FitTileRef& tile,
                         float* latents, float* gradients) {
  const FitLevel& grid = step.levels[level];
  const RatePatch patch{mip.x[level].span, mip.y[level].span, grid.padded,
                        static_cast<ptrdiff_t>(grid.padded) * mip.x[level].span};
  Noise none(0);
  read_patch<false>(step, mip, level, patch_cells(step, mip, level, tile), none, latents);
  const float bit = tile.weight * grid.price * kLog2E;
  const float share = 1.f / static_cast<float>(patch.columns * patch.rows);
  for (int f = 0; f < grid.padded; f += 4) {
    Vec4 sum{};
    for (int i = 0; i < patch.rows; i++)
      for (int j = 0; j < patch.columns; j++)
        sum += magnitude(Residual(patch, latents + i * patch.down + j * patch.right + f, i, j).value);
    const Vec4 predicted = bit * kPredicted / (sum * share + kLeastScale);
    for (int i = 0; i < patch.rows; i++)
      for (int j = 0; j < patch.columns; j++) {
        const ptrdiff_t at = i * patch.down + j * patch.right + f;
        const Residual residual(patch, latents + at, i, j);
        const Vec4 alone = bit * (1.f - kPredicted) / (patch.adjacent(latents + at, i, j) + kLeastScale);
        const Vec4 change = predicted * slope(residual.value);
        float* out = gradients + at;
        add(out, alone * slope(load<Vec4>(latents + at)) + change);
        if (j > 0) add(out - patch.right, residual.left ? -change : Vec4{});
        if (i > 0) add(out - patch.down, residual.upper ? -change : Vec4{});
        if (i > 0 && j > 0) add(out - patch.down - patch.right, residual.corner ? change : Vec4{});
      }
  }
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
