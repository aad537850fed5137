// The fused fit step, compiled once for each instruction set: forward and backward of tiles, and Adam.
#include <cstring>

#include "fit_orthogonal.inl"
#include "fit_targets.inl"
#include "fit_types.h"

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

constexpr int padded4(int n) { return (n + 3) / 4 * 4; }

// Slices of a thread's workspace.
struct Workspace {
  float* inputs;              // [64][in_stride of layer 0]
  float* units[kMaxLayers];   // outputs of hidden layer i
  float* slopes[kMaxLayers];  // derivative of its activation
  float* errors[2];           // gradients of two layers in turn
  float* input_gradients;     // like inputs
  float* patch;               // latents of a tile in one level
  float* rows;                // patch rows, interpolated along x
};

constexpr size_t kUnitFloats = static_cast<size_t>(kTileTexels) * kMaxUnits;
// Rows of inputs have room for the padding of a level.
constexpr size_t kInputFloats = static_cast<size_t>(kTileTexels) * (kMaxUnits + kVector);
constexpr size_t kPatchFloats = static_cast<size_t>(kMaxSpan) * kMaxSpan * kMaxFeatures;
constexpr size_t kRowFloats = static_cast<size_t>(kMaxSpan) * kTile * kMaxFeatures;

size_t workspace_floats(const FitStep& step) {
  return 2 * kInputFloats + (2 * step.layer_count + 2) * kUnitFloats + kPatchFloats + kRowFloats;
}

Workspace carve(const FitStep& step, float* memory) {
  Workspace w{};
  auto take = [&](size_t floats) { return (memory += floats) - floats; };
  w.inputs = take(kInputFloats);
  w.input_gradients = take(kInputFloats);
  w.errors[0] = take(kUnitFloats);
  w.errors[1] = take(kUnitFloats);
  for (int i = 0; i < step.layer_count; i++) {
    w.units[i] = take(kUnitFloats);
    w.slopes[i] = take(kUnitFloats);
  }
  w.patch = take(kPatchFloats);
  w.rows = take(kRowFloats);
  return w;
}

// Section 8.8 of docs/format.md: the rounded hard swish of x, and its slope.
NTC_INLINE void activate(Vec x, float* value, float* slope) {
  const Vec shifted = x + 64.5f;  // truncated, it is the rounded x above the lower knee
  const Vec clamped = smaller(larger(shifted, Vec{}), Vec{} + 191.5f);
  const Vec above = __builtin_convertvector(__builtin_convertvector(clamped, IntVec), Vec);
  const Vec t = above - 64.f;
  const Vec gate = smaller(above, Vec{} + 128.f);
  // (t * gate + 64) >> 7 is at least -8.
  const Vec scaled = (t * gate + (64.f + 1024.f)) * (1.f / 128.f);
  store(value, __builtin_convertvector(__builtin_convertvector(scaled, IntVec), Vec) - 8.f);
  const Vec steep = (gate + (above <= 128.f ? t : Vec{})) * (1.f / 128.f);
  store(slope, (shifted >= 0.f) & (shifted < 192.f) ? steep : Vec{});
}

void forward_hidden(const FitLayer& layer, const float* in, float* units, float* slopes) {
  const int stride = layer.out_stride;
  product(
      in, layer.in_stride, 1, layer.weights, stride, kTileTexels, stride, layer.inputs,
      [&](int, int column) { return load<Vec>(layer.biases + column); },
      [&](int row, int column, Vec x) {
        activate(x, units + row * stride + column, slopes + row * stride + column);
      });
}

// How far x is from its target. The decoder clamps: beyond 0 there is no error where 0 is right, and none
// beyond 1; `margin` asks for some of it there.
NTC_INLINE Vec output_error(Vec x, Vec target, Vec margin) {
  const auto black = target == 0.f, white = target >= 1.f;
  const Vec error = x - (black ? -margin : white ? target + margin : target);
  return black ? larger(error, Vec{}) : white ? smaller(error, Vec{}) : error;
}

