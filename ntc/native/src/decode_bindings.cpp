#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "decode.h"

namespace nb = nanobind;

namespace ntc {
namespace {

template <class T, int Dimensions>
using Array = nb::ndarray<const T, nb::ndim<Dimensions>, nb::c_contig, nb::device::cpu>;
using Out = nb::ndarray<nb::c_contig, nb::device::cpu>;
using Texels = Array<int32_t, 1>;

// As ntc.format.layout has them: simplex, table_log2, block_log2, mask.
using LayoutArrays = std::tuple<bool, int, int, std::optional<Array<uint8_t, 2>>>;
// As ntc.format.model has them: width, height, features, tile_log2, code_widths, offsets, scales, words,
// layout.
using LevelArrays = std::tuple<int, int, int, int, Array<uint8_t, 2>, Array<int16_t, 2>, Array<uint16_t, 2>,
                               Array<uint32_t, 1>, LayoutArrays>;
// Weights, biases, shifts.
using LayerArrays = std::tuple<Array<int8_t, 2>, Array<int32_t, 1>, Array<uint8_t, 1>>;

void require(bool condition, const char* what) {
  if (!condition) throw std::invalid_argument(what);
}

Level view_level(const LevelArrays& arrays) {
  const auto& [width, height, features, tile_log2, code_widths, offsets, scales, words, layout] = arrays;
  const auto& [simplex, table_log2, block_log2, mask] = layout;
  for (size_t axis : {0, 1}) {
    require(offsets.shape(axis) == code_widths.shape(axis) && scales.shape(axis) == code_widths.shape(axis),
            "a tile directory has arrays of different shapes");
  }
  Level level{};
  level.width = width;
  level.height = height;
  level.features = features;
  level.tile_log2 = tile_log2;
  level.simplex = simplex;
  level.table_log2 = table_log2;
  level.block_log2 = block_log2;
  if (mask) {
    require(mask->size() > 0, "a mask without blocks");
    level.mask = mask->data();
    level.mask_rows = static_cast<int64_t>(mask->shape(0));
    level.mask_columns = static_cast<int64_t>(mask->shape(1));
  }
  level.tile_rows = static_cast<int64_t>(code_widths.shape(0));
  level.tile_columns = static_cast<int64_t>(code_widths.shape(1));
  level.code_widths = code_widths.data();
  level.offsets = offsets.data();
  level.scales = scales.data();
  level.words = words.data();
  level.word_count = static_cast<int64_t>(words.size());
  return level;
}

Layer view_layer(const LayerArrays& arrays) {
  const auto& [weights, biases, shifts] = arrays;
  const size_t outputs = weights.shape(0), inputs = weights.shape(1);
  require(outputs <= kMaxUnits && inputs <= kMaxUnits, "a layer is too wide");
  require(biases.size() == outputs && shifts.size() == outputs, "a layer has arrays of different shapes");
  return {static_cast<int>(inputs), static_cast<int>(outputs), weights.data(), biases.data(), shifts.data()};
}

// What `out` holds and its shape: `leading` axes, then channels.
Sample check_out(const Out& out, std::initializer_list<int64_t> shape) {
  bool fits = out.ndim() == shape.size();
  size_t axis = 0;
  for (int64_t n : shape) fits = fits && static_cast<int64_t>(out.shape(axis++)) == n;
  require(fits, "the output array has another shape");
  if (out.dtype() == nb::dtype<uint8_t>()) return Sample::u8;
  if (out.dtype() == nb::dtype<uint16_t>()) return Sample::u16;
  require(out.dtype() == nb::dtype<float>(), "the output array has another type");
  return Sample::f32;
}

// A decoder and the arrays that it reads.
class BoundDecoder {
 public:
  BoundDecoder(std::tuple<int, int, int> size, std::pair<bool, bool> wrap, std::vector<LevelArrays> levels,
               Array<uint8_t, 2> roles, std::vector<LayerArrays> layers, const std::string& isa)
      : levels_(std::move(levels)),
        roles_(std::move(roles)),
        layers_(std::move(layers)),
        decoder_(view(size, wrap), isa.empty() ? chosen_isa() : parse_isa(isa)) {}

  std::string isa() const { return name(decoder_.isa()); }
  int64_t bytes() const { return decoder_.bytes(); }

  void decode(int mip, std::tuple<int, int, int, int> rect, const std::vector<int>& channels, Out out,
              int threads) const {
    const auto [x, y, w, h] = rect;
    const Sample sample = check_out(out, {h, w, static_cast<int64_t>(channels.size())});
    const nb::gil_scoped_release release;
    decoder_.decode(mip, {x, y, w, h}, channels, sample, threads, out.data());
  }

  void decode_texels(int mip, Texels x, Texels y, const std::vector<int>& channels, Out out,
                     int threads) const {
    require(x.size() == y.size(), "x and y differ in length");
    const int64_t n = static_cast<int64_t>(x.size());
    const Sample sample = check_out(out, {n, static_cast<int64_t>(channels.size())});
    const nb::gil_scoped_release release;
    decoder_.decode_texels(mip, x.data(), y.data(), n, channels, sample, threads, out.data());
  }

 private:
  Model view(std::tuple<int, int, int> size, std::pair<bool, bool> wrap) const {
    Model model{};
    std::tie(model.width, model.height, model.mips) = size;
    std::tie(model.wrap_u, model.wrap_v) = wrap;
    require(static_cast<int64_t>(roles_.shape(0)) == model.mips && roles_.shape(1) == levels_.size(),
            "roles have another shape");
    for (const LevelArrays& arrays : levels_) model.levels.push_back(view_level(arrays));
    model.roles = roles_.data();
    for (const LayerArrays& arrays : layers_) model.layers.push_back(view_layer(arrays));
    return model;
  }

  std::vector<LevelArrays> levels_;
  Array<uint8_t, 2> roles_;
  std::vector<LayerArrays> layers_;
  Decoder decoder_;
};

}  // namespace

void register_decode(nb::module_& m) {
  nb::class_<BoundDecoder>(m, "Decoder")
      .def(nb::init<std::tuple<int, int, int>, std::pair<bool, bool>, std::vector<LevelArrays>,
                    Array<uint8_t, 2>, std::vector<LayerArrays>, const std::string&>(),
           nb::arg("size"), nb::arg("wrap"), nb::arg("levels"), nb::arg("roles"), nb::arg("layers"),
           nb::arg("isa") = "")
      .def_prop_ro("isa", &BoundDecoder::isa)
      .def_prop_ro("nbytes", &BoundDecoder::bytes)
      .def("decode", &BoundDecoder::decode, nb::arg("mip"), nb::arg("rect"), nb::arg("channels"),
           nb::arg("out").noconvert(), nb::arg("threads") = 0)
      .def("decode_texels", &BoundDecoder::decode_texels, nb::arg("mip"), nb::arg("x"), nb::arg("y"),
           nb::arg("channels"), nb::arg("out").noconvert(), nb::arg("threads") = 0);
}

}  // namespace ntc
