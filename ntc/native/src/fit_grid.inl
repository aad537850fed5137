// The dense grid of a fit: latents of a tile to inputs of its texels, and gradients the other way. The
// decoder in fit_kernel.cpp knows none of this.

#include "fit_types.h"
#include "fit_vectors.inl"

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

// Uniform noise, xorshift32 in four lanes: Marsaglia, "Xorshift RNGs", 2003.
struct Noise {
  UintVec4 state;

  explicit Noise(uint64_t seed) {
    for (int i = 0; i < 4; i++) {
      // splitmix64 spreads neighbouring seeds: Steele et al., OOPSLA 2014.
      uint64_t z = (seed += 0x9e3779b97f4a7c15ull);
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
      state[i] = static_cast<uint32_t>((z ^ (z >> 31)) >> 32) | 1u;
    }
  }

  // -1/2 .. 1/2
  NTC_INLINE Vec4 next() {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return __builtin_convertvector((IntVec4)state, Vec4) * 0x1p-32f;
  }
};

// Patches leave a level by a few cells: a loop of steps is cheaper than a division.
NTC_INLINE int address(int cell, int cells, bool wrap) {
  if (!wrap) return cell < 0 ? 0 : cell >= cells ? cells - 1 : cell;
  while (cell < 0) cell += cells;
  while (cell >= cells) cell -= cells;
  return cell;
}

struct PatchCells {
  int columns[kMaxSpan], rows[kMaxSpan];
};

NTC_INLINE PatchCells patch_cells(const FitStep& step, const FitMip& mip, int level, int ty, int tx) {
  const FitLevel& grid = step.levels[level];
  const FitAxis &ax = mip.x[level], &ay = mip.y[level];
  const int x0 = ax.cells[tx * kTile], y0 = ay.cells[ty * kTile];
  PatchCells cells;
  for (int j = 0; j < ax.span; j++) cells.columns[j] = address(x0 + j, grid.width, step.wrap_u);
  for (int i = 0; i < ay.span; i++) cells.rows[i] = address(y0 + i, grid.height, step.wrap_v);
  return cells;
}

// Asks for the latents that a tile will read.
NTC_INLINE void prefetch_patch(const FitStep& step, const FitTileRef& tile, int level) {
  const FitMip& mip = step.mips[tile.mip];
  const FitLevel& grid = step.levels[level];
  const PatchCells cells = patch_cells(step, mip, level, tile.y, tile.x);
  for (int i = 0; i < mip.y[level].span; i++) {
    const size_t row = static_cast<size_t>(cells.rows[i]) * grid.width;
    for (int j = 0; j < mip.x[level].span; j++) {
      __builtin_prefetch(grid.record(row + cells.columns[j]));
    }
  }
}

// Latents of a patch, with noise while they are live; the padding of a cell stays zero.
template <bool Live>
NTC_INLINE void read_patch(const FitStep& step, const FitMip& mip, int level, const PatchCells& cells,
                           Noise& noise, float* out) {
  const FitLevel& grid = step.levels[level];
  const int padded = grid.padded;
  const Vec4 low = Vec4{} + step.low, high = Vec4{} + step.high;
  const IntVec4 last_lanes = IntVec4{0, 1, 2, 3} + (padded - 4) < grid.features;
  for (int i = 0; i < mip.y[level].span; i++) {
    const size_t row = static_cast<size_t>(cells.rows[i]) * grid.width;
    for (int j = 0; j < mip.x[level].span; j++, out += padded) {
      const float* record = grid.record(row + cells.columns[j]);
      for (int f = 0; f < padded; f += 4) {
        Vec4 v = load<Vec4>(record + f);
        if constexpr (Live) v = smaller(larger(v + noise.next() * step.noise, low), high);
        store(out + f, v);
      }
      float* last = out + padded - 4;
      if constexpr (Live) store(last, last_lanes ? load<Vec4>(last) : Vec4{});
    }
  }
}

// Bilinear values of 64 texels, rounded to integers, into the level's columns of `inputs`.
NTC_INLINE void interpolate(const FitMip& mip, int level, int padded, int ty, int tx, const float* patch,
                            float* rows, float* inputs, int stride) {
  const FitAxis &ax = mip.x[level], &ay = mip.y[level];
  const int32_t *cx = ax.cells + tx * kTile, *cy = ay.cells + ty * kTile;
  const float *fx = ax.fractions + tx * kTile, *fy = ay.fractions + ty * kTile;
  for (int i = 0; i < ay.span; i++) {
    for (int x = 0; x < kTile; x++) {
      const float* left = patch + (static_cast<size_t>(i) * ax.span + (cx[x] - cx[0])) * padded;
      float* out = rows + (i * kTile + x) * padded;
      for (int f = 0; f < padded; f += 4) {
        const Vec4 a = load<Vec4>(left + f), b = load<Vec4>(left + padded + f);
        store(out + f, a + (b - a) * fx[x]);
      }
    }
  }
  for (int y = 0; y < kTile; y++) {
    const float* upper = rows + (cy[y] - cy[0]) * kTile * padded;
    const float* lower = upper + kTile * padded;
    for (int x = 0; x < kTile; x++) {
      float* out = inputs + (y * kTile + x) * stride;
      for (int f = 0; f < padded; f += 4) {
        const Vec4 a = load<Vec4>(upper + x * padded + f), b = load<Vec4>(lower + x * padded + f);
        // Halves round upwards; +128 keeps the truncated number positive.
        const Vec4 v = a + (b - a) * fy[y] + 128.5f;
        store(out + f, __builtin_convertvector(__builtin_convertvector(v, IntVec4), Vec4) - 128.f);
      }
    }
  }
}

