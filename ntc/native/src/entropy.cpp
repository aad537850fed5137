#include "entropy.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>

#include "entropy_coder.h"
#include "entropy_codes.h"
#include "entropy_tiles.h"

namespace ntc {
namespace {

constexpr int kMaxFeatures = 32;
constexpr int kMaxLine = 64 * kMaxFeatures;  // codes of a line of a tile
constexpr int kStartBits = 28;

uint32_t load32(const uint8_t* at) {
  return at[0] | uint32_t{at[1]} << 8 | uint32_t{at[2]} << 16 | uint32_t{at[3]} << 24;
}

void store32(uint8_t* at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = static_cast<uint8_t>(value >> 8 * i);
}

// Codes of `width` bits, one after the other from this bit of words on.
void read_codes(const uint8_t* words, int64_t bit, int width, uint8_t* codes, int64_t count) {
  const uint8_t* word = words + 4 * (bit >> 5);
  int filled = 32 - static_cast<int>(bit & 31);
  uint64_t window = load32(word) >> (bit & 31);
  for (int64_t i = 0; i < count; i++) {
    if (filled < width) {
      word += 4;
      window |= uint64_t{load32(word)} << filled;
      filled += 32;
    }
    codes[i] = static_cast<uint8_t>(window & ((1u << width) - 1));
    window >>= width;
    filled -= width;
  }
}

void write_codes(uint8_t* words, int64_t bit, int width, const uint8_t* codes, int64_t count) {
  uint8_t* word = words + 4 * (bit >> 5);
  int filled = static_cast<int>(bit & 31);
  uint64_t window = filled > 0 ? load32(word) : 0;
  const auto write = [&](uint32_t value, int bits) {
    window |= uint64_t{value} << filled;
    filled += bits;
    if (filled < 32) return;
    store32(word, static_cast<uint32_t>(window));
    word += 4;
    window >>= 32;
    filled -= 32;
  };
  int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    const uint32_t four = load32(codes + i), two = (four & 0x00FF00FF) | (four & 0xFF00FF00) >> (8 - width);
    write((two & 0xFFFF) | two >> 16 << 2 * width, 4 * width);
  }
  for (; i < count; i++) write(codes[i], width);
  if (filled > 0) store32(word, static_cast<uint32_t>(window));
}

// Goes over a section in the order of its decisions: reads it with an encoder, writes it with a decoder.
template <class Coder>
class Section {
 public:
  static constexpr bool kWrites = Coder::kWrites;

  Section(const LevelOutline& outline, Coder& coder, uint8_t* bytes, size_t size)
      : outline_(outline), coder_(coder), bytes_(bytes), size_(size), height_(outline.height) {}

  void run() {
    const int64_t mask_bytes = (outline_.mask_rows * outline_.mask_columns + 31) / 32 * 4;
    need(mask_bytes);
    if (mask_bytes > 0) height_ *= mask(mask_bytes);
    const int64_t side = int64_t{1} << outline_.tile_log2;
    columns_ = (outline_.width + side - 1) / side;
    rows_ = (height_ + side - 1) / side;
    need(mask_bytes + 8 * rows_ * columns_);
    const uint64_t words = directory(bytes_ + mask_bytes);
    words_ = bytes_ + mask_bytes + 8 * rows_ * columns_;
    const uint64_t expected = static_cast<uint64_t>(words_ - bytes_) + 4 * words;
    if (expected != size_) throw EntropyFault{"E2", "a section of " + std::to_string(expected) + " bytes"};
    if (kWrites) std::memset(words_, 0, 4 * words);
    codes();
  }

 private:
  void need(int64_t bytes) const {
    if (static_cast<uint64_t>(bytes) > size_) {
      throw EntropyFault{"E2", "a section of at least " + std::to_string(bytes) + " bytes"};
    }
  }

  // After every line of blocks, tiles or cells.
  void check_end() const {
    if constexpr (kWrites) {
      if (coder_.past_the_end()) throw EntropyFault{"E1", "decisions after the last byte"};
    }
  }

  // The number of blocks that are kept.
  int64_t mask(int64_t bytes) {
    if (kWrites) std::memset(bytes_, 0, static_cast<size_t>(bytes));
    Probability kept[4];
    const int64_t columns = outline_.mask_columns;
    const auto bit = [&](int64_t k) { return bytes_[k >> 3] >> (k & 7) & 1; };
    int64_t count = 0, k = 0;
    for (int64_t row = 0; row < outline_.mask_rows; row++) {
      for (int64_t column = 0; column < columns; column++, k++) {
        const int left = column > 0 ? bit(k - 1) : 0, upper = row > 0 ? bit(k - columns) : 0;
        const bool keep = coder_.decide(kept[2 * upper + left], bit(k));
        bytes_[k >> 3] |= static_cast<uint8_t>(keep << (k & 7));
        count += keep;
      }
      check_end();
    }
    if (count == 0) throw EntropyFault{"E2", "a mask that keeps no block"};
    return count;
  }

