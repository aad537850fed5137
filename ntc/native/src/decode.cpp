#include "decode.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <numeric>
#include <stdexcept>

#include "pool.h"

namespace ntc {
namespace {

constexpr int kBandRows = 64;  // of a strip in one job: some 50 microseconds of work
constexpr std::align_val_t kAlignment{64};

const DecodeKernel& kernel_of(Isa isa) {
  switch (isa) {
#ifdef NTC_HAS_AVX2
    case Isa::avx2:
      return avx2::decode_kernel;
    case Isa::avx512:
      return avx512::decode_kernel;
    case Isa::avx512vnni:
      return avx512vnni::decode_kernel;
    case Isa::amx:
      return amx::decode_kernel;
#endif
    default:
      return baseline::decode_kernel;
  }
}

int sample_bytes(Sample sample) { return sample == Sample::u8 ? 1 : sample == Sample::u16 ? 2 : 4; }

void require(bool condition, const char* what) {
  if (!condition) throw std::invalid_argument(what);
}

// Memory that a kernel works in: one for each thread, kept for the next call. Zero at first, because vectors
// reach past the last texel: what they find there has to be a number of this kernel.
class Scratch {
 public:
  void* get(const DecodeKernel& kernel) {
    if (owner_ != &kernel) {
      memory_.reset(::operator new(kernel.scratch_bytes, kAlignment));
      std::memset(memory_.get(), 0, kernel.scratch_bytes);
      owner_ = &kernel;
    }
    return memory_.get();
  }

 private:
  struct Free {
    void operator()(void* p) const { ::operator delete(p, kAlignment); }
  };

