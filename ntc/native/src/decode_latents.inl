// Section 8.5.1 for strips of texels, and what those of section 8.5.2 have in common with it.

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

// How the inputs that a level gives are read.
enum class Reading { done, squares, triangles };

// Where each texel of a block finds its left cell among the columns, and how far right of it it lies, in
// 1/256.
struct Taps {
  int32_t bases[kBlock / kLanes];       // of each group of lanes
  alignas(64) int32_t indices[kBlock];  // from the base
  alignas(64) int32_t fractions[kBlock];
};

// The same for a row of texels between two rows of triangles, with the weights of two cells of either row.
struct Corners {
  alignas(64) int32_t indices[kBlock];  // from the base, below 2 * kLanes
  alignas(64) int32_t upper[kBlock];
  alignas(64) int32_t lower[kBlock];
};

struct LevelState {
  const LevelView* level;
  Reading reading;
  Taps taps;
  Corners corners;
  int columns;
  int32_t xs[kStride];  // the cells of the columns
  bool scattered;       // few columns lie next to each other: cells are read one by one
  int run_count;
  Run runs[kMaxColumns];
  int rows[2];              // which row of cells each of `cells` holds, or -1
  int32_t* cells[2];        // [features][kStride]: latents, of triangles pairs of them
  const int32_t* pairs[2];  // where texels between triangles find the upper and the lower row
  int32_t* blend;           // [features][kStride], in 1/256 of a latent, or the inputs when they are done
};

// One input of the decoder: a feature of a level, or a constant.
struct Source {
  const LevelState* state;
  int plane;
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

inline void finish_columns(LevelState& state) {
  state.run_count = find_runs(*state.level, state.xs, state.columns, state.runs);
  state.scattered = kLanes / 2 * state.run_count > state.columns;
  for (int c = 0; c < kLanes; c++) state.xs[state.columns + c] = 0;
}

// Taps and runs for texels x .. x + w - 1 of a mip. A level no finer than the mip has all columns between the
// first and the last; of a finer one, each texel has its own two.
void find_columns(LevelState& state, int mip_width, int x, int w, bool wrap) {
  const int width = state.level->width;
  const bool dense = width <= mip_width;
  const int first = cell_position(x, mip_width, width).cell;
  state.columns = 0;
  for (int i = 0; i < kBlock; i++) {
    const int texel = i < w ? i : w - 1;
    const Position p = cell_position(x + texel, mip_width, width);
    const int column = dense ? p.cell - first : 2 * texel;
    if (i % kLanes == 0) state.taps.bases[i / kLanes] = column;
    state.taps.indices[i] = column - state.taps.bases[i / kLanes];
    state.taps.fractions[i] = p.fraction;
    for (; state.columns < column + 2; state.columns++) {
      const int cell = dense ? first + state.columns : p.cell + state.columns - column;
      state.xs[state.columns] = address(cell, width, wrap);
    }
  }
  finish_columns(state);
}

// Latents of neighbours, 16 bits each: the left one is in the low bits.
inline Ints pair(Ints left, Ints right) {
  return either(both(left, broadcast(0xffff)), shift_left(right, 16));
}

inline void pair_columns(int32_t* cells, int features, int columns) {
  for (int f = 0; f < features; f++, cells += kStride) {
    for (int c = 0; c < columns; c += kLanes) store(cells + c, pair(load(cells + c), load(cells + c + 1)));
  }
}

inline void unpack_runs(const LevelState& state, Staging& staging, int row, int32_t* planes) {
  const LevelView& level = *state.level;
  int32_t* cells = level.features == 1 ? planes : staging.latents;
  for (int i = 0; i < state.run_count; i++) {
    const Run& run = state.runs[i];
    unpack_run(level, run, row, cells + run.column * level.features);
  }
  if (level.features > 1) spread(cells, level.features, state.columns, planes);
}

inline void unpack_cells(const LevelState& state, int row, int32_t* planes) {
  const LevelView& level = *state.level;
  for (int c = 0; c < state.columns; c += kLanes) {
    Tap tap{load(state.xs + c), broadcast(row), broadcast(1)};
    const Ints kept = store_tap(level, tap);
    Ints offsets = broadcast(0);
    Codes codes = find_codes(level, tap, kept, offsets);
    read_cells(level, &codes, 1, offsets, 0, planes + c);
  }
}

inline void unpack_row(LevelState& state, Staging& staging, int which, int row) {
  const LevelView& level = *state.level;
  int32_t* planes = state.cells[which];
  if (state.scattered) {
    unpack_cells(state, row, planes);
  } else {
    unpack_runs(state, staging, row, planes);
  }
  if (level.simplex) pair_columns(planes, level.features, state.columns);
  state.rows[which] = row;
}

// Rows `top` and `bottom` of cells, the lower one only if it has weight. Returns which of `cells` it is.
inline int hold_rows(LevelState& state, Staging& staging, int top, int bottom, bool weight) {
  if (state.rows[1] == top) {  // going down, the lower row becomes the upper one
    int32_t* cells = state.cells[0];
    state.cells[0] = state.cells[1];
    state.cells[1] = cells;
    state.rows[1] = state.rows[0];
    state.rows[0] = top;
  }
  if (state.rows[0] != top) unpack_row(state, staging, 0, top);
  if (weight && state.rows[1] != bottom) unpack_row(state, staging, 1, bottom);
  return weight ? 1 : 0;
}

// The two rows of cells around a row of texels, blended. The rounding of section 8.5.1 is added here, as
// 2^22 / 256, to save it for each texel.
void blend_rows(LevelState& state, Staging& staging, int mip_height, int y, bool wrap) {
  const LevelView& level = *state.level;
  const Position p = cell_position(y, mip_height, level.height);
  const int top = address(p.cell, level.height, wrap), bottom = address(p.cell + 1, level.height, wrap);
  const int32_t* lower = state.cells[hold_rows(state, staging, top, bottom, p.fraction != 0)];
  const Ints fraction = broadcast(p.fraction), half = broadcast(1 << 14);
  for (int f = 0; f < level.features; f++) {
    for (int c = f * kStride; c < f * kStride + state.columns; c += kLanes) {
      const Ints a = load(state.cells[0] + c), b = load(lower + c);
      store(state.blend + c, add(add(shift_left8(a), half), mul(sub(b, a), fraction)));
    }
  }
}

// A feature of `kLanes` texels, whose plane begins `plane` values after that of the first feature.
inline Ints square_input(const LevelState& state, int plane, int group) {
  const Taps& taps = state.taps;
  const int32_t* columns = state.blend + plane + taps.bases[group];
  const Ints index = load(taps.indices + group * kLanes);
  const Ints fraction = load(taps.fractions + group * kLanes);
  const Ints a = lookup(columns, index), b = lookup(columns + 1, index);
  return shift_right(add(shift_left8(a), mul(sub(b, a), fraction)), 23);
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
