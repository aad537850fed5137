// Makes the small objects of Vulkan that computing and drawing both need.
#pragma once

#include <initializer_list>
#include <span>

#include "device.h"

using Pipeline = Handle<VkPipeline, vkDestroyPipeline>;
using PipelineLayout = Handle<VkPipelineLayout, vkDestroyPipelineLayout>;
using SetLayout = Handle<VkDescriptorSetLayout, vkDestroyDescriptorSetLayout>;
using DescriptorPool = Handle<VkDescriptorPool, vkDestroyDescriptorPool>;
using Sampler = Handle<VkSampler, vkDestroySampler>;
using ShaderModule = Handle<VkShaderModule, vkDestroyShaderModule>;

SetLayout make_set_layout(VkDevice device, std::span<const VkDescriptorSetLayoutBinding> bindings);
PipelineLayout make_pipeline_layout(VkDevice device, std::initializer_list<VkDescriptorSetLayout> sets,
                                    const VkPushConstantRange* constants);
DescriptorPool make_descriptor_pool(VkDevice device, uint32_t sets,
                                    std::span<const VkDescriptorPoolSize> sizes);
VkDescriptorSet allocate_set(VkDevice device, VkDescriptorPool pool, VkDescriptorSetLayout layout);
ShaderModule make_shader(VkDevice device, std::span<const uint32_t> spirv);
Pipeline make_compute_pipeline(VkDevice device, VkPipelineLayout layout, std::span<const uint32_t> spirv);

// The filter holds within mips and between them. A coordinate repeats or ends at the border.
Sampler make_sampler(VkDevice device, VkFilter filter, bool wrap_u, bool wrap_v);