// The last layer: its error against the targets goes to `errors`, scaled for the gradient. Returns its
// square.
double forward_outputs(const FitStep& step, const FitLayer& layer, const float* in, const float* targets,
                       float weight, float* errors) {
  const int stride = layer.out_stride;
  Vec total{};
  product(
      in, layer.in_stride, 1, layer.weights, stride, kTileTexels, stride, layer.inputs,
      [&](int, int column) { return load<Vec>(layer.biases + column); },
      [&](int row, int column, Vec x) {
        const Vec scale = load<Vec>(step.channel_scale + column);
        // Targets of -1 are not fitted; no texture has them.
        const Vec target = load<Vec>(targets + row * stride + column);
        const Vec error = target >= 0.f ? output_error(x, target, load<Vec>(step.margins + column)) : Vec{};
        total += scale > 0.f ? error * error : Vec{};
        store(errors + row * stride + column, error * (scale * weight));
      });
  double sum = 0;
  for (int i = 0; i < kVector; i++) sum += total[i];
  return sum;
}

// Makes angles of the errors of a normal map: docs/decisions/0018-losses.md. What turns a normal n is the
// part of its error across it; the part along it counts where it makes the normal shorter, which would let it
// turn further. Errors that point anywhere have two thirds of their square across n: three halves make up for
// it.
void count_angles(const FitNormal& normal, int stride, const float* targets, float* errors) {
  constexpr float kAcross = 1.5f, kLeastSquare = 1.f / 16;  // shorter normals point nowhere
  for (int t = 0; t < kTileTexels; t++, targets += stride, errors += stride) {
    if (targets[normal[0]] < 0.f) continue;
    float n[3], square = 0, product = 0;
    for (int i = 0; i < 3; i++) {
      n[i] = 2 * targets[normal[i]] - 1;
      square += n[i] * n[i];
      product += n[i] * errors[normal[i]];
    }
    if (square < kLeastSquare) continue;
    const float along = product / square, kept = product < 0 ? along : 0.f;
    for (int i = 0; i < 3; i++) {
      float& error = errors[normal[i]];
      if (error != 0.f)  // else the decoder clamps it, and it turns nothing
        error = kAcross * (error - along * n[i]) + kept * n[i];
    }
  }
}

void backward_weights(const FitLayer& layer, const float* in, const float* errors, float* gradients) {
  const int stride = layer.out_stride;
  product(
      in, 1, layer.in_stride, errors, stride, padded4(layer.inputs), stride, kTileTexels,
      [&](int row, int column) { return load<Vec>(gradients + row * stride + column); },
      [&](int row, int column, Vec x) { store(gradients + row * stride + column, x); });
  float* biases = gradients + padded4(layer.inputs) * stride;
  for (int column = 0; column < stride; column += kVector) {
    Vec sum = load<Vec>(biases + column);
    for (int row = 0; row < kTileTexels; row++) sum += load<Vec>(errors + row * stride + column);
    store(biases + column, sum);
  }
}

template <class Epilogue>
void backward_inputs(const FitLayer& layer, const float* errors, const Epilogue& epilogue) {
  product(
      errors, layer.out_stride, 1, layer.transposed, layer.in_stride, kTileTexels, layer.in_stride,
      layer.outputs, [](int, int) { return Vec{}; }, epilogue);
}

void read_inputs(const FitStep& step, const FitTileRef& tile, int index, const Workspace& w) {
  const FitMip& mip = step.mips[tile.mip];
  const FitLayer& first = step.layers[0];
  std::memset(w.inputs, 0, sizeof(float) * kTileTexels * first.in_stride);
  Noise noise(step.seed * 0x100000001b3ull + static_cast<uint64_t>(index));
  // Levels in the order of their inputs: the padding of one is overwritten by the next.
  for (int l = 0; l < step.level_count; l++) {
    if (mip.roles[l] < 0) continue;
    const PatchCells cells = patch_cells(step, mip, l, tile);
    if (step.noise > 0) {
      read_patch<true>(step, mip, l, cells, noise, w.patch);
    } else {
      read_patch<false>(step, mip, l, cells, noise, w.patch);
    }
    interpolate(step, tile, l, w.patch, w.rows, w.inputs + mip.roles[l], first.in_stride);
  }
  const float lod = static_cast<float>(kLodSteps * tile.mip + tile.lod_step);
  for (int t = 0; t < kTileTexels; t++) w.inputs[t * first.in_stride + first.inputs - 1] = lod;
}

