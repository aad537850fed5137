#include "renderer.h"

#include <algorithm>
#include <set>

#include "error.h"
#include "shaders.h"

namespace {

constexpr VkFormat kColor = VK_FORMAT_R8G8B8A8_UNORM;  // shaders encode as sRGB themselves
constexpr VkFormat kDepth = VK_FORMAT_D32_SFLOAT;
constexpr VkClearColorValue kBackground = {{0.16f, 0.17f, 0.19f, 1}};

constexpr Use kDrawColor = {VK_PIPELINE_STAGE_2_COLOR_ATTACHMENT_OUTPUT_BIT,
                            VK_ACCESS_2_COLOR_ATTACHMENT_WRITE_BIT, VK_IMAGE_LAYOUT_COLOR_ATTACHMENT_OPTIMAL};
constexpr Use kDrawDepth = {
    VK_PIPELINE_STAGE_2_EARLY_FRAGMENT_TESTS_BIT | VK_PIPELINE_STAGE_2_LATE_FRAGMENT_TESTS_BIT,
    VK_ACCESS_2_DEPTH_STENCIL_ATTACHMENT_READ_BIT | VK_ACCESS_2_DEPTH_STENCIL_ATTACHMENT_WRITE_BIT,
    VK_IMAGE_LAYOUT_DEPTH_ATTACHMENT_OPTIMAL};

enum SceneBinding { kFrame, kDraws, kMaterials, kWords, kSceneBindings };

}  // namespace

Renderer::Renderer(Device& device, const Scene& scene, const Materials& materials, Look look, VkExtent2D size)
    : device_(device), size_(size) {
  color_ =
      Image(device, kColor, size, 1, VK_IMAGE_USAGE_COLOR_ATTACHMENT_BIT | VK_IMAGE_USAGE_TRANSFER_SRC_BIT);
  depth_ = Image(device, kDepth, size, 1, VK_IMAGE_USAGE_DEPTH_STENCIL_ATTACHMENT_BIT);
  vertices_ = upload(device, std::as_bytes(std::span(scene.vertices)), VK_BUFFER_USAGE_VERTEX_BUFFER_BIT);
  indices_ = upload(device, std::as_bytes(std::span(scene.indices)), VK_BUFFER_USAGE_INDEX_BUFFER_BIT);
  frame_ = Buffer(device, sizeof(FrameRecord), VK_BUFFER_USAGE_UNIFORM_BUFFER_BIT, Buffer::Where::kHost);
  sort_draws(scene, materials);

  const VkFilter filter = look.filter == Filter::kTexel ? VK_FILTER_NEAREST : VK_FILTER_LINEAR;
  for (int i = 0; i < 4; i++) samplers_.push_back(make_sampler(device, filter, i & 1, i & 2));
  make_layouts();
  make_sets(materials);
  const auto is_sampled = [](const Bucket& bucket) { return bucket.shape != DecoderShape{}; };
  if (std::any_of(buckets_.begin(), buckets_.end(), is_sampled)) on_sample_ = make_pipeline(true, look);
  if (!std::all_of(buckets_.begin(), buckets_.end(), is_sampled)) from_images_ = make_pipeline(false, look);
}

// Draws of one decoder shape follow each other, and within them those of one material.
void Renderer::sort_draws(const Scene& scene, const Materials& materials) {
  draws_ = scene.draws;
  const auto& shapes = materials.shapes();
  std::stable_sort(draws_.begin(), draws_.end(), [&](const Draw& a, const Draw& b) {
    return std::tie(shapes[a.material], a.material) < std::tie(shapes[b.material], b.material);
  });
  std::vector<DrawRecord> records;
  std::set<uint32_t> seen;
  for (const Draw& draw : draws_) {
    const DecoderShape& shape = shapes[draw.material];
    if (buckets_.empty() || buckets_.back().shape != shape)
      buckets_.push_back({shape, static_cast<uint32_t>(records.size()), 0, 0});
    buckets_.back().draws++;
    if (seen.insert(draw.material).second) buckets_.back().materials++;
    records.push_back({draw.transform, glm::transpose(glm::inverse(draw.transform)), draw.material});
  }
  draw_records_ = upload(device_, std::as_bytes(std::span(records)), VK_BUFFER_USAGE_STORAGE_BUFFER_BIT);
}

