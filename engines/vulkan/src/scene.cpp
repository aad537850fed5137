#include "scene.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <glm/gtc/matrix_transform.hpp>
#include <glm/gtc/quaternion.hpp>
#include <glm/gtc/type_ptr.hpp>

#include "accessor.h"
#include "error.h"

namespace {

constexpr const char* kExtension = "NTC_material_textures";
constexpr std::array<const char*, kSlots> kSlotNames = {
    "baseColorTexture", "metallicRoughnessTexture", "normalTexture", "occlusionTexture", "emissiveTexture"};

void warn(const std::string& line) { std::fprintf(stderr, "warning: %s\n", line.c_str()); }

// Keeps the bytes of images as they are: those that a .ntc replaces are never decoded.
bool keep_image(tinygltf::Image* image, const int, std::string*, std::string*, int, int,
                const unsigned char* bytes, int size, void*) {
  image->image.assign(bytes, bytes + size);
  return true;
}

tinygltf::Model parse(const std::filesystem::path& path) {
  tinygltf::TinyGLTF loader;
  tinygltf::Model model;
  std::string error, warning;
  loader.SetImageLoader(keep_image, nullptr);
  const bool loaded = path.extension() == ".glb" ? loader.LoadBinaryFromFile(&model, &error, &warning, path)
                                                 : loader.LoadASCIIFromFile(&model, &error, &warning, path);
  if (!loaded) {
    std::replace(error.begin(), error.end(), '\n', ' ');
    throw Error(path.string() + " is not a glTF model that can be read: " + error);
  }
  if (!model.extensionsRequired.empty())
    throw Error(path.string() + " requires the extension " + model.extensionsRequired[0] +
                ", which is not read here: export it without");
  return model;
}

std::string percent_decoded(const std::string& uri) {
  std::string text;
  for (size_t i = 0; i < uri.size(); i++) {
    const auto is_digit = [&](size_t at) { return std::isxdigit(static_cast<unsigned char>(uri[at])); };
    if (uri[i] == '%' && i + 2 < uri.size() && is_digit(i + 1) && is_digit(i + 2)) {
      text += static_cast<char>(std::stoi(uri.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      text += uri[i];
    }
  }
  return text;
}

TextureSlot read_slot(const tinygltf::Model& model, int texture, int coordinates,
                      const tinygltf::ExtensionMap& extensions) {
  if (extensions.count("KHR_texture_transform"))
    warn("KHR_texture_transform is not read here: bake it into the texture coordinates");
  TextureSlot slot;
  slot.coordinates = std::clamp(coordinates, 0, 1);
  if (texture < 0 || static_cast<size_t>(texture) >= model.textures.size()) return slot;
  const auto& found = model.textures[static_cast<size_t>(texture)];
  if (found.source >= 0 && static_cast<size_t>(found.source) < model.images.size()) slot.image = found.source;
  if (found.sampler >= 0 && static_cast<size_t>(found.sampler) < model.samplers.size()) {
    const auto& sampler = model.samplers[static_cast<size_t>(found.sampler)];
    slot.wrap_u = sampler.wrapS != TINYGLTF_TEXTURE_WRAP_CLAMP_TO_EDGE;
    slot.wrap_v = sampler.wrapT != TINYGLTF_TEXTURE_WRAP_CLAMP_TO_EDGE;
    slot.mips = sampler.minFilter != TINYGLTF_TEXTURE_FILTER_NEAREST &&
                sampler.minFilter != TINYGLTF_TEXTURE_FILTER_LINEAR;
  }
  return slot;
}

// docs/gltf.md: which .ntc stands for which slots.
void read_extension(const tinygltf::Model& model, const tinygltf::Value& value,
                    const std::filesystem::path& folder, SceneMaterial& material) {
  if (value.Has("uri") && value.Get("uri").IsString()) {
    const std::filesystem::path file = percent_decoded(value.Get("uri").Get<std::string>());
    if (file.empty() || file.is_absolute() || *file.lexically_normal().begin() == "..")
      throw Error("the .ntc of material " + material.name +
                  " lies outside of the model's folder: convert the model again with ntc gltf");
    material.file = folder / file;
  } else if (value.Has("bufferView") && value.Get("bufferView").IsInt()) {
    material.bytes = read_view(model, value.Get("bufferView").Get<int>());
  } else {
    return;
  }
  if (!value.Has("textures") || !value.Get("textures").IsObject()) return;
  for (size_t i = 0; i < kSlots; i++) {
    const auto& texture = value.Get("textures").Get(kSlotNames[i]);
    if (!texture.IsObject() || !texture.Get("map").IsString()) continue;
    material.slots[i].map = texture.Get("map").Get<std::string>();
    if (texture.Get("texCoord").IsInt())
      material.slots[i].coordinates = std::clamp(texture.Get("texCoord").Get<int>(), 0, 1);
  }
}

SceneMaterial read_material(const tinygltf::Model& model, const tinygltf::Material& from,
                            const std::filesystem::path& folder) {
  const auto& metal = from.pbrMetallicRoughness;
  SceneMaterial material;
  material.name = from.name;
  const auto slot = [&](const auto& info) {
    return read_slot(model, info.index, info.texCoord, info.extensions);
  };
  material.slots = {slot(metal.baseColorTexture), slot(metal.metallicRoughnessTexture),
                    slot(from.normalTexture), slot(from.occlusionTexture), slot(from.emissiveTexture)};
  if (metal.baseColorFactor.size() == 4) material.base_color = glm::make_vec4(metal.baseColorFactor.data());
  if (from.emissiveFactor.size() == 3) material.emissive = glm::make_vec3(from.emissiveFactor.data());
  material.metallic = static_cast<float>(metal.metallicFactor);
  material.roughness = static_cast<float>(metal.roughnessFactor);
  material.normal_scale = static_cast<float>(from.normalTexture.scale);
  material.occlusion_strength = static_cast<float>(from.occlusionTexture.strength);
  if (from.alphaMode == "MASK") material.alpha_cutoff = static_cast<float>(from.alphaCutoff);
  if (from.alphaMode == "BLEND")
    warn("material " + from.name + " is drawn opaque: blending is not done here");
  const auto found = from.extensions.find(kExtension);
  if (found != from.extensions.end()) read_extension(model, found->second, folder, material);
  return material;
}

// Normals of a primitive that has none: those of its triangles, blended at vertices that they share.
void make_normals(Scene& scene, size_t first_vertex, size_t first_index) {
  for (size_t i = first_index; i + 2 < scene.indices.size(); i += 3) {
    Vertex* corner[3];
    for (size_t c = 0; c < 3; c++) corner[c] = &scene.vertices[scene.indices[i + c]];
    const glm::vec3 normal =
        glm::cross(corner[1]->position - corner[0]->position, corner[2]->position - corner[0]->position);
    for (Vertex* vertex : corner) vertex->normal += normal;
  }
  for (size_t i = first_vertex; i < scene.vertices.size(); i++)
    scene.vertices[i].normal = glm::normalize(scene.vertices[i].normal + glm::vec3(0, 0, 1e-20f));
}

void add_primitive(Scene& scene, const tinygltf::Model& model, const tinygltf::Primitive& primitive,
                   const glm::mat4& transform) {
  const auto& attributes = primitive.attributes;
  if ((primitive.mode != TINYGLTF_MODE_TRIANGLES && primitive.mode != -1) || !attributes.count("POSITION")) {
    warn("a primitive that is not made of triangles is left out");
    return;
  }
  const size_t first_vertex = scene.vertices.size(), first_index = scene.indices.size();
  const auto positions = read_numbers(model, attributes.at("POSITION"), 3);
  const size_t count = positions.size() / 3;
  const auto read = [&](const char* name, int components) {
    auto numbers = attributes.count(name) ? read_numbers(model, attributes.at(name), components)
                                          : std::vector<float>(count * static_cast<size_t>(components));
    if (numbers.size() != count * static_cast<size_t>(components))
      throw Error(std::string("the model has more or fewer ") + name + " than positions: export it again");
    return numbers;
  };
  const auto normals = read("NORMAL", 3), first = read("TEXCOORD_0", 2), second = read("TEXCOORD_1", 2);
  for (size_t i = 0; i < count; i++) {
    const Vertex vertex = {glm::make_vec3(&positions[3 * i]),
                           glm::make_vec3(&normals[3 * i]),
                           {glm::make_vec2(&first[2 * i]), glm::make_vec2(&second[2 * i])}};
    const glm::vec3 placed = transform * glm::vec4(vertex.position, 1);
    scene.low = scene.vertices.empty() ? placed : glm::min(scene.low, placed);
    scene.high = scene.vertices.empty() ? placed : glm::max(scene.high, placed);
    scene.vertices.push_back(vertex);
  }
  std::vector<uint32_t> indices(count);
  for (uint32_t i = 0; i < count; i++) indices[i] = i;
  if (primitive.indices >= 0) indices = read_indices(model, primitive.indices, count);
  for (uint32_t index : indices) scene.indices.push_back(static_cast<uint32_t>(first_vertex) + index);
  if (!attributes.count("NORMAL")) make_normals(scene, first_vertex, first_index);
  // The last material is that of primitives without one.
  const bool named =
      primitive.material >= 0 && static_cast<size_t>(primitive.material) < model.materials.size();
  scene.draws.push_back(
      {static_cast<uint32_t>(first_index), static_cast<uint32_t>(indices.size()),
       static_cast<uint32_t>(named ? static_cast<size_t>(primitive.material) : model.materials.size()),
       transform});
}

glm::mat4 transform_of(const tinygltf::Node& node) {
  if (node.matrix.size() == 16) return glm::make_mat4(node.matrix.data());
  glm::mat4 result(1);
  if (node.translation.size() == 3)
    result = glm::translate(result, glm::vec3(glm::make_vec3(node.translation.data())));
  if (node.rotation.size() == 4) result *= glm::mat4_cast(glm::quat(glm::make_quat(node.rotation.data())));
  if (node.scale.size() == 3) result = glm::scale(result, glm::vec3(glm::make_vec3(node.scale.data())));
  return result;
}

Camera read_camera(const tinygltf::Camera& from, const glm::mat4& transform) {
  Camera camera;
  camera.view = glm::inverse(transform);
  if (from.type == "orthographic") {
    camera.field_of_view = 0;
    camera.half_size = {from.orthographic.xmag, from.orthographic.ymag};
    camera.nearest = static_cast<float>(from.orthographic.znear);
    camera.farthest = static_cast<float>(from.orthographic.zfar);
  } else {
    camera.field_of_view = static_cast<float>(from.perspective.yfov);
    camera.nearest = static_cast<float>(from.perspective.znear);
    // 0: infinite, which a million times the nearest is to 24 bits of depth.
    camera.farthest =
        from.perspective.zfar > 0 ? static_cast<float>(from.perspective.zfar) : 1e6f * camera.nearest;
  }
  return camera;
}

// Everything below the roots.
void add_nodes(Scene& scene, const tinygltf::Model& model, const std::vector<int>& roots) {
  std::vector<bool> seen(model.nodes.size());
  std::vector<std::pair<int, glm::mat4>> waiting;
  for (int root : roots) waiting.emplace_back(root, glm::mat4(1));
  while (!waiting.empty()) {
    const auto [index, parent] = waiting.back();
    waiting.pop_back();
    if (index < 0 || static_cast<size_t>(index) >= model.nodes.size() || seen[static_cast<size_t>(index)])
      throw Error("the nodes of the model are no tree: export it again");
    seen[static_cast<size_t>(index)] = true;
    const auto& node = model.nodes[static_cast<size_t>(index)];
    const glm::mat4 transform = parent * transform_of(node);
    if (node.mesh >= 0 && static_cast<size_t>(node.mesh) < model.meshes.size())
      for (const auto& primitive : model.meshes[static_cast<size_t>(node.mesh)].primitives)
        add_primitive(scene, model, primitive, transform);
    if (node.camera >= 0 && static_cast<size_t>(node.camera) < model.cameras.size() && !scene.camera)
      scene.camera = read_camera(model.cameras[static_cast<size_t>(node.camera)], transform);
    for (int child : node.children) waiting.emplace_back(child, transform);
  }
}

}  // namespace

Scene load_scene(const std::filesystem::path& path) {
  const tinygltf::Model model = parse(path);
  Scene scene;
  for (const auto& image : model.images)
    scene.images.push_back({image.uri.empty() ? image.name : image.uri, image.image});
  for (const auto& material : model.materials)
    scene.materials.push_back(read_material(model, material, path.parent_path()));
  scene.materials.push_back({.name = "default"});
  if (model.scenes.empty()) throw Error(path.string() + " has no scene: export it with one");
  const auto chosen = static_cast<size_t>(std::max(model.defaultScene, 0));
  if (chosen >= model.scenes.size())
    throw Error(path.string() + " names a scene that does not exist: export it again");
  add_nodes(scene, model, model.scenes[chosen].nodes);
  if (scene.indices.empty()) throw Error(path.string() + " has no triangles: there is nothing to draw");
  return scene;
}
