// From words of a .ntc to textures, on the GPU: decoded to RGBA8, and from there to BC7.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "compressed.h"
#include "device.h"
#include "objects.h"
#include "resources.h"

// The bytes of all mips of a texture, blocks at the border included.
uint64_t texture_bytes(VkFormat format, VkExtent2D size, uint32_t mips);

class Transcoder {
 public:
  explicit Transcoder(Device& device);

  // Some maps with all mips of their file, as VK_FORMAT_R8G8B8A8_UNORM or VK_FORMAT_BC7_UNORM_BLOCK. Each
  // texel is decoded once for as many maps as a buffer of the device holds, 8 at most.
  std::vector<Image> decode(const NtcFile& file, std::span<const SlotChannels> maps, const Buffer& words,
                            VkFormat format);

  // What a shader reads from a mip, four bytes a texel.
  std::vector<uint8_t> fetch(const Image& image, uint32_t mip);

  // Of all calls of decode() until now.
  double gpu_ms() const { return gpu_ms_; }

 private:
  struct Plan;
  void decode_some(const NtcFile& file, std::span<const SlotChannels> maps, const Buffer& words,
                   std::span<Image> images);
  void record_decode(VkCommandBuffer commands, const Plan& plan);
  void record_blocks(VkCommandBuffer commands, const Plan& plan);
  void record_copy(VkCommandBuffer commands, const Plan& plan);
  void bind(VkBuffer words, VkBuffer blocks, VkBuffer texels, VkImageView image);
  void start(VkCommandBuffer commands, VkPipeline pipeline, std::span<const uint32_t> call, uint64_t threads);

  Device& device_;
  SetLayout set_layout_;
  PipelineLayout layout_;
  Pipeline decode_, bc7_, fetch_;
  DescriptorPool pool_;
  VkDescriptorSet set_ = VK_NULL_HANDLE;
  Sampler sampler_;
  double gpu_ms_ = 0;
};