void Renderer::make_layouts() {
  const VkShaderStageFlags both = VK_SHADER_STAGE_VERTEX_BIT | VK_SHADER_STAGE_FRAGMENT_BIT;
  std::array<VkDescriptorSetLayoutBinding, kSceneBindings> scene;
  for (uint32_t i = 0; i < kSceneBindings; i++)
    scene[i] = {i, i == kFrame ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, 1,
                both, nullptr};
  const VkDescriptorSetLayoutBinding images = {0, VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, kSlots,
                                               VK_SHADER_STAGE_FRAGMENT_BIT, nullptr};
  scene_layout_ = make_set_layout(device_, scene);
  material_layout_ = make_set_layout(device_, {&images, 1});
  layout_ = make_pipeline_layout(device_, {scene_layout_, material_layout_}, nullptr);
}

void Renderer::make_sets(const Materials& materials) {
  const auto count = static_cast<uint32_t>(materials.bindings().size());
  const std::array<VkDescriptorPoolSize, 3> sizes = {
      {{VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER, 1},
       {VK_DESCRIPTOR_TYPE_STORAGE_BUFFER, kSceneBindings - 1},
       {VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER, kSlots * count}}};
  pool_ = make_descriptor_pool(device_, 1 + count, sizes);
  scene_set_ = allocate_set(device_, pool_, scene_layout_);
  const std::array<VkDescriptorBufferInfo, kSceneBindings> buffers = {
      {{frame_, 0, VK_WHOLE_SIZE},
       {draw_records_, 0, VK_WHOLE_SIZE},
       {materials.records(), 0, VK_WHOLE_SIZE},
       {materials.words(), 0, VK_WHOLE_SIZE}}};
  for (uint32_t i = 0; i < kSceneBindings; i++) {
    const VkWriteDescriptorSet write = {
        .sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
        .dstSet = scene_set_,
        .dstBinding = i,
        .descriptorCount = 1,
        .descriptorType = i == kFrame ? VK_DESCRIPTOR_TYPE_UNIFORM_BUFFER : VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
        .pBufferInfo = &buffers[i]};
    vkUpdateDescriptorSets(device_, 1, &write, 0, nullptr);
  }
  for (const auto& bindings : materials.bindings()) {
    std::array<VkDescriptorImageInfo, kSlots> images;
    for (size_t i = 0; i < kSlots; i++)
      images[i] = {samplers_[(bindings[i].wrap_u ? 1 : 0) + (bindings[i].wrap_v ? 2 : 0)], bindings[i].view,
                   VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL};
    material_sets_.push_back(allocate_set(device_, pool_, material_layout_));
    const VkWriteDescriptorSet write = {.sType = VK_STRUCTURE_TYPE_WRITE_DESCRIPTOR_SET,
                                        .dstSet = material_sets_.back(),
                                        .descriptorCount = kSlots,
                                        .descriptorType = VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER,
                                        .pImageInfo = images.data()};
    vkUpdateDescriptorSets(device_, 1, &write, 0, nullptr);
  }
}

