// The levels of a fit: latents of a tile to inputs of its texels, and gradients the other way. The decoder in
// fit_kernel.cpp knows none of this.

#include "fit_rate.inl"

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

// Halves round upwards; +128 keeps the truncated number positive.
NTC_INLINE Vec4 rounded(Vec4 v) {
  return __builtin_convertvector(__builtin_convertvector(v + 128.5f, IntVec4), Vec4) - 128.f;
}

// Where the 8 texels of a tile read a level along one axis.
struct TileTaps {
  int near[kTile];  // left of its two cells, counted from the first of the patch
  float fraction[kTile];

  NTC_INLINE explicit TileTaps(const int32_t* positions) {
    for (int i = 0; i < kTile; i++) {
      near[i] = (positions[i] >> 8) - (positions[0] >> 8);
      fraction[i] = static_cast<float>(positions[i] & 255) * (1.f / 256.f);
    }
  }
};

// Bilinear values of 64 texels, as `put` stores them in rows of `out`.
template <class Put>
NTC_INLINE void interpolate_squares(const FitAxis& ax, const FitAxis& ay, int padded, const FitTileRef& tile,
                                    const float* patch, float* rows, float* out, int stride, const Put& put) {
  const TileTaps xs(ax.tile(tile.x, tile.phase_x)), ys(ay.tile(tile.y, tile.phase_y));
  for (int i = 0; i < ay.span; i++) {
    for (int x = 0; x < kTile; x++) {
      const float* left = patch + (static_cast<size_t>(i) * ax.span + xs.near[x]) * padded;
      float* row = rows + (i * kTile + x) * padded;
      for (int f = 0; f < padded; f += 4) {
        const Vec4 a = load<Vec4>(left + f), b = load<Vec4>(left + padded + f);
        store(row + f, a + (b - a) * xs.fraction[x]);
      }
    }
  }
  for (int y = 0; y < kTile; y++) {
    const float* upper = rows + ys.near[y] * kTile * padded;
    const float* lower = upper + kTile * padded;
    for (int x = 0; x < kTile; x++) {
      float* texel = out + (y * kTile + x) * stride;
      for (int f = 0; f < padded; f += 4) {
        const Vec4 a = load<Vec4>(upper + x * padded + f), b = load<Vec4>(lower + x * padded + f);
        put(texel + f, a + (b - a) * ys.fraction[y]);
      }
    }
  }
}

