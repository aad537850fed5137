// ntc.h: reads `.ntc` files (docs/format.md) and decodes them on the CPU, bit for bit as the reference does.
// C99 or C++. In exactly one source file:
//
//     #define NTC_IMPLEMENTATION
//     #include "ntc.h"
//
// Everywhere else only the include. ntc_metadata.h and ntc_zstd.h have to lie beside it; nobody else includes
// them. Before the include with NTC_IMPLEMENTATION may be defined:
//
//     NTC_NO_STDLIB    no malloc and free: every call of ntc_open gives an allocator
//     NTC_UNZSTD(to, size, from, length)    unpacks the zstd frame of `length` bytes at `from` into exactly
//                      `size` bytes at `to`, and is not 0 if that went well; ntc_zstd.h is not needed then.
//                      README.md has it for libzstd, with what rule C5 asks for
//
// There is no global state. A file that is open does not change: any number of threads may read it.
// All bytes may come from anyone: a file is checked by every rule of docs/format.md before it is handed out.
#ifndef NTC_H
#define NTC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// How a call ended.
typedef enum {
  NTC_OK,
  NTC_BROKEN,        // the bytes break a rule of docs/format.md
  NTC_TOO_SHORT,     // the bytes end early (rule H6): of a prefix, come back with more
  NTC_NO_MEMORY,     // the allocator gave none
  NTC_BAD_ARGUMENT,  // what was asked for does not exist; nothing was written
} ntc_status;

typedef struct {
  ntc_status status;
  char rule[4];      // of docs/format.md, chapter 10: "C4"; "" where none is broken
  uint64_t offset;   // bytes from the start of the file, or of the unpacked chunk that the rule is about
  char message[84];  // what is wrong, in one line
} ntc_error;

// Where memory comes from. `allocate` gives `size` bytes, aligned for any type, or NULL.
typedef struct {
  void* user;
  void* (*allocate)(void* user, size_t size);
  void (*release)(void* user, void* memory);
} ntc_allocator;

// What a map shows.
// clang-format off
typedef enum {
  NTC_ALBEDO, NTC_OPACITY, NTC_NORMAL, NTC_BUMP, NTC_ROUGHNESS, NTC_METALNESS, NTC_AO, NTC_CAVITY, NTC_HEIGHT,
  NTC_SPECULAR, NTC_SPECULAR_LEVEL, NTC_EMISSIVE, NTC_TRANSMISSION, NTC_SHEEN, NTC_CLEARCOAT, NTC_ANISOTROPY,
  NTC_MASK, NTC_PACKED, NTC_OTHER
} ntc_semantic;
// clang-format on

typedef enum { NTC_UINT8, NTC_UINT16, NTC_HALF, NTC_FLOAT } ntc_sample_type;
typedef enum { NTC_SRGB, NTC_LINEAR } ntc_color_space;
typedef enum { NTC_CURVE_LINEAR, NTC_CURVE_LOG } ntc_curve;
typedef enum { NTC_NORMAL_NONE, NTC_NORMAL_OPENGL, NTC_NORMAL_DIRECTX } ntc_normal;

// Texts are UTF-8 and end with a zero byte; U+0000 within one is C0 80.

// Where a channel of a map comes from.
typedef struct {
  const char* meaning;  // "albedo.r", "normal.x", "ao"
  int output;           // of the decoder, 0..channels - 1; -1: the channel is constant
  double constant;      // the sample as it was in the image, 0..255 for NTC_UINT8
  bool inverted;        // the output is 1 - x of what the image had: green of DirectX normals, glossiness
} ntc_channel;

// An image of the material, as it was before compression.
typedef struct {
  const char* name;
  const char* file;  // a name without folder
  ntc_semantic semantic;
  ntc_color_space color_space;
  ntc_sample_type sample_type;
  uint32_t width, height;  // if less than those of the material: it was resized for the fit
  ntc_curve curve;         // NTC_HALF and NTC_FLOAT: how storage values 0..65535 stand for low..high
  double low, high;
  ntc_normal normal;       // which way green pointed in the image; outputs are always as in OpenGL
  bool has_psnr;           // false: exact, or not measured
  double psnr;             // dB of mip 0
  uint32_t channel_count;  // 1..32
  const ntc_channel* channels;
} ntc_map;

// A grid of cells over the material: chapters 4 and 6.
typedef struct {
  uint32_t width, height, features, tile_log2, table_log2, block_log2;
  bool masked, simplex;
  uint32_t stored_width, stored_height, tiles_in_row, tiles, mask_words, code_words;
  const uint32_t* words;  // the section: mask, directory, codes
  const uint32_t* ranks;  // the ones before each word of the mask
} ntc_level;

// weights: row by row, one for each output, each filled up with zeros to a multiple of 8
typedef struct {
  uint32_t inputs, outputs;
  const int16_t* weights;
  const int32_t* biases;
  const uint8_t* shifts;
} ntc_layer;

// A material. Made by ntc_open; to be read only.
typedef struct ntc_file {
  const char* name;
  const char* generator;   // program and version that wrote it
  uint32_t width, height;  // of mip 0; mip m has max(width >> m, 1) x max(height >> m, 1) texels
  uint32_t mips;           // 1..15
  uint32_t channels;       // outputs of the decoder, 1..32
  bool wrap_u, wrap_v;     // the material repeats; false: it is clamped
  bool filtered;           // fitted for samples between texels and mips (ntc_decode_samples)
  bool has_psnr;           // of all maps together
  double psnr;
  uint32_t map_count;  // 1..64
  const ntc_map* maps;

  uint64_t bytes;          // of the whole file, also where a prefix of it was opened
  uint32_t finest_mip;     // it and all coarser ones decode rightly: 0, of a prefix up to `mips` (none)
  uint64_t mip_bytes[15];  // for each mip the bytes from the start of the file that it and coarser ones need

  uint32_t level_count, layer_count;
  ntc_level levels[16];  // finest first
  ntc_layer layers[4];
  const uint8_t* roles;  // mip by mip, for each level the first input that takes its features, or 255

  ntc_allocator allocator;
  void* blocks;  // all memory of the file
} ntc_file;

// The file that `size` bytes hold, or NULL; what is wrong with them goes to `error`, unless that is NULL. The
// bytes are not needed afterwards. `allocator` may be NULL, for malloc, unless NTC_NO_STDLIB is defined.
ntc_file* ntc_open(const void* bytes, size_t size, const ntc_allocator* allocator, ntc_error* error);

// The same for the beginning of a file (chapter 11). `finest_mip` says from where on mips are right; levels
// that have not arrived count as zeros. To go on, open a longer prefix: `mip_bytes` says how much it takes.
ntc_file* ntc_open_prefix(const void* bytes, size_t size, const ntc_allocator* allocator, ntc_error* error);

// Gives all memory of a file back. NULL is allowed.
void ntc_close(ntc_file* file);

// The words that the shaders in shaders/generated read, of 32 bits in the order of this machine. Their number
// is a multiple of 4, and so has to be the word of a larger buffer that they start at.
uint32_t ntc_gpu_words_count(const ntc_file* file);
void ntc_gpu_words(const ntc_file* file, uint32_t* out);

// The size of a mip in texels.
uint32_t ntc_mip_width(const ntc_file* file, uint32_t mip);
uint32_t ntc_mip_height(const ntc_file* file, uint32_t mip);

// Storage values 0..65535 of texels, row by row, `channels` of them for each.
ntc_status ntc_decode_rectangle(const ntc_file* file, uint32_t mip, uint32_t x, uint32_t y, uint32_t width,
                                uint32_t height, uint16_t* out);

// The same for `count` texels x[i], y[i] of a mip.
ntc_status ntc_decode_texels(const ntc_file* file, uint32_t mip, const uint32_t* x, const uint32_t* y,
                             size_t count, uint16_t* out);

// The same between texels and mips (8.9): positions in 1/2^24 of the material, the lod in eighths of a mip.
ntc_status ntc_decode_samples(const ntc_file* file, uint32_t lod8, const uint32_t* u, const uint32_t* v,
                              size_t count, uint16_t* out);

// Samples of a map from the storage values of any texels (chapter 9): texel by texel, `channel_count` numbers
// each, as the image had them: uint8_t, uint16_t, for NTC_HALF the 16 bits of a half, float.
void ntc_map_samples(const ntc_file* file, const ntc_map* map, const uint16_t* values, size_t texels,
                     void* out);
size_t ntc_sample_bytes(ntc_sample_type type);  // 1, 2, 2, 4

// The channel of any map with this meaning, such as "roughness" or "albedo.g"; NULL if there is none.
const ntc_channel* ntc_find_channel(const ntc_file* file, const char* meaning);

#ifdef __cplusplus
}
#endif

#endif  // NTC_H

#ifdef NTC_IMPLEMENTATION

#include <float.h>
#include <math.h>
#include <string.h>
#ifndef NTC_NO_STDLIB
#include <stdlib.h>
#endif

// Names that begin with `ntci_` are not for callers.

// `>>` of negative numbers is taken to round down, as every compiler of today does it.
typedef char ntci_shifts_round_down[(-3 >> 1) == -2 ? 1 : -1];

enum {
  NTCI_HASH = 1,  // required features
  NTCI_SIMPLEX = 2,
  NTCI_ENTROPY = 8,
  NTCI_STORED = 0,  // codecs
  NTCI_ZSTD = 1,
  NTCI_CODED = 2,
  NTCI_ENTRY_BYTES = 40,  // of the chunk table; of the header before it as well
  NTCI_MODEL_BYTES = 28,
  NTCI_OUTLINE_BYTES = 12,
  NTCI_MODEL_MOST = 460,
  NTCI_METADATA_MOST = 1 << 20,
  NTCI_LEVELS_MOST = 1 << 29,
  NTCI_TILES_MOST = 1 << 20,
  NTCI_BLOCKS_MOST = 1 << 22,
  NTCI_LATENT_MOST = 16256,
  NTCI_NOT_READ = 255,
  NTCI_INPUTS_MOST = 128
};