  // The number of words of codes.
  uint64_t directory(uint8_t* entry) {
    TileModel<Coder> model(coder_);
    tiles_.resize(static_cast<size_t>(rows_ * columns_));
    const int64_t side = int64_t{1} << outline_.tile_log2;
    uint64_t words = 0;
    Tile* tile = tiles_.data();
    for (int64_t row = 0; row < rows_; row++) {
      const int64_t high = std::min(side, height_ - row * side);
      for (int64_t column = 0; column < columns_; column++, tile++, entry += 8) {
        if (!kWrites) read_entry(entry, *tile);
        model.next(*tile, column > 0 ? tile[-1].width : 0, row > 0 ? tile[-columns_].width : 0);
        tile->first_word = static_cast<uint32_t>(words);
        const int64_t cells = high * std::min(side, outline_.width - column * side);
        words += static_cast<uint64_t>((cells * outline_.features * tile->width + 31) / 32);
        if (kWrites) write_entry(entry, *tile);
        if constexpr (kWrites) coder_.stay();
      }
      check_end();
    }
    return words;
  }

  static void read_entry(const uint8_t* entry, Tile& tile) {
    tile.width = std::min(entry[3] >> 4, kWidths - 1);
    tile.scale = entry[4] | entry[5] << 8;
    tile.offset = static_cast<int16_t>(entry[6] | entry[7] << 8);
  }

  static void write_entry(uint8_t* entry, const Tile& tile) {
    store32(entry, tile.first_word | static_cast<uint32_t>(tile.width) << kStartBits);
    store32(entry + 4, static_cast<uint32_t>(tile.scale) | static_cast<uint32_t>(tile.offset) << 16);
  }

  void codes() {
    const int64_t features = outline_.features, side = int64_t{1} << outline_.tile_log2;
    models_.resize(static_cast<size_t>(features));
    const auto line_size = static_cast<size_t>((outline_.width + 2) * features);
    latents_.resize(line_size);
    for (auto& line : lines_) line.resize(line_size);
    for (int64_t y = 0; y < height_; y++) {
      corner_.fill(0);
      std::swap(lines_[0], lines_[1]);
      const Tile* tile = tiles_.data() + (y >> outline_.tile_log2) * columns_;
      for (int64_t x = 0; x < outline_.width; x += side, tile++) {
        const int64_t wide = std::min(side, outline_.width - x);
        if (tile->width > 0) {
          code_line(*tile, x, y, wide);
          continue;
        }
        int16_t* latents = latents_.data() + (x + 1) * features;
        const bool next_codes = x + side < outline_.width && tile[1].width > 0;
        if (next_codes) std::copy_n(latents + (wide - 1) * features, features, corner_.data());
        if ((y & (side - 1)) == 0) std::fill_n(latents, wide * features, static_cast<int16_t>(tile->offset));
      }
      check_end();
    }
  }

  // The line y of a tile, `wide` cells from x on.
  void code_line(const Tile& tile, int64_t x, int64_t y, int64_t wide) {
    const int64_t line = y & ((int64_t{1} << outline_.tile_log2) - 1), count = wide * outline_.features;
    uint8_t* words = words_ + size_t{4} * tile.first_word;
    uint8_t* codes = lines_[1].data() + (x + 1) * outline_.features;
    const int64_t bit = line * count * tile.width;
    if (!kWrites) read_codes(words, bit, tile.width, codes, count);
    const auto [begin, end] = between_codes(tile, x, y, wide);
    code_between_latents(tile, x, begin);
    if (begin < end) code_between_codes(tile, x + begin, end - begin);
    code_between_latents(tile, x + end, wide - end);
    if (kWrites) write_codes(words, bit, tile.width, codes, count);
    if constexpr (kWrites) coder_.stay();
  }

  // The first cell of a line of a tile and the one after the last of which codes alone say enough: all of
  // their neighbours lie in tiles like it.
  std::pair<int64_t, int64_t> between_codes(const Tile& tile, int64_t x, int64_t y, int64_t wide) {
    const bool first_line = (y & ((int64_t{1} << outline_.tile_log2) - 1)) == 0;
    const Tile* above = &tile - (first_line ? columns_ : 0);
    if (tile.width > kTableWidth || y == 0 || !tile.codes_like(*above)) return {0, 0};
    if (tile.scale != steps_.scale) steps_ = Steps(tile);
    const bool left = x > 0 && tile.codes_like((&tile)[-1]) && tile.codes_like(above[-1]);
    const bool right = x + wide < outline_.width && tile.codes_like(above[1]);
    const int64_t begin = left ? 0 : 1;
    return {begin, std::max(begin, right ? wide : wide - 1)};
  }