// The transpose of `interpolate_squares`: gradients of a patch from those of its texels.
NTC_INLINE void spread_squares(const FitAxis& ax, const FitAxis& ay, const FitLevel& grid,
                               const FitTileRef& tile, const float* gradients, int stride, float* rows,
                               float* patch) {
  const TileTaps xs(ax.tile(tile.x, tile.phase_x)), ys(ay.tile(tile.y, tile.phase_y));
  const int padded = grid.padded;
  std::memset(rows, 0, sizeof(float) * ay.span * kTile * padded);
  for (int y = 0; y < kTile; y++) {
    float* upper = rows + ys.near[y] * kTile * padded;
    float* lower = upper + kTile * padded;
    for (int x = 0; x < kTile; x++) {
      const float* in = gradients + (y * kTile + x) * stride;
      for (int f = 0; f < padded; f += 4) {
        const Vec4 g = load<Vec4>(in + f), below = g * ys.fraction[y];
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
      float* left = patch + (static_cast<size_t>(i) * ax.span + xs.near[x]) * padded;
      for (int f = 0; f < padded; f += 4) {
        // The padding holds gradients of the next level's columns.
        const IntVec4 lane = IntVec4{0, 1, 2, 3} + f;
        const Vec4 g = lane < grid.features ? load<Vec4>(in + f) : Vec4{}, right = g * xs.fraction[x];
        store(left + f, load<Vec4>(left + f) + (g - right));
        store(left + padded + f, load<Vec4>(left + padded + f) + right);
      }
    }
  }
}

// The three cells of a texel, counted from the first of the patch, and their weights: section 8.5.2 of
// docs/format.md. The patch begins at the column of the tile's first texel.
struct Triangle {
  int cells[3];
  float weights[3];

  NTC_INLINE Triangle(const FitAxis& ax, int32_t x, int32_t y, int first_column, int first_row) {
    const int skewed = x + (y >> 1), i = skewed >> 8, j = y >> 8, fi = skewed & 255, fj = y & 255;
    const bool right = fi >= fj;
    const int row = (j - first_row) * ax.span - first_column;
    cells[0] = row + i - (j >> 1);
    cells[2] = row + ax.span + i + 1 - ((j + 1) >> 1);
    cells[1] = right ? cells[0] + 1 : cells[2] - 1;
    const int larger = right ? fi : fj, less = right ? fj : fi;
    weights[0] = static_cast<float>(256 - larger) * (1.f / 256.f);
    weights[1] = static_cast<float>(larger - less) * (1.f / 256.f);
    weights[2] = static_cast<float>(less) * (1.f / 256.f);
  }
};

template <class Texel>
NTC_INLINE void each_triangle(const FitAxis& ax, const FitAxis& ay, const FitTileRef& tile,
                              const Texel& texel) {
  const int32_t *xs = ax.tile(tile.x, tile.phase_x), *ys = ay.tile(tile.y, tile.phase_y);
  for (int y = 0; y < kTile; y++)
    for (int x = 0; x < kTile; x++) texel(y * kTile + x, Triangle(ax, xs[x], ys[y], xs[0] >> 8, ys[0] >> 8));
}

// Barycentric values of 64 texels, rounded to integers, into the level's columns of `inputs`.
NTC_INLINE void interpolate_triangles(const FitAxis& ax, const FitAxis& ay, int padded,
                                      const FitTileRef& tile, const float* patch, float* inputs, int stride) {
  each_triangle(ax, ay, tile, [&](int index, const Triangle& t) {
    const float *a = patch + t.cells[0] * padded, *b = patch + t.cells[1] * padded,
                *c = patch + t.cells[2] * padded;
    float* out = inputs + index * stride;
    for (int f = 0; f < padded; f += 4)
      store(out + f, rounded(load<Vec4>(a + f) * t.weights[0] + load<Vec4>(b + f) * t.weights[1] +
                             load<Vec4>(c + f) * t.weights[2]));
  });
}

// The transpose of `interpolate_triangles`.
NTC_INLINE void spread_triangles(const FitAxis& ax, const FitAxis& ay, const FitLevel& grid,
                                 const FitTileRef& tile, const float* gradients, int stride, float* patch) {
  const int padded = grid.padded;
  std::memset(patch, 0, sizeof(float) * ay.span * ax.span * padded);
  each_triangle(ax, ay, tile, [&](int index, const Triangle& t) {
    const float* in = gradients + index * stride;
    for (int f = 0; f < padded; f += 4) {
      // The padding holds gradients of the next level's columns.
      const IntVec4 lane = IntVec4{0, 1, 2, 3} + f;
      const Vec4 g = lane < grid.features ? load<Vec4>(in + f) : Vec4{};
#pragma GCC unroll 3
      for (int k = 0; k < 3; k++) {
        float* out = patch + t.cells[k] * padded + f;
        store(out, load<Vec4>(out) + g * t.weights[k]);
      }
    }
  });
}

// Section 8.9 of docs/format.md: what is left, between two mips, of a level that the next one does not read.
NTC_INLINE float fade(const FitStep& step, const FitTileRef& tile, int level) {
  if (tile.lod_step == 0 || step.mips[tile.mip + 1].roles[level] >= 0) return 1.f;
  return static_cast<float>(kLodSteps - tile.lod_step) * (1.f / kLodSteps);
}

// Inputs of 64 texels, rounded to integers, into the level's columns of `inputs`.
NTC_INLINE void interpolate(const FitStep& step, const FitTileRef& tile, int level, const float* patch,
                            float* rows, float* inputs, int stride) {
  const FitLevel& grid = step.levels[level];
  const FitAxis &ax = step.mips[tile.mip].x[level], &ay = step.mips[tile.mip].y[level];
  if (grid.simplex)
    interpolate_triangles(ax, ay, grid.padded, tile, patch, inputs, stride);
  else
    interpolate_squares(ax, ay, grid.padded, tile, patch, rows, inputs, stride,
                        [](float* input, Vec4 v) { store(input, rounded(v)); });
  const float left = fade(step, tile, level);
  if (left == 1.f) return;
  for (int t = 0; t < kTileTexels; t++, inputs += stride)
    for (int f = 0; f < grid.padded; f += 4) store(inputs + f, rounded(load<Vec4>(inputs + f) * left));
}

// The transpose of `interpolate`, but for rounding: gradients of a patch from those of its texels.
NTC_INLINE void spread(const FitStep& step, const FitTileRef& tile, int level, const float* gradients,
                       int stride, float* rows, float* patch) {
  const FitLevel& grid = step.levels[level];
  const FitAxis &ax = step.mips[tile.mip].x[level], &ay = step.mips[tile.mip].y[level];
  if (grid.simplex)
    spread_triangles(ax, ay, grid, tile, gradients, stride, patch);
  else
    spread_squares(ax, ay, grid, tile, gradients, stride, rows, patch);
  const float left = fade(step, tile, level);
  if (left == 1.f) return;
  for (int i = 0; i < ay.span * ax.span * grid.padded; i += 4) store(patch + i, load<Vec4>(patch + i) * left);
}

// Adam, Kingma and Ba, algorithm 1, on one vector of parameters.
NTC_INLINE Vec4 adam_step(Vec4 value, float* mean, float* square, Vec4 gradient, const FitAdam& adam,
                          float mean_correction, float square_correction, Vec4 floor) {
  const Vec4 m = gradient + (load<Vec4>(mean) - gradient) * adam.mean_decay;
  const Vec4 g2 = gradient * gradient;
  const Vec4 v = g2 + (load<Vec4>(square) - g2) * adam.square_decay;
  store(mean, m);
  store(square, v);
  Vec4 root = v * square_correction;
  for (int i = 0; i < 4; i++) root[i] = __builtin_sqrtf(root[i]);
  return value - m * (adam.rate * mean_correction) / (root + floor);
}

void update_cell(const FitLevel& grid, size_t cell, const float* sums, const FitAdam& adam,
                 const float* floors) {
  float* record = grid.record(cell);
  const FitRange& range = grid.range(record);
  int32_t counters[2];  // visits, slot
  std::memcpy(counters, record + 3 * grid.padded, sizeof counters);
  const int32_t visits = counters[0] < adam.corrections - 1 ? counters[0] + 1 : counters[0];
  counters[0] = visits;
  counters[1] = 0;
  std::memcpy(record + 3 * grid.padded, counters, sizeof counters);
  const float c1 = adam.mean_correction[visits], c2 = adam.square_correction[visits];
  for (int f = 0; f < grid.padded; f += 4) {
    Vec4 v = adam_step(load<Vec4>(record + f), record + grid.padded + f, record + 2 * grid.padded + f,
                       load<Vec4>(sums + f), adam, c1, c2, load<Vec4>(floors + f));
    v = smaller(larger(v, Vec4{} + range.low), Vec4{} + range.high);
    const IntVec4 lane = IntVec4{0, 1, 2, 3} + f;
    store(record + f, lane < grid.features ? v : Vec4{});
  }
}

// Gradients are summed in the order of the tiles, so the result does not depend on threads.
int update_latents(const FitStep& step, const FitAdam& adam, int level, size_t first, size_t last,
                   const float* floors, float* sums, int32_t* touched, float* squares) {
  const FitLevel& grid = step.levels[level];
  const int padded = grid.padded;
  int count = 0;
  for (int index = 0; index < step.tile_count; index++) {
    const FitTileRef& tile = step.tiles[index];
    const FitMip& mip = step.mips[tile.mip];
    if (mip.roles[level] < 0) continue;
    const PatchCells cells = patch_cells(step, mip, level, tile);
    const float* g = step.patch_gradients + index * step.patch_stride + mip.patches[level];
    for (int i = 0; i < mip.y[level].span; i++) {
      const StoredRow row(grid, cells.rows[i]);
      for (int j = 0; j < mip.x[level].span; j++) {
        const ptrdiff_t stored = row.cell(cells.columns[j]);
        const size_t cell = static_cast<size_t>(stored);  // beyond every band where there is none
        if (cell < first || cell >= last) continue;
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
  std::memset(squares, 0, sizeof(float) * padded);
  for (int i = 0; i < count; i++) {
    const float* sum = sums + static_cast<size_t>(i) * padded;
    for (int f = 0; f < padded; f += 4) {
      const Vec4 g = load<Vec4>(sum + f);
      store(squares + f, load<Vec4>(squares + f) + g * g);
    }
    update_cell(grid, touched[i], sum, adam, floors);
  }
  return count;
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