// What a file is read with.
typedef struct {
  const uint8_t* bytes;
  uint64_t size;
  bool prefix;
  ntc_file* file;
  ntc_error error;
  uint32_t features;        // required ones
  uint32_t known[67];       // where the entries of MODL, META, NETW and every LEVL lie in the file
  uint32_t level_chunks;    // LEVL among them
  uint32_t crc_table[256];  // of each byte
  char* text_end;           // where the next text of the metadata goes
  const char* wrong;        // the key of the metadata that is not as the schema wants it, or NULL
} ntci_reader;

// All calls that can fail return false, or NULL, after this has kept why.
static bool ntci_fail(ntci_reader* r, const char* rule, uint64_t offset, const char* what) {
  size_t length = strlen(what);
  if (length >= sizeof r->error.message) length = sizeof r->error.message - 1;
  r->error.status = NTC_BROKEN;
  memcpy(r->error.rule, rule, strlen(rule) + 1);
  memcpy(r->error.message, what, length);
  r->error.message[length] = 0;
  r->error.offset = offset;
  return false;
}

static bool ntci_too_short(ntci_reader* r, const char* what) {
  ntci_fail(r, "H6", r->size, what);
  r->error.status = NTC_TOO_SHORT;
  return false;
}

#define NTCI_REQUIRE(ok, rule, offset, what)            \
  do {                                                  \
    if (!(ok)) return ntci_fail(r, rule, offset, what); \
  } while (0)

// Memory of a file: blocks in a list, the last one first.
typedef union {
  void* next;
  uint64_t size[2];  // what follows is aligned as the block is
} ntci_block;

static void* ntci_new(ntci_reader* r, uint64_t size) {
  ntc_file* file = r->file;
  ntci_block* block = NULL;
  if (size <= SIZE_MAX - sizeof *block) {
    block = (ntci_block*)file->allocator.allocate(file->allocator.user, (size_t)size + sizeof *block);
  }
  if (block == NULL) {
    ntci_fail(r, "", 0, "out of memory");
    return r->error.status = NTC_NO_MEMORY, (void*)NULL;
  }
  block->next = file->blocks;
  file->blocks = block;
  return block + 1;
}

// Gives all blocks back that are younger than `last`.
static void ntci_release(ntc_file* file, const void* last) {
  while (file->blocks != last) {
    ntci_block* block = (ntci_block*)file->blocks;
    file->blocks = block->next;
    file->allocator.release(file->allocator.user, block);
  }
}

static uint32_t ntci_u16(const uint8_t* p) { return (uint32_t)p[0] | (uint32_t)p[1] << 8; }
static uint32_t ntci_u32(const uint8_t* p) { return ntci_u16(p) | ntci_u16(p + 2) << 16; }
static uint64_t ntci_u64(const uint8_t* p) { return ntci_u32(p) | (uint64_t)ntci_u32(p + 4) << 32; }
static uint32_t ntci_min(uint32_t a, uint32_t b) { return a < b ? a : b; }
static int32_t ntci_clamp(int32_t a, int32_t low, int32_t high) {
  return a < low ? low : a > high ? high : a;
}
static uint32_t ntci_ceil(uint32_t a, uint32_t b) { return (a + b - 1) / b; }
static uint32_t ntci_align(uint32_t a, uint32_t step) { return (a + step - 1) & ~(step - 1); }

static uint32_t ntci_highest_bit(uint32_t a) {
  uint32_t bit = 0;
  while (a >>= 1) bit++;
  return bit;
}

static uint32_t ntci_count_ones(uint32_t word) {
  word -= (word >> 1) & 0x55555555u;
  word = (word & 0x33333333u) + ((word >> 2) & 0x33333333u);
  return (((word + (word >> 4)) & 0x0f0f0f0fu) * 0x01010101u) >> 24;
}

// ---- Chapters 2 and 3: header and chunk table

typedef struct {
  uint64_t entry, offset, end, stored, unpacked;
  uint32_t index, codec, crc;
} ntci_chunk;

static ntci_chunk ntci_chunk_at(const ntci_reader* r, uint32_t entry) {
  const uint8_t* p = r->bytes + entry;
  ntci_chunk chunk;
  chunk.entry = entry;
  chunk.index = ntci_u32(p + 4);
  chunk.offset = ntci_u64(p + 8);
  chunk.stored = ntci_u64(p + 16);
  chunk.end = chunk.offset + chunk.stored;
  chunk.unpacked = ntci_u64(p + 24);
  chunk.codec = ntci_u32(p + 32);
  chunk.crc = ntci_u32(p + 36);
  return chunk;
}

static void ntci_fill_crc_table(uint32_t* table) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    table[i] = crc;
  }
}

// Goes on from the CRC of the bytes before, which is 0 of none.
static uint32_t ntci_crc(const uint32_t* table, uint32_t crc, const uint8_t* bytes, uint64_t size) {
  crc = ~crc;
  for (const uint8_t* end = bytes + size; bytes != end; bytes++) crc = crc >> 8 ^ table[(crc ^ *bytes) & 255];
  return ~crc;
}

static bool ntci_read_header(ntci_reader* r) {
  static const uint8_t kMagic[8] = {0x89, 'N', 'T', 'C', 13, 10, 26, 10}, kZeros[4] = {0};
  const uint8_t* bytes = r->bytes;
  size_t same = 0;
  while (same < 8 && same < r->size && bytes[same] == kMagic[same]) same++;
  if (same < 8) {
    bool peer = r->size >= 4 && memcmp(bytes, "NTEX", 4) == 0;
    ntci_fail(r, "H1", 0, peer ? "an NVIDIA RTXNTC container (`NTEX`)" : "not the magic of a `.ntc`");
    if (same == r->size) r->error.status = NTC_TOO_SHORT;
    return false;
  }
  if (r->size < NTCI_ENTRY_BYTES) return ntci_too_short(r, "fewer bytes than a header");
  NTCI_REQUIRE(ntci_u32(bytes + 8) == 1, "H2", 8, "a version that is not 1");
  r->features = ntci_u32(bytes + 12);
  uint32_t unknown = r->features & ~(uint32_t)(NTCI_HASH | NTCI_SIMPLEX | NTCI_ENTROPY);
  NTCI_REQUIRE(unknown == 0, "H3", 12, "a required feature of a newer program");
  uint32_t count = ntci_u32(bytes + 20);
  NTCI_REQUIRE(count >= 4 && count <= 64, "H4", 20, "not 4..64 chunks");
  NTCI_REQUIRE(ntci_u32(bytes + 36) == 0, "H7", 36, "a reserved field that is not 0");
  uint32_t end = NTCI_ENTRY_BYTES * (count + 1);
  if (r->size < end) return ntci_too_short(r, "fewer bytes than the chunk table");
  uint32_t crc = ntci_crc(r->crc_table, 0, bytes, 32);
  crc = ntci_crc(r->crc_table, crc, kZeros, 4);
  crc = ntci_crc(r->crc_table, crc, bytes + 36, end - 36);
  NTCI_REQUIRE(crc == ntci_u32(bytes + 32), "H5", 32, "another CRC of header and chunk table");
  uint64_t size = r->file->bytes = ntci_u64(bytes + 24);
  if (r->size < size && !r->prefix) return ntci_too_short(r, "fewer bytes than the file has");
  NTCI_REQUIRE(r->size <= size, "H6", r->size, "more bytes than the file has");
  return true;
}

static bool ntci_read_table(ntci_reader* r) {
  static const char kKinds[] = "MODLMETANETWLEVL";
  if (!ntci_read_header(r)) return false;
  uint32_t end = NTCI_ENTRY_BYTES * (ntci_u32(r->bytes + 20) + 1), known = 0, coded = 0;
  uint64_t start = end;
  bool in_order = true;
  for (uint32_t entry = NTCI_ENTRY_BYTES; entry < end; entry += NTCI_ENTRY_BYTES) {
    ntci_chunk chunk = ntci_chunk_at(r, entry);
    NTCI_REQUIRE(chunk.offset == start, "C1", entry, "a chunk that does not follow the one before");
    uint32_t kind = 0;
    while (kind < 4 && memcmp(r->bytes + entry, kKinds + 4 * kind, 4) != 0) kind++;
    bool legal = chunk.codec <= (kind == 3 ? NTCI_CODED : NTCI_ZSTD);
    NTCI_REQUIRE(legal, "C2", entry + 32, "a codec that is not 0, 1, or 2 of a LEVL");
    NTCI_REQUIRE(chunk.end >= start, "C1", entry, "a chunk that is too long");
    start = chunk.end;
    if (chunk.codec == NTCI_CODED) coded = NTCI_ENTROPY;
    if (kind == 4) continue;
    in_order = in_order && kind == ntci_min(known, 3);
    r->known[known++] = entry;
  }
  NTCI_REQUIRE(start == r->file->bytes, "C1", NTCI_ENTRY_BYTES, "chunks that end elsewhere than the file");
  NTCI_REQUIRE((r->features & NTCI_ENTROPY) == coded, "C9", 12, "`entropy` is not set as codecs need it");
  for (uint32_t entry = NTCI_ENTRY_BYTES; entry < end; entry += NTCI_ENTRY_BYTES) {
    ntci_chunk chunk = ntci_chunk_at(r, entry);
    if (chunk.end > r->size) continue;
    uint32_t crc = ntci_crc(r->crc_table, 0, r->bytes + chunk.offset, chunk.stored);
    NTCI_REQUIRE(crc == chunk.crc, "C3", chunk.offset, "another CRC of a chunk");
  }
  NTCI_REQUIRE(in_order && known >= 4, "C6", NTCI_ENTRY_BYTES, "not MODL, META, NETW, then every LEVL");
  for (uint32_t i = 0; i < 3; i++) {
    bool zero = ntci_chunk_at(r, r->known[i]).index == 0;
    NTCI_REQUIRE(zero, "C7", r->known[i] + 4, "a MODL, META or NETW whose index is not 0");
  }
  r->level_chunks = known - 3;
  return true;
}

