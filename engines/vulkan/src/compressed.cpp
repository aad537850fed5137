#include "compressed.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>

namespace {

std::vector<uint8_t> read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

float as_fraction(const ntc_map& map, double sample) {
  const double one = map.sample_type == NTC_UINT8 ? 255 : map.sample_type == NTC_UINT16 ? 65535 : 1;
  return static_cast<float>(sample / one);
}

// Adds the file to all others, or says why not.
bool add_file(CompressedFiles& all, const std::string& name, const std::vector<uint8_t>& bytes) {
  ntc_error error = {};
  ntc_file* opened = ntc_open(bytes.data(), bytes.size(), nullptr, &error);
  if (!opened) {
    const std::string rule = error.rule[0] ? std::string(", rule ") + error.rule : "";
    const std::string why = bytes.empty() ? "it is missing or empty" : error.message + rule;
    std::fprintf(stderr, "warning: %s cannot be read, its images are used: %s\n", name.c_str(), why.c_str());
    return false;
  }
  NtcFile file;
  file.name = name;
  file.opened.reset(opened);
  file.stored_bytes = bytes.size();
  file.first_word = static_cast<uint32_t>(all.words.size());
  file.words = ntc_gpu_words_count(opened);
  all.words.resize(all.words.size() + file.words);
  ntc_gpu_words(opened, &all.words[file.first_word]);
  all.files.push_back(std::move(file));
  return true;
}

}  // namespace

CompressedFiles open_files(const Scene& scene) {
  CompressedFiles all;
  std::map<std::string, int> known;
  for (const SceneMaterial& material : scene.materials) {
    const std::string name = material.file.empty() ? material.name : material.file.string();
    int found = -1;
    if (!material.file.empty() && known.count(name)) {
      found = known[name];
    } else if (!material.file.empty() || !material.bytes.empty()) {
      const auto bytes = material.file.empty() ? material.bytes : read_file(material.file);
      if (add_file(all, name, bytes)) found = static_cast<int>(all.files.size()) - 1;
      if (!material.file.empty()) known[name] = found;
    }
    all.of_material.push_back(found);
  }
  return all;
}

const ntc_map* find_map(const NtcFile& file, const std::string& name) {
  for (uint32_t i = 0; i < file.opened->map_count; i++)
    if (file.opened->maps[i].name == name) return &file.opened->maps[i];
  return nullptr;
}

// docs/gltf.md: channels are those of the image, and a map of one channel stands for a grey image.
SlotChannels channels_of(const ntc_map& map) {
  SlotChannels result = {{-1, -1, -1, -1}, {1, 1, 1, 1}};
  const bool grey = map.channel_count <= 2;
  for (size_t c = 0; c < 4; c++) {
    const size_t from = !grey ? c : c < 3 ? 0 : 1;
    if (from >= map.channel_count) continue;
    const ntc_channel& channel = map.channels[from];
    result.outputs[c] = channel.output;
    if (channel.output < 0) result.constants[c] = as_fraction(map, channel.constant);
  }
  return result;
}
