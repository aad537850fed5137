#include "accessor.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "error.h"

namespace {

constexpr size_t kMaxElements = 1u << 28;

struct Range {
  const unsigned char* first;
  size_t bytes;
};

Range view_range(const tinygltf::Model& model, int index) {
  if (index < 0 || static_cast<size_t>(index) >= model.bufferViews.size())
    throw Error("the model names a buffer view that does not exist: export it again");
  const auto& view = model.bufferViews[static_cast<size_t>(index)];
  if (view.buffer < 0 || static_cast<size_t>(view.buffer) >= model.buffers.size())
    throw Error("the model names a buffer that does not exist: export it again");
  const auto& data = model.buffers[static_cast<size_t>(view.buffer)].data;
  if (view.byteOffset > data.size() || view.byteLength > data.size() - view.byteOffset)
    throw Error("a buffer view of the model ends outside of its buffer: export it again");
  return {data.data() + view.byteOffset, view.byteLength};
}

template <class Stored, class Result>
Result read_one(const unsigned char* at, bool normalized) {
  Stored value;
  std::memcpy(&value, at, sizeof value);
  if (std::numeric_limits<Stored>::is_integer && normalized)
    return static_cast<Result>(
        std::max(static_cast<double>(value) / static_cast<double>(std::numeric_limits<Stored>::max()), -1.0));
  return static_cast<Result>(value);
}

template <class Result>
Result read_component(const unsigned char* at, int type, bool normalized) {
  switch (type) {
    case TINYGLTF_COMPONENT_TYPE_BYTE:
      return read_one<int8_t, Result>(at, normalized);
    case TINYGLTF_COMPONENT_TYPE_UNSIGNED_BYTE:
      return read_one<uint8_t, Result>(at, normalized);
    case TINYGLTF_COMPONENT_TYPE_SHORT:
      return read_one<int16_t, Result>(at, normalized);
    case TINYGLTF_COMPONENT_TYPE_UNSIGNED_SHORT:
      return read_one<uint16_t, Result>(at, normalized);
    case TINYGLTF_COMPONENT_TYPE_UNSIGNED_INT:
      return read_one<uint32_t, Result>(at, normalized);
    case TINYGLTF_COMPONENT_TYPE_FLOAT:
      return read_one<float, Result>(at, normalized);
    default:
      throw Error("an accessor of the model has an unknown component type: export it again");
  }
}

template <class Result>
std::vector<Result> read_all(const tinygltf::Model& model, int index, int components) {
  if (index < 0 || static_cast<size_t>(index) >= model.accessors.size())
    throw Error("the model names an accessor that does not exist: export it again");
  const auto& accessor = model.accessors[static_cast<size_t>(index)];
  if (accessor.sparse.isSparse)
    throw Error("the model has sparse accessors, which are not read: export it without");
  if (tinygltf::GetNumComponentsInType(static_cast<uint32_t>(accessor.type)) != components)
    throw Error("an accessor of the model has the wrong type: export it again");
  const int component_bytes =
      tinygltf::GetComponentSizeInBytes(static_cast<uint32_t>(accessor.componentType));
  const Range range = view_range(model, accessor.bufferView);
  const int stride = accessor.ByteStride(model.bufferViews[static_cast<size_t>(accessor.bufferView)]);
  const auto element = static_cast<size_t>(component_bytes) * static_cast<size_t>(components);
  if (component_bytes <= 0 || stride <= 0 || accessor.count > kMaxElements ||
      (accessor.count > 0 &&
       (accessor.byteOffset > range.bytes ||
        (accessor.count - 1) * static_cast<size_t>(stride) + element > range.bytes - accessor.byteOffset)))
    throw Error("an accessor of the model ends outside of its buffer view: export it again");
  std::vector<Result> numbers;
  numbers.reserve(accessor.count * static_cast<size_t>(components));
  for (size_t i = 0; i < accessor.count; i++) {
    const unsigned char* at = range.first + accessor.byteOffset + i * static_cast<size_t>(stride);
    for (int c = 0; c < components; c++)
      numbers.push_back(
          read_component<Result>(at + c * component_bytes, accessor.componentType, accessor.normalized));
  }
  return numbers;
}

}  // namespace

std::vector<float> read_numbers(const tinygltf::Model& model, int accessor, int components) {
  return read_all<float>(model, accessor, components);
}

std::vector<uint32_t> read_indices(const tinygltf::Model& model, int accessor, size_t vertices) {
  auto indices = read_all<uint32_t>(model, accessor, 1);
  for (uint32_t index : indices)
    if (index >= vertices) throw Error("the model names a vertex that does not exist: export it again");
  return indices;
}

std::vector<uint8_t> read_view(const tinygltf::Model& model, int view) {
  const Range range = view_range(model, view);
  return {range.first, range.first + range.bytes};
}
