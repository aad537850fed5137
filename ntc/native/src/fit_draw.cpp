#include "fit_draw.h"

#include <algorithm>

namespace ntc {
namespace {

// ntc/fit/drawing.py says what these are.
constexpr double kEven = 0.5;
constexpr float kForget = 0.4f;
constexpr uint64_t kGolden = 0x9e3779b97f4a7c15ull, kSeed = 0xbf58476d1ce4e5b9ull;

double golden(uint64_t seed, uint64_t k) {
  return static_cast<double>((seed * kSeed + k * kGolden) >> 11) * 0x1p-53;
}

}  // namespace

TileDraw::TileDraw(const std::vector<Grid>& grids, const std::vector<double>& shares, uint64_t seed)
    : seed_(seed) {
  for (const Grid& grid : grids) {
    const size_t tiles = static_cast<size_t>(grid.rows) * grid.columns;
    mips_.push_back({grid, tiles, std::vector<float>(tiles, -1.f), {}});
  }
  set_shares(shares);
}

void TileDraw::set_shares(const std::vector<double>& shares) {
  mip_ends_.clear();
  double sum = 0;
  for (double share : shares) mip_ends_.push_back(sum += share);
}

void TileDraw::draw(std::vector<FitTileRef>& tiles) {
  const double start = golden(seed_, step_++), count = static_cast<double>(tiles.size());
  for (size_t i = 0; i < tiles.size(); i++) {
    const double at = (static_cast<double>(i) + start) / count * mip_ends_.back();
    const auto end = std::upper_bound(mip_ends_.begin(), mip_ends_.end() - 1, at);
    FitTileRef tile{};
    tile.mip = static_cast<int>(end - mip_ends_.begin());
    Mip& mip = mips_[tile.mip];
    const size_t place = pick(mip, tile.weight);
    tile.y = static_cast<int>(place / mip.grid.columns);
    tile.x = static_cast<int>(place % mip.grid.columns);
    tiles[i] = tile;
  }
}

size_t TileDraw::pick(Mip& mip, float& weight) {
  const double at = golden(seed_, mip.drawn++);
  const double tiles = static_cast<double>(mip.tiles);
  mip.since++;
  weight = 1;
  if (mip.ends.empty()) return static_cast<size_t>(at * tiles);
  const auto end = std::upper_bound(mip.ends.begin(), mip.ends.end() - 1, at * mip.ends.back());
  const double below = end == mip.ends.begin() ? 0 : end[-1];
  weight = static_cast<float>(mip.ends.back() / ((*end - below) * tiles));
  return end - mip.ends.begin();
}

void TileDraw::observe(const std::vector<FitTileRef>& tiles, const std::vector<double>& errors) {
  for (size_t i = 0; i < tiles.size(); i++) {
    Mip& mip = mips_[tiles[i].mip];
    float& error = mip.errors[static_cast<size_t>(tiles[i].y) * mip.grid.columns + tiles[i].x];
    const float latest = static_cast<float>(errors[i]);
    error = error < 0 ? latest : error + kForget * (latest - error);
  }
  for (Mip& mip : mips_)
    if (mip.since >= mip.tiles) find_probabilities(mip);
}

void TileDraw::find_probabilities(Mip& mip) {
  double sum = 0, seen = 0;
  for (float error : mip.errors)
    if (error >= 0) sum += error, seen++;
  mip.since = 0;
  if (sum == 0) return;
  // Tiles that were never drawn count as the mean of the others.
  const double unknown = sum / seen, tiles = static_cast<double>(mip.tiles);
  const double total = sum + unknown * (tiles - seen);
  mip.ends.resize(mip.tiles);
  double end = 0;
  for (size_t i = 0; i < mip.tiles; i++) {
    const double error = mip.errors[i] < 0 ? unknown : mip.errors[i];
    mip.ends[i] = end += kEven / tiles + (1 - kEven) * (error / total);
  }
}

bool TileDraw::has(int mip, int y, int x) const {
  if (mip < 0 || mip >= static_cast<int>(mips_.size())) return false;
  const Grid& grid = mips_[mip].grid;
  return 0 <= y && y < grid.rows && 0 <= x && x < grid.columns;
}

size_t TileDraw::bytes() const {
  size_t total = 0;
  for (const Mip& mip : mips_) total += mip.tiles * (sizeof(float) + sizeof(double));
  return total;
}

}  // namespace ntc
