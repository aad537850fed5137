// The integer decoder of docs/format.md, chapter 8, for blocks of texels. Compiled once for each ISA.
#include "decode_kernel.h"

#include <string.h>

#if NTC_ISA_LEVEL >= 2
#include "lanes_avx512.h"
#elif NTC_ISA_LEVEL == 1
#include "lanes_avx2.h"
#else
#include "lanes_baseline.h"
#endif

#include "decode_cells.inl"
#include "decode_gather.inl"
#include "decode_latents.inl"
#include "decode_layers.inl"
#include "decode_points.inl"
#include "decode_simplex.inl"

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

struct Scratch {
  LevelState levels[kMaxLevels];
  Source sources[kMaxUnits];
  Points points;
  Staging staging;
  alignas(64) int32_t cells[2][kMaxUnits * kStride];  // two rows of cells of each feature
  alignas(64) int32_t blends[kMaxUnits * kStride];    // those rows blended
  alignas(64) uint32_t activations[2][kMaxUnits / kPack * kBlock];
  alignas(64) Outputs outputs;
};

// Every level that the mip reads; its inputs get planes of their own.
int read_levels(const Request& request, Scratch& s) {
  for (int i = 0; i < kMaxUnits; i++) s.sources[i] = Source{nullptr, 0, 0};
  s.sources[request.inputs - 1].constant = kLodStep * request.mip;
  int count = 0, plane = 0;
  for (int i = 0; i < request.level_count; i++) {
    const int role = request.roles[i];
    if (role == kNotRead) continue;
    LevelState& state = s.levels[count++];
    state.level = &request.levels[i];
    state.reading = Reading::done;
    state.rows[0] = state.rows[1] = -1;
    state.cells[0] = s.cells[0] + plane;
    state.cells[1] = s.cells[1] + plane;
    state.blend = s.blends + plane;
    for (int f = 0; f < state.level->features; f++) s.sources[role + f] = Source{&state, f * kStride, 0};
    plane += state.level->features * kStride;
  }
  return count;
}

// One input of all texels, -127..127: every fourth vector of `out`.
inline void read_input(const Source& source, int groups, Ints* out) {
  const auto each = [=](auto input) {
    for (int g = 0; g < groups; g++) out[4 * g] = input(g);
  };
  if (!source.state) return each([&](int) { return broadcast(source.constant); });
  const LevelState& state = *source.state;
  switch (state.reading) {
    case Reading::squares:
      return each([&](int g) { return square_input(state, source.plane, g); });
    case Reading::triangles:
      return each([&](int g) { return triangle_input(state, source.plane, g); });
    case Reading::done:
      return each([&](int g) { return load(state.blend + source.plane + g * kLanes); });
  }
}

void run_layers(const Request& request, Scratch& s, int groups) {
  const int quads = (request.inputs + 3) / 4;
  for (int q = 0; q < quads; q++) {
    Ints v[4 * kBlock / kLanes];
    for (int i = 0; i < 4; i++) read_input(s.sources[4 * q + i], groups, v + i);
    uint32_t* words = s.activations[0] + q * (4 / kPack) * kBlock;
    for (int g = 0; g < groups; g++) store_inputs(words + g * kLanes, kBlock, v + 4 * g);
  }
  int from = 0;
  for (int i = 0; i < request.layer_count - 1; i++, from ^= 1) {
    hidden_layer(request.layers[i], s.activations[from], s.activations[from ^ 1], groups);
  }
  last_layer(request, s.activations[from], s.outputs, groups);
}

// How a strip reads a level. Of triangles more than twice as fine as the texels, those that a vector of
// texels reads may lie too far from each other for `lookup`: each texel is read by itself.
Reading reading_of(const LevelView& level, int mip_width) {
  if (!level.simplex) return Reading::squares;
  return level.width <= 2 * mip_width ? Reading::triangles : Reading::done;
}

void begin_strip(const Request& request, Scratch& s, int count, int x, int w) {
  int32_t texels[kBlock];
  for (int i = 0; i < w; i++) texels[i] = x + i;
  find_positions(texels, w, request.width, s.points.u);
  for (int i = 0; i < count; i++) {
    LevelState& state = s.levels[i];
    state.reading = reading_of(*state.level, request.width);
    if (state.reading == Reading::squares) {
      find_columns(state, request.width, x, w, request.wrap_u);
    } else if (state.reading != Reading::done) {
      find_triangle_columns(state, request.width, x, w, request.wrap_u);
    }
  }
}

void begin_row(const Request& request, Scratch& s, LevelState& state, int y, int w, int groups) {
  switch (state.reading) {
    case Reading::squares:
      return blend_rows(state, s.staging, request.height, y, request.wrap_v);
    case Reading::triangles:
      return find_corners(state, s.staging, request.height, y, request.wrap_v, groups);
    case Reading::done:
      find_positions(&y, 1, request.height, s.points.v);
      blend_points(state, s.points, w, request.wrap_u, request.wrap_v);
  }
}

void strip(const Request& request, void* scratch, int x, int y, int w, int h, void* out, int64_t pitch) {
  Scratch& s = *static_cast<Scratch*>(scratch);
  const int count = read_levels(request, s);
  begin_strip(request, s, count, x, w);
  const int groups = (w + kLanes - 1) / kLanes;
  const int64_t row_bytes = pitch * sample_bytes(request.sample);
  for (int row = 0; row < h; row++) {
    for (int i = 0; i < count; i++) begin_row(request, s, s.levels[i], y + row, w, groups);
    run_layers(request, s, groups);
    interleave(request, s.outputs, w, static_cast<char*>(out) + row * row_bytes);
  }
}

void points(const Request& request, void* scratch, const int32_t* x, const int32_t* y, int n, void* out) {
  Scratch& s = *static_cast<Scratch*>(scratch);
  const int count = read_levels(request, s);
  find_positions(x, n, request.width, s.points.u);
  find_positions(y, n, request.height, s.points.v);
  for (int i = 0; i < count; i++) {
    blend_points(s.levels[i], s.points, n, request.wrap_u, request.wrap_v);
  }
  run_layers(request, s, (n + kLanes - 1) / kLanes);
  interleave(request, s.outputs, n, out);
}

}  // namespace

extern const DecodeKernel decode_kernel{kPack, kOffset, sizeof(Scratch), strip, points};

}  // namespace ntc::NTC_ISA_NAMESPACE