void prefetch_tile(const FitStep& step, const FitTileRef& tile) {
  const FitMip& mip = step.mips[tile.mip];
  for (int l = 0; l < step.level_count; l++)
    if (mip.roles[l] >= 0) prefetch_patch(step, tile, l);
  constexpr int kLine = 64 / sizeof(uint16_t);
  for (int y = tile.y * kTile; y < (tile.y + 1) * kTile && y < mip.height; y++) {
    const uint16_t* row = mip.texels + (static_cast<size_t>(y) * mip.width + tile.x * kTile) * step.channels;
    for (int i = 0; i < kTile * step.channels; i += kLine) __builtin_prefetch(row + i);
  }
}

void fit_tile(const FitStep& step, int index, const Workspace& w, float* gradients) {
  const FitTileRef& tile = step.tiles[index];
  const FitMip& mip = step.mips[tile.mip];
  const int last = step.layer_count - 1;
  read_inputs(step, tile, index, w);
  if (index + 1 < step.tile_count) prefetch_tile(step, step.tiles[index + 1]);
  const float* in = w.inputs;
  for (int i = 0; i < last; i++) {
    forward_hidden(step.layers[i], in, w.units[i], w.slopes[i]);
    in = w.units[i];
  }
  read_targets(step, tile, step.layers[last].out_stride, w.patch, w.rows, w.units[last]);
  float* errors = w.errors[last & 1];
  step.tile_errors[index] = forward_outputs(step, step.layers[last], in, w.units[last], tile.weight, errors);
  for (int i = 0; i < step.normal_count; i++)
    count_angles(step.normals[i], step.layers[last].out_stride, w.units[last], errors);
  for (int i = last; i >= 0; i--) {
    const FitLayer& layer = step.layers[i];
    backward_weights(layer, i ? w.units[i - 1] : w.inputs, w.errors[i & 1],
                     gradients + step.gradient_offsets[i]);
    if (i == 0) break;
    float* below = w.errors[(i - 1) & 1];
    const float* slopes = w.slopes[i - 1];
    backward_inputs(layer, w.errors[i & 1], [&](int row, int column, Vec x) {
      const int at = row * layer.in_stride + column;
      store(below + at, x * load<Vec>(slopes + at));
    });
  }
  if (!step.live) return;
  const FitLayer& first = step.layers[0];
  backward_inputs(first, w.errors[0], [&](int row, int column, Vec x) {
    store(w.input_gradients + row * first.in_stride + column, x);
  });
  float* patches = step.patch_gradients + index * step.patch_stride;
  for (int l = 0; l < step.level_count; l++) {
    if (mip.roles[l] < 0) continue;
    float* patch = patches + mip.patches[l];
    spread(step, tile, l, w.input_gradients + mip.roles[l], first.in_stride, w.rows, patch);
    if (step.levels[l].price > 0) add_rate(step, mip, l, tile, w.patch, patch);
  }
}

void fit_tiles(const FitStep& step, int first, int last, float* workspace, float* gradients) {
  const Workspace w = carve(step, workspace);
  for (int i = first; i < last; i++) fit_tile(step, i, w, gradients);
}

// `count` is a multiple of 4.
void update_decoder(float* values, float* means, float* squares, const float* gradients, int count,
                    const FitAdam& adam, int time) {
  const float c1 = adam.mean_correction[time], c2 = adam.square_correction[time];
  for (int i = 0; i < count; i += 4)
    store(values + i, adam_step(load<Vec4>(values + i), means + i, squares + i, load<Vec4>(gradients + i),
                                adam, c1, c2, Vec4{} + kLeastRoot));
}

}  // namespace

extern const FitKernels fit_kernels;
const FitKernels fit_kernels = {kVector,        workspace_floats,  fit_tiles,      update_latents,
                                update_decoder, orthogonal_floats, orthogonal_step};

}  // namespace ntc::NTC_ISA_NAMESPACE
