// The .ntc files of a scene, opened by engines/c/ntc.h, and all their words in one array.
#pragma once

#include <ntc.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "scene.h"

struct NtcFile {
  std::string name;
  std::unique_ptr<ntc_file, decltype(&ntc_close)> opened{nullptr, &ntc_close};
  uint64_t stored_bytes = 0;
  uint32_t first_word = 0, words = 0;  // of CompressedFiles::words
};

struct CompressedFiles {
  std::vector<NtcFile> files;
  std::vector<int> of_material;  // the file of each material of the scene, or -1: it reads its images
  std::vector<uint32_t> words;
};

// Opens what can be opened; says in one line each what cannot, and leaves those materials their images.
CompressedFiles open_files(const Scene& scene);

// Where the four channels of a slot come from.
struct SlotChannels {
  std::array<int, 4> outputs;      // of the decoder, or -1: a constant
  std::array<float, 4> constants;  // 0..1
};

// The map of a file by its name, or nullptr.
const ntc_map* find_map(const NtcFile& file, const std::string& name);
SlotChannels channels_of(const ntc_map& map);
