// What the common code hands to a decode kernel. Plain data only, no standard library: see CMakeLists.txt.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace ntc {

inline constexpr int kBlock = 64;  // texels that go through the decoder together
inline constexpr int kMaxLevels = 16;
inline constexpr int kMaxFeatures = 32;
inline constexpr int kMaxUnits = 128;  // inputs or outputs of a layer
inline constexpr int kMaxChannels = 32;
inline constexpr int kMaxLayers = 4;
inline constexpr int kNotRead = 255;
inline constexpr int kLatentLimit = 127 * 128;
inline constexpr int kLodStep = 8;

// An entry of the tile directory, as chapter 6 has it.
struct Tile {
  uint32_t start_width;   // first word of the codes, and from bit kStartBits on their width
  uint32_t scale_offset;  // 16 bits each; the offset is signed
};
inline constexpr int kStartBits = 28;

struct LevelView {
  int width, height, features, tile_log2;
  bool simplex;
  int table_log2;    // of a hashed level, the cells of its table, or 0
  int block_log2;    // of a hashed or masked level
  int blocks_x;      // of a masked level
  const int* slots;  // of each block of a masked level, its place among those kept, or -1; else null
  int stored_width;  // cells of the stored grid
  int tiles_x;       // of the stored grid
  const Tile* tiles;
  const uint32_t* words;
  uint32_t last_byte;  // the last byte of `words` that eight can be read from
};

// A layer as a kernel reads it: units in blocks of four, inputs in words of `DecodeKernel::pack` values.
struct PackedLayer {
  int rows;                 // words of inputs
  int blocks;               // of four units
  const uint32_t* weights;  // [blocks][rows][4]
  const int32_t* starts;    // [4 * blocks], where a sum begins
  const int32_t* biases;    // [4 * blocks], added to the scaled sum of the last layer
  const int32_t* shifts;    // [4 * blocks]
};

enum class Sample { u8, u16, f32 };

// One mip of one model, and how to write its texels.
struct Request {
  const LevelView* levels;
  int level_count;
  const uint8_t* roles;  // of the mip, one for each level
  int mip, width, height;
  bool wrap_u, wrap_v;
  int inputs;
  int layer_count;
  PackedLayer layers[kMaxLayers];
  int channels;  // that are written
  Sample sample;
};

struct DecodeKernel {
  int pack;    // values in one 32-bit word of activations: 4 bytes, 2 of 16 bits or 1 float
  int offset;  // added to activations, so that bytes are unsigned
  size_t scratch_bytes;

  // A rectangle of at most kBlock columns. `out` is its first texel, `pitch` the values from row to row.
  void (*strip)(const Request&, void* scratch, int x, int y, int w, int h, void* out, int64_t pitch);
  // At most kBlock texels anywhere; `out` is that of the first one.
  void (*points)(const Request&, void* scratch, const int32_t* x, const int32_t* y, int n, void* out);
};

namespace baseline {
extern const DecodeKernel decode_kernel;
}
namespace avx2 {
extern const DecodeKernel decode_kernel;
}
namespace avx512 {
extern const DecodeKernel decode_kernel;
}
namespace avx512vnni {
extern const DecodeKernel decode_kernel;
}
namespace amx {
extern const DecodeKernel decode_kernel;
}

}  // namespace ntc
