// Pictures in files: PNG and JPEG in, PNG out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

struct Picture {
  int width = 0, height = 0;
  std::vector<uint8_t> texels;  // red, green, blue, alpha
};

// Empty if these bytes are no PNG or JPEG.
Picture decode_picture(std::span<const uint8_t> bytes);

void save_png(const std::filesystem::path& path, const Picture& picture);
