// Reading a fitter: its parameters, and for tests its gradients.
#include <algorithm>

#include "fit.h"

namespace ntc {

static void copy_layer(const float* in, int inputs, int outputs, int stride, float* weights, float* biases) {
  for (int o = 0; o < outputs; o++)
    for (int i = 0; i < inputs; i++) weights[o * inputs + i] = in[i * stride + o];
  std::copy_n(in + padded(inputs, 4) * stride, outputs, biases);
}

void Fitter::get_layer(int index, float* weights, float* biases) const {
  const std::lock_guard lock(busy_);
  const Layer& layer = layers_[index];
  copy_layer(values_.data() + layer.offset, layer.inputs, layer.outputs, layer.out_stride, weights, biases);
}

void Fitter::get_latents(int level, float* values) const {
  const std::lock_guard lock(busy_);
  const FitLevel& grid = levels_[level];
  const size_t cells = static_cast<size_t>(grid.width) * grid.height;
  for (size_t c = 0; c < cells; c++) std::copy_n(grid.record(c), grid.features, values + c * grid.features);
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
  std::fill_n(values, static_cast<size_t>(grid.width) * grid.height * grid.features, 0.f);
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
        const int y = address(ay.cells[tiles_[t].y * kTile] + i, grid.height, wrap_v_);
        const int x = address(ax.cells[tiles_[t].x * kTile] + j, grid.width, wrap_u_);
        float* out = values + (static_cast<size_t>(y) * grid.width + x) * grid.features;
        for (int f = 0; f < grid.features; f++) out[f] += g[f];
      }
  }
}

}  // namespace ntc