Pipeline Renderer::make_pipeline(bool on_sample, Look look) {
  const uint32_t constants[] = {static_cast<uint32_t>(look.filter), look.round_to_8};
  const VkSpecializationMapEntry entries[] = {{0, 0, 4}, {1, 4, 4}};
  const VkSpecializationInfo specialization = {2, entries, sizeof constants, constants};
  const ShaderModule vertex = make_shader(device_, kMeshShader);
  const ShaderModule fragment =
      on_sample ? make_shader(device_, kOnSampleShader) : make_shader(device_, kImagesShader);
  const VkPipelineShaderStageCreateInfo stages[] = {
      {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
       .stage = VK_SHADER_STAGE_VERTEX_BIT,
       .module = vertex,
       .pName = "main"},
      {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
       .stage = VK_SHADER_STAGE_FRAGMENT_BIT,
       .module = fragment,
       .pName = "main",
       .pSpecializationInfo = &specialization}};

  const VkVertexInputBindingDescription buffer = {0, sizeof(Vertex), VK_VERTEX_INPUT_RATE_VERTEX};
  const VkVertexInputAttributeDescription attributes[] = {
      {0, 0, VK_FORMAT_R32G32B32_SFLOAT, offsetof(Vertex, position)},
      {1, 0, VK_FORMAT_R32G32B32_SFLOAT, offsetof(Vertex, normal)},
      {2, 0, VK_FORMAT_R32G32_SFLOAT, offsetof(Vertex, coordinates)},
      {3, 0, VK_FORMAT_R32G32_SFLOAT, offsetof(Vertex, coordinates) + sizeof(glm::vec2)}};
  const VkPipelineVertexInputStateCreateInfo input = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_VERTEX_INPUT_STATE_CREATE_INFO,
      .vertexBindingDescriptionCount = 1,
      .pVertexBindingDescriptions = &buffer,
      .vertexAttributeDescriptionCount = 4,
      .pVertexAttributeDescriptions = attributes};
  const VkPipelineInputAssemblyStateCreateInfo assembly = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_INPUT_ASSEMBLY_STATE_CREATE_INFO,
      .topology = VK_PRIMITIVE_TOPOLOGY_TRIANGLE_LIST};
  const VkViewport viewport = {0, 0, static_cast<float>(size_.width), static_cast<float>(size_.height), 0, 1};
  const VkRect2D all = {{0, 0}, size_};
  const VkPipelineViewportStateCreateInfo view = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_VIEWPORT_STATE_CREATE_INFO,
      .viewportCount = 1,
      .pViewports = &viewport,
      .scissorCount = 1,
      .pScissors = &all};
  const VkPipelineRasterizationStateCreateInfo raster = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_RASTERIZATION_STATE_CREATE_INFO,
      .cullMode = VK_CULL_MODE_NONE,
      .frontFace = VK_FRONT_FACE_COUNTER_CLOCKWISE,
      .lineWidth = 1};
  const VkPipelineMultisampleStateCreateInfo samples = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_MULTISAMPLE_STATE_CREATE_INFO,
      .rasterizationSamples = VK_SAMPLE_COUNT_1_BIT};
  const VkPipelineDepthStencilStateCreateInfo depth = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_DEPTH_STENCIL_STATE_CREATE_INFO,
      .depthTestEnable = VK_TRUE,
      .depthWriteEnable = VK_TRUE,
      .depthCompareOp = VK_COMPARE_OP_LESS};
  const VkPipelineColorBlendAttachmentState opaque = {.colorWriteMask = 0xF};
  const VkPipelineColorBlendStateCreateInfo blend = {
      .sType = VK_STRUCTURE_TYPE_PIPELINE_COLOR_BLEND_STATE_CREATE_INFO,
      .attachmentCount = 1,
      .pAttachments = &opaque};
  const VkPipelineRenderingCreateInfo rendering = {.sType = VK_STRUCTURE_TYPE_PIPELINE_RENDERING_CREATE_INFO,
                                                   .colorAttachmentCount = 1,
                                                   .pColorAttachmentFormats = &kColor,
                                                   .depthAttachmentFormat = kDepth};
  const VkGraphicsPipelineCreateInfo info = {.sType = VK_STRUCTURE_TYPE_GRAPHICS_PIPELINE_CREATE_INFO,
                                             .pNext = &rendering,
                                             .stageCount = 2,
                                             .pStages = stages,
                                             .pVertexInputState = &input,
                                             .pInputAssemblyState = &assembly,
                                             .pViewportState = &view,
                                             .pRasterizationState = &raster,
                                             .pMultisampleState = &samples,
                                             .pDepthStencilState = &depth,
                                             .pColorBlendState = &blend,
                                             .layout = layout_};
  VkPipeline pipeline;
  check(vkCreateGraphicsPipelines(device_, VK_NULL_HANDLE, 1, &info, nullptr, &pipeline),
        "vkCreateGraphicsPipelines");
  return {device_, pipeline};
}

