// What a fit step reads and writes, as plain data: shared by the orchestration in fit.cpp and the
// kernels, which are compiled once per instruction set.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace ntc {

constexpr int kTile = 8;                    // texels a side
constexpr int kTileTexels = kTile * kTile;  // texels a tile
constexpr int kMaxLevels = 16;
constexpr int kMaxLayers = 4;
constexpr int kMaxUnits = 128;
constexpr int kMaxChannels = 32;
constexpr int kMaxFeatures = 32;
constexpr uint32_t kHashPrime = 2654435761u;  // docs/format.md, 8.5.3
constexpr int kPhases = 8;                    // shifts of a tile along an axis, 1/8 texel apart
constexpr int kLodSteps = 8;                  // from a mip to the next one
constexpr float kLeastScale = 4;              // of latents around a cell, in steps of an int8 input
constexpr float kPredicted = 0.7f;            // part of the bits that are those of residuals
constexpr int kMaxSpan = 24;  // cells an axis of a tile can read: of a level up to 2.5 times as fine

// `n` rounded up to a multiple of `to`.
constexpr int padded(int n, int to) { return (n + to - 1) / to * to; }

// Where the latents of a tile lie.
struct FitRange {
  float low, high;
};

// Latents of one level in steps of an int8 input, with all that an update needs beside them. Where a cell
// keeps its latents is told by ntc/format/layout.py: `stored_cells`.
struct FitLevel {
  int width, height, features;
  int padded;           // features rounded up to whole vectors of 4; the padding stays zero
  bool simplex;         // texels read three cells of a lattice of triangles
  uint32_t table_mask;  // cells of the table it is hashed to, less 1; 0: it has none, or blocks
  int block_log2;       // of `slots`
  int block_columns;
  int stored_width;
  const int32_t* slots;    // per block, where its first cell is stored, or -1: nowhere; or nullptr
  size_t stored;           // cells that are stored
  float low, step;         // the lowest code, and from one to the next
  const FitRange* ranges;  // of its tiles
  float price;             // of a bit, each time that a tile reads a cell: ntc/fit/rate.py; 0: nothing
  float* records;          // per stored cell [values | means | squares | visits, slot, tile, 0]

  // Floats of a record: four features make 64 bytes, one cache line.
  int stride() const { return 3 * padded + 4; }
  float* record(size_t cell) const { return records + cell * stride(); }
  const FitRange& range(const float* record) const {
    int32_t tile;
    std::memcpy(&tile, record + 3 * padded + 2, sizeof tile);
    return ranges[tile];
  }
};

// Where the texels of a mip read a level along one axis: sections 8.2 and 8.3 of docs/format.md.
// The images of mips are read in the same way, as levels of texels.
struct FitAxis {
  const int32_t* positions;  // [phases][texels of whole tiles]: 256 * cell + fraction
  int span;                  // cells that a tile reads
  int texels;                // of a phase

  const int32_t* tile(int index, int phase) const { return positions + phase * texels + index * kTile; }
};

struct FitMip {
  int width, height, tiles_x, tiles_y;
  const uint16_t* texels;  // [height][width][channels], 0 .. 65535
  int roles[kMaxLevels];   // first input of a level, or -1
  FitAxis x[kMaxLevels], y[kMaxLevels];
  int patches[kMaxLevels];         // where a level's gradients lie in those of a tile
  FitAxis image_x[2], image_y[2];  // on the texels of this mip and of the next one, if the fit is filtered
};

// Decoder parameters rounded to their integers, in float, as the kernels want them.
struct FitLayer {
  int inputs, outputs;  // as the model counts them
  int in_stride, out_stride;
  const float* weights;     // [inputs padded to 4][out_stride]: products count in output units
  const float* transposed;  // [outputs][in_stride]
  const float* biases;      // [out_stride]
};

// A tile of texels of a mip, or of samples beside them: between texels, and between this mip and the next.
struct FitTileRef {
  int mip, y, x;
  int phase_y = 0, phase_x = 0;  // of kPhases; 0: texel centres
  int lod_step = 0;              // in 1 / kLodSteps
  float weight = 1;              // of its errors and bits

  bool centred() const { return phase_y == 0 && phase_x == 0 && lod_step == 0; }
};

// The channels of a normal map: x, y, z.
using FitNormal = std::array<int, 3>;

struct FitStep {
  int level_count, layer_count, channels;
  bool wrap_u, wrap_v;
  bool live;      // latents move; else they are rounded and only the decoder learns
  float noise;    // that latents are read with, in steps of their codes
  uint64_t seed;  // of this step
  const FitLevel* levels;
  const FitMip* mips;
  const FitLayer* layers;
  const FitTileRef* tiles;
  int tile_count;
  int mask_channel;            // texels where it is 0 count in this channel alone; -1: none
  const float* channel_scale;  // [channels padded]: d(loss) / d(error), 0 for the padding
  const float* margins;        // [channels padded]: how far beyond 0 and 1 a target of 0 or 1 lies
  const FitNormal* normals;    // whose errors are angles
  int normal_count;
  double* tile_errors;     // per tile, summed squares over its texels and channels
  float* patch_gradients;  // per tile `patch_stride` floats
  size_t patch_stride;
  size_t gradient_offsets[kMaxLayers];  // of a layer's weights in a gradient buffer; biases follow
};

// Of a mean square of gradients, which are about 1e-8.
constexpr float kLeastRoot = 1e-15f;

struct FitAdam {
  float rate, mean_decay, square_decay;
  const float* mean_correction;  // by visits: 1 / (1 - decay**visits)
  const float* square_correction;
  int corrections;
};

// One instruction set's kernels.
struct FitKernels {
  int vector_floats;
  size_t (*workspace_floats)(const FitStep& step);
  // Forward and backward of tiles first .. last-1; adds to `gradients`.
  void (*tiles)(const FitStep& step, int first, int last, float* workspace, float* gradients);
  // Lazy Adam on the stored cells first .. last-1 of one level that any tile touched; returns their number.
  // Roots of mean squares are `floors` [features padded] higher. The squares of all gradients are added up in
  // `squares`, feature by feature.
  int (*latents)(const FitStep& step, const FitAdam& adam, int level, size_t first, size_t last,
                 const float* floors, float* sums, int32_t* touched, float* squares);
  void (*adam)(float* values, float* means, float* squares, const float* gradients, int count,
               const FitAdam& adam, int time);
  // Moves weights [inputs padded to 4][stride] by an orthogonal matrix times `rate`.
  size_t (*orthogonal_floats)(int inputs, int stride);  // of its workspace
  void (*orthogonal)(float* weights, float* means, const float* gradients, int inputs, int stride,
                     float decay, float rate, float* workspace);
};

}  // namespace ntc
