// The integer decoder of docs/format.md, chapter 8, for blocks of texels. Compiled once for each ISA.
#include "decode_kernel.h"

#if NTC_ISA_LEVEL >= 2
#include "lanes_avx512.h"
#elif NTC_ISA_LEVEL == 1
#include "lanes_avx2.h"
#else
#include "lanes_baseline.h"
#endif

#include "decode_latents.inl"
#include "decode_layers.inl"

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

struct Scratch {
  LevelState levels[kMaxLevels];
  Source sources[kMaxUnits];
  alignas(64) int32_t cells[2][kMaxUnits * kStride];  // two rows of cells of each feature
  alignas(64) int32_t blends[kMaxUnits * kStride];    // those rows blended
  alignas(64) uint32_t activations[2][kMaxUnits / kPack * kBlock];
  alignas(64) Outputs outputs;
};

// Every level that the mip reads; its inputs get planes of their own.
int read_levels(const Request& request, Scratch& s) {
  for (int i = 0; i < kMaxUnits; i++) s.sources[i] = Source{nullptr, nullptr, 0};
  s.sources[request.inputs - 1].constant = kLodStep * request.mip;
  int count = 0, plane = 0;
  for (int i = 0; i < request.level_count; i++) {
    const int role = request.roles[i];
    if (role == kNotRead) continue;
    LevelState& state = s.levels[count++];
    state.level = &request.levels[i];
    state.rows[0] = state.rows[1] = -1;
    state.cells[0] = s.cells[0] + plane;
    state.cells[1] = s.cells[1] + plane;
    state.blend = s.blends + plane;
    for (int f = 0; f < state.level->features; f++) {
      s.sources[role + f] = Source{state.blend + f * kStride, &state.taps, 0};
    }
    plane += state.level->features * kStride;
  }
  return count;
}

void run_layers(const Request& request, Scratch& s, int groups) {
  const int quads = (request.inputs + 3) / 4;
  for (int q = 0; q < quads; q++) {
    for (int g = 0; g < groups; g++) {
      Ints v[4];
      for (int i = 0; i < 4; i++) v[i] = input(s.sources[4 * q + i], g);
      store_inputs(s.activations[0] + q * (4 / kPack) * kBlock + g * kLanes, kBlock, v);
    }
  }
  int from = 0;
  for (int i = 0; i < request.layer_count - 1; i++, from ^= 1) {
    hidden_layer(request.layers[i], s.activations[from], s.activations[from ^ 1], groups);
  }
  last_layer(request, s.activations[from], s.outputs, groups);
}

void strip(const Request& request, void* scratch, int x, int y, int w, int h, void* out, int64_t pitch) {
  Scratch& s = *static_cast<Scratch*>(scratch);
  const int count = read_levels(request, s);
  for (int i = 0; i < count; i++) find_columns(s.levels[i], request.width, x, w, request.wrap_u);
  const int groups = (w + kLanes - 1) / kLanes;
  const int64_t row_bytes = pitch * sample_bytes(request.sample);
  for (int row = 0; row < h; row++) {
    for (int i = 0; i < count; i++) blend_rows(s.levels[i], request.height, y + row, request.wrap_v);
    run_layers(request, s, groups);
    interleave(request, s.outputs, w, static_cast<char*>(out) + row * row_bytes);
  }
}

void points(const Request& request, void* scratch, const int32_t* x, const int32_t* y, int n, void* out) {
  Scratch& s = *static_cast<Scratch*>(scratch);
  const int count = read_levels(request, s);
  for (int i = 0; i < request.inputs - 1; i++) s.sources[i].taps = nullptr;
  for (int i = 0; i < count; i++) blend_points(s.levels[i], request, x, y, n);
  run_layers(request, s, (n + kLanes - 1) / kLanes);
  interleave(request, s.outputs, n, out);
}

}  // namespace

extern const DecodeKernel decode_kernel{kPack, kOffset, sizeof(Scratch), strip, points};

}  // namespace ntc::NTC_ISA_NAMESPACE
