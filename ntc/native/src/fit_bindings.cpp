// Python face of the fitter. Long calls release the interpreter lock. Arrays that are written to are taken as
// they are: what is written to a converted copy would be lost.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <memory>
#include <stdexcept>

#include "fit.h"
#include "fit_kernels.h"

namespace nb = nanobind;

namespace ntc {
namespace {

using Floats = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Latents = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using LatentsOut = nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using FloatsOut = nb::ndarray<float, nb::c_contig, nb::device::cpu>;
using Ints = nb::ndarray<const int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Texels = nb::ndarray<const uint16_t, nb::ndim<3>, nb::c_contig, nb::device::cpu>;
using Axis = std::tuple<Ints, int>;  // positions, span
// width, height, features; simplex, table, block_log2, slots; stored width and height; low, high, step
using LevelIn = std::tuple<int, int, int, bool, bool, int, Ints, int, int, float, float, float>;
using Moments = std::tuple<float, float>;  // decays of the mean and of the mean square
using Mip = std::tuple<Texels, std::vector<int>, std::vector<Axis>, std::vector<Axis>>;
using Images =
    std::tuple<std::vector<Axis>, std::vector<Axis>>;  // taps on the image of a mip and the next one

constexpr int kMaxSide = 16384;
constexpr int kMaxBatch = 1 << 20;

void require(bool condition, const char* what) {
  if (!condition) throw std::invalid_argument(what);
}

void expect(size_t found, size_t wanted) { require(found == wanted, "an array has the wrong size"); }

bool is_side(int64_t n) { return 1 <= n && n <= kMaxSide; }

// Checks that the samples of each tile read a level within its span; the arrays of levels not read are empty.
FitAxisData axis(const Axis& in, int texels, int level_cells, int phases) {
  const auto& [positions, span] = in;
  const int whole = padded(texels, kTile);
  const size_t count = static_cast<size_t>(whole) * phases;
  require(positions.size() == count, "taps cover whole tiles");
  require(2 <= span && span <= kMaxSpan, "a tile reads 2 to 24 cells along an axis");
  const int32_t* position = positions.data();
  for (size_t i = 0; i < count; i++) {
    const int32_t first = position[i / kTile * kTile] >> 8, cell = position[i] >> 8;
    require(-1 <= first && first < level_cells && first <= cell && cell - first <= span - 2,
            "a tap lies outside its tile");
  }
  return {{position, position + count}, span, whole};
}

// Checks that every cell has a place within the stored grid, or none.
FitLevelShape level(const LevelIn& in) {
  const auto& [width, height, features, simplex, table, block_log2, slots, stored_width, stored_height, low,
               high, step] = in;
  require(is_side(width) && is_side(height), "a level has 1 to 16384 cells a side");
  require(1 <= features && features <= kMaxFeatures, "a level has 1 to 32 features");
  require(0 <= block_log2 && block_log2 <= 6, "a block has 1 to 64 cells a side");
  require(stored_width >= 1 && stored_height >= 1, "a level stores some cells");
  const int64_t stored = static_cast<int64_t>(stored_width) * stored_height;
  require(stored <= int64_t{1} << 30, "a level stores at most 2^30 cells");
  require(low < high && step > 0, "latents have a range");
  const int side = 1 << block_log2;
  const size_t blocks = static_cast<size_t>(padded(width, side) / side) * (padded(height, side) / side);
  if (table) {
    // A mask of 0 would say that there is no table.
    require(slots.size() == 0 && stored > 1 && (stored & (stored - 1)) == 0,
            "a table of single cells has 2^n of them, two at least");
  } else if (slots.size() == 0) {
    require(stored_width == width && stored_height == height, "a dense level stores every cell");
  } else {
    require(slots.size() == blocks, "every block has a slot");
    const int64_t last = stored - (static_cast<int64_t>(side - 1) * stored_width + side);
    for (size_t i = 0; i < blocks; i++)
      require(-1 <= slots.data()[i] && slots.data()[i] <= last, "a block lies outside the stored grid");
  }
  return {width,
          height,
          features,
          simplex,
          table,
          block_log2,
          {slots.data(), slots.data() + slots.size()},
          stored_width,
          stored_height,
          low,
          high,
          step};
}

bool triangles_fit(const FitAxisData& x) {
  for (size_t i = 0; i < x.positions.size(); i++)
    if ((x.positions[i] >> 8) - (x.positions[i / kTile * kTile] >> 8) > x.span - 3) return false;
  return true;
}

FitMipData mip(const Mip& in, const std::vector<FitLevelShape>& levels, const std::vector<int>& widths,
               int phases) {
  const auto& [texels, roles, x, y] = in;
  require(is_side(texels.shape(0)) && is_side(texels.shape(1)), "a mip has 1 to 16384 texels a side");
  expect(texels.shape(2), static_cast<size_t>(widths.back()));
  require(roles.size() == levels.size() && x.size() == levels.size() && y.size() == levels.size(),
          "a mip has a role and taps for every level");
  FitMipData data;
  data.height = static_cast<int>(texels.shape(0));
  data.width = static_cast<int>(texels.shape(1));
  data.texels = texels.data();
  // Releasing an array takes the interpreter lock by itself, on whatever thread that is.
  data.owner = std::make_shared<Texels>(texels);
  data.roles = roles;
  int next = 0;
  for (size_t l = 0; l < levels.size(); l++) {
    const bool read = roles[l] != -1;
    if (read) {
      require(roles[l] >= next && roles[l] < widths[0] - levels[l].features, "roles rise and leave room");
      next = roles[l] + levels[l].features;
    }
    data.x.push_back(axis(x[l], read ? data.width : 0, levels[l].width, phases));
    data.y.push_back(axis(y[l], read ? data.height : 0, levels[l].height, phases));
    // A triangle reaches one column further than a square.
    require(!levels[l].simplex || triangles_fit(data.x.back()), "triangles leave their patch");
  }
  return data;
}

// Where the samples of a filtered fit lie on the images that they are blends of.
void add_images(std::vector<FitMipData>& mips, const std::vector<Images>& images) {
  require(images.size() == mips.size(), "every mip has taps on its image");
  for (size_t m = 0; m < mips.size(); m++) {
    const auto& [x, y] = images[m];
    const size_t read = m + 1 < mips.size() ? 2 : 1;
    require(x.size() == read && y.size() == read, "a mip has taps on its image and on the next one");
    for (size_t i = 0; i < read; i++) {
      mips[m].image_x.push_back(axis(x[i], mips[m].width, mips[m + i].width, kPhases));
      mips[m].image_y.push_back(axis(y[i], mips[m].height, mips[m + i].height, kPhases));
    }
  }
}

// Whether `count` cells from `first` on, of so many features, are among those of a level.
void check_band(const Fitter& f, int level, size_t first, size_t count, size_t features) {
  const size_t cells = f.cell_count(level);
  require(first <= cells && count <= cells - first, "cells outside the level");
  expect(features, f.feature_count(level));
}

// For tests: the draws alone.
void register_draw(nb::module_& m) {
  using Drawn = std::tuple<int, int, int, float>;  // mip, y, x, weight
  nb::class_<TileDraw>(m, "TileDraw")
      .def(
          "__init__",
          [](TileDraw* self, const std::vector<std::tuple<int, int>>& grids,
             const std::vector<double>& shares, uint64_t seed) {
            require(!grids.empty() && shares.size() == grids.size(), "every mip has a share");
            std::vector<TileDraw::Grid> sizes;
            for (const auto& [rows, columns] : grids) {
              require(is_side(rows) && is_side(columns), "a mip has tiles");
              sizes.push_back({rows, columns});
            }
            new (self) TileDraw(sizes, shares, seed);
          },
          nb::arg("grids"), nb::arg("shares"), nb::arg("seed"))
      .def("set_shares",
           [](TileDraw& draw, const std::vector<double>& shares) {
             expect(shares.size(), draw.mip_count());
             draw.set_shares(shares);
           })
      .def("draw",
           [](TileDraw& draw, size_t count) {
             require(count <= kMaxBatch, "a batch has at most 2^20 tiles");
             std::vector<FitTileRef> tiles(count);
             draw.draw(tiles);
             std::vector<Drawn> drawn;
             for (const FitTileRef& tile : tiles) drawn.push_back({tile.mip, tile.y, tile.x, tile.weight});
             return drawn;
           })
      .def("observe", [](TileDraw& draw, const std::vector<Drawn>& drawn, const std::vector<double>& errors) {
        require(drawn.size() == errors.size(), "every tile has an error");
        std::vector<FitTileRef> tiles;
        for (const auto& [mip, y, x, weight] : drawn) {
          require(draw.has(mip, y, x), "tile does not exist");
          tiles.push_back({mip, y, x});
        }
        draw.observe(tiles, errors);
      });
}

}  // namespace

void register_fit(nb::module_& m) {
  register_draw(m);
  nb::class_<Fitter>(m, "Fitter")
      .def(
          "__init__",
          [](Fitter* self, const std::vector<LevelIn>& levels, const std::vector<int>& widths,
             const std::vector<Mip>& mips, const std::vector<double>& shares, bool wrap_u, bool wrap_v,
             int batch_tiles, Moments latents, Moments decoder, float decoder_decay, float latent_floor,
             float hidden_step, uint64_t seed, int threads, const std::string& isa,
             const std::vector<Images>& images, double shifted) {
            require(levels.size() <= kMaxLevels && 2 <= widths.size() && widths.size() <= kMaxLayers + 1,
                    "too many levels or layers");
            for (int n : widths) require(1 <= n && n <= kMaxUnits, "a layer has 1 to 128 units");
            require(widths.back() <= kMaxChannels, "there are at most 32 channels");
            require(!mips.empty() && shares.size() == mips.size(), "every mip has a share");
            require(1 <= batch_tiles && batch_tiles <= kMaxBatch, "a batch has 1 to 2^20 tiles");
            std::vector<FitLevelShape> shapes;
            for (const LevelIn& in : levels) shapes.push_back(level(in));
            std::vector<FitMipData> data;
            const bool filtered = !images.empty();
            require(0 <= shifted && shifted <= (filtered ? 1 : 0), "a part of the tiles is shifted");
            for (const Mip& in : mips) data.push_back(mip(in, shapes, widths, filtered ? kPhases : 1));
            if (filtered) add_images(data, images);
            new (self) Fitter(std::move(shapes), widths, std::move(data), shares, wrap_u, wrap_v,
                              {batch_tiles,
                               {std::get<0>(latents), std::get<1>(latents)},
                               {std::get<0>(decoder), std::get<1>(decoder)},
                               decoder_decay,
                               latent_floor,
                               hidden_step,
                               shifted},
                              seed, threads, fit_kernels_for(isa.empty() ? chosen_isa() : parse_isa(isa)));
          },
          nb::kw_only(), nb::arg("levels"), nb::arg("widths"), nb::arg("mips").noconvert(), nb::arg("shares"),
          nb::arg("wrap_u"), nb::arg("wrap_v"), nb::arg("batch_tiles"), nb::arg("latent_moments"),
          nb::arg("decoder_moments"), nb::arg("decoder_decay"), nb::arg("latent_floor"),
          nb::arg("hidden_step"), nb::arg("seed"), nb::arg("threads"), nb::arg("isa"),
          nb::arg("images") = std::vector<Images>(), nb::arg("shifted") = 0.0)
      .def("set_latents",
           [](Fitter& f, int level, size_t first, Latents v) {
             check_band(f, level, first, v.shape(0), v.shape(1));
             f.set_latents(level, first, v.shape(0), v.data());
           })
      .def(
          "get_latents",
          [](const Fitter& f, int level, size_t first, LatentsOut v) {
            check_band(f, level, first, v.shape(0), v.shape(1));
            f.get_latents(level, first, v.shape(0), v.data());
          },
          nb::arg("level"), nb::arg("first"), nb::arg("values").noconvert())
      .def("set_ranges",
           [](Fitter& f, int level, int tile_log2, Latents v) {
             require(0 <= tile_log2 && tile_log2 <= 14, "a tile has 1 to 16384 cells a side");
             expect(v.shape(0), f.tile_count(level, tile_log2));
             expect(v.shape(1), 2);
             std::vector<FitRange> ranges;
             for (size_t t = 0; t < v.shape(0); t++) ranges.push_back({v.data()[2 * t], v.data()[2 * t + 1]});
             for (const FitRange& range : ranges) require(range.low <= range.high, "a range is empty");
             f.set_ranges(level, tile_log2, std::move(ranges));
           })
      .def("set_layer",
           [](Fitter& f, int layer, Floats w, Floats b) {
             expect(w.size(), f.weight_count(layer));
             expect(b.size(), f.bias_count(layer));
             f.set_layer(layer, w.data(), b.data());
           })
      .def(
          "get_layer",
          [](const Fitter& f, int layer, FloatsOut w, FloatsOut b) {
            expect(w.size(), f.weight_count(layer));
            expect(b.size(), f.bias_count(layer));
            f.get_layer(layer, w.data(), b.data());
          },
          nb::arg("layer"), nb::arg("weights").noconvert(), nb::arg("biases").noconvert())
      .def("set_range",
           [](Fitter& f, Floats low, Floats range) {
             expect(low.size(), f.channels());
             expect(range.size(), f.channels());
             f.set_range(low.data(), range.data());
           })
      .def("set_loss",
           [](Fitter& f, Floats weights, Floats margins, int mask_channel,
              const std::vector<FitNormal>& normals) {
             const auto channels = static_cast<int>(f.channels());
             expect(weights.size(), f.channels());
             expect(margins.size(), f.channels());
             require(mask_channel < channels, "no such channel");
             for (const FitNormal& normal : normals)
               for (int channel : normal) require(0 <= channel && channel < channels, "no such channel");
             f.set_loss(weights.data(), margins.data(), mask_channel, normals);
           })
      .def(
          "set_prices",
          [](Fitter& f, const std::vector<float>& prices) {
            expect(prices.size(), f.level_count());
            f.set_prices(prices);
          },
          nb::arg("prices"))
      .def(
          "set_shares",
          [](Fitter& f, const std::vector<double>& shares) {
            expect(shares.size(), f.mip_count());
            f.set_shares(shares);
          },
          nb::arg("shares"))
      .def("step", &Fitter::step, nb::arg("latent_rate"), nb::arg("decoder_rate"), nb::arg("noise") = 1.f,
           nb::call_guard<nb::gil_scoped_release>())
      .def("round_latents", &Fitter::round_latents, nb::arg("part") = 0.f,
           nb::call_guard<nb::gil_scoped_release>())
      .def(
          "gradients",
          [](Fitter& f, const std::vector<std::tuple<int, int, int>>& tiles, bool noise,
             const std::vector<std::tuple<int, int, int>>& shifts) {
            require(shifts.empty() || shifts.size() == tiles.size(), "every tile has a shift, or none has");
            std::vector<FitTileRef> refs;
            for (const auto& [mip, y, x] : tiles) refs.push_back({mip, y, x});
            for (size_t i = 0; i < shifts.size(); i++)
              std::tie(refs[i].phase_y, refs[i].phase_x, refs[i].lod_step) = shifts[i];
            const nb::gil_scoped_release release;
            return f.gradients(refs, noise);
          },
          nb::arg("tiles"), nb::arg("noise"), nb::arg("shifts") = std::vector<std::tuple<int, int, int>>())
      .def(
          "get_layer_gradients",
          [](const Fitter& f, int layer, FloatsOut w, FloatsOut b) {
            expect(w.size(), f.weight_count(layer));
            expect(b.size(), f.bias_count(layer));
            f.get_layer_gradients(layer, w.data(), b.data());
          },
          nb::arg("layer"), nb::arg("weights").noconvert(), nb::arg("biases").noconvert())
      .def(
          "get_latent_gradients",
          [](const Fitter& f, int level, FloatsOut v) {
            expect(v.size(), f.cell_count(level) * f.feature_count(level));
            f.get_latent_gradients(level, v.data());
          },
          nb::arg("level"), nb::arg("values").noconvert())
      .def_prop_ro("bytes", &Fitter::bytes);
}

}  // namespace ntc
