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
constexpr int kMaxBlockLog2 = 6;
constexpr int64_t kMaxBlocks = 1 << 22;

void require(bool condition, const char* what) {
  if (!condition) throw std::invalid_argument(std::string("not a legal model: ") + what);
}

bool in_range(int value, int low, int high) { return low <= value && value <= high; }

int ceil_divide(int a, int b) { return (a + b - 1) / b; }

// The layouts of chapter 4.
void check_layout(const Level& level, bool wrap_v) {
  const int table = level.table_log2, block = level.block_log2;
  if (level.mask) {
    require(table == 0 && in_range(block, 2, kMaxBlockLog2), "layout of a masked level");
  } else if (table != 0) {
    require(in_range(table, 4, 24) && in_range(block, 0, std::min(kMaxBlockLog2, table / 2)),
            "layout of a hashed level");
  } else {
    require(block == 0, "layout of a dense level");
  }
  require(!(level.simplex && wrap_v && level.height % 2), "odd rows of triangles that wrap");
}

// Numbers the blocks that the mask keeps; returns how many.
int number_blocks(Level& level) {
  const int side = 1 << level.block_log2;
  const int64_t rows = ceil_divide(level.height, side), columns = ceil_divide(level.width, side);
  require(level.mask_rows == rows && level.mask_columns == columns, "size of a mask");
  require(rows * columns <= kMaxBlocks, "number of blocks");
  int kept = 0;
  level.slots.resize(rows * columns);
  for (int64_t i = 0; i < rows * columns; i++) level.slots[i] = level.mask[i] ? kept++ : -1;
  require(kept > 0, "a mask that keeps no block");
  return kept;
}

struct Size {
  int width, height;
};

Size stored_size(Level& level) {
  if (level.mask) return {1 << level.block_log2, number_blocks(level) << level.block_log2};
  if (level.table_log2 == 0) return {level.width, level.height};
  const int rows_log2 = level.table_log2 / 2;
  return {1 << (level.table_log2 - rows_log2), 1 << rows_log2};
}

Tile pack_tile(const Level& level, int64_t tile, int64_t start) {
  const int width = level.code_widths[tile], offset = level.offsets[tile], scale = level.scales[tile];
  require(width <= 8, "code width");
  const int highest = offset + scale * ((1 << width) - 1);
  require(-kLatentLimit <= offset && highest <= kLatentLimit, "latent out of range");
  return {static_cast<uint32_t>(start) | static_cast<uint32_t>(width) << kStartBits,
          static_cast<uint32_t>(scale) | static_cast<uint32_t>(offset) << 16};
}

void pack_tiles(Level& level, Size stored) {
  const int side = 1 << level.tile_log2;
  const int64_t rows = ceil_divide(stored.height, side), columns = ceil_divide(stored.width, side);
  require(level.tile_rows == rows && level.tile_columns == columns, "size of a tile directory");
  int64_t words = 0;
  level.tiles.reserve(rows * columns);
  for (int64_t tile = 0; tile < rows * columns; tile++) {
    level.tiles.push_back(pack_tile(level, tile, words));
    const int x = static_cast<int>(tile % columns) * side, y = static_cast<int>(tile / columns) * side;
    const int cells = std::min(side, stored.width - x) * std::min(side, stored.height - y);
    words += (static_cast<int64_t>(cells) * level.features * level.code_widths[tile] + 31) / 32;
    require(words <= level.word_count, "codes are missing");
    require(words < int64_t{1} << kStartBits, "too many codes");
  }
}

void prepare_level(Level& level, bool wrap_v) {
  require(in_range(level.width, 1, kMaxSide) && in_range(level.height, 1, kMaxSide), "size of a level");
  require(in_range(level.features, 1, kMaxFeatures), "features of a level");
  require(in_range(level.tile_log2, 2, 6), "tile size");
  check_layout(level, wrap_v);
  const Size stored = stored_size(level);
  pack_tiles(level, stored);
  level.word_count = std::min(level.word_count, int64_t{1} << kStartBits);
  if (level.word_count < 2) {
    level.few_words.assign(level.words, level.words + level.word_count);
    level.few_words.resize(2);
    level.words = level.few_words.data();
    level.word_count = 2;
  }
  level.view = {level.width,
                level.height,
                level.features,
                level.tile_log2,
                level.simplex,
                level.table_log2,
                level.block_log2,
                static_cast<int>(level.mask_columns),
                level.mask ? level.slots.data() : nullptr,
                stored.width,
                static_cast<int>(level.tile_columns),
                level.tiles.data(),
                level.words,
                static_cast<uint32_t>(4 * level.word_count - 8)};
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
    require(role + level.features < model.inputs(), "role out of range");
    for (int i = role; i < role + level.features; i++) {
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
  for (Level& level : model.levels) prepare_level(level, model.wrap_v);
  for (int mip = 0; mip < model.mips; mip++) {
    check_roles(model, model.roles + mip * static_cast<int>(model.levels.size()));
  }
}

}  // namespace ntc