double Renderer::draw(const Camera& camera, uint32_t number) {
  const float aspect = static_cast<float>(size_.width) / static_cast<float>(size_.height);
  const FrameRecord frame = {camera.projection(aspect) * camera.view, camera.eye(), number};
  std::memcpy(frame_.mapped(), &frame, sizeof frame);
  return device_.run([&](VkCommandBuffer commands) {
    barrier(commands, color_, VK_IMAGE_ASPECT_COLOR_BIT, kNothing, kDrawColor);
    barrier(commands, depth_, VK_IMAGE_ASPECT_DEPTH_BIT, kNothing, kDrawDepth);
    const VkRenderingAttachmentInfo color = {.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
                                             .imageView = color_.view(),
                                             .imageLayout = kDrawColor.layout,
                                             .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                             .storeOp = VK_ATTACHMENT_STORE_OP_STORE,
                                             .clearValue = {.color = kBackground}};
    const VkRenderingAttachmentInfo depth = {.sType = VK_STRUCTURE_TYPE_RENDERING_ATTACHMENT_INFO,
                                             .imageView = depth_.view(),
                                             .imageLayout = kDrawDepth.layout,
                                             .loadOp = VK_ATTACHMENT_LOAD_OP_CLEAR,
                                             .storeOp = VK_ATTACHMENT_STORE_OP_DONT_CARE,
                                             .clearValue = {.depthStencil = {1, 0}}};
    const VkRenderingInfo rendering = {.sType = VK_STRUCTURE_TYPE_RENDERING_INFO,
                                       .renderArea = {{0, 0}, size_},
                                       .layerCount = 1,
                                       .colorAttachmentCount = 1,
                                       .pColorAttachments = &color,
                                       .pDepthAttachment = &depth};
    vkCmdBeginRendering(commands, &rendering);
    record(commands);
    vkCmdEndRendering(commands);
    barrier(commands, color_, VK_IMAGE_ASPECT_COLOR_BIT, kDrawColor, kCopyFrom);
  });
}

// Bucket by bucket. Words of all materials lie in one buffer, so from draw to draw of a bucket nothing
// changes but the number of the draw, and the images of materials that have some.
void Renderer::record(VkCommandBuffer commands) {
  const VkDeviceSize start = 0;
  const VkBuffer vertices = vertices_;
  vkCmdBindVertexBuffers(commands, 0, 1, &vertices, &start);
  vkCmdBindIndexBuffer(commands, indices_, 0, VK_INDEX_TYPE_UINT32);
  vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, layout_, 0, 1, &scene_set_, 0, nullptr);
  for (const Bucket& bucket : buckets_) {
    const bool on_sample = bucket.shape != DecoderShape{};
    vkCmdBindPipeline(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, on_sample ? on_sample_ : from_images_);
    VkDescriptorSet bound = VK_NULL_HANDLE;
    for (uint32_t i = bucket.first_draw; i < bucket.first_draw + bucket.draws; i++) {
      const Draw& draw = draws_[i];
      const VkDescriptorSet images = material_sets_[draw.material];
      if (images != bound)
        vkCmdBindDescriptorSets(commands, VK_PIPELINE_BIND_POINT_GRAPHICS, layout_, 1, 1, &images, 0,
                                nullptr);
      bound = images;
      vkCmdDrawIndexed(commands, draw.index_count, 1, draw.first_index, 0, i);
    }
  }
}

Picture Renderer::read_picture() {
  const Buffer pixels(device_, uint64_t{4} * size_.width * size_.height, VK_BUFFER_USAGE_TRANSFER_DST_BIT,
                      Buffer::Where::kHost);
  device_.run([&](VkCommandBuffer commands) {
    const VkBufferImageCopy all = {.imageSubresource = {VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, 1},
                                   .imageExtent = {size_.width, size_.height, 1}};
    vkCmdCopyImageToBuffer(commands, color_, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, pixels, 1, &all);
    barrier(commands, kCopyTo, kHostRead);
  });
  const auto* bytes = reinterpret_cast<const uint8_t*>(pixels.mapped());
  return {static_cast<int>(size_.width), static_cast<int>(size_.height), {bytes, bytes + pixels.bytes()}};
}
