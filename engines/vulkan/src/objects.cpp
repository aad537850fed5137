#include "objects.h"

#include "error.h"

SetLayout make_set_layout(VkDevice device, std::span<const VkDescriptorSetLayoutBinding> bindings) {
  const VkDescriptorSetLayoutCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_LAYOUT_CREATE_INFO,
                                                .bindingCount = static_cast<uint32_t>(bindings.size()),
                                                .pBindings = bindings.data()};
  VkDescriptorSetLayout layout;
  check(vkCreateDescriptorSetLayout(device, &info, nullptr, &layout), "vkCreateDescriptorSetLayout");
  return {device, layout};
}

PipelineLayout make_pipeline_layout(VkDevice device, std::initializer_list<VkDescriptorSetLayout> sets,
                                    const VkPushConstantRange* constants) {
  const VkPipelineLayoutCreateInfo info = {.sType = VK_STRUCTURE_TYPE_PIPELINE_LAYOUT_CREATE_INFO,
                                           .setLayoutCount = static_cast<uint32_t>(sets.size()),
                                           .pSetLayouts = sets.begin(),
                                           .pushConstantRangeCount = constants ? 1u : 0u,
                                           .pPushConstantRanges = constants};
  VkPipelineLayout layout;
  check(vkCreatePipelineLayout(device, &info, nullptr, &layout), "vkCreatePipelineLayout");
  return {device, layout};
}

DescriptorPool make_descriptor_pool(VkDevice device, uint32_t sets,
                                    std::span<const VkDescriptorPoolSize> sizes) {
  const VkDescriptorPoolCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_POOL_CREATE_INFO,
                                           .maxSets = sets,
                                           .poolSizeCount = static_cast<uint32_t>(sizes.size()),
                                           .pPoolSizes = sizes.data()};
  VkDescriptorPool pool;
  check(vkCreateDescriptorPool(device, &info, nullptr, &pool), "vkCreateDescriptorPool");
  return {device, pool};
}

VkDescriptorSet allocate_set(VkDevice device, VkDescriptorPool pool, VkDescriptorSetLayout layout) {
  const VkDescriptorSetAllocateInfo info = {.sType = VK_STRUCTURE_TYPE_DESCRIPTOR_SET_ALLOCATE_INFO,
                                            .descriptorPool = pool,
                                            .descriptorSetCount = 1,
                                            .pSetLayouts = &layout};
  VkDescriptorSet set;
  check(vkAllocateDescriptorSets(device, &info, &set), "vkAllocateDescriptorSets");
  return set;
}

ShaderModule make_shader(VkDevice device, std::span<const uint32_t> spirv) {
  const VkShaderModuleCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SHADER_MODULE_CREATE_INFO,
                                         .codeSize = spirv.size_bytes(),
                                         .pCode = spirv.data()};
  VkShaderModule module;
  check(vkCreateShaderModule(device, &info, nullptr, &module), "vkCreateShaderModule");
  return {device, module};
}

Pipeline make_compute_pipeline(VkDevice device, VkPipelineLayout layout, std::span<const uint32_t> spirv) {
  const ShaderModule module = make_shader(device, spirv);
  const VkComputePipelineCreateInfo info = {
      .sType = VK_STRUCTURE_TYPE_COMPUTE_PIPELINE_CREATE_INFO,
      .stage = {.sType = VK_STRUCTURE_TYPE_PIPELINE_SHADER_STAGE_CREATE_INFO,
                .stage = VK_SHADER_STAGE_COMPUTE_BIT,
                .module = module,
                .pName = "main"},
      .layout = layout};
  VkPipeline pipeline;
  check(vkCreateComputePipelines(device, VK_NULL_HANDLE, 1, &info, nullptr, &pipeline),
        "vkCreateComputePipelines");
  return {device, pipeline};
}

Sampler make_sampler(VkDevice device, VkFilter filter, bool wrap_u, bool wrap_v) {
  const auto mode = [](bool wrap) {
    return wrap ? VK_SAMPLER_ADDRESS_MODE_REPEAT : VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE;
  };
  const VkSamplerCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SAMPLER_CREATE_INFO,
                                    .magFilter = filter,
                                    .minFilter = filter,
                                    .mipmapMode = filter == VK_FILTER_LINEAR ? VK_SAMPLER_MIPMAP_MODE_LINEAR
                                                                             : VK_SAMPLER_MIPMAP_MODE_NEAREST,
                                    .addressModeU = mode(wrap_u),
                                    .addressModeV = mode(wrap_v),
                                    .addressModeW = VK_SAMPLER_ADDRESS_MODE_CLAMP_TO_EDGE,
                                    .maxLod = VK_LOD_CLAMP_NONE};
  VkSampler sampler;
  check(vkCreateSampler(device, &info, nullptr, &sampler), "vkCreateSampler");
  return {device, sampler};
}