  // Cells of a line of any tile; `cell` is the first of them on the line of the grid.
  void code_between_latents(const Tile& tile, int64_t cell, int64_t cells) {
    const int features = outline_.features;
    int16_t* latents = latents_.data() + (cell + 1) * features;
    uint8_t* codes = lines_[1].data() + (cell + 1) * features;
    Local coder = coder_;
    for (int64_t i = 0; i < cells; i++) {
      int before = 0;
      for (int f = 0; f < features; f++, latents++, codes++) {
        const Guess between = guess(tile, latents[-features], latents[0], latents[features], corner_[f]);
        const Place place = place_of(tile.width, tile.zero, between.predicted);
        before = code_feature(coder, models_[f], tile, between, place, before, *codes);
        corner_[f] = latents[0];
        latents[0] = static_cast<int16_t>(tile.offset + tile.scale * *codes);
      }
    }
    if constexpr (kWrites) coder_ = coder;
  }

  // Those of between_codes(). What is in the loop is most of the time that a file takes to load.
  void code_between_codes(const Tile& tile, int64_t cell, int64_t cells) {
    const int features = outline_.features;
    const int64_t first = (cell + 1) * features, count = cells * features;
    const uint8_t* above = lines_[0].data() + first;
    uint8_t* codes = lines_[1].data() + first;
    std::array<uint16_t, kMaxLine> around;  // corner, above and right, as the table has them
    for (int64_t i = 0; i < count; i++) {
      around[i] = static_cast<uint16_t>(above[i - features] << 6 | above[i] << 3 | above[i + features]);
    }
    Local coder = coder_;
    const Steps steps = steps_;
    const Tile same = tile;
    const Place* places = kPlaces[tile.width][tile.zero].data();
    CodeModel* models = models_.data();
    for (int64_t i = 0; i < count;) {
      int before = 0;
      for (int f = 0; f < features; f++, i++) {
        Guess between = kGuesses[codes[i - features] << 9 | around[i]];
        between.activity = steps.activity[between.activity];
        before = code_feature(coder, models[f], same, between, places[between.predicted], before, codes[i]);
      }
    }
    if constexpr (kWrites) coder_ = coder;
    int16_t* latents = latents_.data() + first;
    std::copy_n(latents + count - features, features, corner_.data());
    for (int64_t i = 0; i < count; i++)
      latents[i] = static_cast<int16_t>(tile.offset + tile.scale * codes[i]);
  }

  // Codes a feature of a cell and returns how far it was from its prediction.
  [[gnu::always_inline]] static int code_feature(Coder& coder, CodeModel& model, const Tile& tile,
                                                 const Guess& guess, const Place& place, int before,
                                                 uint8_t& code) {
    const int known = kWrites ? 0 : code - guess.predicted;
    const auto [size, below] = code_difference(coder, model, tile, guess, place, before, known);
    if (kWrites)
      code = static_cast<uint8_t>(guess.predicted + ((static_cast<uint32_t>(size) ^ below) - below));
    return size;
  }

  // A decoder fits into registers, where what is written to bytes cannot change it.
  using Local = std::conditional_t<kWrites, Coder, Coder&>;

  const LevelOutline& outline_;
  Coder& coder_;
  uint8_t* bytes_;
  size_t size_;
  int64_t height_, rows_ = 0, columns_ = 0;
  std::vector<Tile> tiles_;
  std::vector<CodeModel> models_;
  Steps steps_ = Steps(Tile{});
  // Latents of the line above, from its first cell to the one before this, of this line; a cell of zeros on
  // either side.
  std::vector<int16_t> latents_;
  std::array<int16_t, kMaxFeatures> corner_;  // the line above, one cell back
  std::vector<uint8_t> lines_[2];  // codes of the line above and of this, with a cell on either side
  uint8_t* words_ = nullptr;
};

}  // namespace

std::vector<uint8_t> pack_section(const LevelOutline& outline, const uint8_t* section, size_t size) {
  std::vector<uint8_t> bytes(section, section + size);
  RangeEncoder coder;
  Section<RangeEncoder>(outline, coder, bytes.data(), size).run();
  return coder.finish();
}

void unpack_section(const LevelOutline& outline, const uint8_t* stored, size_t stored_size, uint8_t* section,
                    size_t size) {
  const PaddedBytes padded(stored, stored_size);
  RangeDecoder coder(padded);
  Section<RangeDecoder>(outline, coder, section, size).run();
  if (!coder.finished()) throw EntropyFault{"E1", "bytes after the last decision, or another end"};
}

}  // namespace ntc
