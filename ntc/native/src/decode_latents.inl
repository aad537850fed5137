// Sections 8.2 to 8.6: from packed codes to the inputs of the decoder.

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

// Columns of cells that a block of texels reads: at most two for each, and what `lookup` reads past them.
inline constexpr int kStride = 2 * kBlock + 3 * 16;

// Where each texel of a block finds its left cell among the columns, and the weight of the right one.
struct Taps {
  int32_t bases[kBlock / kLanes];       // of each group of lanes
  alignas(64) int32_t indices[kBlock];  // from the base, below 2 * kLanes
  alignas(64) int32_t fractions[kBlock];
};

// Columns next to each other in one tile.
struct Run {
  int column, count, x;
};

struct LevelState {
  const LevelView* level;
  Taps taps;
  int run_count;
  Run runs[2 * kBlock];
  int columns;
  int rows[2];        // which row of cells each of `cells` holds, or -1
  int32_t* cells[2];  // [features][kStride]
  int32_t* blend;     // [features][kStride], in 1/256 of a latent
};

// One input of the decoder: a plane and how to read it, a plane of finished inputs, or a constant.
struct Source {
  const int32_t* plane;
  const Taps* taps;
  int32_t constant;
};

struct Position {
  int cell, fraction;
};

inline Position cell_position(int texel, int size, int cells) {
  const int64_t position = (static_cast<int64_t>(2 * texel + 1) << 23) / size;
  const int p = static_cast<int>(position * cells >> 16) - 128;
  return {p >> 8, p & 255};
}

// `cell` is at most one outside the level.
inline int address(int cell, int cells, bool wrap) {
  if (cell < 0) return wrap ? cells - 1 : 0;
  if (cell >= cells) return wrap ? 0 : cells - 1;
  return cell;
}

// `count` cells of one tile from (x, y) on: feature f of cell c goes to out[f * stride + c].
inline void unpack(const LevelView& level, int x, int y, int count, int32_t* out, int stride) {
  const int tile_x = x >> level.tile_log2, side = 1 << level.tile_log2;
  const int tile = (y >> level.tile_log2) * level.tiles_x + tile_x;
  const int width = level.code_widths[tile], offset = level.offsets[tile], scale = level.scales[tile];
  if (width == 0) {
    for (int f = 0; f < level.features; f++) {
      for (int c = 0; c < count; c++) out[f * stride + c] = offset;
    }
    return;
  }
  const int left = level.width - tile_x * side, tile_width = left < side ? left : side;
  const int cell = (y & (side - 1)) * tile_width + (x & (side - 1));
  const uint32_t bit = static_cast<uint32_t>(cell * level.features * width), mask = (1u << width) - 1;
  const uint32_t* word = level.words + level.starts[tile] + (bit >> 5);
  uint64_t bits = *word++ >> (bit & 31);
  int have = 32 - static_cast<int>(bit & 31);
  for (int c = 0; c < count; c++) {
    for (int f = 0; f < level.features; f++) {
      if (have < width) {  // only here: the word after the last code of a level does not exist
        bits |= static_cast<uint64_t>(*word++) << have;
        have += 32;
      }
      out[f * stride + c] = offset + scale * static_cast<int32_t>(bits & mask);
      bits >>= width;
      have -= width;
    }
  }
}

inline void find_runs(LevelState& state, const int* cells) {
  const int log2 = state.level->tile_log2;
  state.run_count = 0;
  for (int c = 0; c < state.columns; c++) {
    Run* last = state.run_count ? &state.runs[state.run_count - 1] : nullptr;
    const bool next = last && cells[c] == cells[c - 1] + 1 && cells[c] >> log2 == cells[c - 1] >> log2;
    if (next) {
      last->count++;
    } else {
      state.runs[state.run_count++] = Run{c, 1, cells[c]};
    }
  }
}

