#include "transcoder.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "error.h"
#include "shaders.h"

namespace {

enum Binding { kWords, kBlocks, kTexels, kImage, kBindings };

constexpr std::array<VkDescriptorType, kBindings> kTypes = {
    VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
    VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER};

constexpr uint32_t kMostMaps = 8;
constexpr uint32_t kGroupThreads = 64;
constexpr uint32_t kGroupsInRow = 65535;
constexpr VkFormat kBlockFormat = VK_FORMAT_BC7_UNORM_BLOCK;

// What shaders/decode.comp is called with.
struct DecodeCall {
  uint32_t first_word, words, mip, maps, first_texel, map_texels;
  uint32_t unused[2] = {};
  uint32_t outputs[kMostMaps] = {}, filled[kMostMaps] = {};
};
constexpr uint32_t kCallBytes = sizeof(DecodeCall);

uint64_t blocks_of(VkExtent2D size) { return uint64_t{(size.width + 3) / 4} * ((size.height + 3) / 4); }

template <class Call>
std::span<const uint32_t> words_of(const Call& call) {
  return {reinterpret_cast<const uint32_t*>(&call), sizeof call / 4};
}

}  // namespace

uint64_t texture_bytes(VkFormat format, VkExtent2D size, uint32_t mips) {
  uint64_t bytes = 0;
  for (uint32_t mip = 0; mip < mips; mip++) {
    const VkExtent2D part = {std::max(size.width >> mip, 1u), std::max(size.height >> mip, 1u)};
    bytes += format == kBlockFormat ? blocks_of(part) * 16 : uint64_t{part.width} * part.height * 4;
  }
  return bytes;
}

// What is decoded in one go, and where it lies: map by map, mip by mip.
struct Transcoder::Plan {
  const NtcFile& file;
  std::span<const SlotChannels> maps;
  std::span<Image> images;
  bool to_blocks;
  std::vector<uint32_t> first_texel, first_block;  // of each mip of the first map
  uint32_t map_texels = 0, map_blocks = 0;         // from a map to the next
  Buffer texels, blocks;
};

Transcoder::Transcoder(Device& device) : device_(device) {
  std::array<VkDescriptorSetLayoutBinding, kBindings> bindings;
  std::array<VkDescriptorPoolSize, kBindings> sizes;
  for (uint32_t i = 0; i < kBindings; i++) {
    bindings[i] = {i, kTypes[i], 1, VK_SHADER_STAGE_COMPUTE_BIT, nullptr};
    sizes[i] = {kTypes[i], 1};
  }
  const VkPushConstantRange calls = {VK_SHADER_STAGE_COMPUTE_BIT, 0, kCallBytes};
  set_layout_ = make_set_layout(device, bindings);
  layout_ = make_pipeline_layout(device, {set_layout_}, &calls);
  decode_ = make_compute_pipeline(device, layout_, kDecodeShader);
  bc7_ = make_compute_pipeline(device, layout_, kBc7Shader);
  fetch_ = make_compute_pipeline(device, layout_, kFetchShader);
  pool_ = make_descriptor_pool(device, 1, sizes);
  set_ = allocate_set(device, pool_, set_layout_);
  sampler_ = make_sampler(device, VK_FILTER_NEAREST, false, false);
}

std::vector<Image> Transcoder::decode(const NtcFile& file, std::span<const SlotChannels> maps,
                                      const Buffer& words, VkFormat format) {
  const VkExtent2D size = {file.opened->width, file.opened->height};
  const uint32_t mips = file.opened->mips;
  const uint64_t map_bytes = texture_bytes(VK_FORMAT_R8G8B8A8_UNORM, size, mips);
  const auto at_once =
      static_cast<size_t>(std::clamp<uint64_t>(device_.most_storage_bytes() / map_bytes, 1, kMostMaps));
  std::vector<Image> images;
  for (size_t i = 0; i < maps.size(); i++)
    images.emplace_back(device_, format, size, mips,
                        VK_IMAGE_USAGE_SAMPLED_BIT | VK_IMAGE_USAGE_TRANSFER_DST_BIT);
  for (size_t i = 0; i < maps.size(); i += at_once) {
    const size_t count = std::min(at_once, maps.size() - i);
    decode_some(file, maps.subspan(i, count), words, std::span(images).subspan(i, count));
  }
  return images;
}

void Transcoder::decode_some(const NtcFile& file, std::span<const SlotChannels> maps, const Buffer& words,
                             std::span<Image> images) {
  Plan plan = {.file = file, .maps = maps, .images = images, .to_blocks = images[0].format() == kBlockFormat};
  for (uint32_t mip = 0; mip < images[0].mips(); mip++) {
    const VkExtent2D size = images[0].size(mip);
    plan.first_texel.push_back(plan.map_texels);
    plan.first_block.push_back(plan.map_blocks);
    plan.map_texels += size.width * size.height;
    plan.map_blocks += static_cast<uint32_t>(blocks_of(size));
  }
  const VkBufferUsageFlags usage = VK_BUFFER_USAGE_STORAGE_BUFFER_BIT | VK_BUFFER_USAGE_TRANSFER_SRC_BIT;
  const uint64_t blocks = plan.to_blocks ? maps.size() * plan.map_blocks : 1;
  plan.texels = Buffer(device_, maps.size() * plan.map_texels * 4, usage, Buffer::Where::kDevice);
  plan.blocks = Buffer(device_, blocks * 16, usage, Buffer::Where::kDevice);
  bind(words, plan.blocks, plan.texels, images[0].view());
  gpu_ms_ += device_.run([&](VkCommandBuffer commands) {
    record_decode(commands, plan);
    if (plan.to_blocks) record_blocks(commands, plan);
    record_copy(commands, plan);
  });
}

