// Numbers out of the buffers of a glTF document. Throws Error where they would lie outside of them.
#pragma once

#include <tiny_gltf.h>

#include <cstdint>
#include <vector>

// Element by element, `components` numbers each; integers become 0..1 or -1..1 where the accessor says so.
std::vector<float> read_numbers(const tinygltf::Model& model, int accessor, int components);

// The vertices of triangles, each below `vertices`.
std::vector<uint32_t> read_indices(const tinygltf::Model& model, int accessor, size_t vertices);

// The bytes of a buffer view.
std::vector<uint8_t> read_view(const tinygltf::Model& model, int view);
