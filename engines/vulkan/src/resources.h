// Buffers and images with memory of their own. An engine would take it from an allocator: drivers give few
// pieces.
#pragma once

#include <cstring>
#include <span>
#include <vector>

#include "device.h"

using Memory = Handle<VkDeviceMemory, vkFreeMemory>;

// A buffer that shaders and copies may use.
class Buffer {
 public:
  enum class Where { kDevice, kHost };

  Buffer() = default;
  Buffer(const Device& device, VkDeviceSize bytes, VkBufferUsageFlags usage, Where where);

  operator VkBuffer() const { return buffer_; }
  VkDeviceSize bytes() const { return bytes_; }
  // Of buffers on the host: their memory, as long as they live.
  std::byte* mapped() const { return mapped_; }

 private:
  Handle<VkBuffer, vkDestroyBuffer> buffer_;
  Memory memory_;
  VkDeviceSize bytes_ = 0;
  std::byte* mapped_ = nullptr;
};

// A buffer on the device with these bytes.
Buffer upload(Device& device, std::span<const std::byte> bytes, VkBufferUsageFlags usage);

// An image with mips, and a view of all of it.
class Image {
 public:
  Image() = default;
  Image(const Device& device, VkFormat format, VkExtent2D size, uint32_t mips, VkImageUsageFlags usage);

  operator VkImage() const { return image_; }
  VkImageView view() const { return view_; }
  VkFormat format() const { return format_; }
  uint32_t mips() const { return mips_; }
  VkExtent2D size(uint32_t mip = 0) const;

 private:
  Handle<VkImage, vkDestroyImage> image_;
  Memory memory_;
  Handle<VkImageView, vkDestroyImageView> view_;
  VkFormat format_ = VK_FORMAT_UNDEFINED;
  VkExtent2D size_ = {};
  uint32_t mips_ = 0;
};

VkImageAspectFlags aspect_of(VkFormat format);

// What an image or a buffer was used for, or will be.
struct Use {
  VkPipelineStageFlags2 stage;
  VkAccessFlags2 access;
  VkImageLayout layout = VK_IMAGE_LAYOUT_UNDEFINED;
};

inline constexpr Use kNothing = {VK_PIPELINE_STAGE_2_NONE, VK_ACCESS_2_NONE};
inline constexpr Use kCopyTo = {VK_PIPELINE_STAGE_2_TRANSFER_BIT, VK_ACCESS_2_TRANSFER_WRITE_BIT,
                                VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL};
inline constexpr Use kCopyFrom = {VK_PIPELINE_STAGE_2_TRANSFER_BIT, VK_ACCESS_2_TRANSFER_READ_BIT,
                                  VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL};
inline constexpr Use kCompute = {VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
                                 VK_ACCESS_2_SHADER_STORAGE_READ_BIT | VK_ACCESS_2_SHADER_STORAGE_WRITE_BIT};
inline constexpr Use kSample = {
    VK_PIPELINE_STAGE_2_FRAGMENT_SHADER_BIT | VK_PIPELINE_STAGE_2_COMPUTE_SHADER_BIT,
    VK_ACCESS_2_SHADER_SAMPLED_READ_BIT, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
inline constexpr Use kHostRead = {VK_PIPELINE_STAGE_2_HOST_BIT, VK_ACCESS_2_HOST_READ_BIT};

// Everything that was written in the one use is there for the other.
void barrier(VkCommandBuffer commands, Use before, Use after);
void barrier(VkCommandBuffer commands, VkImage image, VkImageAspectFlags aspect, Use before, Use after,
             uint32_t first_mip = 0, uint32_t mips = VK_REMAINING_MIP_LEVELS);
