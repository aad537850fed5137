#include "materials.h"

#include <algorithm>
#include <bit>
#include <cctype>
#include <cstdio>

#include "error.h"
#include "picture.h"

namespace {

constexpr VkBufferUsageFlags kStorage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT;

// An image; of mips, each is made from the one before by the filter of blits.
Image upload_picture(Device& device, const Picture& picture, bool with_mips) {
  const VkExtent2D size = {static_cast<uint32_t>(picture.width), static_cast<uint32_t>(picture.height)};
  const auto mips = with_mips ? static_cast<uint32_t>(std::bit_width(std::max(size.width, size.height))) : 1;
  Image image(device, VK_FORMAT_R8G8B8A8_UNORM, size, mips,
              VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT);
  const Buffer staged(device, picture.texels.size(), VK_BUFFER_USAGE_TRANSFER_SRC_BIT, Buffer::Where::kHost);
  std::memcpy(staged.mapped(), picture.texels.data(), picture.texels.size());
  const VkImageAspectFlags color = VK_IMAGE_ASPECT_COLOR_BIT;
  device.run([&](VkCommandBuffer commands) {
    barrier(commands, image, color, kNothing, kCopyTo);
    const VkBufferImageCopy all = {.imageSubresource = {color, 0, 0, 1},
                                   .imageExtent = {size.width, size.height, 1}};
    vkCmdCopyBufferToImage(commands, staged, image, VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &all);
    for (uint32_t mip = 1; mip < mips; mip++) {
      const auto corner = [&](uint32_t of) {
        return VkOffset3D{static_cast<int>(image.size(of).width), static_cast<int>(image.size(of).height), 1};
      };
      const VkImageBlit blit = {.srcSubresource = {color, mip - 1, 0, 1},
                                .srcOffsets = {{}, corner(mip - 1)},
                                .dstSubresource = {color, mip, 0, 1},
                                .dstOffsets = {{}, corner(mip)}};
      barrier(commands, image, color, kCopyTo, kCopyFrom, mip - 1, 1);
      vkCmdBlitImage(commands, image, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, image,
                     VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &blit, VK_FILTER_LINEAR);
    }
    if (mips > 1) barrier(commands, image, color, kCopyFrom, kSample, 0, mips - 1);
    barrier(commands, image, color, kCopyTo, kSample, mips - 1, 1);
  });
  return image;
}

MaterialRecord record_of(const SceneMaterial& material) {
  return {.base_color = material.base_color,
          .emissive_and_cutoff = {material.emissive, material.alpha_cutoff},
          .metallic = material.metallic,
          .roughness = material.roughness,
          .normal_scale = material.normal_scale,
          .occlusion_strength = material.occlusion_strength};
}

DecoderShape shape_of(const ntc_file& file) {
  return {file.level_count, file.layer_count, file.layers[0].inputs, file.channels};
}

}  // namespace

Materials::Materials(Device& device, const Scene& scene, const CompressedFiles& files, Decode decode)
    : files_(files), decode_(decode), transcoder_(device) {
  const std::vector<uint32_t> none(4);
  const auto& words = decode == Decode::kImages || files.words.empty() ? none : files.words;
  words_ = upload(device, std::as_bytes(std::span(words)), kStorage);
  white_ = upload_picture(device, {1, 1, {255, 255, 255, 255}}, false);

  if (decode == Decode::kRgba8 || decode == Decode::kBc7)
    for (size_t file = 0; file < files.files.size(); file++) decode_file(scene, static_cast<int>(file));

  std::vector<MaterialRecord> records;
  for (size_t i = 0; i < scene.materials.size(); i++) {
    MaterialRecord record = record_of(scene.materials[i]);
    std::array<ImageBinding, kSlots> bindings;
    bool sampled = false;
    for (size_t slot = 0; slot < kSlots; slot++) {
      record.slots[slot] = read_slot(device, scene, i, slot, bindings[slot]);
      sampled |= record.slots[slot].source == Source::kNtc;
    }
    shapes_.emplace_back();
    if (sampled) {
      const NtcFile& file = files.files[static_cast<size_t>(files.of_material[i])];
      shapes_.back() = shape_of(*file.opened);
      record.first_word = file.first_word;
      record.words = file.words;
    }
    bindings_.push_back(bindings);
    records.push_back(record);
  }
  records_buffer_ = upload(device, std::as_bytes(std::span(records)), kStorage);
  load_ms_ = transcoder_.gpu_ms();
  if (decode == Decode::kSample)
    bytes_ += 4 * files.words.size();
  else
    words_ = upload(device, std::as_bytes(std::span(none)), kStorage);
}