void Transcoder::record_decode(VkCommandBuffer commands, const Plan& plan) {
  DecodeCall call = {.first_word = plan.file.first_word,
                     .words = plan.file.words,
                     .maps = static_cast<uint32_t>(plan.maps.size()),
                     .map_texels = plan.map_texels};
  for (size_t map = 0; map < plan.maps.size(); map++)
    for (uint32_t c = 0; c < 4; c++) {
      const int output = plan.maps[map].outputs[c];
      const float constant = std::clamp(plan.maps[map].constants[c], 0.0f, 1.0f);
      call.outputs[map] |= (output < 0 ? 255u : static_cast<uint32_t>(output)) << (8 * c);
      call.filled[map] |= static_cast<uint32_t>(std::lround(255 * constant)) << (8 * c);
    }
  for (call.mip = 0; call.mip < plan.first_texel.size(); call.mip++) {
    const VkExtent2D size = plan.images[0].size(call.mip);
    call.first_texel = plan.first_texel[call.mip];
    start(commands, decode_, words_of(call), uint64_t{size.width} * size.height);
  }
}

void Transcoder::record_blocks(VkCommandBuffer commands, const Plan& plan) {
  barrier(commands, kCompute, kCompute);
  for (uint32_t map = 0; map < plan.maps.size(); map++)
    for (uint32_t mip = 0; mip < plan.first_block.size(); mip++) {
      const VkExtent2D size = plan.images[map].size(mip);
      const uint32_t call[] = {size.width, size.height, map * plan.map_texels + plan.first_texel[mip],
                               map * plan.map_blocks + plan.first_block[mip]};
      start(commands, bc7_, call, blocks_of(size));
    }
}

void Transcoder::record_copy(VkCommandBuffer commands, const Plan& plan) {
  barrier(commands, kCompute, kCopyFrom);
  for (uint32_t map = 0; map < plan.maps.size(); map++) {
    const Image& image = plan.images[map];
    std::vector<VkBufferImageCopy> copies;
    for (uint32_t mip = 0; mip < image.mips(); mip++) {
      const VkDeviceSize block = VkDeviceSize{map} * plan.map_blocks + plan.first_block[mip];
      const VkDeviceSize texel = VkDeviceSize{map} * plan.map_texels + plan.first_texel[mip];
      copies.push_back({.bufferOffset = plan.to_blocks ? 16 * block : 4 * texel,
                        .imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, mip, 0, 1},
                        .imageExtent = {image.size(mip).width, image.size(mip).height, 1}});
    }
    barrier(commands, image, VK_IMAGE_ASPECT_COLOR_BIT, kNothing, kCopyTo);
    vkCmdCopyBufferToImage(commands, plan.to_blocks ? plan.blocks : plan.texels, image,
                           VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, image.mips(), copies.data());
    barrier(commands, image, VK_IMAGE_ASPECT_COLOR_BIT, kCopyTo, kSample);
  }
}

std::vector<uint8_t> Transcoder::fetch(const Image& image, uint32_t mip) {
  const VkExtent2D size = image.size(mip);
  const uint64_t texels = uint64_t{size.width} * size.height;
  const Buffer found(device_, texels * 4, VK_BUFFER_USAGE_STORAGE_BUFFER_BIT, Buffer::Where::kHost);
  bind(found, found, found, image.view());
  device_.run([&](VkCommandBuffer commands) {
    start(commands, fetch_, {&mip, 1}, texels);
    barrier(commands, kCompute, kHostRead);
  });
  const auto* bytes = reinterpret_cast<const uint8_t*>(found.mapped());
  return {bytes, bytes + texels * 4};
}

void Transcoder::bind(VkBuffer words, VkBuffer blocks, VkBuffer texels, VkImageView image) {
  const std::array<VkDescriptorBufferInfo, kImage> buffers = {
      {{words, 0, VK_WHOLE_SIZE}, {blocks, 0, VK_WHOLE_SIZE}, {texels, 0, VK_WHOLE_SIZE}}};
  const VkDescriptorImageInfo read = {sampler_, image, VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
  std::array<VkWriteDescriptorSet, kBindings> writes;
  for (uint32_t i = 0; i < kBindings; i++)
    writes[i] = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                 .dstSet = set_,
                 .dstBinding = i,
                 .descriptorCount = 1,
                 .descriptorType = kTypes[i],
                 .pImageInfo = &read,
                 .pBufferInfo = i < kImage ? &buffers[i] : nullptr};
  vkUpdateDescriptorSets(device_, kBindings, writes.data(), 0, nullptr);
}

void Transcoder::start(VkCommandBuffer commands, VkPipeline pipeline, std::span<const uint32_t> call,
                       uint64_t threads) {
  const auto groups = static_cast<uint32_t>((threads + kGroupThreads - 1) / kGroupThreads);
  vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_COMPUTE, pipeline);
  vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_COMPUTE, layout_, 0, 1, &set_, 0, nullptr);
  vkCmdPushConstants(commands, layout_, VK_SHADER_STAGE_COMPUTE_BIT, 0,
                     static_cast<uint32_t>(call.size_bytes()), call.data());
  vkCmdDispatch(commands, std::min(groups, kGroupsInRow), (groups + kGroupsInRow - 1) / kGroupsInRow, 1);
}
