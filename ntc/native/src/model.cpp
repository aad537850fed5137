#include "model.h"

#include <algorithm>
#include <bitset>
#include <stdexcept>
#include <string>

namespace ntc {
namespace {

constexpr int kMaxSide = 16384;
constexpr int kMaxMips = 15;
constexpr int kMaxBias = 1 << 30;
constexpr int kMaxShift = 24;

void require(bool condition, const char* what) {
  if (!condition) throw std::invalid_argument(std::string("not a legal model: ") + what);
}

bool in_range(int value, int low, int high) { return low <= value && value <= high; }

void check_shape(const Level& level) {
  const LevelView& view = level.view;
  require(in_range(view.width, 1, kMaxSide) && in_range(view.height, 1, kMaxSide), "size of a level");
  require(in_range(view.features, 1, kMaxFeatures), "features of a level");
  require(in_range(view.tile_log2, 2, 6), "tile size");
  const int side = 1 << view.tile_log2;
  const int64_t rows = (view.height + side - 1) / side, columns = (view.width + side - 1) / side;
  require(view.tiles_x == columns && level.tile_count == rows * columns, "size of a tile directory");
}

void check_tile(const LevelView& view, int64_t tile) {
  const int width = view.code_widths[tile], offset = view.offsets[tile], scale = view.scales[tile];
  require(width <= 8, "code width");
  const int highest = offset + scale * ((1 << width) - 1);
  require(-kLatentLimit <= offset && highest <= kLatentLimit, "latent out of range");
}

void find_starts(Level& level) {
  LevelView& view = level.view;
  const int side = 1 << view.tile_log2;
  int64_t words = 0;
  level.starts.resize(level.tile_count);
  for (int64_t tile = 0; tile < level.tile_count; tile++) {
    check_tile(view, tile);
    const int x = static_cast<int>(tile % view.tiles_x) * side;
    const int y = static_cast<int>(tile / view.tiles_x) * side;
    const int cells = std::min(side, view.width - x) * std::min(side, view.height - y);
    level.starts[tile] = static_cast<uint32_t>(words);
    words += (static_cast<int64_t>(cells) * view.features * view.code_widths[tile] + 31) / 32;
    require(words <= level.word_count, "codes are missing");
  }
  view.starts = level.starts.data();
}

void check_layer(const Layer& layer) {
  require(in_range(layer.inputs, 1, kMaxUnits) && in_range(layer.outputs, 1, kMaxUnits), "width of a layer");
  const int8_t* end = layer.weights + layer.inputs * layer.outputs;
  require(std::find(layer.weights, end, int8_t{-128}) == end, "weight out of range");
  for (int i = 0; i < layer.outputs; i++) {
    require(in_range(layer.biases[i], -kMaxBias, kMaxBias), "bias out of range");
    require(layer.shifts[i] <= kMaxShift, "shift out of range");
  }
}

void check_roles(const Model& model, const uint8_t* roles) {
  std::bitset<kMaxUnits> taken;
  for (const Level& level : model.levels) {
    const int role = *roles++;
    if (role == kNotRead) continue;
    require(role + level.view.features < model.inputs(), "role out of range");
    for (int i = role; i < role + level.view.features; i++) {
      require(!taken[i], "two levels for one input");
      taken[i] = true;
    }
  }
}

}  // namespace

void prepare(Model& model) {
  require(in_range(model.width, 1, kMaxSide) && in_range(model.height, 1, kMaxSide), "size");
  require(in_range(model.mips, 1, kMaxMips), "number of mips");
  require(in_range(static_cast<int>(model.levels.size()), 1, kMaxLevels), "number of levels");
  require(in_range(static_cast<int>(model.layers.size()), 1, kMaxLayers), "number of layers");
  for (size_t i = 0; i < model.layers.size(); i++) {
    check_layer(model.layers[i]);
    require(i == 0 || model.layers[i].inputs == model.layers[i - 1].outputs, "layers do not fit");
  }
  require(model.channels() <= kMaxChannels, "number of channels");
  for (Level& level : model.levels) {
    check_shape(level);
    find_starts(level);
  }
  for (int mip = 0; mip < model.mips; mip++) {
    check_roles(model, model.roles + mip * static_cast<int>(model.levels.size()));
  }
}

}  // namespace ntc
