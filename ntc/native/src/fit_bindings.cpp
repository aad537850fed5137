// Python face of the fitter. Long calls release the interpreter lock.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <stdexcept>

#include "fit.h"
#include "fit_kernels.h"

namespace nb = nanobind;

namespace ntc {
namespace {

using Floats = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using FloatsOut = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using Ints = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Texels = nb::ndarray<const uint16_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Axis = std::tuple<Ints, Floats, int>;  // cells, fractions, span
using Mip = std::tuple<Texels, std::vector<int>, std::vector<Axis>, std::vector<Axis>>;

FitAxisData axis(const Axis& in) {
  const auto& [cells, fractions, span] = in;
  if (cells.shape(0) != fractions.size() || cells.shape(0) % kTile != 0)
    throw std::invalid_argument("taps cover whole tiles");
  if (span < 2 || span > kMaxSpan) throw std::invalid_argument("a tile reads 2 to 24 cells along an axis");
  return {{cells.data(), cells.data() + cells.size()},
          {fractions.data(), fractions.data() + fractions.size()},
          span};
}

FitMipData mip(const Mip& in) {
  const auto& [texels, roles, x, y] = in;
  FitMipData data;
  data.height = static_cast<int>(texels.shape(0));
  data.width = static_cast<int>(texels.shape(1));
  data.texels.assign(texels.data(), texels.data() + texels.size());
  data.roles = roles;
  for (const Axis& a : x) data.x.push_back(axis(a));
  for (const Axis& a : y) data.y.push_back(axis(a));
  return data;
}

void expect(size_t found, size_t wanted) {
  if (found != wanted) throw std::invalid_argument("an array has the wrong size");
}

}  // namespace

void register_fit(nb::module_& m) {
  nb::class_<Fitter>(m, "Fitter")
      .def(
          "__init__",
          [](Fitter* self, const std::vector<std::tuple<int, int, int>>& levels,
             const std::vector<int>& widths, const std::vector<Mip>& mips, const std::vector<double>& shares,
             bool wrap_u, bool wrap_v, int batch_tiles, float mean_decay, float square_decay,
             float latent_low, float latent_high, float latent_step, uint64_t seed, int threads,
             const std::string& isa) {
            if (levels.size() > kMaxLevels || widths.size() < 2 || widths.size() > kMaxLayers + 1)
              throw std::invalid_argument("too many levels or layers");
            for (int n : widths)
              if (n < 1 || n > kMaxUnits) throw std::invalid_argument("a layer has 1 to 128 units");
            std::vector<FitLevelShape> shapes;
            for (const auto& [w, h, f] : levels) {
              if (w < 1 || h < 1 || f < 1 || f > kMaxFeatures)
                throw std::invalid_argument("a level has at least one cell and 1 to 32 features");
              shapes.push_back({w, h, f});
            }
            std::vector<FitMipData> data;
            for (const Mip& in : mips) data.push_back(mip(in));
            new (self) Fitter(std::move(shapes), widths, std::move(data), shares, wrap_u, wrap_v,
                              {batch_tiles, mean_decay, square_decay, latent_low, latent_high, latent_step},
                              seed, threads, fit_kernels_for(isa.empty() ? chosen_isa() : parse_isa(isa)));
          },
          nb::kw_only(), nb::arg("levels"), nb::arg("widths"), nb::arg("mips"), nb::arg("shares"),
          nb::arg("wrap_u"), nb::arg("wrap_v"), nb::arg("batch_tiles"), nb::arg("mean_decay"),
          nb::arg("square_decay"), nb::arg("latent_low"), nb::arg("latent_high"), nb::arg("latent_step"),
          nb::arg("seed"), nb::arg("threads"), nb::arg("isa"))
      .def("set_latents",
           [](Fitter& f, int level, Floats v) {
             expect(v.size(), f.latent_count(level));
             f.set_latents(level, v.data());
           })
      .def("get_latents",
           [](const Fitter& f, int level, FloatsOut v) {
             expect(v.size(), f.latent_count(level));
             f.get_latents(level, v.data());
           })
      .def("set_layer",
           [](Fitter& f, int layer, Floats w, Floats b) {
             expect(w.size(), f.weight_count(layer));
             expect(b.size(), f.bias_count(layer));
             f.set_layer(layer, w.data(), b.data());
           })
      .def("get_layer",
           [](const Fitter& f, int layer, FloatsOut w, FloatsOut b) {
             expect(w.size(), f.weight_count(layer));
             expect(b.size(), f.bias_count(layer));
             f.get_layer(layer, w.data(), b.data());
           })
      .def("set_range",
           [](Fitter& f, Floats low, Floats range) {
             expect(low.size(), f.channels());
             expect(range.size(), f.channels());
             f.set_range(low.data(), range.data());
           })
      .def("set_loss",
           [](Fitter& f, Floats weights, int mask_channel) {
             expect(weights.size(), f.channels());
             if (mask_channel >= static_cast<int>(f.channels()))
               throw std::invalid_argument("no such channel");
             f.set_loss(weights.data(), mask_channel);
           })
      .def("step", &Fitter::step, nb::arg("latent_rate"), nb::arg("decoder_rate"),
           nb::call_guard<nb::gil_scoped_release>())
      .def("round_latents", &Fitter::round_latents, nb::call_guard<nb::gil_scoped_release>())
      .def("gradients",
           [](Fitter& f, const std::vector<std::tuple<int, int, int>>& tiles, bool noise) {
             std::vector<FitTileRef> refs;
             for (const auto& [mip, y, x] : tiles) refs.push_back({mip, y, x});
             return f.gradients(refs, noise);
           })
      .def("get_layer_gradients",
           [](const Fitter& f, int layer, FloatsOut w, FloatsOut b) {
             expect(w.size(), f.weight_count(layer));
             expect(b.size(), f.bias_count(layer));
             f.get_layer_gradients(layer, w.data(), b.data());
           })
      .def("get_latent_gradients",
           [](const Fitter& f, int level, FloatsOut v) {
             expect(v.size(), f.latent_count(level));
             f.get_latent_gradients(level, v.data());
           })
      .def_prop_ro("bytes", &Fitter::bytes);
}

}  // namespace ntc
