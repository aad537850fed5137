// Orchestration of a fit: owns parameters and images, draws tiles, runs the kernels on a pool.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "fit_draw.h"
#include "fit_types.h"
#include "large_array.h"

namespace ntc {

// A level as ntc/format/layout.py describes it.
struct FitLevelShape {
  int width, height, features;
  bool simplex, table;         // `table`: single cells are hashed
  int block_log2;              // of `slots`
  std::vector<int32_t> slots;  // per block, where its first cell is stored, or -1; empty: no blocks
  int stored_width, stored_height;
  float low, high, step;  // of latents, in steps of an int8 input
};

// Decays of Adam's moments.
struct FitMoments {
  float mean, square;
};

// By number of updates: 1 / (1 - decay**updates).
struct Corrections {
  static constexpr int kCount = 8192;  // beyond this many a correction is 1 in float

  explicit Corrections(FitMoments decays);

  std::vector<float> mean, square;
};

struct FitRecipe {
  int batch_tiles;
  FitMoments latents, decoder;
  float decoder_decay;  // of weights, for each unit of the rate
  float latent_floor;   // added to roots of mean squares, in units of the root over all latents of a feature
  float hidden_step;    // of weights but the last layer's: orthogonal steps, in units of the rate; 0: Adam
  double shifted;       // part of the tiles that move off texel centres, and of those that move off their mip
};

// Positions of the samples of one mip on one level along one axis: docs/format.md 8.2 and 8.3.
struct FitAxisData {
  std::vector<int32_t> positions;  // [phases][texels of whole tiles]
  int span;
  int texels;

  FitAxis view() const { return {positions.data(), span, texels}; }
};

struct FitMipData {
  int width, height;
  const uint16_t* texels;                     // [height][width][channels]
  std::shared_ptr<const void> owner;          // keeps the texels
  std::vector<int> roles;                     // per level, -1 if the mip does not read it
  std::vector<FitAxisData> x, y;              // per level
  std::vector<FitAxisData> image_x, image_y;  // of a filtered fit: on this image and on the next one, if any
};

// Calls of several threads run one after the other.
class Fitter {
 public:
  // `widths` are inputs, hidden units, channels. Parameters start at zero. That the arguments fit each other
  // was checked: fit_bindings.cpp.
  Fitter(std::vector<FitLevelShape> levels, std::vector<int> widths, std::vector<FitMipData> mips,
         std::vector<double> mip_shares, bool wrap_u, bool wrap_v, FitRecipe recipe, uint64_t seed,
         int threads, const FitKernels& kernels);

  // Views point into this object.
  Fitter(const Fitter&) = delete;
  Fitter& operator=(const Fitter&) = delete;

  // Starting values: latents [stored cells][features], weights [outputs][inputs] before the channel
  // range is applied, and that range as value = output * range + low.
  // Latents come in bands of `count` cells: those of a large level are never all held twice.
  void set_latents(int level, size_t first, size_t count, const float* values);
  // From now on the latents of each tile, of 2**tile_log2 stored cells a side, stay within a range of its
  // own.
  void set_ranges(int level, int tile_log2, std::vector<FitRange> ranges);
  void set_layer(int layer, const float* weights, const float* biases);
  void set_range(const float* low, const float* range);
  // Weight of each channel's squared error; how far beyond 0 and 1 its targets of 0 and 1 lie; the channel
  // that masks the others, or -1; the normals whose errors are angles, each of channels of one weight.
  void set_loss(const float* weights, const float* margins, int mask_channel, std::vector<FitNormal> normals);
  // What a bit of each level's latents costs whenever a tile reads it, in units of the loss.
  void set_prices(const std::vector<float>& prices);
  void get_latents(int level, size_t first, size_t count, float* values) const;
  void get_layer(int layer, float* weights, float* biases) const;

  // From now on tiles are drawn from each mip this often.
  void set_shares(const std::vector<double>& shares);
  // One batch; returns its mean squared error. Latents are read with this part of the noise that rounding
  // makes. A latent rate of 0 means that latents are frozen.
  double step(float latent_rate, float decoder_rate, float noise);
  // Latents become codes of their tiles, after a move of this part of a step towards 0.
  void round_latents(float part);

  // For tests: computes the gradients of these tiles, at most a batch; nothing is updated.
  double gradients(const std::vector<FitTileRef>& tiles, bool noise);
  void get_layer_gradients(int layer, float* weights, float* biases) const;
  void get_latent_gradients(int level, float* values) const;

  // Memory held, without the texels.
  size_t bytes() const;
  size_t level_count() const { return levels_.size(); }
  size_t mip_count() const { return mips_.size(); }
  size_t channels() const { return static_cast<size_t>(channels_); }
  // Checked element counts of the arrays above; throw std::out_of_range.
  size_t cell_count(int level) const;
  size_t tile_count(int level, int tile_log2) const;
  size_t feature_count(int level) const;
  size_t weight_count(int layer) const;
  size_t bias_count(int layer) const;

 private:
  struct Layer {
    int inputs, outputs, in_stride, out_stride;
    size_t offset;  // in the flat parameter arrays: [padded inputs][out_stride], then biases
    double to_output_units;
    std::vector<float> rounded, transposed, biases;
  };

  void draw_tiles();
  void shift(FitTileRef& tile);
  void round_layers();
  double run_tiles(bool live, float noise);
  void reduce_gradients();
  void update(float latent_rate, float decoder_rate);
  void update_layer(int index, const FitAdam& adam);
  void update_floors();
  uint64_t random();
  double fraction();  // 0 .. 1, without 1

  mutable std::mutex busy_;
  FitRecipe recipe_;
  const FitKernels& kernels_;
  int threads_;
  int channels_;
  bool wrap_u_, wrap_v_;
  uint64_t random_state_;
  std::vector<FitLevelShape> shapes_;
  std::vector<FitLevel> levels_;
  std::vector<LargeArray> records_;
  std::vector<std::vector<FitRange>> ranges_;  // per level
  std::vector<FitMipData> mip_data_;
  std::vector<FitMip> mips_;
  std::vector<Layer> layers_;
  std::vector<FitLayer> layer_views_;
  std::vector<float> values_, means_, squares_;  // decoder parameters
  std::vector<float> low_, range_, scale_, weights_, margins_;
  std::vector<FitNormal> normals_;
  TileDraw draw_;
  std::vector<FitTileRef> tiles_;
  FitStep step_{};
  std::vector<std::vector<float>> workspaces_;        // per thread
  std::vector<float> chunk_gradients_;                // [chunks][parameters]
  std::vector<std::vector<float>> layer_workspaces_;  // per layer that takes orthogonal steps
  std::vector<double> tile_errors_;
  std::vector<float> patch_gradients_;
  // Stored cells of a level are updated in this many bands, so that results do not depend on the thread
  // count.
  static constexpr size_t kBands = 4;
  struct Band {
    int level;
    size_t first, last;  // stored cells
    std::vector<float> sums;
    std::vector<int32_t> touched;
    std::array<float, kMaxFeatures> squares;  // of the gradients of a step, of cells that `count` counts
    int count;
  };
  std::vector<Band> bands_;  // level by level
  struct Floors {
    std::array<float, kMaxFeatures> squares{};  // a running mean over all latents of a feature
    std::array<float, kMaxFeatures> roots;      // what is added to the root of a latent's own
    Floors() { roots.fill(kLeastRoot); }
  };
  std::vector<Floors> floors_;  // per level
  Corrections latent_corrections_, decoder_corrections_;
  int decoder_time_ = 0;
};

}  // namespace ntc
