// Where the latents of a fitter may lie: in the ranges of their tiles, and in the end on codes.
#include <algorithm>
#include <cmath>

#include "fit.h"

namespace ntc {

static float sign(float x) { return x > 0 ? 1.f : x < 0 ? -1.f : 0.f; }

void Fitter::set_ranges(int level, int tile_log2, std::vector<FitRange> ranges) {
  const std::lock_guard lock(busy_);
  FitLevel& grid = levels_[level];
  ranges_[level] = std::move(ranges);
  grid.ranges = ranges_[level].data();
  const size_t width = grid.stored_width, columns = ((width - 1) >> tile_log2) + 1;
  for (size_t c = 0; c < grid.stored; c++) {
    float* record = grid.record(c);
    const int32_t tile = static_cast<int32_t>((c / width >> tile_log2) * columns + (c % width >> tile_log2));
    std::memcpy(record + 3 * grid.padded + 2, &tile, sizeof tile);
    const auto [low, high] = grid.ranges[tile];
    for (int f = 0; f < grid.features; f++) record[f] = std::clamp(record[f], low, high);
  }
}

void Fitter::round_latents(float part) {
  const std::lock_guard lock(busy_);
  for (const FitLevel& grid : levels_) {
    const float most = part * grid.step;
    for (size_t c = 0; c < grid.stored; c++) {
      float* record = grid.record(c);
      const auto [low, high] = grid.range(record);
      for (int f = 0; f < grid.features; f++) {
        const float moved = record[f] - sign(record[f]) * std::min(most, std::abs(record[f]));
        const float code = std::nearbyint((std::clamp(moved, low, high) - grid.low) / grid.step);
        record[f] = grid.low + code * grid.step;
      }
    }
  }
}

}  // namespace ntc
