// The codes of a level: what their neighbours say about them, and the decisions for what they do not say.
// docs/format.md, chapter 14.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>

#include "entropy.h"
#include "entropy_coder.h"
#include "entropy_tiles.h"

namespace ntc {

inline constexpr int kClasses = 11;  // of activities

// Of one feature of a level.
struct CodeModel {
  Probability differs[3 * kClasses];    // whether a code is another than predicted
  Probability below[5 * 27];            // whether it is lower
  Probability longer[3 * kClasses][7];  // whether their difference has one more bit
  Probability bits[256];                // the bits of the difference below its highest
};

// What its neighbours say about a code.
struct alignas(4) Guess {
  uint8_t predicted, activity, slope;  // activity is at most 31
};

constexpr int distance(int a, int b) { return a < b ? b - a : a - b; }
constexpr int compare(int a, int b) { return (a > b) - (a < b) + 1; }

// The median of left, above and their plane is the predictor of LOCO-I (Weinberger, Seroussi, Sapiro, 2000).
constexpr int median(int left, int above, int corner) {
  const int low = std::min(left, above), high = left + above - low;
  return std::max(low, std::min(high, left + above - corner));
}

constexpr int spread(int left, int above, int right, int corner) {
  return distance(left, corner) + distance(above, corner) + distance(right, above);
}

constexpr uint8_t slope(int left, int above, int right, int corner) {
  return static_cast<uint8_t>(9 * compare(left, corner) + 3 * compare(above, corner) + compare(right, above));
}

inline uint8_t activity_of(const Tile& tile, int spread) {
  const uint32_t steps = static_cast<uint32_t>(std::min(spread, 65535)) * tile.inverse >> 16;
  return static_cast<uint8_t>(std::min(steps, 31u));
}

// Between four latents.
inline Guess guess(const Tile& tile, int left, int above, int right, int corner) {
  const int predicted = nearest_code(tile, median(left, above, corner));
  const uint8_t activity = activity_of(tile, spread(left, above, right, corner));
  return {static_cast<uint8_t>(predicted), activity, slope(left, above, right, corner)};
}

// Between four codes of the tile or of others with its scale, offset and width: the latent of a code is
// always predicted as that code. They are so few up to three bits that the guesses are made beforehand. Their
// activity is in steps of a code.
inline constexpr int kTableWidth = 3;
inline constexpr int kMostSteps = 3 * ((1 << kTableWidth) - 1);
inline constexpr auto kGuesses = [] {
  std::array<Guess, 1 << 4 * kTableWidth> guesses{};
  for (int i = 0; i < 1 << 4 * kTableWidth; i++) {
    const int left = i >> 9, corner = i >> 6 & 7, above = i >> 3 & 7, right = i & 7;
    guesses[i] = {static_cast<uint8_t>(median(left, above, corner)),
                  static_cast<uint8_t>(spread(left, above, right, corner)),
                  slope(left, above, right, corner)};
  }
  return guesses;
}();

// The activities of codes in tiles of this scale: division by a large one is not exact.
struct Steps {
  explicit Steps(const Tile& tile) : scale(tile.scale) {
    for (int i = 0; i <= kMostSteps; i++) activity[i] = activity_of(tile, i * scale);
  }

  int scale;
  uint8_t activity[kMostSteps + 1];  // by the spread of codes
};

// 3 x the class of an activity and the size of a difference before.
inline constexpr auto kActivityContext = [] {
  std::array<uint8_t, 31 + 256> contexts{};
  constexpr int kFirst[kClasses] = {0, 1, 2, 3, 4, 5, 6, 8, 11, 15, 22};
  for (int i = 0, next = 0; i < 31 + 256; i++) {
    while (next < kClasses && kFirst[next] <= i) next++;
    contexts[i] = static_cast<uint8_t>(3 * (next - 1));
  }
  return contexts;
}();

// What a prediction says by where it lies in its tile.
struct Place {
  uint32_t lean, side;                         // its distance from the code of 0, and its part of a slope
  Flag inside, highest, far_below, far_above;  // codes on both sides, none above, more than one on a side
};

constexpr Place place_of(int width, int zero, int predicted) {
  const int lean = std::clamp(predicted - zero, -2, 2), above = (1 << width) - 1 - predicted;
  return {static_cast<uint32_t>(lean < 0 ? -lean : lean),
          static_cast<uint32_t>(27 * (lean + 2)),
          flag(predicted > 0 && above > 0),
          flag(above == 0),
          flag(predicted > 1),
          flag(above > 1)};
}

// By width, code of 0 and prediction.
inline constexpr auto kPlaces = [] {
  std::array<std::array<std::array<Place, 8>, 8>, kTableWidth + 1> places{};
  for (int width = 0; width <= kTableWidth; width++) {
    for (int i = 0; i < 64; i++) places[width][i >> 3][i & 7] = place_of(width, i >> 3, i & 7);
  }
  return places;
}();

// How far a code is from its prediction: `size` above it, or below.
struct Difference {
  int size;
  Flag below;
};

// Codes a difference and returns it. `before` is the size of that of the feature before; what an encoder
// knows is signed. Throws EntropyFault (E3).
template <class Coder>
[[gnu::always_inline]] inline Difference code_difference(Coder& coder, CodeModel& model, const Tile& tile,
                                                         const Guess& guess, const Place& place, int before,
                                                         int known) {
  const uint32_t context = kActivityContext[guess.activity + static_cast<uint32_t>(before)] + place.lean;
  if (!coder.decide(model.differs[context], known != 0)) return {0, 0};
  const Flag below =
      place.highest | coder.decide_if(place.inside, model.below[place.side + guess.slope], known < 0);
  const Flag far = choose(below, place.far_below, place.far_above);
  const int size = std::abs(known);
  if (!coder.decide_if(far, model.longer[context][0], size > 1)) return {1, below};
  const int most = below ? guess.predicted : (1 << tile.width) - 1 - guess.predicted;
  int extra = 1;
  while (2 << extra <= most && coder.decide(model.longer[context][extra], size >= 2 << extra)) extra++;
  int value = 1;
  for (int i = extra - 1; i >= 0; i--) {
    value = 2 * value + coder.decide(model.bits[(1 << extra) + value], size >> i & 1);
  }
  if (value > most) throw EntropyFault{"E3", "a code outside its tile"};
  return {value, below};
}

}  // namespace ntc
