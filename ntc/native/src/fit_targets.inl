// What the samples of a tile should be: texels, or what a trilinear sampler makes of them.

#include "fit_grid.inl"

namespace ntc::NTC_ISA_NAMESPACE {
namespace {

constexpr float kStorageOne = 1.f / 65535.f;

// Storage values of a tile of texels, as far as they lie within the border.
void read_texels(const FitMip& mip, int channels, const FitTileRef& tile, int stride, float* out) {
  const int width = mip.width - tile.x * kTile < kTile ? mip.width - tile.x * kTile : kTile;
  const int height = mip.height - tile.y * kTile < kTile ? mip.height - tile.y * kTile : kTile;
  for (int y = 0; y < height; y++) {
    const size_t first = static_cast<size_t>(tile.y * kTile + y) * mip.width + tile.x * kTile;
    float values[kTile * kMaxChannels];
    for (int i = 0; i < width * channels; i++) values[i] = mip.texels[first * channels + i] * kStorageOne;
    for (int x = 0; x < width; x++)
      std::memcpy(out + (y * kTile + x) * stride, values + x * channels, sizeof(float) * channels);
  }
}

// Bilinear values between the texels of one image, the mip's own or the next one, as `put` stores them.
template <class Put>
void sample_image(const FitStep& step, const FitTileRef& tile, int image, int stride, float* patch,
                  float* rows, float* out, const Put& put) {
  const FitMip &mip = step.mips[tile.mip], &read = step.mips[tile.mip + image];
  const FitAxis &ax = mip.image_x[image], &ay = mip.image_y[image];
  const PatchCells cells = patch_cells(step, ax, ay, read.width, read.height, tile);
  const int channels = step.channels, padded = (channels + 3) / 4 * 4;
  float* cell = patch;
  for (int i = 0; i < ay.span; i++) {
    const uint16_t* row = read.texels + static_cast<size_t>(cells.rows[i]) * read.width * channels;
    for (int j = 0; j < ax.span; j++, cell += padded) {
      const uint16_t* texel = row + static_cast<size_t>(cells.columns[j]) * channels;
      for (int c = 0; c < channels; c++) cell[c] = texel[c] * kStorageOne;
      for (int c = channels; c < padded; c++) cell[c] = 0.f;
    }
  }
  interpolate_squares(ax, ay, padded, tile, patch, rows, out, stride, put);
}

void sample_images(const FitStep& step, const FitTileRef& tile, int stride, float* patch, float* rows,
                   float* out) {
  sample_image(step, tile, 0, stride, patch, rows, out, [](float* target, Vec4 v) { store(target, v); });
  if (tile.lod_step == 0) return;
  const float share = static_cast<float>(tile.lod_step) * (1.f / kLodSteps);
  sample_image(step, tile, 1, stride, patch, rows, out, [&](float* target, Vec4 v) {
    const Vec4 fine = load<Vec4>(target);
    store(target, fine + (v - fine) * share);
  });
}

// Storage values of a tile; -1 where there is nothing to fit: beyond the border, or masked out.
void read_targets(const FitStep& step, const FitTileRef& tile, int stride, float* patch, float* rows,
                  float* out) {
  const FitMip& mip = step.mips[tile.mip];
  const int channels = step.channels, mask = step.mask_channel;
  if (tile.centred())
    read_texels(mip, channels, tile, stride, out);
  else
    sample_images(step, tile, stride, patch, rows, out);
  for (int i = 0; i < kTileTexels; i++) {
    float* texel = out + i * stride;
    const bool inside = tile.y * kTile + i / kTile < mip.height && tile.x * kTile + i % kTile < mip.width;
    if (inside && (mask < 0 || texel[mask] != 0.f)) continue;
    for (int c = 0; c < channels; c++) texel[c] = inside && c == mask ? 0.f : -1.f;
  }
}

}  // namespace
}  // namespace ntc::NTC_ISA_NAMESPACE
