// What a step does with its gradients: fit.cpp computes them.
#include <algorithm>
#include <cmath>

#include "fit.h"
#include "pool.h"

namespace ntc {
namespace {

FitAdam make_adam(float rate, FitMoments decays, const Corrections& corrections) {
  return {rate,
          decays.mean,
          decays.square,
          corrections.mean.data(),
          corrections.square.data(),
          Corrections::kCount};
}

}  // namespace

Corrections::Corrections(FitMoments decays) {
  for (int n = 0; n < kCount; n++) {
    mean.push_back(static_cast<float>(1 / (1 - std::pow(decays.mean, std::max(n, 1)))));
    square.push_back(static_cast<float>(1 / (1 - std::pow(decays.square, std::max(n, 1)))));
  }
}

// Latents, unless their rate is 0, and the decoder: layers first, since one of them takes as long as many
// bands.
void Fitter::update(float latent_rate, float decoder_rate) {
  decoder_time_ = std::min(decoder_time_ + 1, Corrections::kCount - 1);
  const FitAdam decoder = make_adam(decoder_rate, recipe_.decoder, decoder_corrections_);
  // Latents count in steps of an int8 input, 128 to the unit that rates are given in.
  const FitAdam latents = make_adam(latent_rate * 128, recipe_.latents, latent_corrections_);
  const size_t layers = layers_.size(), bands = latent_rate > 0 ? bands_.size() : 0;
  Pool::shared().run(static_cast<int64_t>(layers + bands), threads_, [&](int64_t job, int) {
    const size_t index = static_cast<size_t>(job);
    if (index < layers) return update_layer(static_cast<int>(index), decoder);
    Band& band = bands_[index - layers];
    band.count =
        kernels_.latents(step_, latents, band.level, band.first, band.last, floors_[band.level].roots.data(),
                         band.sums.data(), band.touched.data(), band.squares.data());
  });
  if (bands > 0) update_floors();
}

// What the next step adds to the roots of latents' own mean squares.
void Fitter::update_floors() {
  constexpr float kDecay = 0.99f;  // a step
  for (size_t l = 0; l < levels_.size(); l++) {
    std::array<float, kMaxFeatures> sums{};
    int count = 0;
    for (size_t b = l * kBands; b < (l + 1) * kBands; b++) {
      count += bands_[b].count;
      for (int f = 0; f < levels_[l].features; f++) sums[f] += bands_[b].squares[f];
    }
    if (count == 0) continue;
    Floors& floors = floors_[l];
    for (int f = 0; f < levels_[l].features; f++) {
      const float now = sums[f] / static_cast<float>(count);
      floors.squares[f] = now + (floors.squares[f] - now) * kDecay;
      floors.roots[f] = recipe_.latent_floor * std::sqrt(floors.squares[f]) + kLeastRoot;
    }
  }
}

void Fitter::update_layer(int index, const FitAdam& adam) {
  const Layer& layer = layers_[index];
  const int stride = layer.out_stride, weights = padded(layer.inputs, 4) * stride;
  float *values = values_.data() + layer.offset, *means = means_.data() + layer.offset,
        *squares = squares_.data() + layer.offset;
  const float* gradients = chunk_gradients_.data() + layer.offset;
  for (int i = 0; i < weights; i++) values[i] *= 1 - adam.rate * recipe_.decoder_decay;
  int done = 0;
  if (!layer_workspaces_[index].empty()) {
    const float side = std::sqrt(static_cast<float>(std::max(layer.inputs, layer.outputs)));
    kernels_.orthogonal(values, means, gradients, layer.inputs, stride, adam.mean_decay,
                        adam.rate * recipe_.hidden_step * side, layer_workspaces_[index].data());
    done = weights;
  }
  kernels_.adam(values + done, means + done, squares + done, gradients + done, weights + stride - done, adam,
                decoder_time_);
}

}  // namespace ntc
