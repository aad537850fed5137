// Sections 8.5.3 and 8.6 for vectors of cells that lie anywhere.

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

// Cells of a level, one for each lane, and the weights of their latents.
struct Tap {
  Ints column, row, weight;
};

// The codes of the features of a tap: where they begin, their width, and what a step of theirs adds.
struct Codes {
  Ints byte, shift;  // within the words of the level; bits within the byte
  Ints width, scale;
};

// Moves a tap to the stored grid; -1 in lanes where it has latents, 0 where the mask leaves them out.
inline Ints store_tap(const LevelView& level, Tap& tap) {
  if (!level.table_log2 && !level.slots) return broadcast(-1);
  const int log2 = level.block_log2;
  const Ints inner = broadcast((1 << log2) - 1);
  const Ints x = shift_right(tap.column, log2), y = shift_right(tap.row, log2);
  const Ints left = both(tap.column, inner), up = both(tap.row, inner);
  if (level.slots) {
    const Ints slot = gather(level.slots, add(mul(y, broadcast(level.blocks_x)), x));
    tap.column = left;
    tap.row = either(shift_left(larger(slot, broadcast(0)), log2), up);
    return differ(shift_right(slot, 31), broadcast(-1));
  }
  const int columns_log2 = level.table_log2 - level.table_log2 / 2 - log2;
  const Ints hash = differ(x, mul(y, broadcast(static_cast<int32_t>(kHashPrime))));
  const Ints block = both(hash, broadcast((1 << (level.table_log2 - 2 * log2)) - 1));
  tap.column = either(shift_left(both(block, broadcast((1 << columns_log2) - 1)), log2), left);
  tap.row = either(shift_left(shift_right(block, columns_log2), log2), up);
  return broadcast(-1);
}

// Where the codes of a stored tap begin. Adds the offsets of their latents, times the weight, to `offsets`.
inline Codes find_codes(const LevelView& level, const Tap& tap, Ints kept, Ints& offsets) {
  const int log2 = level.tile_log2, side = 1 << log2;
  const Ints inner = broadcast(side - 1);
  const Ints tile_x = shift_right(tap.column, log2), tile_y = shift_right(tap.row, log2);
  Ints start_width, scale_offset;
  gather_pairs(level.tiles, add(mul(tile_y, broadcast(level.tiles_x)), tile_x), start_width, scale_offset);
  const Ints left = sub(broadcast(level.stored_width), shift_left(tile_x, log2));
  const Ints tile_width = smaller(left, broadcast(side));
  const Ints cell = add(mul(both(tap.row, inner), tile_width), both(tap.column, inner));
  const Ints width = both(shift_right(start_width, kStartBits), broadcast(15));
  const Ints bit = mul(cell, mul(width, broadcast(level.features)));
  const Ints start = shift_left(both(start_width, broadcast((1 << kStartBits) - 1)), 2);
  const Ints weight = both(tap.weight, kept);
  offsets = add(offsets, mul(shift_right(scale_offset, 16), weight));
  return {add(start, shift_right(bit, 3)), both(bit, broadcast(7)), width,
          mul(both(scale_offset, broadcast(0xffff)), weight)};
}

// The next `count` features, at most eight, of all taps: sums of their latents times weights, shifted, to
// planes.
inline void read_features(const LevelView& level, Codes* taps, int tap_count, Ints offsets, int count,
                          int shift, int32_t* out) {
  Ints sums[8];
  for (int i = 0; i < 8; i++) sums[i] = offsets;
  for (int t = 0; t < tap_count; t++) {
    Codes& codes = taps[t];
    const Ints from = smaller(codes.byte, broadcast(static_cast<int32_t>(level.last_byte)));
    const Ints past = sub(codes.byte, from);
    Window window = load_window(level.words, from, add(codes.shift, shift_left(past, 3)), codes.width);
    const Ints mask = code_mask(codes.width);
    for (int i = 0; i < 8; i++) {
      if (i == count) break;
      sums[i] = add(sums[i], mul(take_code(window, i, codes.width, mask), codes.scale));
    }
    codes.byte = add(codes.byte, codes.width);  // eight codes on
  }
  for (int i = 0; i < 8; i++) {
    if (i == count) break;
    store(out + i * kStride, shift_right(sums[i], shift));
  }
}

inline void read_cells(const LevelView& level, Codes* taps, int tap_count, Ints offsets, int shift,
                       int32_t* out) {
  for (int f = 0; f < level.features; f += 8) {
    const int count = level.features - f < 8 ? level.features - f : 8;
    read_features(level, taps, tap_count, offsets, count, shift, out + f * kStride);
  }
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
