// Decoding of rectangles and lists of texels, on the kernel of one ISA and many threads.
#pragma once

#include <cstdint>
#include <vector>

#include "decode_kernel.h"
#include "isa.h"
#include "model.h"

namespace ntc {

struct Rect {
  int x, y, w, h;
};

class Decoder {
 public:
  // Throws std::invalid_argument for a model that is not legal. The arrays of the model have to stay.
  Decoder(Model model, Isa isa);

  const Model& model() const { return model_; }
  Isa isa() const { return isa_; }
  int64_t bytes() const;  // kept beside the arrays of the model

  // `out` is [h][w][channels]. Throws std::invalid_argument for a mip, rectangle or channel that does not
  // exist.
  void decode(int mip, Rect rect, const std::vector<int>& channels, Sample sample, int threads,
              void* out) const;

  // `out` is [n][channels]. Throws like `decode`.
  void decode_texels(int mip, const int32_t* x, const int32_t* y, int64_t n, const std::vector<int>& channels,
                     Sample sample, int threads, void* out) const;

 private:
  struct Packed {
    PackedLayer view() const;

    int rows, blocks;
    std::vector<uint32_t> weights;
    std::vector<int32_t> starts, biases, shifts;
  };

  Packed pack(const Layer& layer, const std::vector<int>& units, bool last) const;
  Request request(int mip, const Packed& last, int channels, Sample sample) const;
  Packed pack_last(const std::vector<int>& channels) const;

  Model model_;
  Isa isa_;
  const DecodeKernel& kernel_;
  std::vector<LevelView> levels_;
  std::vector<Packed> hidden_;
};

}  // namespace ntc