// The transpose of `interpolate`: gradients of a patch from those of its texels.
NTC_INLINE void spread(const FitMip& mip, int level, const FitLevel& grid, int ty, int tx,
                       const float* gradients, int stride, float* rows, float* patch) {
  const FitAxis &ax = mip.x[level], &ay = mip.y[level];
  const int padded = grid.padded;
  const int32_t *cx = ax.cells + tx * kTile, *cy = ay.cells + ty * kTile;
  const float *fx = ax.fractions + tx * kTile, *fy = ay.fractions + ty * kTile;
  std::memset(rows, 0, sizeof(float) * ay.span * kTile * padded);
  for (int y = 0; y < kTile; y++) {
    float* upper = rows + (cy[y] - cy[0]) * kTile * padded;
    float* lower = upper + kTile * padded;
    for (int x = 0; x < kTile; x++) {
      const float* in = gradients + (y * kTile + x) * stride;
      for (int f = 0; f < padded; f += 4) {
        const Vec4 g = load<Vec4>(in + f), below = g * fy[y];
        float *u = upper + x * padded + f, *l = lower + x * padded + f;
        store(u, load<Vec4>(u) + (g - below));
        store(l, load<Vec4>(l) + below);
      }
    }
  }
  std::memset(patch, 0, sizeof(float) * ay.span * ax.span * padded);
  for (int i = 0; i < ay.span; i++) {
    for (int x = 0; x < kTile; x++) {
      const float* in = rows + (i * kTile + x) * padded;
      float* left = patch + (static_cast<size_t>(i) * ax.span + (cx[x] - cx[0])) * padded;
      for (int f = 0; f < padded; f += 4) {
        // The padding holds gradients of the next level's columns.
        const IntVec4 lane = IntVec4{0, 1, 2, 3} + f;
        const Vec4 g = lane < grid.features ? load<Vec4>(in + f) : Vec4{}, right = g * fx[x];
        store(left + f, load<Vec4>(left + f) + (g - right));
        store(left + padded + f, load<Vec4>(left + padded + f) + right);
      }
    }
  }
}

// Adam, Kingma and Ba, algorithm 1, on one vector of parameters.
NTC_INLINE Vec4 adam_step(Vec4 value, float* mean, float* square, Vec4 gradient, const FitAdam& adam,
                          float mean_correction, float square_correction) {
  const Vec4 m = gradient + (load<Vec4>(mean) - gradient) * adam.mean_decay;
  const Vec4 g2 = gradient * gradient;
  const Vec4 v = g2 + (load<Vec4>(square) - g2) * adam.square_decay;
  store(mean, m);
  store(square, v);
  Vec4 root = v * square_correction;
  for (int i = 0; i < 4; i++) root[i] = __builtin_sqrtf(root[i]);
  return value - m * (adam.rate * mean_correction) / (root + 1e-15f);
}

void update_cell(const FitStep& step, const FitLevel& grid, size_t cell, const float* sums,
                 const FitAdam& adam) {
  float* record = grid.record(cell);
  int32_t counters[2];  // visits, slot
  std::memcpy(counters, record + 3 * grid.padded, sizeof counters);
  const int32_t visits = counters[0] < adam.corrections - 1 ? counters[0] + 1 : counters[0];
  counters[0] = visits;
  counters[1] = 0;
  std::memcpy(record + 3 * grid.padded, counters, sizeof counters);
  const float c1 = adam.mean_correction[visits], c2 = adam.square_correction[visits];
  for (int f = 0; f < grid.padded; f += 4) {
    Vec4 v = adam_step(load<Vec4>(record + f), record + grid.padded + f, record + 2 * grid.padded + f,
                       load<Vec4>(sums + f), adam, c1, c2);
    v = smaller(larger(v, Vec4{} + step.low), Vec4{} + step.high);
    const IntVec4 lane = IntVec4{0, 1, 2, 3} + f;
    store(record + f, lane < grid.features ? v : Vec4{});
  }
}

// Gradients are summed in the order of the tiles, so the result does not depend on threads.
void update_latents(const FitStep& step, const FitAdam& adam, int level, int first, int last, float* sums,
                    int32_t* touched) {
  const FitLevel& grid = step.levels[level];
  const int padded = grid.padded;
  int count = 0;
  for (int index = 0; index < step.tile_count; index++) {
    const FitTileRef& tile = step.tiles[index];
    const FitMip& mip = step.mips[tile.mip];
    if (mip.roles[level] < 0) continue;
    const PatchCells cells = patch_cells(step, mip, level, tile.y, tile.x);
    const float* g = step.patch_gradients + index * step.patch_stride + mip.patches[level];
    for (int i = 0; i < mip.y[level].span; i++) {
      const int row = cells.rows[i];
      if (row < first || row >= last) continue;
      for (int j = 0; j < mip.x[level].span; j++) {
        const size_t cell = static_cast<size_t>(row) * grid.width + cells.columns[j];
        const float* in = g + (static_cast<size_t>(i) * mip.x[level].span + j) * padded;
        float* place = grid.record(cell) + 3 * padded + 1;
        int32_t slot;  // 1 + place in `touched`, or 0
        std::memcpy(&slot, place, sizeof slot);
        if (slot == 0) {
          touched[count++] = static_cast<int32_t>(cell);
          slot = count;
          std::memcpy(place, &slot, sizeof slot);
          std::memcpy(sums + static_cast<size_t>(slot - 1) * padded, in, sizeof(float) * padded);
          continue;
        }
        float* sum = sums + static_cast<size_t>(slot - 1) * padded;
        for (int f = 0; f < padded; f += 4) store(sum + f, load<Vec4>(sum + f) + load<Vec4>(in + f));
      }
    }
  }
  for (int i = 0; i < count; i++) {
    update_cell(step, grid, touched[i], sums + static_cast<size_t>(i) * padded, adam);
  }
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