// Level `i`, once the rule C7 has been checked: coarse levels come first.
static ntci_chunk ntci_chunk_of_level(const ntci_reader* r, uint32_t i) {
  return ntci_chunk_at(r, r->known[2 + r->level_chunks - i]);
}

#ifndef NTC_UNZSTD
#include "ntc_zstd.h"
#else
static bool ntci_declares(const uint8_t* from, const uint8_t* end, uint32_t size) {
  return (void)from, (void)end, (void)size, true;  // that decoder sees to it
}
#endif

// The content of a chunk of codec 1, which is `chunk->unpacked` bytes.
static bool ntci_unzstd(ntci_reader* r, const ntci_chunk* chunk, uint8_t* out) {
  const uint8_t* stored = r->bytes + chunk->offset;
#ifdef NTC_UNZSTD
  bool sound = (NTC_UNZSTD(out, (size_t)chunk->unpacked, stored, (size_t)chunk->stored)) != 0;
#else
  const void* last = r->file->blocks;
  void* scratch = ntci_new(r, NTCI_ZSTD_SCRATCH);
  if (scratch == NULL) return false;
  bool sound = ntci_read_zstd(scratch, out, (uint32_t)chunk->unpacked, stored, stored + chunk->stored);
  ntci_release(r->file, last);
#endif
  NTCI_REQUIRE(sound, "C5", chunk->offset, "not one sound zstd frame");
  return true;
}

// Whether a chunk has arrived and unpacks to at most `most` bytes.
static bool ntci_check_size(ntci_reader* r, const ntci_chunk* chunk, uint64_t most) {
  if (chunk->end > r->size) return ntci_too_short(r, "fewer bytes than up to the end of NETW");
  NTCI_REQUIRE(chunk->unpacked <= most, "C4", chunk->entry + 24, "a chunk that unpacks to more than it may");
  return true;
}

// What a chunk of codec 0 or 1 holds, with a zero after it; at most `most` bytes.
static uint8_t* ntci_unpack(ntci_reader* r, const ntci_chunk* chunk, uint64_t most) {
  if (!ntci_check_size(r, chunk, most)) return NULL;
  if (chunk->codec == NTCI_STORED && chunk->stored != chunk->unpacked) {
    return ntci_fail(r, "C5", chunk->entry + 24, "a stored chunk of another size unpacked"), (uint8_t*)NULL;
  }
  const uint8_t* stored = r->bytes + chunk->offset;
  if (chunk->codec == NTCI_ZSTD &&
      !ntci_declares(stored, stored + chunk->stored, (uint32_t)chunk->unpacked)) {
    return ntci_fail(r, "C5", chunk->offset, "not a zstd frame of the size in the table"), (uint8_t*)NULL;
  }
  uint8_t* out = (uint8_t*)ntci_new(r, chunk->unpacked + 1);
  if (out == NULL) return NULL;
  out[chunk->unpacked] = 0;
  if (chunk->codec == NTCI_ZSTD) return ntci_unzstd(r, chunk, out) ? out : NULL;
  memcpy(out, stored, (size_t)chunk->stored);
  return out;
}

// ---- Chapter 4: MODL

static uint32_t ntci_blocks_in_row(const ntc_level* level) {
  return ntci_ceil(level->width, 1u << level->block_log2);
}

static uint32_t ntci_blocks(const ntc_level* level) {
  if (!level->masked) return 0;
  return ntci_blocks_in_row(level) * ntci_ceil(level->height, 1u << level->block_log2);
}

// Sets the stored grid, of a masked level that keeps `kept` blocks, and its tiles.
static void ntci_set_grid(ntc_level* level, uint32_t kept) {
  uint32_t table_log2 = level->table_log2, side = 1u << level->tile_log2;
  level->stored_width = level->width;
  level->stored_height = level->height;
  if (level->masked) {
    level->stored_width = 1u << level->block_log2;
    level->stored_height = kept << level->block_log2;
  } else if (table_log2 > 0) {
    level->stored_width = 1u << (table_log2 - (table_log2 >> 1));
    level->stored_height = 1u << (table_log2 >> 1);
  }
  level->tiles_in_row = ntci_ceil(level->stored_width, side);
  level->tiles = level->tiles_in_row * ntci_ceil(level->stored_height, side);
  level->mask_words = ntci_ceil(ntci_blocks(level), 32);
}

static bool ntci_read_outline(ntci_reader* r, const uint8_t* p, uint32_t at, ntc_level* level) {
  level->width = ntci_u32(p + at);
  level->height = ntci_u32(p + at + 4);
  NTCI_REQUIRE(level->width >= 1 && level->width <= r->file->width, "L1", at, "width of a level");
  NTCI_REQUIRE(level->height >= 1 && level->height <= r->file->height, "L1", at + 4, "height of a level");
  level->features = p[at + 8];
  level->tile_log2 = p[at + 9];
  NTCI_REQUIRE(level->features >= 1 && level->features <= 32, "L2", at + 8, "features that are not 1..32");
  NTCI_REQUIRE(level->tile_log2 >= 2 && level->tile_log2 <= 6, "L3", at + 9, "a tile_log2 that is not 2..6");
  uint32_t layout = ntci_u16(p + at + 10), table_log2 = layout & 31, block_log2 = layout >> 5 & 7;
  NTCI_REQUIRE(layout >> 10 == 0, "M6", at + 10, "reserved bits of a layout that are not 0");
  level->table_log2 = table_log2;
  level->block_log2 = block_log2;
  level->masked = (layout & 256) != 0;
  level->simplex = (layout & 512) != 0;
  bool legal = block_log2 == 0;
  if (level->masked) {
    legal = table_log2 == 0 && block_log2 >= 2 && block_log2 <= 6;
  } else if (table_log2 > 0) {
    legal = table_log2 >= 4 && table_log2 <= 24 && block_log2 <= ntci_min(6, table_log2 >> 1);
  }
  NTCI_REQUIRE(legal, "L5", at + 10, "a layout that is not dense, a table or a mask");
  NTCI_REQUIRE(ntci_blocks(level) <= NTCI_BLOCKS_MOST, "L4", at, "more than 2^22 blocks");
  ntci_set_grid(level, ntci_blocks(level));
  NTCI_REQUIRE(level->tiles <= NTCI_TILES_MOST, "L4", at, "more than 2^20 tiles");
  return true;
}

static bool ntci_read_shape(ntci_reader* r, const uint8_t* p, uint64_t size) {
  ntc_file* file = r->file;
  NTCI_REQUIRE(size >= NTCI_MODEL_BYTES, "M1", size, "fewer than 28 bytes");
  file->width = ntci_u32(p);
  file->height = ntci_u32(p + 4);
  NTCI_REQUIRE(file->width >= 1 && file->width <= 16384, "M2", 0, "a width that is not 1..16384");
  NTCI_REQUIRE(file->height >= 1 && file->height <= 16384, "M2", 4, "a height that is not 1..16384");
  file->mips = p[8];
  file->channels = p[9];
  file->level_count = p[10];
  file->layer_count = p[11];
  uint32_t most = 1 + ntci_highest_bit(file->width | file->height), count = file->level_count;
  NTCI_REQUIRE(file->mips >= 1 && file->mips <= most, "M3", 8,
               "more mips than bits of the larger side, or 0");
  NTCI_REQUIRE(file->channels >= 1 && file->channels <= 32, "M4", 9, "channels that are not 1..32");
  NTCI_REQUIRE(count >= 1 && count <= 16, "M4", 10, "levels that are not 1..16");
  NTCI_REQUIRE(file->layer_count >= 1 && file->layer_count <= 4, "M4", 11, "layers that are not 1..4");
  NTCI_REQUIRE(p[12] <= 1 && p[13] <= 1, "M5", 12, "an address mode that is not 0 or 1");
  file->wrap_u = p[12] == 1;
  file->wrap_v = p[13] == 1;
  bool reserved = ntci_u16(p + 14) == 0 && ntci_u16(p + 26) == 0;
  for (uint32_t i = file->layer_count + 1; i < 5; i++) reserved = reserved && ntci_u16(p + 16 + 2 * i) == 0;
  NTCI_REQUIRE(reserved, "M6", 14, "reserved fields that are not 0");
  for (uint32_t i = 0; i <= file->layer_count; i++) {
    uint32_t units = ntci_u16(p + 16 + 2 * i);
    NTCI_REQUIRE(units >= (i ? 1 : 2) && units <= 128, "M4", 16, "inputs or units that are not in range");
    if (i > 0) file->layers[i - 1].outputs = units;
    if (i < file->layer_count) file->layers[i].inputs = units;
  }
  NTCI_REQUIRE(file->layers[file->layer_count - 1].outputs == file->channels, "M4", 16,
               "outputs != channels");
  uint32_t first = NTCI_MODEL_BYTES + NTCI_OUTLINE_BYTES * count, end = first + count * file->mips;
  NTCI_REQUIRE(size == end, "M1", size, "another size than the counts ask for");
  file->roles = p + first;
  for (uint32_t i = 0; i < count; i++) {
    if (!ntci_read_outline(r, p, NTCI_MODEL_BYTES + NTCI_OUTLINE_BYTES * i, &file->levels[i])) return false;
  }
  uint32_t used = r->features & NTCI_ENTROPY;
  for (uint32_t i = 0; i < count; i++) {
    const ntc_level* level = &file->levels[i];
    bool fits = !level->simplex || !file->wrap_v || level->height % 2 == 0;
    NTCI_REQUIRE(fits, "L6", NTCI_MODEL_BYTES + NTCI_OUTLINE_BYTES * i + 4,
                 "an odd number of rows of triangles that wrap");
    used |= (level->masked || level->table_log2 > 0 ? NTCI_HASH : 0) | (level->simplex ? NTCI_SIMPLEX : 0);
  }
  NTCI_REQUIRE(r->features == used, "M7", 12, "required features that are not those of the levels");
  return true;
}

