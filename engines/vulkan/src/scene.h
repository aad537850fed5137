// A glTF model, as much of it as is drawn here: triangles, and the materials of the core specification.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <glm/glm.hpp>
#include <optional>
#include <string>
#include <vector>

struct Vertex {
  glm::vec3 position, normal;
  glm::vec2 coordinates[2];
};

struct Draw {
  uint32_t first_index, index_count;
  uint32_t material;
  glm::mat4 transform;
};

enum Slot { kBaseColor, kMetallicRoughness, kNormal, kOcclusion, kEmissive, kSlots };

// What a slot of a material reads: an image of the model, or a map of the material's .ntc.
struct TextureSlot {
  int image = -1;  // of the model's, or -1
  bool wrap_u = true, wrap_v = true;
  bool mips = true;     // the sampler reads smaller versions of the image
  int coordinates = 0;  // the set that it is read with: 0 or 1
  std::string map;      // empty: the .ntc does not replace this slot
};

struct SceneMaterial {
  std::string name;
  std::filesystem::path file;  // the .ntc, or empty
  std::vector<uint8_t> bytes;  // the .ntc where it lies in a buffer of the model
  std::array<TextureSlot, kSlots> slots;
  glm::vec4 base_color{1};
  glm::vec3 emissive{0};
  float metallic = 1, roughness = 1, normal_scale = 1, occlusion_strength = 1;
  float alpha_cutoff = 0;  // texels below are cut out
};

// An image file in memory, not decoded: where a .ntc replaces it, it never has to be.
struct EncodedImage {
  std::string name;
  std::vector<uint8_t> bytes;
};

struct Camera {
  glm::mat4 view{1};
  float field_of_view = 0.7f;  // of the height, in radians; 0: parallel
  glm::vec2 half_size{1};      // of what a parallel camera sees
  float nearest = 0.1f, farthest = 100;

  glm::mat4 projection(float aspect) const;
  glm::vec4 eye() const;  // where it stands, or with w = 0 the direction that it looks from
};

// A camera that looks from this direction at all of a box.
Camera camera_around(glm::vec3 low, glm::vec3 high, glm::vec2 turn, float distance);

struct Scene {
  std::vector<Vertex> vertices;
  std::vector<uint32_t> indices;
  std::vector<Draw> draws;
  std::vector<SceneMaterial> materials;
  std::vector<EncodedImage> images;
  std::optional<Camera> camera;
  glm::vec3 low{0}, high{0};  // the box around everything
};

// Reads a .gltf or .glb. Throws Error.
Scene load_scene(const std::filesystem::path& path);
