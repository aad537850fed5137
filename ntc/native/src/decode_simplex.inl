// Section 8.5.2 for strips of texels. A row of texels lies between two rows of cells; of each, a texel reads
// two that are neighbours, one of the four with weight 0. A vector has the latents of neighbours in pairs.

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

// Taps and runs for texels x .. x + w - 1 of a mip at least half as wide as the level. Columns are those from
// the one before the first texel's cell to the second after the last one's.
void find_triangle_columns(LevelState& state, int mip_width, int x, int w, bool wrap) {
  const int width = state.level->width;
  const int before = cell_position(x, mip_width, width).cell - 1;
  int column = 1;
  for (int i = 0; i < kBlock; i++) {
    const Position p = cell_position(x + (i < w ? i : w - 1), mip_width, width);
    column = p.cell - before;
    if (i % kLanes == 0) state.taps.bases[i / kLanes] = column;
    state.taps.indices[i] = column - state.taps.bases[i / kLanes];
    state.taps.fractions[i] = p.fraction;
  }
  state.columns = column + 3;
  for (int c = 0; c < state.columns; c++) state.xs[c] = address(before + c, width, wrap);
  finish_columns(state);
}

// Where a row of texels finds its cells, and their weights. The skewed position of section 8.5.2 less the
// whole columns by which row y is skewed, y >> 1, counts columns of that row; those of the row below lie a
// column further left if y is odd.
void find_corners(LevelState& state, Staging& staging, int mip_height, int y, bool wrap, int groups) {
  const int height = state.level->height;
  const Position p = cell_position(y, mip_height, height);
  const int odd = p.cell & 1;
  const int top = address(p.cell, height, wrap), bottom = address(p.cell + 1, height, wrap);
  const int lower = hold_rows(state, staging, top, bottom, p.fraction != 0);
  state.pairs[0] = state.cells[0];
  state.pairs[1] = state.cells[lower] - odd;
  const Ints skew = broadcast(128 * odd + (p.fraction >> 1));
  const Ints down = broadcast(p.fraction), none = broadcast(0);
  for (int i = 0; i < groups * kLanes; i += kLanes) {
    const Ints from_base = add(shift_left8(load(state.taps.indices + i)), load(state.taps.fractions + i));
    const Ints skewed = add(from_base, skew), right = both(skewed, broadcast(255));
    const Ints first = sub(broadcast(256), larger(right, down)), last = smaller(right, down);
    store(state.corners.indices + i, shift_right(skewed, 8));
    store(state.corners.upper + i, pair(first, larger(sub(right, down), none)));
    store(state.corners.lower + i, pair(larger(sub(down, right), none), last));
  }
}

inline Ints triangle_input(const LevelState& state, int plane, int group) {
  const int column = plane + state.taps.bases[group];
  const int32_t *upper = state.pairs[0] + column, *lower = state.pairs[1] + column;
  const Ints index = load(state.corners.indices + group * kLanes);
  const Ints a = lookup(upper, index);
  const Ints b = lookup(lower, index);
  const Ints sum = add(multiply_pairs(a, load(state.corners.upper + group * kLanes)),
                       multiply_pairs(b, load(state.corners.lower + group * kLanes)));
  return shift_right(add(sum, broadcast(1 << 14)), 15);  // as section 8.5.2, without its factor of 2^8
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