static bool ntci_check_roles(ntci_reader* r) {
  const ntc_file* file = r->file;
  uint32_t free_inputs = file->layers[0].inputs - 1, count = file->level_count;
  for (uint32_t mip = 0; mip < file->mips; mip++) {
    uint8_t taken[NTCI_INPUTS_MOST] = {0};
    uint32_t at = NTCI_MODEL_BYTES + NTCI_OUTLINE_BYTES * count + mip * count;
    bool reads = false;
    for (uint32_t i = 0; i < count; i++) {
      uint32_t role = file->roles[mip * count + i], end = role + file->levels[i].features;
      if (role == NTCI_NOT_READ) continue;
      NTCI_REQUIRE(end <= free_inputs, "R1", at, "features that reach the lod input");
      for (uint32_t k = role; k < end; k++)
        NTCI_REQUIRE(!taken[k]++, "R2", at, "an input that is taken twice");
      reads = true;
    }
    NTCI_REQUIRE(reads, "R3", at, "a mip that reads no level");
  }
  return true;
}

// ---- Chapter 5: NETW

static uint32_t ntci_network_bytes(const ntc_file* file) {
  uint32_t size = 0;
  for (uint32_t i = 0; i < file->layer_count; i++) {
    uint32_t inputs = file->layers[i].inputs, outputs = file->layers[i].outputs;
    size += 4 * outputs + ntci_align(outputs, 4) + outputs * ntci_align(inputs, 4);
  }
  return size;
}

// Of `count` bytes from `at` on those that fill up to a multiple of 4.
static bool ntci_check_padding(ntci_reader* r, const uint8_t* p, uint32_t at, uint32_t count) {
  for (uint32_t i = count; i < ntci_align(count, 4); i++)
    NTCI_REQUIRE(p[at + i] == 0, "N5", at + i, "padding");
  return true;
}

static bool ntci_read_network(ntci_reader* r, const uint8_t* p, uint64_t size) {
  NTCI_REQUIRE(size == ntci_network_bytes(r->file), "N1", size, "another size than the layers ask for");
  uint32_t at = 0;
  for (uint32_t i = 0; i < r->file->layer_count; i++) {
    ntc_layer* layer = &r->file->layers[i];
    uint32_t inputs = layer->inputs, outputs = layer->outputs, stride = ntci_align(inputs, 8);
    int32_t* biases = (int32_t*)ntci_new(r, 4 * outputs + 2 * outputs * stride);
    if (biases == NULL) return false;
    int16_t* weights = (int16_t*)(biases + outputs);
    layer->biases = biases;
    layer->weights = weights;
    for (uint32_t k = 0; k < outputs; k++, at += 4) biases[k] = (int32_t)ntci_u32(p + at);
    layer->shifts = p + at;
    if (!ntci_check_padding(r, p, at, outputs)) return false;
    at += ntci_align(outputs, 4);
    memset(weights, 0, 2 * outputs * stride);
    for (uint32_t k = 0; k < outputs; k++, at += ntci_align(inputs, 4)) {
      for (uint32_t j = 0; j < inputs; j++) weights[k * stride + j] = (int8_t)p[at + j];
      if (!ntci_check_padding(r, p, at, inputs)) return false;
    }
  }
  return true;
}

// No accumulator leaves 32 bits.
static bool ntci_check_layer(ntci_reader* r, const ntc_layer* layer) {
  uint32_t weights = layer->outputs * ntci_align(layer->inputs, 8);
  for (uint32_t i = 0; i < weights; i++) NTCI_REQUIRE(layer->weights[i] != -128, "N2", 0, "a weight of -128");
  for (uint32_t k = 0; k < layer->outputs; k++) {
    bool inside = layer->biases[k] >= -(1 << 30) && layer->biases[k] <= 1 << 30;
    NTCI_REQUIRE(inside, "N3", 0, "a bias that is not within +-2^30");
  }
  for (uint32_t k = 0; k < layer->outputs; k++)
    NTCI_REQUIRE(layer->shifts[k] <= 24, "N4", 0, "a shift above 24");
  return true;
}

// ---- Chapter 6: LEVL

// The bytes that no section of this outline exceeds, whose grid is that of a mask that keeps all.
static uint64_t ntci_level_most(const ntc_level* level) {
  uint64_t codes = (uint64_t)level->stored_width * level->stored_height * level->features;
  return 4 * level->mask_words + 11 * (uint64_t)level->tiles + codes;
}

// Cells of a row of a tile, or rows of it: of number `i` among those that share `all`.
static uint32_t ntci_tile_side(const ntc_level* level, uint32_t i, uint32_t all) {
  return ntci_min(all - (i << level->tile_log2), 1u << level->tile_log2);
}

// Codes of a tile.
static uint32_t ntci_tile_codes(const ntc_level* level, uint32_t column, uint32_t row) {
  uint32_t cells_in_row = ntci_tile_side(level, column, level->stored_width);
  return cells_in_row * ntci_tile_side(level, row, level->stored_height) * level->features;
}

// The ones before each word of the mask, and the grid that follows. `words` are those of the level.
static bool ntci_read_mask(ntci_reader* r, ntc_level* level) {
  uint32_t* ranks = (uint32_t*)ntci_new(r, 4 * (uint64_t)level->mask_words);
  uint32_t kept = 0, used = ntci_blocks(level) & 31;
  if (ranks == NULL) return false;
  for (uint32_t i = 0; i < level->mask_words; i++) {
    ranks[i] = kept;
    kept += ntci_count_ones(level->words[i]);
  }
  level->ranks = ranks;
  if (!level->masked) return true;
  bool spare = used > 0 && level->words[level->mask_words - 1] >> used != 0;
  NTCI_REQUIRE(!spare, "D6", 0, "bits that are set after the last block of a mask");
  NTCI_REQUIRE(kept > 0, "D6", 0, "a mask that keeps no block");
  ntci_set_grid(level, kept);
  return true;
}

// The rules D1, D2 and D6, of a section of `size` bytes of which the words are there.
static bool ntci_read_level(ntci_reader* r, ntc_level* level, uint64_t size) {
  NTCI_REQUIRE(size >= 4 * (uint64_t)level->mask_words, "D2", size, "a section shorter than its mask");
  if (!ntci_read_mask(r, level)) return false;
  uint32_t first = level->mask_words;
  uint64_t end = first + 2 * (uint64_t)level->tiles, total = 0;
  NTCI_REQUIRE(size >= 4 * end, "D2", size, "a section shorter than its directory");
  uint64_t wrong = 0;
  for (uint32_t tile = 0, row = 0; tile < level->tiles; row++) {
    for (uint32_t column = 0; column < level->tiles_in_row; column++, tile++) {
      uint32_t entry = level->words[first + 2 * tile], width = entry >> 28;
      NTCI_REQUIRE(width <= 8, "D1", 4 * ((uint64_t)first + 2 * tile), "a code width above 8");
      if (wrong == 0 && (entry & 0xfffffffu) != total) wrong = 4 * ((uint64_t)first + 2 * tile) + 1;
      total += ntci_ceil(ntci_tile_codes(level, column, row) * width, 32);
    }
  }
  NTCI_REQUIRE(size == 4 * (end + total), "D2", size, "another size than mask and code widths ask for");
  NTCI_REQUIRE(wrong == 0, "D2", wrong - 1, "a first word that does not follow the tile before");
  level->code_words = (uint32_t)total;
  return true;
}

// The rules D3 to D5.
static bool ntci_check_level(ntci_reader* r, const ntc_level* level) {
  const uint32_t *tiles = level->words + level->mask_words, *codes = tiles + 2 * level->tiles;
  for (uint32_t i = 0; i < level->tiles; i++) {
    int32_t low = (int16_t)(tiles[2 * i + 1] >> 16), steps = (1 << (tiles[2 * i] >> 28)) - 1;
    bool inside =
        low >= -NTCI_LATENT_MOST && low + (int32_t)(tiles[2 * i + 1] & 65535) * steps <= NTCI_LATENT_MOST;
    NTCI_REQUIRE(inside, "D3", 4 * (uint64_t)(level->mask_words + 2 * i), "a latent beyond +-16256");
  }
  for (uint32_t i = 0; i < level->tiles; i++) {
    bool both = (tiles[2 * i] >> 28 == 0) == ((tiles[2 * i + 1] & 65535) == 0);
    NTCI_REQUIRE(both, "D4", 4 * (uint64_t)(level->mask_words + 2 * i), "width or scale 0, but not both");
  }
  for (uint32_t i = 0, row = 0; i < level->tiles; row++) {
    for (uint32_t column = 0; column < level->tiles_in_row; column++, i++) {
      uint32_t bits = ntci_tile_codes(level, column, row) * (tiles[2 * i] >> 28);
      const uint32_t* last = codes + (tiles[2 * i] & 0xfffffffu) + (bits >> 5);
      bool zeros = bits % 32 == 0 || *last >> (bits & 31) == 0;
      NTCI_REQUIRE(zeros, "D5", 4 * (uint64_t)(last - level->words),
                   "bits that are set after the codes of a tile");
    }
  }
  return true;
}

// A level that has not arrived: all latents are 0, however it will be stored.
static bool ntci_empty_level(ntci_reader* r, ntc_level* level) {
  level->tile_log2 = 6;
  level->table_log2 = level->block_log2 = 0;
  level->masked = false;
  ntci_set_grid(level, 0);
  uint32_t* words = (uint32_t*)ntci_new(r, 8 * (uint64_t)level->tiles);
  if (words == NULL) return false;
  memset(words, 0, 8 * (size_t)level->tiles);
  level->words = level->ranks = words;
  return true;
}

// ---- Chapter 14: codec 2

// A probability of 1 in 1/65536 with, in the lowest six bits, its age.
typedef uint32_t ntci_probability;

// Of one feature of a level.
typedef struct {
  ntci_probability differs[33], below[135], longer[33][7];
  ntci_probability bits[256];  // trees of all n: that of n begins at place 2^n
} ntci_code_model;

