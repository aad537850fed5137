// Sections 8.7 and 8.8: from inputs to storage values, and their way into an image.

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

struct Outputs {
  union {
    int32_t ints[kMaxChannels][kBlock];
    float floats[kMaxChannels][kBlock];
  };
};

// Four units of T groups of lanes: v[u * T + t].
template <int T>
inline void four_units(const PackedLayer& layer, int block, const uint32_t* in, Ints* v) {
  const int32_t* start = layer.starts + 4 * block;
  const uint32_t* weight = layer.weights + static_cast<ptrdiff_t>(4) * block * layer.rows;
  Sums sums[4][T];
  for (int u = 0; u < 4; u++) {
    for (int t = 0; t < T; t++) sums[u][t] = begin(start[u]);
  }
  for (int row = 0; row < layer.rows; row++, in += kBlock, weight += 4) {
    Words x[T];
    for (int t = 0; t < T; t++) x[t] = load_words(in + t * kLanes);
    for (int u = 0; u < 4; u++) {
      for (int t = 0; t < T; t++) accumulate(sums[u][t], x[t], weight + u);
    }
  }
  for (int u = 0; u < 4; u++) {
    for (int t = 0; t < T; t++) v[u * T + t] = finish(sums[u][t], start[u]);
  }
}

template <int T>
inline void hidden_tile(const PackedLayer& layer, const uint32_t* in, uint32_t* out) {
  for (int block = 0; block < layer.blocks; block++, out += 4 / kPack * kBlock) {
    Ints v[4 * T];
    four_units<T>(layer, block, in, v);
    for (int t = 0; t < T; t++) {
      Ints units[4];
      for (int u = 0; u < 4; u++) units[u] = shift_right(v[u * T + t], layer.shifts[4 * block + u]);
      store_hidden(out + t * kLanes, kBlock, units);
    }
  }
}

void hidden_layer(const PackedLayer& layer, const uint32_t* in, uint32_t* out, int groups) {
  int g = 0;
  for (; g + kTile <= groups; g += kTile) hidden_tile<kTile>(layer, in + g * kLanes, out + g * kLanes);
  for (; g < groups; g++) hidden_tile<1>(layer, in + g * kLanes, out + g * kLanes);
}

// (v + 128) // 257, for v in 0..65535 without a division.
inline Ints to_byte(Ints v) { return shift_right(add(mul(v, broadcast(255)), broadcast(32895)), 16); }

template <int T>
inline void last_tile(const Request& request, const uint32_t* in, Outputs& out, int texel) {
  const PackedLayer& layer = request.layers[request.layer_count - 1];
  for (int block = 0; block < layer.blocks; block++) {
    Ints v[4 * T];
    four_units<T>(layer, block, in, v);
    for (int u = 0; u < 4; u++) {
      const int unit = 4 * block + u;
      for (int t = 0; t < T; t++) {
        const Ints scaled = add(shift_left8(v[u * T + t]), broadcast(layer.biases[unit]));
        const Ints value = clamp(shift_right(scaled, layer.shifts[unit]), 0, 65535);
        const int at = texel + t * kLanes;
        if (request.sample == Sample::f32) {
          store_floats(out.floats[unit] + at, value);
        } else {
          store(out.ints[unit] + at, request.sample == Sample::u8 ? to_byte(value) : value);
        }
      }
    }
  }
}

void last_layer(const Request& request, const uint32_t* in, Outputs& out, int groups) {
  int g = 0;
  for (; g + kTile <= groups; g += kTile) last_tile<kTile>(request, in + g * kLanes, out, g * kLanes);
  for (; g < groups; g++) last_tile<1>(request, in + g * kLanes, out, g * kLanes);
}

inline int sample_bytes(Sample sample) { return sample == Sample::u8 ? 1 : sample == Sample::u16 ? 2 : 4; }

template <class From, class To>
inline void interleave(const From (*planes)[kBlock], int channels, int n, To* out) {
  for (int i = 0; i < n; i++) {
    for (int c = 0; c < channels; c++) *out++ = static_cast<To>(planes[c][i]);
  }
}

void interleave(const Request& request, const Outputs& outputs, int n, void* out) {
  switch (request.sample) {
    case Sample::u8:
      return interleave(outputs.ints, request.channels, n, static_cast<uint8_t*>(out));
    case Sample::u16:
      return interleave(outputs.ints, request.channels, n, static_cast<uint16_t*>(out));
    case Sample::f32:
      return interleave(outputs.floats, request.channels, n, static_cast<float*>(out));
  }
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
