#include "fit.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <tuple>

#include "pool.h"

namespace ntc {
namespace {

// Tiles are summed in chunks of fixed size, so that results do not depend on the thread count.
constexpr int kChunkTiles = 4;

// What the kernels count results in: hidden units in steps, outputs in storage values 0 .. 1.
constexpr double kHiddenUnit = 64, kOutputUnit = 65536.0 / 65535;

// Largest e with round(weight * 2**e) within int8: ntc/fit/field.py, row_exponents.
int row_exponent(float largest) {
  return static_cast<int>(std::clamp(std::floor(std::log2(127.f / std::max(largest, 1e-4f))), 2.f, 15.f));
}

std::vector<TileDraw::Grid> tile_grids(const std::vector<FitMipData>& mips) {
  std::vector<TileDraw::Grid> grids;
  for (const FitMipData& mip : mips)
    grids.push_back({padded(mip.height, kTile) / kTile, padded(mip.width, kTile) / kTile});
  return grids;
}

}  // namespace

Fitter::Fitter(std::vector<FitLevelShape> levels, std::vector<int> widths, std::vector<FitMipData> mips,
               std::vector<double> mip_shares, bool wrap_u, bool wrap_v, FitRecipe recipe, uint64_t seed,
               int threads, const FitKernels& kernels)
    : recipe_(recipe),
      kernels_(kernels),
      threads_(thread_count(threads)),
      channels_(widths.back()),
      wrap_u_(wrap_u),
      wrap_v_(wrap_v),
      random_state_(seed),
      shapes_(std::move(levels)),
      mip_data_(std::move(mips)),
      draw_(tile_grids(mip_data_), mip_shares, seed),
      latent_corrections_(recipe.latents),
      decoder_corrections_(recipe.decoder) {
  for (const FitLevelShape& shape : shapes_) {
    FitLevel level{};
    level.width = shape.width;
    level.height = shape.height;
    level.features = shape.features;
    level.padded = padded(shape.features, 4);
    level.simplex = shape.simplex;
    level.block_log2 = shape.block_log2;
    level.block_columns = padded(shape.width, 1 << shape.block_log2) >> shape.block_log2;
    level.stored_width = shape.stored_width;
    level.slots = shape.slots.empty() ? nullptr : shape.slots.data();
    level.stored = static_cast<size_t>(shape.stored_width) * shape.stored_height;
    level.table_mask = shape.table ? static_cast<uint32_t>(level.stored - 1) : 0;
    level.low = shape.low;
    level.step = shape.step;
    level.ranges = ranges_.emplace_back(1, FitRange{shape.low, shape.high}).data();
    level.records = records_.emplace_back(level.stored * level.stride()).data();
    levels_.push_back(level);
  }
  size_t patch_stride = 0;
  for (const FitMipData& data : mip_data_) {
    FitMip mip{};
    mip.width = data.width;
    mip.height = data.height;
    mip.tiles_x = padded(data.width, kTile) / kTile;
    mip.tiles_y = padded(data.height, kTile) / kTile;
    mip.texels = data.texels;
    size_t offset = 0;
    for (size_t i = 0; i < data.image_x.size(); i++) {
      mip.image_x[i] = data.image_x[i].view();
      mip.image_y[i] = data.image_y[i].view();
    }
    for (size_t l = 0; l < levels_.size(); l++) {
      mip.roles[l] = data.roles[l];
      mip.x[l] = data.x[l].view();
      mip.y[l] = data.y[l].view();
      mip.patches[l] = static_cast<int>(offset);
      if (data.roles[l] >= 0)
        offset += static_cast<size_t>(data.x[l].span) * data.y[l].span * levels_[l].padded;
    }
    mips_.push_back(mip);
    patch_stride = std::max(patch_stride, offset);
  }
  const int vector = kernels_.vector_floats;
  size_t parameters = 0;
  for (size_t i = 0; i + 1 < widths.size(); i++) {
    const bool first = i == 0, last = i + 2 == widths.size();
    // A level's columns are written as whole vectors of 4: room for the padding of the last.
    const int in_stride = i ? layers_.back().out_stride : padded(widths[i] + 4, std::max(vector, 4));
    Layer layer{widths[i],  widths[i + 1],
                in_stride,  padded(widths[i + 1], vector),
                parameters, (first ? 1.0 / 128 : 1.0 / 64) * (last ? kOutputUnit : kHiddenUnit),
                {},         {},
                {}};
    layer.rounded.resize(static_cast<size_t>(padded(layer.inputs, 4)) * layer.out_stride);
    layer.transposed.resize(static_cast<size_t>(layer.outputs) * layer.in_stride);
    layer.biases.resize(layer.out_stride);
    parameters += static_cast<size_t>(padded(layer.inputs, 4) + 1) * layer.out_stride;
    layers_.push_back(std::move(layer));
  }
  for (const Layer& layer : layers_) {
    step_.gradient_offsets[&layer - layers_.data()] = layer.offset;
    layer_views_.push_back({layer.inputs, layer.outputs, layer.in_stride, layer.out_stride,
                            layer.rounded.data(), layer.transposed.data(), layer.biases.data()});
  }
  for (const Layer& layer : layers_) {
    const bool steps = recipe_.hidden_step > 0 && &layer != &layers_.back();
    layer_workspaces_.emplace_back(steps ? kernels_.orthogonal_floats(layer.inputs, layer.out_stride) : 0);
  }
  values_.resize(parameters);
  means_.resize(parameters);
  squares_.resize(parameters);
  low_.assign(channels_, 0.f);
  range_.assign(channels_, 1.f);
  weights_.assign(channels_, 1.f);
  step_.mask_channel = -1;
  scale_.resize(layers_.back().out_stride);
  margins_.resize(layers_.back().out_stride);

  step_.level_count = static_cast<int>(levels_.size());
  step_.layer_count = static_cast<int>(layers_.size());
  step_.channels = channels_;
  step_.wrap_u = wrap_u_;
  step_.wrap_v = wrap_v_;
  step_.levels = levels_.data();
  step_.mips = mips_.data();
  step_.layers = layer_views_.data();
  step_.channel_scale = scale_.data();
  step_.margins = margins_.data();
  step_.patch_stride = patch_stride;

  floors_.resize(levels_.size());
  const int chunks = padded(recipe_.batch_tiles, kChunkTiles) / kChunkTiles;
  chunk_gradients_.resize(parameters * chunks);
  tile_errors_.resize(recipe_.batch_tiles);
  patch_gradients_.resize(patch_stride * recipe_.batch_tiles);
  for (int t = 0; t < threads_; t++) workspaces_.emplace_back(kernels_.workspace_floats(step_));
  for (size_t l = 0; l < levels_.size(); l++) {
    const size_t stored = levels_[l].stored;
    size_t cells = 0;
    for (const FitMipData& data : mip_data_)
      if (data.roles[l] >= 0) cells = std::max(cells, static_cast<size_t>(data.x[l].span) * data.y[l].span);
    for (size_t b = 0; b < kBands; b++) {
      const size_t first = stored * b / kBands, last = stored * (b + 1) / kBands;
      const size_t most = std::min(cells * recipe_.batch_tiles, last - first);
      bands_.push_back({static_cast<int>(l),
                        first,
                        last,
                        std::vector<float>(most * levels_[l].padded),
                        std::vector<int32_t>(most),
                        {},
                        0});
    }
  }
}

void Fitter::set_latents(int level, size_t first, size_t count, const float* values) {
  const std::lock_guard lock(busy_);
  const FitLevel& grid = levels_[level];
  for (size_t c = 0; c < count; c++)
    std::copy_n(values + c * grid.features, grid.features, grid.record(first + c));
}

void Fitter::set_layer(int index, const float* weights, const float* biases) {
  const std::lock_guard lock(busy_);
  const Layer& layer = layers_[index];
  float* out = values_.data() + layer.offset;
  for (int o = 0; o < layer.outputs; o++)
    for (int i = 0; i < layer.inputs; i++) out[i * layer.out_stride + o] = weights[o * layer.inputs + i];
  std::copy_n(biases, layer.outputs, out + padded(layer.inputs, 4) * layer.out_stride);
}

void Fitter::set_range(const float* low, const float* range) {
  const std::lock_guard lock(busy_);
  low_.assign(low, low + channels_);
  range_.assign(range, range + channels_);
}

void Fitter::set_loss(const float* weights, const float* margins, int mask_channel,
                      std::vector<FitNormal> normals) {
  const std::lock_guard lock(busy_);
  weights_.assign(weights, weights + channels_);
  std::copy_n(margins, channels_, margins_.data());
  step_.mask_channel = mask_channel;
  normals_ = std::move(normals);
  step_.normals = normals_.data();
  step_.normal_count = static_cast<int>(normals_.size());
}

void Fitter::set_prices(const std::vector<float>& prices) {
  const std::lock_guard lock(busy_);
  for (size_t l = 0; l < levels_.size(); l++) levels_[l].price = prices[l];
}

uint64_t Fitter::random() {
  // splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014.
  uint64_t z = (random_state_ += 0x9e3779b97f4a7c15ull);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

double Fitter::fraction() { return static_cast<double>(random() >> 11) * 0x1p-53; }

void Fitter::draw_tiles() {
  tiles_.resize(recipe_.batch_tiles);
  draw_.draw(tiles_);
  for (FitTileRef& tile : tiles_) shift(tile);
  // Tiles of one mip side by side share taps and weights in the cache.
  std::sort(tiles_.begin(), tiles_.end(), [](const FitTileRef& a, const FitTileRef& b) {
    return std::tie(a.mip, a.y, a.x, a.phase_y, a.phase_x, a.lod_step) <
           std::tie(b.mip, b.y, b.x, b.phase_y, b.phase_x, b.lod_step);
  });
}

// Some tiles of a filtered fit move off texel centres, and some, whether they did or not, off their mip.
void Fitter::shift(FitTileRef& tile) {
  tile.phase_y = tile.phase_x = tile.lod_step = 0;
  if (recipe_.shifted == 0) return;
  const uint64_t drawn = random();
  if (fraction() < recipe_.shifted) {
    tile.phase_y = static_cast<int>(drawn % kPhases);
    tile.phase_x = static_cast<int>(drawn / kPhases % kPhases);
  }
  const bool last = tile.mip + 1 == static_cast<int>(mips_.size());
  if (fraction() < recipe_.shifted && !last)
    tile.lod_step = static_cast<int>(drawn / (kPhases * kPhases) % kLodSteps);
}

// What `_round_layer` of the torch backend does, in the units that the kernels compute in.
void Fitter::round_layers() {
  for (Layer& layer : layers_) {
    const bool last = &layer == &layers_.back();
    const float* values = values_.data() + layer.offset;
    const float* biases = values + padded(layer.inputs, 4) * layer.out_stride;
    for (int o = 0; o < layer.outputs; o++) {
      const float range = last ? range_[o] : 1.f;
      float largest = 0;
      for (int i = 0; i < layer.inputs; i++)
        largest = std::max(largest, std::abs(values[i * layer.out_stride + o] * range));
      const int e = row_exponent(largest);
      const float one = std::ldexp(1.f, e), unit = std::ldexp(1.f, -e);
      const float to_units = static_cast<float>(layer.to_output_units);
      for (int i = 0; i < layer.inputs; i++) {
        const float code = std::nearbyint(values[i * layer.out_stride + o] * range * one);
        const float w = std::clamp(code, -127.f, 127.f) * unit * to_units;
        layer.rounded[i * layer.out_stride + o] = w;
        layer.transposed[static_cast<size_t>(o) * layer.in_stride + i] = w;
      }
      const float bias = last ? biases[o] * range + low_[o] : biases[o];
      const float one_in = &layer == layers_.data() ? 128.f : 64.f;
      layer.biases[o] = std::nearbyint(bias * one_in * one) * unit * to_units;
    }
  }
}

double Fitter::run_tiles(bool live, float noise) {
  round_layers();
  const int count = static_cast<int>(tiles_.size());
  size_t texels = 0;
  for (const FitTileRef& tile : tiles_) {
    const FitMip& mip = mips_[tile.mip];
    texels += static_cast<size_t>(std::min(kTile, mip.width - tile.x * kTile)) *
              std::min(kTile, mip.height - tile.y * kTile);
  }
  const double samples = static_cast<double>(texels) * channels_;
  std::fill(scale_.begin(), scale_.end(), 0.f);
  for (int c = 0; c < channels_; c++) scale_[c] = static_cast<float>(2 / samples * weights_[c]);
  step_.live = live;
  step_.noise = noise;
  step_.seed = random();
  step_.tiles = tiles_.data();
  step_.tile_count = count;
  step_.tile_errors = tile_errors_.data();
  step_.patch_gradients = patch_gradients_.data();
  const size_t parameters = values_.size();
  const int chunks = padded(count, kChunkTiles) / kChunkTiles;
  Pool::shared().run(chunks, threads_, [&](int64_t chunk, int thread) {
    float* gradients = chunk_gradients_.data() + chunk * parameters;
    std::fill_n(gradients, parameters, 0.f);
    const int first = static_cast<int>(chunk) * kChunkTiles, last = std::min(first + kChunkTiles, count);
    kernels_.tiles(step_, first, last, workspaces_[thread].data(), gradients);
  });
  reduce_gradients();
  double loss = 0;
  for (int t = 0; t < count; t++) loss += static_cast<double>(tiles_[t].weight) * tile_errors_[t];
  return loss / samples;
}

// Sums the chunks in their order into the first, and turns d/d(rounded weight) into d/d(weight).
void Fitter::reduce_gradients() {
  const size_t parameters = values_.size();
  const int chunks = padded(static_cast<int>(tiles_.size()), kChunkTiles) / kChunkTiles;
  constexpr size_t kBlock = 1024;
  Pool::shared().run(static_cast<int64_t>((parameters + kBlock - 1) / kBlock), threads_,
                     [&](int64_t block, int) {
                       const size_t first = block * kBlock, last = std::min(first + kBlock, parameters);
                       for (int c = 1; c < chunks; c++) {
                         const float* in = chunk_gradients_.data() + c * parameters;
                         for (size_t i = first; i < last; i++) chunk_gradients_[i] += in[i];
                       }
                     });
  for (const Layer& layer : layers_) {
    const bool last = &layer == &layers_.back();
    float* g = chunk_gradients_.data() + layer.offset;
    const int rows = padded(layer.inputs, 4);
    for (int i = 0; i <= rows; i++) {
      // A bias counts in real numbers, its layer in output units.
      const double units = i < rows ? layer.to_output_units : last ? kOutputUnit : kHiddenUnit;
      for (int o = 0; o < layer.outputs; o++)
        g[i * layer.out_stride + o] *= static_cast<float>(units * (last ? range_[o] : 1.f));
    }
  }
}

void Fitter::set_shares(const std::vector<double>& shares) {
  const std::lock_guard lock(busy_);
  draw_.set_shares(shares);
}

double Fitter::step(float latent_rate, float decoder_rate, float noise) {
  const std::lock_guard lock(busy_);
  const bool live = latent_rate > 0;
  draw_tiles();
  const double loss = run_tiles(live, live ? noise : 0.f);
  update(latent_rate, decoder_rate);
  draw_.observe(tiles_, tile_errors_);
  return loss;
}

double Fitter::gradients(const std::vector<FitTileRef>& tiles, bool noise) {
  const std::lock_guard lock(busy_);
  if (tiles.empty() || tiles.size() > static_cast<size_t>(recipe_.batch_tiles))
    throw std::invalid_argument("more tiles than a batch, or none");
  for (const FitTileRef& tile : tiles) {
    const bool shifted = !mip_data_.front().image_x.empty() && 0 <= tile.phase_y && tile.phase_y < kPhases &&
                         0 <= tile.phase_x && tile.phase_x < kPhases && 0 <= tile.lod_step &&
                         tile.lod_step < (tile.mip + 1 < static_cast<int>(mips_.size()) ? kLodSteps : 1);
    if (!shifted && !tile.centred()) throw std::invalid_argument("tile is not shifted like this");
    const bool known = tile.mip >= 0 && tile.mip < static_cast<int>(mips_.size());
    if (!known || tile.y < 0 || tile.y >= mips_[tile.mip].tiles_y || tile.x < 0 ||
        tile.x >= mips_[tile.mip].tiles_x)
      throw std::invalid_argument("tile does not exist");
  }
  tiles_ = tiles;
  return run_tiles(true, noise ? 1.f : 0.f);
}

size_t Fitter::bytes() const {
  size_t total = draw_.bytes() +
                 sizeof(float) * (patch_gradients_.size() + chunk_gradients_.size() + 3 * values_.size());
  for (const LargeArray& records : records_) total += sizeof(float) * records.size();
  for (const auto& band : bands_) total += 4 * (band.sums.size() + band.touched.size());
  for (const auto& workspace : workspaces_) total += sizeof(float) * workspace.size();
  return total;
}

}  // namespace ntc