// Of the mask and the directory.
typedef struct {
  ntci_probability mask[4], wider[17][8], same[9], exact[9], same_scale, zero[9][256];
} ntci_tile_model;

typedef struct {
  uint32_t range, code;
  uint64_t next, size;  // bytes: the next one, and all; behind them zeros are read
  const uint8_t* bytes;
} ntci_coder;

// Scale and offset of the last tile of each code width.
typedef struct {
  int32_t scales[9], offsets[9], scale;
} ntci_last_tiles;

// What the codes of a tile need.
typedef struct {
  uint32_t width, inverse;  // 65536 // scale + 1: what divides by the scale
  int32_t scale, offset, top, zero;
  uint32_t* words;
} ntci_tile;

static void ntci_refill(ntci_coder* c) {
  while (c->range < 1u << 24) {
    c->range <<= 8;
    c->code = c->code << 8 | (c->next < c->size ? c->bytes[c->next] : 0u);
    c->next++;
  }
}

// Without branches: processors cannot predict what it decides.
static uint32_t ntci_decide(ntci_coder* c, ntci_probability* probability) {
  uint32_t p = *probability >> 6, age = *probability & 63, shift = 3 + (age >> 3);
  uint32_t bound = (c->range >> 15) * (p >> 1), one = c->code < bound, mask = 0u - one;
  p += (((65536 - p) >> shift) & mask) - ((p >> shift) & ~mask);
  *probability = p << 6 | (age + (age < 32));
  c->range = (bound & mask) | ((c->range - bound) & ~mask);
  c->code -= bound & ~mask;
  if (c->range < 1u << 24) ntci_refill(c);
  return one;
}

static uint32_t ntci_raw(ntci_coder* c, uint32_t count) {
  uint32_t value = 0;
  for (uint32_t i = 0; i < count; i++) {
    c->range >>= 1;
    uint32_t one = c->code >= c->range;
    if (one) c->code -= c->range;
    value = 2 * value + one;
    ntci_refill(c);
  }
  return value;
}

// `count` bits, with a 1 before them.
static uint32_t ntci_tree(ntci_coder* c, ntci_probability* tree, uint32_t count) {
  uint32_t node = 1;
  for (uint32_t i = 0; i < count; i++) node = 2 * node + ntci_decide(c, tree + node);
  return node;
}

// Whether the bytes lasted so far.
static bool ntci_check_rest(ntci_reader* r, const ntci_coder* c) {
  NTCI_REQUIRE(c->next <= c->size, "E1", c->size, "decisions that go on after the last byte");
  return true;
}

static void ntci_reset(void* model, size_t size) {
  ntci_probability* all = (ntci_probability*)model;
  for (size_t i = 0; i < size / sizeof *all; i++) all[i] = 32768u << 6;
}

// 14.2, into zeros.
static bool ntci_decode_mask(ntci_reader* r, ntci_coder* c, ntci_tile_model* model, const ntc_level* level,
                             uint32_t* mask) {
  uint32_t blocks = ntci_blocks(level), columns = ntci_blocks_in_row(level), kept = 0;
  for (uint32_t first = 0; first < blocks; first += columns) {
    uint32_t left = 0;
    for (uint32_t k = first; k < first + columns; k++) {
      uint32_t above = k - columns, upper = k < columns ? 0 : mask[above >> 5] >> (above & 31) & 1;
      left = ntci_decide(c, &model->mask[2 * upper + left]);
      mask[k >> 5] |= left << (k & 31);
      kept |= left;
    }
    if (!ntci_check_rest(r, c)) return false;
  }
  NTCI_REQUIRE(blocks == 0 || kept, "E2", 0, "a mask that keeps no block");
  return true;
}

static uint32_t ntci_nearest(const ntci_tile* tile, int32_t latent) {
  uint32_t distance = latent > tile->offset ? (uint32_t)(latent - tile->offset) : 0;
  return ntci_min((distance + ((uint32_t)tile->scale >> 1)) * tile->inverse >> 16, (uint32_t)tile->top);
}

// 14.3: one entry, with no first word yet. `around` is the sum of the widths to the left and above.
static bool ntci_decode_entry(ntci_reader* r, ntci_coder* c, ntci_tile_model* model, ntci_last_tiles* last,
                              uint32_t around, uint32_t* entry) {
  uint32_t width = 0;
  while (width < 8 && ntci_decide(c, &model->wider[around][width])) width++;
  int32_t scale = last->scales[width], offset = last->offsets[width];
  if (!ntci_decide(c, &model->same[width])) {
    scale = 0;
    if (width > 0) scale = ntci_decide(c, &model->same_scale) ? last->scale : (int32_t)ntci_raw(c, 15);
    if (ntci_decide(c, &model->exact[width])) {
      offset = -scale * ((int32_t)ntci_tree(c, model->zero[width], width) - (1 << width));
    } else {
      offset = (int32_t)ntci_raw(c, 15) - 16384;
    }
  }
  int32_t high = offset + scale * ((1 << width) - 1);
  NTCI_REQUIRE(offset >= -NTCI_LATENT_MOST && high <= NTCI_LATENT_MOST, "E2", 0, "a latent beyond +-16256");
  NTCI_REQUIRE((width == 0) == (scale == 0), "E2", 0, "a scale of 0 in a tile whose code width is not 0");
  last->scales[width] = scale;
  last->offsets[width] = offset;
  if (width > 0) last->scale = scale;
  entry[0] = width << 28;
  entry[1] = ((uint32_t)offset & 65535) << 16 | (uint32_t)scale;
  return true;
}

static bool ntci_decode_directory(ntci_reader* r, ntci_coder* c, ntci_tile_model* model,
                                  const ntc_level* level, uint32_t* entries, uint64_t* code_words) {
  ntci_last_tiles last = {{0, 1, 1, 1, 1, 1, 1, 1, 1}, {0}, 1};
  uint32_t columns = level->tiles_in_row;
  *code_words = 0;
  for (uint32_t tile = 0, row = 0; tile < level->tiles; row++) {
    for (uint32_t column = 0; column < columns; column++, tile++) {
      uint32_t *entry = entries + 2 * tile, around = column > 0 ? entry[-2] >> 28 : 0;
      if (row > 0) around += entries[2 * (tile - columns)] >> 28;
      if (!ntci_decode_entry(r, c, model, &last, around, entry)) return false;
      // May be cut off in a file that lies about its size: it is refused before its codes are read.
      entry[0] |= (uint32_t)*code_words & 0xfffffffu;
      *code_words += ntci_ceil(ntci_tile_codes(level, column, row) * (entry[0] >> 28), 32);
    }
    if (!ntci_check_rest(r, c)) return false;
  }
  return true;
}

static ntci_tile ntci_tile_of(const uint32_t* entry, uint32_t* codes) {
  ntci_tile tile;
  tile.width = entry[0] >> 28;
  tile.scale = (int32_t)(entry[1] & 65535);
  tile.offset = (int16_t)(entry[1] >> 16);
  tile.top = (1 << tile.width) - 1;
  tile.inverse = tile.scale > 0 ? 65536u / (uint32_t)tile.scale + 1 : 0;
  tile.words = codes + (entry[0] & 0xfffffffu);
  tile.zero = tile.width > 0 ? (int32_t)ntci_nearest(&tile, 0) : 0;
  return tile;
}

static uint32_t ntci_distance_of(int32_t a, int32_t b) { return (uint32_t)(a < b ? b - a : a - b); }
static uint32_t ntci_sign(int32_t a, int32_t b) { return (uint32_t)((a > b) - (a < b) + 1); }

// How far a code that is not the predicted one is from it; more than `most`: there is no such code.
static uint32_t ntci_decode_size(ntci_coder* c, ntci_code_model* model, uint32_t context, uint32_t most) {
  uint32_t n = 0;
  while (2u << n <= most && ntci_decide(c, &model->longer[context][n])) n++;
  return ntci_tree(c, model->bits + ((size_t)1 << n), n);
}

// 14.4: a row of the cells of a tile, from bit `bit` of its codes on. `latents` are those of the row above
// from the first cell on, of this row before it; `corner` those of the row above before it.
static bool ntci_decode_cells(ntci_reader* r, ntci_coder* coder, ntci_code_model* models,
                              const ntci_tile* tile, uint32_t features, uint32_t cells, uint32_t bit,
                              int16_t* latents, int16_t* corner) {
  static const uint8_t kClasses[32] = {0, 1, 2, 3, 4, 5, 6,  6,  7,  7,  7,  8,  8,  8,  8,  9,
                                       9, 9, 9, 9, 9, 9, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10};
  ntci_coder c = *coder;
  for (uint32_t cell = 0; cell < cells; cell++) {
    uint32_t before = 0;
    for (uint32_t f = 0; f < features; f++, bit += tile->width, latents++) {
      int32_t left = latents[-(ptrdiff_t)features], upper = *latents, right = latents[features],
              back = corner[f];
      int32_t low = left < upper ? left : upper, high = left < upper ? upper : left;
      uint32_t predicted = ntci_nearest(tile, ntci_clamp(left + upper - back, low, high)), code = predicted;
      int32_t lean = ntci_clamp((int32_t)predicted - tile->zero, -2, 2);
      uint32_t spread =
          ntci_distance_of(left, back) + ntci_distance_of(upper, back) + ntci_distance_of(right, upper);
      uint32_t activity = (ntci_min(spread, 65535) * tile->inverse >> 16) + before;
      uint32_t context = 3u * kClasses[ntci_min(activity, 31)] + (uint32_t)(lean < 0 ? -lean : lean);
      before = 0;
      if (ntci_decide(&c, &models[f].differs[context])) {
        uint32_t slope = 9 * ntci_sign(left, back) + 3 * ntci_sign(upper, back) + ntci_sign(right, upper);
        bool below = predicted == (uint32_t)tile->top;
        if (predicted > 0 && !below)
          below = ntci_decide(&c, &models[f].below[27 * (lean + 2) + (int32_t)slope]);
        uint32_t most = below ? predicted : (uint32_t)tile->top - predicted;
        before = ntci_decode_size(&c, &models[f], context, most);
        NTCI_REQUIRE(before <= most, "E3", 0, "a code that its tile has no bits for");
        code = below ? predicted - before : predicted + before;
      }
      corner[f] = (int16_t)upper;
      *latents = (int16_t)(tile->offset + tile->scale * (int32_t)code);
      uint32_t inner = bit & 31;
      tile->words[bit >> 5] |= code << inner;
      if (inner + tile->width > 32) tile->words[(bit >> 5) + 1] |= code >> (32 - inner);
    }
  }
  *coder = c;
  return true;
}

