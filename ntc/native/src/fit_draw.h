// Which tiles a step fits: the C++ twin of ntc/fit/drawing.py.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fit_types.h"

namespace ntc {

class TileDraw {
 public:
  struct Grid {
    int rows, columns;  // of tiles in one mip
  };

  // `shares` are the probabilities of the mips.
  TileDraw(const std::vector<Grid>& grids, const std::vector<double>& shares, uint64_t seed);

  // From now on mips have these shares.
  void set_shares(const std::vector<double>& shares);
  // Tiles of the next step, each with the weight that makes up for how often it is drawn.
  void draw(std::vector<FitTileRef>& tiles);
  // Takes note of the summed squared errors of tiles that were drawn.
  void observe(const std::vector<FitTileRef>& tiles, const std::vector<double>& errors);
  bool has(int mip, int y, int x) const;
  size_t mip_count() const { return mips_.size(); }
  size_t bytes() const;

 private:
  struct Mip {
    Grid grid;
    size_t tiles;
    std::vector<float> errors;  // of each tile when it was last drawn; less than 0: never
    std::vector<double> ends;   // cumulative probabilities; empty: all are alike
    uint64_t drawn = 0;
    size_t since = 0;  // draws since the probabilities were found
  };

  size_t pick(Mip& mip, float& weight);
  static void find_probabilities(Mip& mip);

  std::vector<Mip> mips_;
  std::vector<double> mip_ends_;
  uint64_t seed_, step_ = 0;
};

}  // namespace ntc
