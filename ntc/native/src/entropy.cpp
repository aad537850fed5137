#include "entropy.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "entropy_coder.h"
#include "entropy_tiles.h"

namespace ntc {
namespace {

constexpr int kMaxFeatures = 32;
constexpr int kStartBits = 28;

// The class of an activity, in steps of a tile; all above 31 are of the last one.
constexpr std::array<uint8_t, 32> kActivityClass = {0, 1, 2, 3, 4, 5, 6,  6,  7,  7,  7,  8,  8,  8,  8,  9,
                                                    9, 9, 9, 9, 9, 9, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10};
constexpr int kClasses = 11;

// Of one feature of a level.
struct CodeModel {
  Probability differs[3 * kClasses];    // whether a code is another than predicted
  Probability below[5 * 27];            // whether it is lower
  Probability longer[3 * kClasses][7];  // whether their difference has one more bit
  Probability bits[256];                // the bits of the difference below its highest
};

// What its neighbours say about a code.
struct Guess {
  int predicted, lean;
  uint32_t activity;
  int slope;
};

uint32_t load32(const uint8_t* at) {
  return at[0] | uint32_t{at[1]} << 8 | uint32_t{at[2]} << 16 | uint32_t{at[3]} << 24;
}

void store32(uint8_t* at, uint32_t value) {
  for (int i = 0; i < 4; i++) at[i] = static_cast<uint8_t>(value >> 8 * i);
}

int compare(int a, int b) { return (a > b) - (a < b) + 1; }

// The median of left, above and their plane is the predictor of LOCO-I (Weinberger, Seroussi, Sapiro, 2000).
Guess guess(const Tile& tile, int left, int above, int right, int corner) {
  const int low = std::min(left, above), high = std::max(left, above);
  const int predicted = nearest_code(tile, std::max(low, std::min(high, left + above - corner)));
  const int spread = std::abs(left - corner) + std::abs(above - corner) + std::abs(right - above);
  const int slope = 9 * compare(left, corner) + 3 * compare(above, corner) + compare(right, above);
  const uint32_t activity = std::min(static_cast<uint32_t>(spread), 65535u) * tile.inverse >> 16;
  return {predicted, std::clamp(predicted - tile.zero, -2, 2), activity, slope};
}

// The codes of a line of a tile, one after the other: read with an encoder, written with a decoder.
template <bool kWrites>
class Codes {
 public:
  Codes(uint8_t* words, int64_t bit, int width) : word_(words + 4 * (bit >> 5)), width_(width) {
    const int used = static_cast<int>(bit & 31);
    window_ = kWrites ? load32(word_) : load32(word_) >> used;
    filled_ = kWrites ? used : 32 - used;
  }

  int read() {
    if (filled_ < width_) {
      word_ += 4;
      window_ |= uint64_t{load32(word_)} << filled_;
      filled_ += 32;
    }
    const int code = static_cast<int>(window_ & ((1u << width_) - 1));
    window_ >>= width_;
    filled_ -= width_;
    return code;
  }

  void write(int code) {
    window_ |= uint64_t{static_cast<uint32_t>(code)} << filled_;
    filled_ += width_;
    if (filled_ < 32) return;
    store32(word_, static_cast<uint32_t>(window_));
    word_ += 4;
    window_ >>= 32;
    filled_ -= 32;
  }

  void flush() {
    if (filled_ > 0) store32(word_, static_cast<uint32_t>(window_));
  }

