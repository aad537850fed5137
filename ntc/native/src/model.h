// A quantised model in memory that somebody else owns. docs/format.md, chapters 4 to 6.
#pragma once

#include <cstdint>
#include <vector>

#include "decode_kernel.h"

namespace ntc {

struct Level {
  int width, height, features, tile_log2;
  bool simplex;
  int table_log2, block_log2;
  const uint8_t* mask;  // [mask_rows][mask_columns], 1 for each block that is kept; null if there is none
  int64_t mask_rows, mask_columns;
  int64_t tile_rows, tile_columns;
  const uint8_t* code_widths;  // [tile_rows][tile_columns], like the next two
  const int16_t* offsets;
  const uint16_t* scales;
  const uint32_t* words;
  int64_t word_count;

  // Made by `prepare`.
  LevelView view;
  std::vector<Tile> tiles;
  std::vector<int> slots;
  std::vector<uint32_t> few_words;  // `words`, where they are too few for a kernel to read eight bytes
};

struct Layer {
  int inputs, outputs;
  const int8_t* weights;  // [outputs][inputs]
  const int32_t* biases;
  const uint8_t* shifts;
};

struct Model {
  int width, height, mips;
  bool wrap_u, wrap_v;
  std::vector<Level> levels;
  const uint8_t* roles;  // [mips][levels]
  std::vector<Layer> layers;

  int inputs() const { return layers.front().inputs; }
  int channels() const { return layers.back().outputs; }
};

// Makes what kernels read, and checks all that a kernel relies on: no index leaves its array and no sum
// leaves int32, whatever the codes are. Throws std::invalid_argument.
void prepare(Model& model);

}  // namespace ntc