SlotRecord Materials::read_slot(Device& device, const Scene& scene, size_t material, size_t slot,
                                ImageBinding& binding) {
  const TextureSlot& wanted = scene.materials[material].slots[slot];
  const int file = decode_ == Decode::kImages ? -1 : files_.of_material[material];
  SlotRecord record;
  record.coordinates = static_cast<uint32_t>(wanted.coordinates);
  if (slot == kNormal) record.constant = {0.5f, 0.5f, 1, 1};
  binding = {white_.view(), wanted.wrap_u, wanted.wrap_v};
  if (file >= 0 && !wanted.map.empty()) {
    const NtcFile& from = files_.files[static_cast<size_t>(file)];
    if (const ntc_map* map = find_map(from, wanted.map)) {
      const SlotChannels channels = channels_of(*map);
      if (decode_ != Decode::kSample) {
        record.source = Source::kImage;
        binding = {textures_.at({file, wanted.map}).view(), from.opened->wrap_u, from.opened->wrap_v};
        return record;
      }
      record.source = Source::kNtc;
      record.outputs = 0;
      for (uint32_t c = 0; c < 4; c++) {
        const int output = channels.outputs[c];
        record.outputs |= (output < 0 ? kNoOutput : static_cast<uint32_t>(output)) << (8 * c);
        record.constant[static_cast<int>(c)] = channels.constants[c];
      }
      return record;
    }
    std::fprintf(stderr, "warning: %s has no map %s: its image is used\n", from.name.c_str(),
                 wanted.map.c_str());
  }
  if (wanted.image < 0) return record;
  record.source = Source::kImage;
  binding.view = image_of(device, scene, wanted).view();
  return record;
}

// Textures of all maps of a file that slots of any material read.
void Materials::decode_file(const Scene& scene, int file) {
  const NtcFile& from = files_.files[static_cast<size_t>(file)];
  const VkFormat format = decode_ == Decode::kBc7 ? VK_FORMAT_BC7_UNORM_BLOCK : VK_FORMAT_R8G8B8A8_UNORM;
  std::map<std::string, SlotChannels> wanted;
  for (size_t i = 0; i < scene.materials.size(); i++)
    for (const TextureSlot& slot : scene.materials[i].slots)
      if (const ntc_map* map = files_.of_material[i] == file ? find_map(from, slot.map) : nullptr)
        wanted[slot.map] = channels_of(*map);
  std::vector<SlotChannels> maps;
  for (const auto& [name, channels] : wanted) maps.push_back(channels);
  auto images = transcoder_.decode(from, maps, words_, format);
  size_t next = 0;
  for (const auto& [name, channels] : wanted) {
    const Image& image = textures_[{file, name}] = std::move(images[next++]);
    bytes_ += texture_bytes(format, image.size(), image.mips());
  }
}

const Image& Materials::image_of(Device& device, const Scene& scene, const TextureSlot& slot) {
  const auto [found, added] = images_.try_emplace({slot.image, slot.mips});
  if (added) {
    const EncodedImage& encoded = scene.images[static_cast<size_t>(slot.image)];
    const Picture picture = decode_picture(encoded.bytes);
    if (picture.texels.empty())
      throw Error("image " + encoded.name + " is missing, or no PNG or JPEG: put it where the model says");
    found->second = upload_picture(device, picture, slot.mips);
    bytes_ += texture_bytes(VK_FORMAT_R8G8B8A8_UNORM, found->second.size(), found->second.mips());
  }
  return found->second;
}

void Materials::save_maps(Device& device, const CompressedFiles& files,
                          const std::filesystem::path& folder) const {
  Transcoder transcoder(device);
  for (const auto& [key, image] : textures_) {
    const auto stem = std::filesystem::path(files.files[static_cast<size_t>(key.first)].name).stem().string();
    std::string map = key.second;  // any text
    std::replace_if(
        map.begin(), map.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
    for (uint32_t mip = 0; mip < image.mips(); mip++) {
      const VkExtent2D size = image.size(mip);
      save_png(folder / (stem + "." + map + "." + std::to_string(mip) + ".png"),
               {static_cast<int>(size.width), static_cast<int>(size.height), transcoder.fetch(image, mip)});
    }
  }
}