// A row of the stored grid, through all tiles of a row of them: `entries` is the first, `line` the row in it.
// `latents` are those of the row above, with a cell of zeros on either side.
static bool ntci_decode_row(ntci_reader* r, ntci_coder* c, ntci_code_model* models, const ntc_level* level,
                            const uint32_t* entries, uint32_t* codes, uint32_t line, int16_t* latents) {
  uint32_t features = level->features;
  int16_t corner[32] = {0};
  latents += features;
  for (uint32_t i = 0; i < level->tiles_in_row; i++) {
    uint32_t cells = ntci_tile_side(level, i, level->stored_width), values = cells * features;
    ntci_tile tile = ntci_tile_of(entries + 2 * i, codes);
    if (tile.width > 0) {
      uint32_t bit = line * values * tile.width;
      if (!ntci_decode_cells(r, c, models, &tile, features, cells, bit, latents, corner)) return false;
    } else {
      for (uint32_t f = 0; f < features; f++) corner[f] = latents[values - features + f];
      for (uint32_t k = 0; k < values && line == 0; k++) latents[k] = (int16_t)tile.offset;
    }
    latents += values;
  }
  return ntci_check_rest(r, c);
}

static bool ntci_decode_codes(ntci_reader* r, ntci_coder* c, const ntc_level* level, const uint32_t* entries,
                              uint32_t* codes) {
  size_t model_bytes = level->features * sizeof(ntci_code_model);
  size_t latent_bytes = ((size_t)level->stored_width + 2) * level->features * sizeof(int16_t);
  ntci_code_model* models = (ntci_code_model*)ntci_new(r, model_bytes + latent_bytes);
  if (models == NULL) return false;
  int16_t* latents = (int16_t*)(void*)(models + level->features);
  ntci_reset(models, model_bytes);
  memset(latents, 0, latent_bytes);
  for (uint32_t tile = 0, row = 0; tile < level->tiles; tile += level->tiles_in_row, row++) {
    bool coded = false;
    for (uint32_t i = tile; i < tile + level->tiles_in_row; i++) coded = coded || entries[2 * i] >> 28 > 0;
    uint32_t lines = coded ? ntci_tile_side(level, row, level->stored_height) : 1;
    for (uint32_t line = 0; line < lines; line++) {
      if (!ntci_decode_row(r, c, models, level, entries + 2 * tile, codes, line, latents)) return false;
    }
  }
  return true;
}

// The words of a section of codec 2, into `words`, which has room for those of the table. The rules E1 to E3.
static bool ntci_decode_section(ntci_reader* r, const ntci_chunk* chunk, ntc_level* level, uint32_t* words) {
  static const char kSize[] = "another size than mask and directory lead to";
  ntci_coder c = {0xffffffffu, 0, 0, chunk->stored, r->bytes + chunk->offset};
  for (; c.next < 4; c.next++) c.code = c.code << 8 | (c.next < c.size ? c.bytes[c.next] : 0u);
  const void* last = r->file->blocks;
  ntci_tile_model* model = (ntci_tile_model*)ntci_new(r, sizeof *model);
  if (model == NULL) return false;
  ntci_reset(model, sizeof *model);
  NTCI_REQUIRE(4 * (uint64_t)level->mask_words <= chunk->unpacked, "E2", 0, kSize);
  memset(words, 0, 4 * (size_t)level->mask_words);
  if (!ntci_decode_mask(r, &c, model, level, words)) return false;
  uint32_t kept = 0;
  for (uint32_t i = 0; i < level->mask_words; i++) kept += ntci_count_ones(words[i]);
  ntci_set_grid(level, kept);
  uint32_t* entries = words + level->mask_words;
  uint64_t first = level->mask_words + 2 * (uint64_t)level->tiles, code_words;
  NTCI_REQUIRE(4 * first <= chunk->unpacked, "E2", 0, kSize);
  if (!ntci_decode_directory(r, &c, model, level, entries, &code_words)) return false;
  NTCI_REQUIRE(4 * (first + code_words) == chunk->unpacked, "E2", 0, kSize);
  uint32_t* codes = (uint32_t*)memset(entries + 2 * level->tiles, 0, 4 * (size_t)code_words);
  if (!ntci_decode_codes(r, &c, level, entries, codes)) return false;
  NTCI_REQUIRE(c.next == c.size && c.code == 0, "E1", c.next, "bytes or a rest that no decision needs");
  ntci_release(r->file, last);
  return true;
}

static bool ntci_open_level(ntci_reader* r, uint32_t i) {
  ntc_level* level = &r->file->levels[i];
  ntci_chunk chunk = ntci_chunk_of_level(r, i);
  if (chunk.end > r->size) return ntci_empty_level(r, level);
  if (chunk.codec != NTCI_CODED) {
    uint8_t* raw = ntci_unpack(r, &chunk, ntci_level_most(level));
    if (raw == NULL) return false;
    // In place, from bytes in the order of the file to words in that of the machine.
    uint32_t* words = (uint32_t*)(void*)raw;
    for (uint64_t k = 0; k < chunk.unpacked / 4; k++) words[k] = ntci_u32(raw + 4 * k);
    level->words = words;
  } else {
    if (!ntci_check_size(r, &chunk, ntci_level_most(level))) return false;
    uint32_t* words = (uint32_t*)ntci_new(r, chunk.unpacked);
    if (words == NULL || !ntci_decode_section(r, &chunk, level, words)) return false;
    level->words = words;
  }
  return ntci_read_level(r, level, chunk.unpacked);
}

// ---- Chapter 7: META

#include "ntc_metadata.h"

// ---- Chapters 10 and 11: a file, or the beginning of one

// For each mip the end of the last chunk that it or a coarser one needs, and the finest mip that has all.
static void ntci_set_prefixes(ntci_reader* r) {
  ntc_file* file = r->file;
  uint64_t end = ntci_chunk_at(r, r->known[2]).end;
  file->finest_mip = file->mips;
  for (uint32_t mip = file->mips; mip-- > 0;) {
    for (uint32_t i = 0; i < file->level_count; i++) {
      uint64_t level_end = ntci_chunk_of_level(r, i).end;
      if (file->roles[mip * file->level_count + i] != NTCI_NOT_READ && level_end > end) end = level_end;
    }
    file->mip_bytes[mip] = end;
    if (end <= r->size) file->finest_mip = mip;
  }
}

static bool ntci_check_order(ntci_reader* r) {
  uint32_t first = r->known[3], count = r->file->level_count;
  uint64_t total = 0;
  bool in_order = r->level_chunks == count;
  for (uint32_t i = 0; i < r->level_chunks; i++) {
    ntci_chunk chunk = ntci_chunk_at(r, r->known[3 + i]);
    in_order = in_order && chunk.index == count - 1 - i;
    // A sum that passes 2^64 has passed the limit before.
    total =
        total > NTCI_LEVELS_MOST || chunk.unpacked > NTCI_LEVELS_MOST ? UINT64_MAX : total + chunk.unpacked;
  }
  NTCI_REQUIRE(in_order, "C7", first, "levels that are not there once each, coarse ones first");
  NTCI_REQUIRE(total <= NTCI_LEVELS_MOST, "C8", first, "levels of more than 2^29 bytes together");
  return true;
}

static bool ntci_read_file(ntci_reader* r) {
  if (!ntci_read_table(r)) return false;
  ntc_file* file = r->file;
  ntci_chunk chunk = ntci_chunk_at(r, r->known[0]);
  const uint8_t* raw = ntci_unpack(r, &chunk, NTCI_MODEL_MOST);
  if (raw == NULL || !ntci_read_shape(r, raw, chunk.unpacked)) return false;
  chunk = ntci_chunk_at(r, r->known[1]);
  raw = ntci_unpack(r, &chunk, NTCI_METADATA_MOST);
  if (raw == NULL || !ntci_read_metadata(r, raw, chunk.unpacked)) return false;
  chunk = ntci_chunk_at(r, r->known[2]);
  raw = ntci_unpack(r, &chunk, ntci_network_bytes(file));
  if (raw == NULL || !ntci_read_network(r, raw, chunk.unpacked) || !ntci_check_order(r)) return false;
  for (uint32_t i = 0; i < file->level_count; i++) {
    if (!ntci_open_level(r, i)) return false;
  }
  if (!ntci_check_roles(r)) return false;
  for (uint32_t i = 0; i < file->layer_count; i++) {
    if (!ntci_check_layer(r, &file->layers[i])) return false;
  }
  for (uint32_t i = 0; i < file->level_count; i++) {
    if (!ntci_check_level(r, &file->levels[i])) return false;
  }
  ntci_set_prefixes(r);
  return ntci_check_maps(r);
}

#ifndef NTC_NO_STDLIB
static void* ntci_malloc(void* user, size_t size) { return (void)user, malloc(size); }
static void ntci_free(void* user, void* memory) { (void)user, free(memory); }
#endif

