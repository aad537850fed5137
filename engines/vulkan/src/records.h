// What shaders are given: the same numbers as in shaders/scene.glsl.
#pragma once

#include <cstdint>
#include <glm/glm.hpp>

#include "scene.h"

enum class Source : uint32_t { kConstant, kImage, kNtc };

inline constexpr uint32_t kNoOutput = 255;

struct SlotRecord {
  Source source = Source::kConstant;
  uint32_t outputs = 0xFFFFFFFF;  // a byte for each of red, green, blue, alpha
  uint32_t coordinates = 0;
  uint32_t unused = 0;
  glm::vec4 constant{1};
};

struct MaterialRecord {
  glm::vec4 base_color;
  glm::vec4 emissive_and_cutoff;
  float metallic, roughness, normal_scale, occlusion_strength;
  uint32_t first_word = 0, words = 0;
  uint32_t unused[2] = {};
  SlotRecord slots[kSlots];
};

struct DrawRecord {
  glm::mat4 transform, normal_transform;
  uint32_t material;
  uint32_t unused[3] = {};
};

struct FrameRecord {
  glm::mat4 view_projection;
  glm::vec4 eye;
  uint32_t number;
};

static_assert(sizeof(SlotRecord) == 32 && sizeof(MaterialRecord) == 64 + 32 * kSlots &&
              sizeof(DrawRecord) == 144);
