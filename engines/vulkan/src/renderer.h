// Draws a scene with its materials into an image, in buckets of materials that decode alike.
#pragma once

#include <cstdint>
#include <vector>

#include "device.h"
#include "materials.h"
#include "objects.h"
#include "picture.h"
#include "resources.h"
#include "scene.h"

// NTC_FILTER_... of shaders/generated/ntc.glsl.
enum class Filter : uint32_t { kTexel, kFiltered, kExact, kStochastic };

struct Look {
  Filter filter = Filter::kExact;
  bool round_to_8 = false;  // what a .ntc gives is rounded as textures of 8 bits hold it
};

// Draws one after the other, of materials of the same decoder shape.
struct Bucket {
  DecoderShape shape;
  uint32_t first_draw, draws, materials;
};

class Renderer {
 public:
  Renderer(Device& device, const Scene& scene, const Materials& materials, Look look, VkExtent2D size);

  // One frame; leaves the picture ready to be copied from. Returns the milliseconds that drawing took on the
  // GPU.
  double draw(const Camera& camera, uint32_t number);
  Picture read_picture();

  const Image& target() const { return color_; }
  const std::vector<Bucket>& buckets() const { return buckets_; }

 private:
  void sort_draws(const Scene& scene, const Materials& materials);
  void make_layouts();
  void make_sets(const Materials& materials);
  Pipeline make_pipeline(bool on_sample, Look look);
  void record(VkCommandBuffer commands);

  Device& device_;
  VkExtent2D size_;
  Image color_, depth_;
  Buffer vertices_, indices_, frame_, draw_records_;
  std::vector<Draw> draws_;  // bucket by bucket
  std::vector<Bucket> buckets_;
  SetLayout scene_layout_, material_layout_;
  PipelineLayout layout_;
  Pipeline on_sample_, from_images_;
  std::vector<Sampler> samplers_;  // by whether u wraps and, twice that, whether v does
  DescriptorPool pool_;
  VkDescriptorSet scene_set_ = VK_NULL_HANDLE;
  std::vector<VkDescriptorSet> material_sets_;
};