static ntc_file* ntci_open(const void* bytes, size_t size, const ntc_allocator* allocator, ntc_error* error,
                           bool prefix) {
  ntc_file file;
  ntci_reader reader;
  memset(&file, 0, sizeof file);
  memset(&reader, 0, sizeof reader);
  reader.bytes = (const uint8_t*)bytes;
  reader.size = size;
  reader.prefix = prefix;
  reader.file = &file;
  if (allocator != NULL) file.allocator = *allocator;
#ifndef NTC_NO_STDLIB
  if (allocator == NULL) file.allocator.allocate = ntci_malloc, file.allocator.release = ntci_free;
#endif
  ntc_file* opened = NULL;
  if (file.allocator.allocate == NULL) {
    ntci_fail(&reader, "", 0, "no allocator is given");
    reader.error.status = NTC_BAD_ARGUMENT;
  } else {
    ntci_fill_crc_table(reader.crc_table);
    opened = (ntc_file*)ntci_new(&reader, sizeof file);
    if (opened != NULL && !ntci_read_file(&reader)) {
      ntci_release(&file, NULL);
      opened = NULL;
    }
  }
  if (opened != NULL) *opened = file;
  if (error != NULL) *error = reader.error;
  return opened;
}

ntc_file* ntc_open(const void* bytes, size_t size, const ntc_allocator* allocator, ntc_error* error) {
  return ntci_open(bytes, size, allocator, error, false);
}

ntc_file* ntc_open_prefix(const void* bytes, size_t size, const ntc_allocator* allocator, ntc_error* error) {
  return ntci_open(bytes, size, allocator, error, true);
}

void ntc_close(ntc_file* file) {
  if (file == NULL) return;
  ntc_file last = *file;  // which lies in the memory that is given back
  ntci_release(&last, NULL);
}

// ---- Chapter 8: decoding

// What decodes one position after the other, at one lod. Cells that it has read stay, for the next position.
typedef struct {
  const ntc_file* file;
  uint32_t mip, fade;                       // eighths of a mip beyond it
  int32_t rows[16], columns[16][2];         // of each level, the cells that `latents` holds, plus 2; 0: none
  int16_t latents[2][2][NTCI_INPUTS_MOST];  // by the lowest bit of the column, row, input
  int16_t inputs[NTCI_INPUTS_MOST], hidden[2][NTCI_INPUTS_MOST];
} ntci_decoder;

static void ntci_start_decoder(ntci_decoder* d, const ntc_file* file, uint32_t lod8) {
  memset(d, 0, sizeof *d);
  d->file = file;
  d->mip = lod8 >> 3;
  d->fade = lod8 & 7;
}

// 8.2; the product is below 2^38.
static uint32_t ntci_position(uint32_t texel, uint32_t size) {
  return (uint32_t)(((uint64_t)(2 * texel + 1) << 23) / size);
}

// 8.3, in 1/256 of a cell.
static int32_t ntci_cell_position(uint32_t position, uint32_t cells) {
  return (int32_t)((uint64_t)position * cells >> 16) - 128;
}

// 8.4.
static uint32_t ntci_address(int32_t cell, uint32_t cells, bool wrap) {
  if (cell < 0) return wrap ? cells - 1 : 0;
  if ((uint32_t)cell >= cells) return wrap ? 0 : cells - 1;
  return (uint32_t)cell;
}

// 8.5.3: the place of a cell in the stored grid; false: it has none, and its latents are 0.
static bool ntci_stored_cell(const ntc_level* level, uint32_t* x, uint32_t* y) {
  uint32_t b = level->block_log2, inner = (1u << b) - 1, column = *x >> b, row = *y >> b;
  if (level->masked) {
    uint32_t block = row * ntci_blocks_in_row(level) + column, word = level->words[block >> 5];
    if ((word >> (block & 31) & 1) == 0) return false;
    uint32_t rank = level->ranks[block >> 5] + ntci_count_ones(word & ((1u << (block & 31)) - 1));
    *x &= inner;
    *y = rank << b | (*y & inner);
  } else if (level->table_log2 > 0) {
    uint32_t columns_log2 = level->table_log2 - (level->table_log2 >> 1) - b;
    uint32_t k = (column ^ row * 2654435761u) & ((1u << (level->table_log2 - 2 * b)) - 1);
    *x = (k & ((1u << columns_log2) - 1)) << b | (*x & inner);
    *y = k >> columns_log2 << b | (*y & inner);
  }
  return true;
}

// 8.6: all features of a cell.
static void ntci_read_latents(const ntc_level* level, uint32_t x, uint32_t y, int16_t* out) {
  if (!ntci_stored_cell(level, &x, &y)) {
    memset(out, 0, level->features * sizeof *out);
    return;
  }
  uint32_t log2 = level->tile_log2, inner = (1u << log2) - 1, tile_x = x >> log2;
  const uint32_t* entry = level->words + level->mask_words + 2 * ((y >> log2) * level->tiles_in_row + tile_x);
  const uint32_t* codes = level->words + level->mask_words + 2 * level->tiles + (entry[0] & 0xfffffffu);
  int32_t scale = (int32_t)(entry[1] & 65535), offset = (int16_t)(entry[1] >> 16);
  uint32_t width = entry[0] >> 28, row = ntci_tile_side(level, tile_x, level->stored_width);
  uint32_t bit = ((y & inner) * row + (x & inner)) * level->features * width;
  for (uint32_t f = 0; f < level->features; f++, bit += width) {
    uint32_t code = 0, shift = bit & 31;
    if (width > 0) code = codes[bit >> 5] >> shift;
    if (shift + width > 32) code |= codes[(bit >> 5) + 1] << (32 - shift);
    out[f] = (int16_t)(offset + scale * (int32_t)(code & ((1u << width) - 1)));
  }
}

// 8.5: the features of a level in mip d->mip, to the inputs from `role` on.
static void ntci_read_features(ntci_decoder* d, uint32_t i, uint32_t u, uint32_t v, uint32_t role) {
  const ntc_file* file = d->file;
  const ntc_level* level = &file->levels[i];
  int32_t p = ntci_cell_position(u, level->width), q = ntci_cell_position(v, level->height);
  if (level->simplex) p += q >> 1;
  int32_t x = p >> 8, y = q >> 8, fx = p & 255, fy = q & 255;
  int32_t weights[2][2] = {{(256 - fx) * (256 - fy), (256 - fx) * fy}, {fx * (256 - fy), fx * fy}};
  if (level->simplex) {
    weights[0][0] = 256 * (256 - (fx > fy ? fx : fy));
    weights[1][0] = fx > fy ? 256 * (fx - fy) : 0;
    weights[0][1] = fy > fx ? 256 * (fy - fx) : 0;
    weights[1][1] = 256 * (fx < fy ? fx : fy);
  }
  if (d->rows[i] != y + 2) d->columns[i][0] = d->columns[i][1] = 0;
  d->rows[i] = y + 2;
  for (int32_t a = 0; a < 2; a++) {
    int32_t* column = &d->columns[i][(x + a) & 1];
    if (*column == x + a + 2) continue;
    *column = x + a + 2;
    for (int32_t b = 0; b < 2; b++) {
      int32_t skew = level->simplex ? (y + b) >> 1 : 0;
      uint32_t cell_x = ntci_address(x + a - skew, level->width, file->wrap_u);
      uint32_t cell_y = ntci_address(y + b, level->height, file->wrap_v);
      ntci_read_latents(level, cell_x, cell_y, &d->latents[(x + a) & 1][b][role]);
    }
  }
  int16_t (*left)[NTCI_INPUTS_MOST] = d->latents[x & 1], (*right)[NTCI_INPUTS_MOST] = d->latents[(x + 1) & 1];
  bool fades = d->fade > 0 && file->roles[(d->mip + 1) * file->level_count + i] == NTCI_NOT_READ;
  for (uint32_t f = role; f < role + level->features; f++) {
    int32_t blend = left[0][f] * weights[0][0] + left[1][f] * weights[0][1];
    blend += right[0][f] * weights[1][0] + right[1][f] * weights[1][1];
    int32_t input = (blend + (1 << 22)) >> 23;
    d->inputs[f] = (int16_t)(fades ? (input * (8 - (int32_t)d->fade) + 4) >> 3 : input);
  }
}

// 8.8.
static int32_t ntci_activation(int32_t t) {
  t = ntci_clamp(t, -64, 127);
  return (t * (t + 64 < 128 ? t + 64 : 128) + 64) >> 7;
}

// 8.1, 8.7 and 8.9: the storage values of a sample.
static void ntci_decode(ntci_decoder* d, uint32_t u, uint32_t v, uint16_t* out) {
  const ntc_file* file = d->file;
  for (uint32_t i = 0; i < file->level_count; i++) {
    uint32_t role = file->roles[d->mip * file->level_count + i];
    if (role != NTCI_NOT_READ) ntci_read_features(d, i, u, v, role);
  }
  d->inputs[file->layers[0].inputs - 1] = (int16_t)(8 * d->mip + d->fade);
  for (uint32_t i = 0; i < file->layer_count; i++) {
    const ntc_layer* layer = &file->layers[i];
    const int16_t *weights = layer->weights, *in = i == 0 ? d->inputs : d->hidden[i & 1];
    uint32_t stride = ntci_align(layer->inputs, 8);
    bool last = i + 1 == file->layer_count;
    for (uint32_t k = 0; k < layer->outputs; k++, weights += stride) {
      int32_t sum = 0;
      for (uint32_t j = 0; j < stride; j++) sum += weights[j] * in[j];
      int32_t value = (layer->biases[k] + (last ? 256 * sum : sum)) >> layer->shifts[k];
      if (last) out[k] = (uint16_t)ntci_clamp(value, 0, 65535);
      if (!last) d->hidden[(i + 1) & 1][k] = (int16_t)ntci_activation(value);
    }
  }
}

static uint32_t ntci_mip_side(uint32_t side, uint32_t mip) {
  return mip < 31 && side >> mip > 1 ? side >> mip : 1;
}
uint32_t ntc_mip_width(const ntc_file* file, uint32_t mip) { return ntci_mip_side(file->width, mip); }
uint32_t ntc_mip_height(const ntc_file* file, uint32_t mip) { return ntci_mip_side(file->height, mip); }

