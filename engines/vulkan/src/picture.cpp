#include "picture.h"

#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image.h>
#include <stb/stb_image_write.h>

#include "error.h"

Picture decode_picture(std::span<const uint8_t> bytes) {
  Picture picture;
  int channels;
  stbi_uc* texels = stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &picture.width,
                                          &picture.height, &channels, 4);
  if (!texels) return {};
  picture.texels.assign(
      texels, texels + size_t{4} * static_cast<size_t>(picture.width) * static_cast<size_t>(picture.height));
  stbi_image_free(texels);
  return picture;
}

void save_png(const std::filesystem::path& path, const Picture& picture) {
  if (!stbi_write_png(path.c_str(), picture.width, picture.height, 4, picture.texels.data(),
                      4 * picture.width))
    throw Error(path.string() + " cannot be written: check its folder");
}
