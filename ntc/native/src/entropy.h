// Codec 2 of a chunk: the section of a level as decisions in a range coder. docs/format.md, chapter 14.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace ntc {

// What is known of a level before its section.
struct LevelOutline {
  int64_t width, height;  // of the stored grid; of a masked level the height of a block, one for each it keeps
  int features, tile_log2;
  int64_t mask_columns, mask_rows;  // in blocks; 0 where there is no mask
};

// Why a section does not come out: the rule that is broken, and what was found.
struct EntropyFault {
  const char* rule;
  std::string found;
};

// The stored bytes of a section. Throws EntropyFault if it has not the size or the directory of a legal one.
std::vector<uint8_t> pack_section(const LevelOutline& outline, const uint8_t* section, size_t size);

// Writes the `size` bytes of a section, or throws EntropyFault if the stored bytes are not those of one of
// this size. Time and memory are in proportion to `size`, whatever the stored bytes are.
void unpack_section(const LevelOutline& outline, const uint8_t* stored, size_t stored_size, uint8_t* section,
                    size_t size);

}  // namespace ntc
