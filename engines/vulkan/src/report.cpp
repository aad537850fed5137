#include "report.h"

#include <array>
#include <cstdarg>
#include <cstdio>

namespace {

std::string formatted(const char* format, ...) {
  std::array<char, 512> text;
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text.data(), text.size(), format, arguments);
  va_end(arguments);
  return text.data();
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    if (static_cast<unsigned char>(c) < 0x20)
      result += formatted("\\u%04x", c);
    else
      result += c;
  }
  return result + "\"";
}

uint64_t stored_bytes(const CompressedFiles& files) {
  uint64_t sum = 0;
  for (const NtcFile& file : files.files) sum += file.stored_bytes;
  return sum;
}

}  // namespace

std::string as_title(const Report& report) {
  return formatted("%s, %s, %.2f ms, %.2f MB of materials, %s", name_of(report.options.decode),
                   name_of(report.options.look.filter), report.frame_ms,
                   static_cast<double>(report.materials.bytes()) / 1e6, report.device.name().c_str());
}

std::string as_json(const Report& report) {
  std::string buckets;
  for (const Bucket& bucket : report.renderer.buckets())
    buckets += formatted(
        "%s{\"levels\": %u, \"layers\": %u, \"inputs\": %u, \"channels\": %u, \"draws\": %u, "
        "\"materials\": %u}",
        buckets.empty() ? "" : ", ", bucket.shape.levels, bucket.shape.layers, bucket.shape.inputs,
        bucket.shape.channels, bucket.draws, bucket.materials);
  return formatted(
             "{\"decode\": \"%s\", \"filter\": \"%s\", \"frame_ms\": %.3f, \"load_ms\": %.3f, "
             "\"material_bytes\": %llu, \"file_bytes\": %llu, \"validation_messages\": %d, \"device\": ",
             name_of(report.options.decode), name_of(report.options.look.filter), report.frame_ms,
             report.materials.load_ms(), static_cast<unsigned long long>(report.materials.bytes()),
             static_cast<unsigned long long>(stored_bytes(report.files)),
             report.device.validation_messages()) +
         quoted(report.device.name()) + ", \"buckets\": [" + buckets + "]}";
}