ntc_status ntc_decode_rectangle(const ntc_file* file, uint32_t mip, uint32_t x, uint32_t y, uint32_t width,
                                uint32_t height, uint16_t* out) {
  uint32_t mip_width = ntc_mip_width(file, mip), mip_height = ntc_mip_height(file, mip);
  bool inside = x <= mip_width && width <= mip_width - x && y <= mip_height && height <= mip_height - y;
  if (mip >= file->mips || !inside) return NTC_BAD_ARGUMENT;
  ntci_decoder decoder;
  ntci_start_decoder(&decoder, file, 8 * mip);
  for (uint32_t row = y; row < y + height; row++) {
    uint32_t v = ntci_position(row, mip_height);
    for (uint32_t column = x; column < x + width; column++, out += file->channels) {
      ntci_decode(&decoder, ntci_position(column, mip_width), v, out);
    }
  }
  return NTC_OK;
}

ntc_status ntc_decode_texels(const ntc_file* file, uint32_t mip, const uint32_t* x, const uint32_t* y,
                             size_t count, uint16_t* out) {
  uint32_t width = ntc_mip_width(file, mip), height = ntc_mip_height(file, mip);
  bool inside = mip < file->mips;
  for (size_t i = 0; i < count; i++) inside = inside && x[i] < width && y[i] < height;
  if (!inside) return NTC_BAD_ARGUMENT;
  ntci_decoder decoder;
  ntci_start_decoder(&decoder, file, 8 * mip);
  for (size_t i = 0; i < count; i++) {
    ntci_decode(&decoder, ntci_position(x[i], width), ntci_position(y[i], height), out + i * file->channels);
  }
  return NTC_OK;
}

ntc_status ntc_decode_samples(const ntc_file* file, uint32_t lod8, const uint32_t* u, const uint32_t* v,
                              size_t count, uint16_t* out) {
  bool inside = lod8 <= 8 * (file->mips - 1);
  for (size_t i = 0; i < count; i++) inside = inside && u[i] < 1u << 24 && v[i] < 1u << 24;
  if (!inside) return NTC_BAD_ARGUMENT;
  ntci_decoder decoder;
  ntci_start_decoder(&decoder, file, lod8);
  for (size_t i = 0; i < count; i++) ntci_decode(&decoder, u[i], v[i], out + i * file->channels);
  return NTC_OK;
}

// ---- Chapter 9: storage values to samples

// A half of the closest value, the even one of two; `value` is within +-65504.
static uint16_t ntci_half(double value) {
  uint16_t sign = value < 0 ? 0x8000 : 0;
  double size = value < 0 ? -value : value, step = 1.0 / (1 << 24);  // of numbers below 2^-13
  uint16_t exponent = 0;
  while (size >= 2048 * step) step *= 2, exponent++;
  double steps = size / step;  // below 2048, without rounding
  uint16_t down = (uint16_t)steps;
  double rest = steps - down;
  bool up = rest > 0.5 || (rest == 0.5 && down % 2 == 1);
  // A half counts its steps on from where those of the exponent before end: so a carry is right as well.
  return (uint16_t)(sign | (1024 * exponent + down + up));
}

// The sample that a number is, in the type of its map.
static void ntci_put_sample(const ntc_map* map, double sample, uint8_t* out) {
  uint16_t whole = map->sample_type == NTC_HALF ? ntci_half(sample) : 0;
  float real = (float)sample;
  if (map->sample_type <= NTC_UINT16) whole = (uint16_t)sample;
  if (map->sample_type == NTC_UINT8) *out = (uint8_t)whole;
  if (map->sample_type == NTC_UINT16 || map->sample_type == NTC_HALF) memcpy(out, &whole, 2);
  if (map->sample_type == NTC_FLOAT) memcpy(out, &real, 4);
}

static double ntci_sample_of(const ntc_map* map, uint32_t value) {
  if (map->sample_type == NTC_UINT8) return (value + 128) / 257;
  if (map->sample_type == NTC_UINT16) return value;
  double t = value / 65535.0;
  if (map->curve == NTC_CURVE_LOG) return map->low + exp2(t * log2(1 + map->high - map->low)) - 1;
  volatile double scaled = t * (map->high - map->low);  // rounded before the sum, whatever the compiler likes
  return map->low + scaled;
}

size_t ntc_sample_bytes(ntc_sample_type type) { return type == NTC_UINT8 ? 1 : type == NTC_FLOAT ? 4 : 2; }

void ntc_map_samples(const ntc_file* file, const ntc_map* map, const uint16_t* values, size_t texels,
                     void* out) {
  size_t bytes = ntc_sample_bytes(map->sample_type);
  uint8_t* at = (uint8_t*)out;
  for (size_t i = 0; i < texels; i++, values += file->channels) {
    for (const ntc_channel* c = map->channels; c < map->channels + map->channel_count; c++, at += bytes) {
      double sample = c->constant;
      if (c->output >= 0)
        sample = ntci_sample_of(map, c->inverted ? 65535u - values[c->output] : values[c->output]);
      ntci_put_sample(map, sample, at);
    }
  }
}

const ntc_channel* ntc_find_channel(const ntc_file* file, const char* meaning) {
  for (const ntc_map* map = file->maps; map < file->maps + file->map_count; map++) {
    for (const ntc_channel* c = map->channels; c < map->channels + map->channel_count; c++) {
      if (strcmp(c->meaning, meaning) == 0) return c;
    }
  }
  return NULL;
}

// ---- shaders/README.md: words for GPUs

// Where a part of so many words begins in all of them, which grow by it and zeros up to a multiple of 4.
static uint32_t ntci_place(uint32_t* all, uint32_t* out, uint32_t words) {
  uint32_t at = *all;
  *all += ntci_align(words, 4);
  if (out != NULL) memset(out + at, 0, 4 * (size_t)(*all - at));
  return at;
}

// A layer in groups of eight outputs: biases, shifts, then weights, four to a word.
static void ntci_pack_layer(const ntc_layer* layer, uint32_t* out) {
  uint32_t columns = 2 * ntci_ceil(layer->inputs, 8), stride = ntci_align(layer->inputs, 8);
  for (uint32_t k = 0; k < layer->outputs; k++) {
    uint32_t* first = out + (k >> 3) * 8 * (2 + columns) + (k & 7);
    first[0] = (uint32_t)layer->biases[k];
    first[8] = layer->shifts[k];
    for (uint32_t i = 0; i < layer->inputs; i++) {
      uint32_t weight = (uint32_t)layer->weights[k * stride + i] & 255;
      first[16 + 8 * (i >> 2)] |= weight << (8 * (i & 3));
    }
  }
}

static void ntci_pack_level(const ntc_level* level, uint32_t* all, uint32_t* out, uint32_t* record) {
  uint32_t layout =
      level->table_log2 | level->block_log2 << 5 | (level->masked ? 256u : 0) | (level->simplex ? 512u : 0);
  uint32_t directory = ntci_place(all, out, 2 * level->tiles),
           codes = ntci_place(all, out, level->code_words);
  uint32_t mask = ntci_place(all, out, 2 * level->mask_words);
  if (out == NULL) return;
  const uint32_t fields[12] = {level->width,
                               level->height,
                               level->features | level->tile_log2 << 8 | layout << 16,
                               level->tiles_in_row,
                               level->tiles,
                               level->stored_width,
                               directory,
                               codes,
                               level->code_words,
                               mask,
                               ntci_blocks_in_row(level),
                               level->mask_words};
  const uint32_t* words = level->words + level->mask_words;
  memcpy(record, fields, sizeof fields);
  memcpy(out + directory, words, 8 * (size_t)level->tiles);
  memcpy(out + codes, words + 2 * (size_t)level->tiles, 4 * (size_t)level->code_words);
  for (uint32_t i = 0; i < level->mask_words; i++) {
    out[mask + 2 * i] = level->words[i];
    out[mask + 2 * i + 1] = level->ranks[i];
  }
}

// Writes the words unless `out` is NULL, and counts them.
static uint32_t ntci_pack(const ntc_file* file, uint32_t* out) {
  uint32_t all = 0, role_count = file->mips * file->level_count;
  uint32_t header = ntci_place(&all, out, 12), records = ntci_place(&all, out, 12 * file->level_count);
  uint32_t roles = ntci_place(&all, out, ntci_ceil(role_count, 4));
  uint32_t layers = ntci_place(&all, out, 4 * file->layer_count);
  for (uint32_t i = 0; i < file->layer_count; i++) {
    const ntc_layer* layer = &file->layers[i];
    uint32_t group = 8 * (2 + 2 * ntci_ceil(layer->inputs, 8));
    uint32_t at = ntci_place(&all, out, ntci_ceil(layer->outputs, 8) * group);
    const uint32_t fields[4] = {layer->inputs, layer->outputs, at, 0};
    if (out != NULL) memcpy(out + layers + 4 * i, fields, sizeof fields);
    if (out != NULL) ntci_pack_layer(layer, out + at);
  }
  for (uint32_t i = 0; i < file->level_count; i++) {
    ntci_pack_level(&file->levels[i], &all, out, out == NULL ? NULL : out + records + 12 * i);
  }
  if (out == NULL) return all;
  for (uint32_t i = 0; i < role_count; i++) out[roles + i / 4] |= (uint32_t)file->roles[i] << (8 * (i % 4));
  const uint32_t fields[12] = {file->width,
                               file->height,
                               file->mips,
                               file->channels,
                               file->level_count,
                               file->layer_count,
                               (uint32_t)file->wrap_u | (uint32_t)file->wrap_v << 1,
                               file->layers[0].inputs,
                               roles,
                               layers,
                               all,
                               0};
  memcpy(out + header, fields, sizeof fields);
  return all;
}

uint32_t ntc_gpu_words_count(const ntc_file* file) { return ntci_pack(file, NULL); }
void ntc_gpu_words(const ntc_file* file, uint32_t* out) { ntci_pack(file, out); }

#undef NTC_IMPLEMENTATION  // another include of this file here is one without it
#endif
