// The directory of a level's tiles, decision by decision. docs/format.md, chapter 14.
#pragma once

#include <algorithm>
#include <cstdint>

#include "entropy.h"
#include "entropy_coder.h"

namespace ntc {

inline constexpr int kWidths = 9;  // of codes: 0..8 bits
inline constexpr int kLatentLimit = 16256;

struct Tile {
  int width, scale, offset;
  uint32_t inverse;     // 65536 / scale, rounded down, and 1: what divides by the scale
  int zero;             // the code whose latent is closest to 0
  uint32_t first_word;  // of its codes

  // Whether a code stands for the same latent in both, and there are codes.
  bool codes_like(const Tile& other) const {
    return width > 0 && width == other.width && scale == other.scale && offset == other.offset;
  }
};

// The code whose latent is closest to this one, in a tile whose scale is not 0.
inline int nearest_code(const Tile& tile, int latent) {
  const auto distance = static_cast<uint32_t>(std::max(latent - tile.offset, 0) + (tile.scale >> 1));
  return static_cast<int>(std::min(distance * tile.inverse >> 16, (1u << tile.width) - 1));
}

// With an encoder it codes the tiles it is given, with a decoder it makes them; `tile` is both.
template <class Coder>
class TileModel {
 public:
  explicit TileModel(Coder& coder) : coder_(coder) {
    for (int c = 0; c < kWidths; c++) last_[c].scale = c > 0;
  }

  // Width, scale and offset of the next tile, between tiles of these widths. Throws EntropyFault (E2).
  void next(Tile& tile, int left, int upper) {
    const int c = tile.width = width(wider_[left + upper], tile.width);
    const Tile& last = last_[c];
    if (coder_.decide(same_[c], tile.scale == last.scale && tile.offset == last.offset)) {
      tile.scale = last.scale;
      tile.offset = last.offset;
    } else {
      tile.scale = c > 0 ? scale(tile.scale) : 0;
      tile.offset = offset(tile);
    }
    check(tile);
    last_[c] = tile;
    if (c == 0) return;
    last_scale_ = tile.scale;
    tile.inverse = 65536u / static_cast<uint32_t>(tile.scale) + 1;
    tile.zero = nearest_code(tile, 0);
  }

 private:
  int width(Probability* wider, int width) {
    int c = 0;
    while (c < kWidths - 1 && coder_.decide(wider[c], width > c)) c++;
    return c;
  }

  int scale(int scale) {
    if (coder_.decide(same_scale_, scale == last_scale_)) return last_scale_;
    return static_cast<int>(coder_.raw(15, static_cast<uint32_t>(scale)));
  }

  // Most tiles have a code for 0.
  int offset(const Tile& tile) {
    const int c = tile.width, step = std::max(tile.scale, 1), codes = 1 << c, code = -tile.offset / step;
    const bool exact = tile.offset == -tile.scale * code && 0 <= code && code < codes;
    if (!coder_.decide(exact_[c], exact)) {
      return static_cast<int>(coder_.raw(15, static_cast<uint32_t>(tile.offset + kRawZero))) - kRawZero;
    }
    int node = 1;
    for (int i = c - 1; i >= 0; i--) node = 2 * node + coder_.decide(zero_[codes + node], code >> i & 1);
    return -tile.scale * (node - codes);
  }

  static void check(const Tile& tile) {
    const int highest = tile.offset + tile.scale * ((1 << tile.width) - 1);
    if (tile.offset < -kLatentLimit || highest > kLatentLimit) {
      throw EntropyFault{"E2", "latents " + std::to_string(tile.offset) + ".." + std::to_string(highest)};
    }
    if ((tile.width == 0) != (tile.scale == 0)) throw EntropyFault{"E2", "scale 0 of a tile with codes"};
  }

  static constexpr int kRawZero = 1 << 14;

  Coder& coder_;
  Tile last_[kWidths] = {};
  int last_scale_ = 1;
  Probability wider_[2 * kWidths - 1][kWidths - 1], same_[kWidths], same_scale_, exact_[kWidths], zero_[512];
};

}  // namespace ntc