// Taps and runs for texels x .. x + w - 1 of a mip. A level no finer than the mip has all columns between the
// first and the last; of a finer one, each texel has its own two.
void find_columns(LevelState& state, int mip_width, int x, int w, bool wrap) {
  const int width = state.level->width;
  const bool dense = width <= mip_width;
  int cells[2 * kBlock];
  const int first = cell_position(x, mip_width, width).cell;
  state.columns = 0;
  for (int i = 0; i < kBlock; i++) {
    const Position p = cell_position(x + (i < w ? i : w - 1), mip_width, width);
    const int column = dense ? p.cell - first : 2 * i;
    if (i % kLanes == 0) state.taps.bases[i / kLanes] = column;
    state.taps.indices[i] = column - state.taps.bases[i / kLanes];
    state.taps.fractions[i] = p.fraction;
    if (dense) {
      while (state.columns < column + 2) {
        cells[state.columns] = address(first + state.columns, width, wrap);
        state.columns++;
      }
    } else {
      cells[state.columns++] = address(p.cell, width, wrap);
      cells[state.columns++] = address(p.cell + 1, width, wrap);
    }
  }
  find_runs(state, cells);
}

inline void unpack_row(LevelState& state, int which, int row) {
  if (state.rows[which] == row) return;
  state.rows[which] = row;
  for (int i = 0; i < state.run_count; i++) {
    const Run& run = state.runs[i];
    unpack(*state.level, run.x, row, run.count, state.cells[which] + run.column, kStride);
  }
}

// The two rows of cells around a row of texels, blended. The rounding of section 8.5 is added here, as
// 2^22 / 256, to save it for each texel.
void blend_rows(LevelState& state, int mip_height, int y, bool wrap) {
  const LevelView& level = *state.level;
  const Position p = cell_position(y, mip_height, level.height);
  const int top = address(p.cell, level.height, wrap), bottom = address(p.cell + 1, level.height, wrap);
  if (state.rows[1] == top) {  // going down, the lower row becomes the upper one
    int32_t* cells = state.cells[0];
    state.cells[0] = state.cells[1];
    state.cells[1] = cells;
    state.rows[1] = state.rows[0];
    state.rows[0] = top;
  }
  unpack_row(state, 0, top);
  if (p.fraction) unpack_row(state, 1, bottom);
  const int32_t* lower = state.cells[p.fraction ? 1 : 0];
  const Ints fraction = broadcast(p.fraction), half = broadcast(1 << 14);
  for (int f = 0; f < level.features; f++) {
    for (int c = f * kStride; c < f * kStride + state.columns; c += kLanes) {
      const Ints a = load(state.cells[0] + c), b = load(lower + c);
      store(state.blend + c, add(add(shift_left8(a), half), mul(sub(b, a), fraction)));
    }
  }
}

// Inputs of `kLanes` texels, -127..127.
inline Ints input(const Source& source, int group) {
  if (!source.plane) return broadcast(source.constant);
  if (!source.taps) return load(source.plane + group * kLanes);
  const int32_t* columns = source.plane + source.taps->bases[group];
  const Ints index = load(source.taps->indices + group * kLanes);
  const Ints fraction = load(source.taps->fractions + group * kLanes);
  const Ints a = lookup(columns, index), b = lookup(columns + 1, index);
  return shift_right(add(shift_left8(a), mul(sub(b, a), fraction)), 23);
}

// Inputs of texels that lie anywhere, one by one; they go to the planes of `blend`. Lanes without a texel get
// 0.
void blend_points(LevelState& state, const Request& request, const int32_t* xs, const int32_t* ys, int n) {
  const LevelView& level = *state.level;
  for (int f = 0; f < level.features; f++) {
    for (int i = n; i < kBlock; i++) state.blend[f * kStride + i] = 0;
  }
  for (int i = 0; i < n; i++) {
    const Position x = cell_position(xs[i], request.width, level.width);
    const Position y = cell_position(ys[i], request.height, level.height);
    int32_t corners[4][kMaxFeatures];
    for (int corner = 0; corner < 4; corner++) {
      const int column = address(x.cell + (corner & 1), level.width, request.wrap_u);
      const int row = address(y.cell + (corner >> 1), level.height, request.wrap_v);
      unpack(level, column, row, 1, corners[corner], 1);
    }
    for (int f = 0; f < level.features; f++) {
      const int top = corners[0][f] * (256 - x.fraction) + corners[1][f] * x.fraction;
      const int bottom = corners[2][f] * (256 - x.fraction) + corners[3][f] * x.fraction;
      const int blend = top * (256 - y.fraction) + bottom * y.fraction;
      state.blend[f * kStride + i] = (blend + (1 << 22)) >> 23;
    }
  }
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