 private:
  uint8_t* word_;
  int width_;
  uint64_t window_;
  int filled_;
};

// Codes `difference`, 1 - codes..codes - 1, of a code from its prediction and returns it.
template <class Coder>
inline int code_difference(Coder& coder, CodeModel& model, const Guess& guess, uint32_t activity, int top,
                           int difference) {
  const int context = 3 * kActivityClass[std::min(activity, 31u)] + std::abs(guess.lean);
  if (!coder.decide(model.differs[context], difference != 0)) return 0;
  const int lower = guess.predicted, higher = top - guess.predicted;  // codes on either side
  const bool below = lower > 0 && (higher == 0 || coder.decide(model.below[27 * (guess.lean + 2) + guess.slope],
                                                               difference < 0));
  const int most = below ? lower : higher, size = std::abs(difference);
  int extra = 0;
  while (2 << extra <= most && coder.decide(model.longer[context][extra], size >= 2 << extra)) extra++;
  int value = 1;
  for (int i = extra - 1; i >= 0; i--) {
    value = 2 * value + coder.decide(model.bits[(1 << extra) + value], size >> i & 1);
  }
  if (value > most) throw EntropyFault{"E3", "a code outside its tile"};
  return below ? -value : value;
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
    // Latents of the line above, and from its first cell to the one before this, of this line; a cell of zeros
    // on either side.
    std::vector<int16_t> latents(static_cast<size_t>((outline_.width + 2) * features));
    std::array<int16_t, kMaxFeatures> corner;  // the line above, one cell back
    for (int64_t y = 0; y < height_; y++) {
      corner.fill(0);
      const Tile* tile = tiles_.data() + (y >> outline_.tile_log2) * columns_;
      const int64_t line = y & (side - 1);
      for (int64_t x = 0; x < outline_.width; x += side, tile++) {
        const int64_t wide = std::min(side, outline_.width - x);
        int16_t* cells = latents.data() + (x + 1) * features;
        if (tile->width > 0) {
          code_line(*tile, line, wide, cells, corner.data());
          continue;
        }
        const bool next_codes = x + side < outline_.width && tile[1].width > 0;
        if (next_codes) std::copy_n(cells + (wide - 1) * features, features, corner.data());
        if (line == 0) std::fill_n(cells, wide * features, static_cast<int16_t>(tile->offset));
      }
      check_end();
    }
  }

  void code_line(const Tile& tile, int64_t line, int64_t wide, int16_t* cells, int16_t* corner) {
    const int features = outline_.features, top = (1 << tile.width) - 1;
    Codes<kWrites> codes(words_ + size_t{4} * tile.first_word, line * wide * features * tile.width, tile.width);
    std::conditional_t<kWrites, Coder, Coder&> coder = coder_;  // a decoder fits into registers
    for (int64_t i = 0; i < wide; i++, cells += features) {
      // All guesses of a cell come first, so that no branch a processor takes wrongly waits for one of them.
      std::array<Guess, kMaxFeatures> guesses;
      for (int f = 0; f < features; f++) {
        guesses[f] = guess(tile, cells[f - features], cells[f], cells[f + features], corner[f]);
        corner[f] = cells[f];
      }
      int surprise = 0;  // how far the code of the feature before was from its prediction
      for (int f = 0; f < features; f++) {
        const int known = kWrites ? 0 : codes.read() - guesses[f].predicted;
        const uint32_t activity = guesses[f].activity + static_cast<uint32_t>(surprise);
        const int difference = code_difference(coder, models_[f], guesses[f], activity, top, known);
        const int code = guesses[f].predicted + difference;
        if (kWrites) codes.write(code);
        surprise = std::abs(difference);
        cells[f] = static_cast<int16_t>(tile.offset + tile.scale * code);
      }
    }
    if (kWrites) codes.flush();
    if constexpr (kWrites) coder_ = coder;
  }

  const LevelOutline& outline_;
  Coder& coder_;
  uint8_t* bytes_;
  size_t size_;
  int64_t height_, rows_ = 0, columns_ = 0;
  std::vector<Tile> tiles_;
  std::vector<CodeModel> models_;
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
  RangeDecoder coder(stored, stored_size);
  Section<RangeDecoder>(outline, coder, section, size).run();
  if (!coder.finished()) throw EntropyFault{"E1", "bytes after the last decision, or another end"};
}

}  // namespace ntc
