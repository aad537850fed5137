// Reading the latents of a patch: all cells of a level that a tile of texels lies between.

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

// Of a level, or an image, of this size.
NTC_INLINE PatchCells patch_cells(const FitStep& step, const FitAxis& ax, const FitAxis& ay, int width,
                                  int height, const FitTileRef& tile) {
  const int x0 = *ax.tile(tile.x, tile.phase_x) >> 8, y0 = *ay.tile(tile.y, tile.phase_y) >> 8;
  PatchCells cells;
  for (int j = 0; j < ax.span; j++) cells.columns[j] = address(x0 + j, width, step.wrap_u);
  for (int i = 0; i < ay.span; i++) cells.rows[i] = address(y0 + i, height, step.wrap_v);
  return cells;
}

NTC_INLINE PatchCells patch_cells(const FitStep& step, const FitMip& mip, int level, const FitTileRef& tile) {
  const FitLevel& grid = step.levels[level];
  return patch_cells(step, mip.x[level], mip.y[level], grid.width, grid.height, tile);
}

// Where the cells of one row of a level are stored.
struct StoredRow {
  const FitLevel& grid;
  const int32_t* slots;  // of the row of blocks
  size_t first;          // of a dense row, or in its block
  uint32_t hash;

  NTC_INLINE StoredRow(const FitLevel& level, int row) : grid(level), slots(level.slots), first(0), hash(0) {
    if (slots) {
      slots += static_cast<size_t>(row >> grid.block_log2) * grid.block_columns;
      first = static_cast<size_t>(row & ((1 << grid.block_log2) - 1)) * grid.stored_width;
    } else if (grid.table_mask) {
      hash = static_cast<uint32_t>(row) * kHashPrime;
    } else {
      first = static_cast<size_t>(row) * grid.width;
    }
  }

  // -1 where it has no place.
  NTC_INLINE ptrdiff_t cell(int column) const {
    if (slots) {
      const int32_t slot = slots[column >> grid.block_log2];
      if (slot < 0) return -1;
      return static_cast<ptrdiff_t>(slot + first + (column & ((1 << grid.block_log2) - 1)));
    }
    if (grid.table_mask) return (static_cast<uint32_t>(column) ^ hash) & grid.table_mask;
    return static_cast<ptrdiff_t>(first + column);
  }
};

// Asks for the latents that a tile will read.
NTC_INLINE void prefetch_patch(const FitStep& step, const FitTileRef& tile, int level) {
  const FitMip& mip = step.mips[tile.mip];
  const FitLevel& grid = step.levels[level];
  const PatchCells cells = patch_cells(step, mip, level, tile);
  for (int i = 0; i < mip.y[level].span; i++) {
    const StoredRow row(grid, cells.rows[i]);
    for (int j = 0; j < mip.x[level].span; j++) {
      const ptrdiff_t cell = row.cell(cells.columns[j]);
      if (cell >= 0) __builtin_prefetch(grid.record(cell));
    }
  }
}

// Latents of a patch, with noise while they are live; the padding of a cell stays zero, and so do cells that
// have no place.
template <bool Live>
NTC_INLINE void read_patch(const FitStep& step, const FitMip& mip, int level, const PatchCells& cells,
                           Noise& noise, float* out) {
  const FitLevel& grid = step.levels[level];
  const int padded = grid.padded;
  const IntVec4 last_lanes = IntVec4{0, 1, 2, 3} + (padded - 4) < grid.features;
  for (int i = 0; i < mip.y[level].span; i++) {
    const StoredRow row(grid, cells.rows[i]);
    for (int j = 0; j < mip.x[level].span; j++, out += padded) {
      const ptrdiff_t cell = row.cell(cells.columns[j]);
      if (cell < 0) {
        std::memset(out, 0, sizeof(float) * padded);
        continue;
      }
      const float* record = grid.record(cell);
      const FitRange& range = grid.range(record);
      const Vec4 low = Vec4{} + range.low, high = Vec4{} + range.high;
      const float width = step.noise * grid.step;
      for (int f = 0; f < padded; f += 4) {
        Vec4 v = load<Vec4>(record + f);
        if constexpr (Live) v = smaller(larger(v + noise.next() * width, low), high);
        store(out + f, v);
      }
      float* last = out + padded - 4;
      if constexpr (Live) store(last, last_lanes ? load<Vec4>(last) : Vec4{});
    }
  }
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