  std::unique_ptr<void, Free> memory_;
  const DecodeKernel* owner_ = nullptr;
};

void* scratch(const DecodeKernel& kernel) {
  thread_local Scratch memory;
  return memory.get(kernel);
}

// One weight among the `pack` of a word.
uint32_t weight_bits(int weight, int pack, int place) {
  if (pack == 1) {
    const float value = static_cast<float>(weight);
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
  }
  const int width = 32 / pack;
  return (static_cast<uint32_t>(weight) & ((1u << width) - 1)) << (place * width);
}

}  // namespace

PackedLayer Decoder::Packed::view() const {
  return {rows, blocks, weights.data(), starts.data(), biases.data(), shifts.data()};
}

Decoder::Decoder(Model model, Isa isa) : model_(std::move(model)), isa_(isa), kernel_(kernel_of(isa)) {
  prepare(model_);
  for (const Level& level : model_.levels) levels_.push_back(level.view);
  for (size_t i = 0; i + 1 < model_.layers.size(); i++) {
    std::vector<int> units(model_.layers[i].outputs);
    std::iota(units.begin(), units.end(), 0);
    hidden_.push_back(pack(model_.layers[i], units, false));
  }
}

int64_t Decoder::bytes() const {
  int64_t bytes = 0;
  for (const Level& level : model_.levels) {
    bytes += static_cast<int64_t>(sizeof(Tile) * level.tiles.size() + sizeof(int) * level.slots.size());
  }
  for (const Packed& layer : hidden_) bytes += 4 * static_cast<int64_t>(layer.weights.size());
  return bytes;
}

Decoder::Packed Decoder::pack(const Layer& layer, const std::vector<int>& units, bool last) const {
  const int count = static_cast<int>(units.size());
  Packed packed;
  packed.rows = (layer.inputs + 3) / 4 * 4 / kernel_.pack;
  packed.blocks = (count + 3) / 4;
  packed.weights.resize(static_cast<size_t>(4) * packed.blocks * packed.rows);
  packed.starts.resize(4 * packed.blocks);
  packed.biases.resize(4 * packed.blocks);
  packed.shifts.resize(4 * packed.blocks);
  for (int i = 0; i < count; i++) {
    const int unit = units[i];
    const int8_t* weights = layer.weights + unit * layer.inputs;
    uint32_t* words = packed.weights.data() + i / 4 * packed.rows * 4 + i % 4;
    for (int k = 0; k < layer.inputs; k++) {
      words[k / kernel_.pack * 4] |= weight_bits(weights[k], kernel_.pack, k % kernel_.pack);
    }
    const int correction = kernel_.offset * std::accumulate(weights, weights + layer.inputs, 0);
    packed.starts[i] = (last ? 0 : layer.biases[unit]) - correction;
    packed.biases[i] = layer.biases[unit];
    packed.shifts[i] = layer.shifts[unit];
  }
  return packed;
}

Decoder::Packed Decoder::pack_last(const std::vector<int>& channels) const {
  require(!channels.empty() && channels.size() <= kMaxChannels, "number of channels");
  for (int c : channels) require(0 <= c && c < model_.channels(), "channel does not exist");
  return pack(model_.layers.back(), channels, true);
}

Request Decoder::request(int mip, const Packed& last, int channels, Sample sample) const {
  require(0 <= mip && mip < model_.mips, "mip does not exist");
  Request r{};
  r.levels = levels_.data();
  r.level_count = static_cast<int>(levels_.size());
  r.roles = model_.roles + mip * r.level_count;
  r.mip = mip;
  r.width = std::max(model_.width >> mip, 1);
  r.height = std::max(model_.height >> mip, 1);
  r.wrap_u = model_.wrap_u;
  r.wrap_v = model_.wrap_v;
  r.inputs = model_.inputs();
  for (const Packed& layer : hidden_) r.layers[r.layer_count++] = layer.view();
  r.layers[r.layer_count++] = last.view();
  r.channels = channels;
  r.sample = sample;
  return r;
}

void Decoder::decode(int mip, Rect rect, const std::vector<int>& channels, Sample sample, int threads,
                     void* out) const {
  const Packed last = pack_last(channels);
  const Request r = request(mip, last, static_cast<int>(channels.size()), sample);
  require(0 <= rect.x && 0 <= rect.y && 0 < rect.w && 0 < rect.h && rect.w <= r.width - rect.x &&
              rect.h <= r.height - rect.y,
          "rectangle outside");
  const int strips = (rect.w + kBlock - 1) / kBlock, bands = (rect.h + kBandRows - 1) / kBandRows;
  const int64_t pitch = static_cast<int64_t>(rect.w) * r.channels;
  Pool::shared().run(static_cast<int64_t>(strips) * bands, threads, [&](int64_t index, int) {
    const int x = static_cast<int>(index % strips) * kBlock, y = static_cast<int>(index / strips) * kBandRows;
    char* first =
        static_cast<char*>(out) + (y * pitch + static_cast<int64_t>(x) * r.channels) * sample_bytes(sample);
    kernel_.strip(r, scratch(kernel_), rect.x + x, rect.y + y, std::min(kBlock, rect.w - x),
                  std::min(kBandRows, rect.h - y), first, pitch);
  });
}

void Decoder::decode_texels(int mip, const int32_t* x, const int32_t* y, int64_t n,
                            const std::vector<int>& channels, Sample sample, int threads, void* out) const {
  const Packed last = pack_last(channels);
  const Request r = request(mip, last, static_cast<int>(channels.size()), sample);
  for (int64_t i = 0; i < n; i++) {
    require(0 <= x[i] && x[i] < r.width && 0 <= y[i] && y[i] < r.height, "texel outside");
  }
  const int64_t texel_bytes = static_cast<int64_t>(r.channels) * sample_bytes(sample);
  Pool::shared().run((n + kBlock - 1) / kBlock, threads, [&](int64_t index, int) {
    const int64_t first = index * kBlock;
    const int count = static_cast<int>(std::min<int64_t>(kBlock, n - first));
    kernel_.points(r, scratch(kernel_), x + first, y + first, count,
                   static_cast<char*>(out) + first * texel_bytes);
  });
}

}  // namespace ntc
