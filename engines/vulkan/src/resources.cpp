#include "resources.h"

#include <algorithm>

#include "error.h"

Buffer::Buffer(const Device& device, VkDeviceSize bytes, VkBufferUsageFlags usage, Where where)
    : bytes_(bytes) {
  if (usage & VK_BUFFER_USAGE_STORAGE_BUFFER_BIT && bytes > device.most_storage_bytes())
    throw Error("the model needs a buffer of " + std::to_string(bytes) + " bytes, which is more than " +
                device.name() + " can read: use smaller textures or another device");
  const VkBufferCreateInfo info = {.sType = VK_STRUCTURE_TYPE_BUFFER_CREATE_INFO,
                                   .size = std::max<VkDeviceSize>(bytes, 4),
                                   .usage = usage};
  VkBuffer buffer;
  check(vkCreateBuffer(device, &info, nullptr, &buffer), "vkCreateBuffer");
  buffer_ = {device, buffer};

  VkMemoryRequirements needs;
  vkGetBufferMemoryRequirements(device, buffer, &needs);
  const VkMemoryPropertyFlags wanted =
      where == Where::kHost ? VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | VK_MEMORY_PROPERTY_HOST_COHERENT_BIT
                            : VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT;
  const VkMemoryAllocateInfo allocation = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .allocationSize = needs.size,
      .memoryTypeIndex = device.memory_type(needs.memoryTypeBits, wanted)};
  VkDeviceMemory memory;
  check(vkAllocateMemory(device, &allocation, nullptr, &memory), "vkAllocateMemory");
  memory_ = {device, memory};
  check(vkBindBufferMemory(device, buffer, memory, 0), "vkBindBufferMemory");
  if (where == Where::kDevice) return;
  void* mapped;
  check(vkMapMemory(device, memory, 0, VK_WHOLE_SIZE, 0, &mapped), "vkMapMemory");
  mapped_ = static_cast<std::byte*>(mapped);
}

Buffer upload(Device& device, std::span<const std::byte> bytes, VkBufferUsageFlags usage) {
  Buffer result(device, bytes.size(), usage | VK_BUFFER_USAGE_TRANSFER_DST_BIT, Buffer::Where::kDevice);
  if (bytes.empty()) return result;
  const Buffer staged(device, bytes.size(), VK_BUFFER_USAGE_TRANSFER_SRC_BIT, Buffer::Where::kHost);
  std::memcpy(staged.mapped(), bytes.data(), bytes.size());
  device.run([&](VkCommandBuffer commands) {
    const VkBufferCopy all = {.size = bytes.size()};
    vkCmdCopyBuffer(commands, staged, result, 1, &all);
  });
  return result;
}

Image::Image(const Device& device, VkFormat format, VkExtent2D size, uint32_t mips, VkImageUsageFlags usage)
    : format_(format), size_(size), mips_(mips) {
  const VkImageCreateInfo info = {.sType = VK_STRUCTURE_TYPE_IMAGE_CREATE_INFO,
                                  .imageType = VK_IMAGE_TYPE_2D,
                                  .format = format,
                                  .extent = {size.width, size.height, 1},
                                  .mipLevels = mips,
                                  .arrayLayers = 1,
                                  .samples = VK_SAMPLE_COUNT_1_BIT,
                                  .usage = usage};
  VkImage image;
  check(vkCreateImage(device, &info, nullptr, &image), "vkCreateImage");
  image_ = {device, image};

  VkMemoryRequirements needs;
  vkGetImageMemoryRequirements(device, image, &needs);
  const VkMemoryAllocateInfo allocation = {
      .sType = VK_STRUCTURE_TYPE_MEMORY_ALLOCATE_INFO,
      .allocationSize = needs.size,
      .memoryTypeIndex = device.memory_type(needs.memoryTypeBits, VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT)};
  VkDeviceMemory memory;
  check(vkAllocateMemory(device, &allocation, nullptr, &memory), "vkAllocateMemory");
  memory_ = {device, memory};
  check(vkBindImageMemory(device, image, memory, 0), "vkBindImageMemory");

  const VkImageViewCreateInfo view = {.sType = VK_STRUCTURE_TYPE_IMAGE_VIEW_CREATE_INFO,
                                      .image = image,
                                      .viewType = VK_IMAGE_VIEW_TYPE_2D,
                                      .format = format,
                                      .subresourceRange = {aspect_of(format), 0, mips, 0, 1}};
  VkImageView made;
  check(vkCreateImageView(device, &view, nullptr, &made), "vkCreateImageView");
  view_ = {device, made};
}

VkExtent2D Image::size(uint32_t mip) const {
  return {std::max(size_.width >> mip, 1u), std::max(size_.height >> mip, 1u)};
}

VkImageAspectFlags aspect_of(VkFormat format) {
  return format == VK_FORMAT_D32_SFLOAT ? VK_IMAGE_ASPECT_DEPTH_BIT : VK_IMAGE_ASPECT_COLOR_BIT;
}

void barrier(VkCommandBuffer commands, Use before, Use after) {
  const VkMemoryBarrier2 memory = {.sType = VK_STRUCTURE_TYPE_MEMORY_BARRIER_2,
                                   .srcStageMask = before.stage,
                                   .srcAccessMask = before.access,
                                   .dstStageMask = after.stage,
                                   .dstAccessMask = after.access};
  const VkDependencyInfo info = {
      .sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO, .memoryBarrierCount = 1, .pMemoryBarriers = &memory};
  vkCmdPipelineBarrier2(commands, &info);
}

void barrier(VkCommandBuffer commands, VkImage image, VkImageAspectFlags aspect, Use before, Use after,
             uint32_t first_mip, uint32_t mips) {
  const VkImageMemoryBarrier2 change = {.sType = VK_STRUCTURE_TYPE_IMAGE_MEMORY_BARRIER_2,
                                        .srcStageMask = before.stage,
                                        .srcAccessMask = before.access,
                                        .dstStageMask = after.stage,
                                        .dstAccessMask = after.access,
                                        .oldLayout = before.layout,
                                        .newLayout = after.layout,
                                        .image = image,
                                        .subresourceRange = {aspect, first_mip, mips, 0, 1}};
  const VkDependencyInfo info = {.sType = VK_STRUCTURE_TYPE_DEPENDENCY_INFO,
                                 .imageMemoryBarrierCount = 1,
                                 .pImageMemoryBarriers = &change};
  vkCmdPipelineBarrier2(commands, &info);
}
