// Sections 8.2 to 8.6 for texels that lie anywhere: a vector of them finds its cells, each cell is unpacked
// alone.

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

inline constexpr int kMaxTaps = 4;

// Positions of a block of texels.
struct Points {
  alignas(64) int32_t u[kBlock];
  alignas(64) int32_t v[kBlock];
};

// Section 8.2 for `n` texels, and again the last of them in lanes that have none. The quotient is the right
// one: it is below 2^24, and at least 2^-14 below the next integer, which rounding to 53 bits does not reach.
inline void find_positions(const int32_t* texels, int n, int size, int32_t* out) {
  for (int i = 0; i < n; i++) out[i] = static_cast<int32_t>((2 * texels[i] + 1) * 8388608.0 / size);
  for (int i = n; i < kBlock; i++) out[i] = out[n - 1];
}

// p of section 8.3, in its 32-bit form.
inline Ints cells_at(Ints position, int cells) {
  const Ints count = broadcast(cells);
  const Ints high = mul(shift_right(position, 12), count);
  const Ints low = shift_right(mul(both(position, broadcast(4095)), count), 12);
  return sub(shift_right(add(high, low), 4), broadcast(128));
}

inline Ints address(Ints cell, int cells, bool wrap) {
  const Ints last = broadcast(cells - 1), count = broadcast(cells);
  if (!wrap) return smaller(larger(cell, broadcast(0)), last);
  const Ints left = both(shift_right(cell, 31), count), right = both(shift_right(sub(last, cell), 31), count);
  return sub(add(cell, left), right);
}

inline void square_taps(Ints x, Ints y, Tap* taps) {
  const Ints one = broadcast(1), whole = broadcast(256), part = broadcast(255);
  const Ints column = shift_right(x, 8), row = shift_right(y, 8), right = both(x, part), down = both(y, part);
  const Ints left = sub(whole, right), up = sub(whole, down);
  taps[0] = {column, row, mul(left, up)};
  taps[1] = {add(column, one), row, mul(right, up)};
  taps[2] = {column, add(row, one), mul(left, down)};
  taps[3] = {add(column, one), add(row, one), mul(right, down)};
}

// The columns are counted as `find_corners` does.
inline void triangle_taps(Ints x, Ints y, Tap* taps) {
  const Ints one = broadcast(1), part = broadcast(255);
  const Ints row = shift_right(y, 8), down = both(y, part), odd = both(row, one);
  const Ints skewed = add(add(x, shift_right(down, 1)), mul(odd, broadcast(128)));
  const Ints column = shift_right(skewed, 8), right = both(skewed, part), difference = sub(right, down);
  const Ints lower = shift_right(difference, 31);  // -1 where the second corner is of the row below
  const Ints most = larger(right, down), least = smaller(right, down);
  taps[0] = {column, row, sub(broadcast(256), most)};
  taps[1] = {add(add(column, one), both(lower, differ(odd, broadcast(-1)))), sub(row, lower),
             sub(most, least)};
  taps[2] = {sub(add(column, one), odd), add(row, one), least};
}

// Inputs of texels that lie anywhere; they go to the planes of `blend`.
void blend_points(LevelState& state, const Points& points, int n, bool wrap_u, bool wrap_v) {
  const LevelView& level = *state.level;
  const int count = level.simplex ? 3 : 4;
  const int shift = level.simplex ? 15 : 23;  // weights add up to 2^8, or to 2^16
  for (int i = 0; i < n; i += kLanes) {
    const Ints x = cells_at(load(points.u + i), level.width), y = cells_at(load(points.v + i), level.height);
    Tap taps[kMaxTaps];
    level.simplex ? triangle_taps(x, y, taps) : square_taps(x, y, taps);
    Codes codes[kMaxTaps];
    Ints offsets = broadcast(1 << (shift - 1));
    for (int t = 0; t < count; t++) {
      taps[t].column = address(taps[t].column, level.width, wrap_u);
      taps[t].row = address(taps[t].row, level.height, wrap_v);
      const Ints kept = store_tap(level, taps[t]);
      codes[t] = find_codes(level, taps[t], kept, offsets);
    }
    read_cells(level, codes, count, offsets, shift, state.blend + i);
  }
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
