// The materials of a scene on the GPU, in one of four ways.
#pragma once

#include <compare>
#include <map>
#include <string>
#include <vector>

#include "compressed.h"
#include "device.h"
#include "records.h"
#include "resources.h"
#include "scene.h"
#include "transcoder.h"

enum class Decode {
  kSample,  // words in one buffer; fragments decode what they sample
  kRgba8,   // decoded to textures when loaded
  kBc7,     // the same, and encoded to BC7
  kImages,  // the images of the model, as if there were no .ntc
};

// What materials share that can be drawn by the same code in the same number of steps.
struct DecoderShape {
  uint32_t levels = 0, layers = 0, inputs = 0, channels = 0;  // all 0: no decoder, images only
  auto operator<=>(const DecoderShape&) const = default;
};

struct ImageBinding {
  VkImageView view;
  bool wrap_u, wrap_v;
};

class Materials {
 public:
  Materials(Device& device, const Scene& scene, const CompressedFiles& files, Decode decode);

  const Buffer& words() const { return words_; }
  const Buffer& records() const { return records_buffer_; }
  // Of each material, an image for each slot; one white texel where it reads none.
  const std::vector<std::array<ImageBinding, kSlots>>& bindings() const { return bindings_; }
  // Of each material; images only unless it is decoded where it is sampled.
  const std::vector<DecoderShape>& shapes() const { return shapes_; }

  // What textures and words take, without what a driver adds to align them.
  uint64_t bytes() const { return bytes_; }
  double load_ms() const { return load_ms_; }  // of the GPU
  // Every texture that was made from a .ntc, as PNG files "name.map.mip.png".
  void save_maps(Device& device, const CompressedFiles& files, const std::filesystem::path& folder) const;

 private:
  SlotRecord read_slot(Device& device, const Scene& scene, size_t material, size_t slot,
                       ImageBinding& binding);
  void decode_file(const Scene& scene, int file);
  const Image& image_of(Device& device, const Scene& scene, const TextureSlot& slot);

  const CompressedFiles& files_;
  Decode decode_;
  Transcoder transcoder_;
  Buffer words_, records_buffer_;
  Image white_;
  std::map<std::pair<int, std::string>, Image> textures_;  // by file and name of the map
  std::map<std::pair<int, bool>, Image> images_;           // by index in the scene, and whether it has mips
  std::vector<std::array<ImageBinding, kSlots>> bindings_;
  std::vector<DecoderShape> shapes_;
  uint64_t bytes_ = 0;
  double load_ms_ = 0;
};
