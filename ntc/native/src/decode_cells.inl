// Sections 8.4, 8.5.3 and 8.6: from packed codes to the latents of rows of cells.

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

// Columns of cells that a block of texels reads: of squares at most two for each texel, of triangles all from
// the first texel to the last, of which there are at most two times as many, and four more.
inline constexpr int kMaxColumns = 2 * kBlock + 4;
// Those, and what vectors reach past them.
inline constexpr int kStride = 2 * kBlock + 3 * 16;

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words of codes are read as bytes");

inline constexpr uint32_t kHashPrime = 2654435761u;

// The latents of cells as they come, cell by cell.
struct Staging {
  alignas(64) int32_t latents[kStride * kMaxFeatures + 16];  // the last vector may end anywhere
};

// Columns that lie next to each other in one tile, whichever the row is.
struct Run {
  int column, count, x;
};

struct Place {
  int x, y;
};

inline int address(int cell, int cells, bool wrap) {
  if (cell < 0) return wrap ? (cell % cells + cells) % cells : 0;
  if (cell >= cells) return wrap ? cell % cells : cells - 1;
  return cell;
}

// Where a cell of the level is in the stored grid; below 0 if the mask leaves it out.
inline Place stored_cell(const LevelView& level, int x, int y) {
  const int log2 = level.block_log2, inner = (1 << log2) - 1;
  if (level.table_log2) {
    const int columns_log2 = level.table_log2 - level.table_log2 / 2 - log2;
    const uint32_t hash = static_cast<uint32_t>(x >> log2) ^ static_cast<uint32_t>(y >> log2) * kHashPrime;
    const int block = static_cast<int>(hash & ((1u << (level.table_log2 - 2 * log2)) - 1));
    const int row = block >> columns_log2, column = block & ((1 << columns_log2) - 1);
    return {column << log2 | (x & inner), row << log2 | (y & inner)};
  }
  if (level.slots) {
    const int slot = level.slots[(y >> log2) * level.blocks_x + (x >> log2)];
    return {x & inner, slot * (1 << log2) + (y & inner)};
  }
  return {x, y};
}

// The bits from bit `shift` of byte `byte` of the codes on: at least 57, and from a whole byte on 64. `shift`
// is below 8. After the last code of a level they may be anything.
inline uint64_t load_bits(const LevelView& level, uint32_t byte, uint32_t shift) {
  const uint32_t from = byte < level.last_byte ? byte : level.last_byte;
  uint64_t bits;
  memcpy(&bits, reinterpret_cast<const char*>(level.words) + from, sizeof bits);
  return bits >> ((shift + 8 * (byte - from)) & 63);
}

// `count` cells of one tile from a stored cell on. Eight latents are written at a time, also where fewer are
// left.
inline void unpack(const LevelView& level, Place from, int count, int32_t* out) {
  const int log2 = level.tile_log2, side = 1 << log2, tile_x = from.x >> log2;
  const Tile tile = level.tiles[(from.y >> log2) * level.tiles_x + tile_x];
  const int left = level.stored_width - tile_x * side, tile_width = left < side ? left : side;
  const int cell = (from.y & (side - 1)) * tile_width + (from.x & (side - 1));
  const int width = static_cast<int>(tile.start_width >> kStartBits);
  const uint32_t bit = static_cast<uint32_t>(cell * level.features * width);
  uint32_t byte = ((tile.start_width & ((1u << kStartBits) - 1)) << 2) + (bit >> 3);
  const Eight offset = broadcast8(static_cast<int32_t>(tile.scale_offset) >> 16);
  const int32_t scale = tile.scale_offset & 0xffff;
  for (int i = 0; i < count * level.features; i += 8, byte += width) {
    store8(out + i, add_product(offset, codes_of(load_bits(level, byte, bit & 7), width), scale));
  }
}

inline void unpack_run(const LevelView& level, const Run& run, int row, int32_t* out) {
  const Place place = stored_cell(level, run.x, row);
  if (place.y >= 0) return unpack(level, place, run.count, out);
  for (int i = 0; i < run.count * level.features; i++) out[i] = 0;
}

// From cells to planes of features.
inline void spread(const int32_t* cells, int features, int count, int32_t* planes) {
  for (int f = 0; f < features; f += 4) {
    const int some = features - f < 4 ? features - f : 4;
    for (int c = 0; c < count; c += kLanes) {
      Ints out[4];
      transpose(cells + c * features + f, features, out);
      for (int i = 0; i < some; i++) store(planes + (f + i) * kStride + c, out[i]);
    }
  }
}

inline int find_runs(const LevelView& level, const int* cells, int columns, Run* runs) {
  const bool blocks = level.table_log2 || level.slots;
  const int log2 = blocks && level.block_log2 < level.tile_log2 ? level.block_log2 : level.tile_log2;
  int count = 0;
  for (int c = 0; c < columns; c++) {
    const bool next = c > 0 && cells[c] == cells[c - 1] + 1 && cells[c] >> log2 == cells[c - 1] >> log2;
    if (next) {
      runs[count - 1].count++;
    } else {
      runs[count++] = Run{c, 1, cells[c]};
    }
  }
  return count;
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
