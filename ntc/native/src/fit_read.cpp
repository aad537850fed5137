// Reading a fitter: its parameters, and for tests its gradients.
#include <algorithm>

#include "fit.h"

namespace ntc {

static void copy_layer(const float* in, int inputs, int outputs, int stride, float* weights, float* biases) {
  for (int o = 0; o < outputs; o++)
    for (int i = 0; i < inputs; i++) weights[o * inputs + i] = in[i * stride + o];
  std::copy_n(in + padded(inputs, 4) * stride, outputs, biases);
}

// Where a cell is stored, or -1: as StoredRow of the kernels.
static ptrdiff_t stored_cell(const FitLevel& grid, int y, int x) {
  if (grid.slots) {
    const int inner = (1 << grid.block_log2) - 1;
    const int32_t slot =
        grid.slots[static_cast<size_t>(y >> grid.block_log2) * grid.block_columns + (x >> grid.block_log2)];
    return slot < 0 ? -1 : slot + static_cast<ptrdiff_t>(y & inner) * grid.stored_width + (x & inner);
  }
  if (grid.table_mask)
    return (static_cast<uint32_t>(x) ^ static_cast<uint32_t>(y) * kHashPrime) & grid.table_mask;
  return static_cast<ptrdiff_t>(y) * grid.width + x;
}

void Fitter::get_layer(int index, float* weights, float* biases) const {
  const std::lock_guard lock(busy_);
  const Layer& layer = layers_[index];
  copy_layer(values_.data() + layer.offset, layer.inputs, layer.outputs, layer.out_stride, weights, biases);
}

void Fitter::get_latents(int level, size_t first, size_t count, float* values) const {
  const std::lock_guard lock(busy_);
  const FitLevel& grid = levels_[level];
  for (size_t c = 0; c < count; c++)
    std::copy_n(grid.record(first + c), grid.features, values + c * grid.features);
}

void Fitter::get_layer_gradients(int index, float* weights, float* biases) const {
  const std::lock_guard lock(busy_);
  const Layer& layer = layers_[index];
  copy_layer(chunk_gradients_.data() + layer.offset, layer.inputs, layer.outputs, layer.out_stride, weights,
             biases);
}

void Fitter::get_latent_gradients(int level, float* values) const {
  const std::lock_guard lock(busy_);
  const FitLevel& grid = levels_[level];
  std::fill_n(values, grid.stored * grid.features, 0.f);
  auto address = [](int cell, int cells, bool wrap) {
    return wrap ? ((cell % cells) + cells) % cells : std::clamp(cell, 0, cells - 1);
  };
  for (size_t t = 0; t < tiles_.size(); t++) {
    const FitMip& mip = mips_[tiles_[t].mip];
    if (mip.roles[level] < 0) continue;
    const FitAxis &ax = mip.x[level], &ay = mip.y[level];
    const float* g = patch_gradients_.data() + t * step_.patch_stride + mip.patches[level];
    for (int i = 0; i < ay.span; i++)
      for (int j = 0; j < ax.span; j++, g += grid.padded) {
        const int y = address((*ay.tile(tiles_[t].y, tiles_[t].phase_y) >> 8) + i, grid.height, wrap_v_);
        const int x = address((*ax.tile(tiles_[t].x, tiles_[t].phase_x) >> 8) + j, grid.width, wrap_u_);
        const ptrdiff_t cell = stored_cell(grid, y, x);
        if (cell < 0) continue;
        float* out = values + static_cast<size_t>(cell) * grid.features;
        for (int f = 0; f < grid.features; f++) out[f] += g[f];
      }
  }
}

size_t Fitter::cell_count(int level) const { return levels_.at(static_cast<size_t>(level)).stored; }

size_t Fitter::tile_count(int level, int tile_log2) const {
  const FitLevelShape& shape = shapes_.at(static_cast<size_t>(level));
  const int side = 1 << tile_log2;
  return static_cast<size_t>(padded(shape.stored_width, side) / side) *
         (padded(shape.stored_height, side) / side);
}

size_t Fitter::feature_count(int level) const {
  return static_cast<size_t>(levels_.at(static_cast<size_t>(level)).features);
}

size_t Fitter::weight_count(int index) const {
  const Layer& layer = layers_.at(static_cast<size_t>(index));
  return static_cast<size_t>(layer.inputs) * layer.outputs;
}

size_t Fitter::bias_count(int index) const {
  return static_cast<size_t>(layers_.at(static_cast<size_t>(index)).outputs);
}

}  // namespace ntc
