// A quantised model in memory that somebody else owns. docs/format.md, chapters 4 to 6.
#pragma once

#include <cstdint>
#include <vector>

#include "decode_kernel.h"

namespace ntc {

struct Level {
  LevelView view;      // `starts` is filled in by `prepare`
  int64_t tile_count;  // entries in each array of the directory
  int64_t word_count;
  std::vector<uint32_t> starts;
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

// Finds where tiles start, and checks all that a kernel relies on: no index leaves its array and no sum
// leaves int32, whatever the codes are. Throws std::invalid_argument.
void prepare(Model& model);

}  // namespace ntc
