// libFuzzer: no bytes crash the reader, hang it or make it read or write outside of its buffers.
//
//     clang -std=c99 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all fuzz.c -o fuzz -lm
//     ./fuzz corpus -max_total_time=600
//
// Half of the mutants get the checksums and sizes that the format asks for, so that they reach the code
// behind them.
#include <stdio.h>
#include <string.h>
#define NTC_IMPLEMENTATION
#include "ntc.h"

enum { HEADER = 40, ENTRY = 40, TEXELS = 16 };

size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed);
int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

static void put(uint8_t* at, uint64_t number, uint32_t bytes) {
  for (uint32_t i = 0; i < bytes; i++) at[i] = (uint8_t)(number >> (8 * i));
}

// Makes all chunks follow each other to the end of the file, and all checksums right.
static void repair(uint8_t* data, size_t size) {
  uint32_t table[256], count = size < HEADER ? 0 : ntci_u32(data + 20);
  if (count < 1 || count > 64 || size < HEADER + (size_t)ENTRY * count) return;
  ntci_fill_crc_table(table);
  uint64_t at = HEADER + (uint64_t)ENTRY * count;
  for (uint32_t i = 0; i < count; i++) {
    uint8_t* entry = data + HEADER + ENTRY * i;
    uint64_t rest = size - at, stored = ntci_u64(entry + 16);
    if (stored > rest || i + 1 == count) stored = rest;
    put(entry + 8, at, 8);
    put(entry + 16, stored, 8);
    if (ntci_u32(entry + 32) == NTCI_STORED) put(entry + 24, stored, 8);
    put(entry + 36, ntci_crc(table, 0, data + at, stored), 4);
    at += stored;
  }
  put(data + 24, size, 8);
  put(data + 32, 0, 4);
  put(data + 32, ntci_crc(table, 0, data, HEADER + (uint64_t)ENTRY * count), 4);
}

size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  size_t count = size < HEADER ? 0 : ntci_u32(data + 20), first = HEADER + ENTRY * (count & 127);
  if (seed % 4 == 0 || count < 4 || count > 64 || first >= size) {
    size = LLVMFuzzerMutate(data, size, most);
  } else {
    // One chunk alone: its entry stays in line with it.
    uint8_t* entry = data + HEADER + ENTRY * (seed / 4 % count);
    uint64_t at = ntci_u64(entry + 8), stored = ntci_u64(entry + 16);
    if (at < first || at > size || stored > size - at) return LLVMFuzzerMutate(data, size, most);
    size_t behind = size - (size_t)(at + stored), room = most - (size - (size_t)stored);
    if (room == 0) return LLVMFuzzerMutate(data, size, most);  // which gives no less than a byte
    uint8_t *chunk = malloc(room + 1), *rest = malloc(behind + 1);
    memcpy(chunk, data + at, (size_t)stored);
    memcpy(rest, data + at + stored, behind);
    stored = LLVMFuzzerMutate(chunk, (size_t)stored, room);
    memcpy(data + at, chunk, (size_t)stored);
    memcpy(data + at + stored, rest, behind);
    put(entry + 16, stored, 8);
    size = (size_t)(at + stored + behind);
    free(chunk);
    free(rest);
  }
  if (seed % 8 != 0) repair(data, size);
  return size;
}

// Decodes corners of all mips, a sample and all maps.
static void use(const ntc_file* file) {
  uint16_t values[TEXELS * 32];
  uint8_t samples[TEXELS * 32 * 4];
  for (uint32_t mip = 0; mip < file->mips; mip++) {
    uint32_t width = ntc_mip_width(file, mip), height = ntc_mip_height(file, mip);
    uint32_t w = ntci_min(width, 4), h = ntci_min(height, 4);
    if (ntc_decode_rectangle(file, mip, 0, 0, w, h, values) != NTC_OK) abort();
    if (ntc_decode_rectangle(file, mip, width - w, height - h, w, h, values) != NTC_OK) abort();
  }
  const uint32_t u[2] = {0, (1u << 24) - 1}, v[2] = {(1u << 24) - 1, 5000000};
  if (ntc_decode_samples(file, 8 * (file->mips - 1) / 3, u, v, 2, values) != NTC_OK) abort();
  for (uint32_t i = 0; i < file->map_count; i++) ntc_map_samples(file, &file->maps[i], values, 2, samples);
  uint32_t count = ntc_gpu_words_count(file);
  uint32_t* words = malloc(4 * (size_t)count);
  if (words != NULL) ntc_gpu_words(file, words);
  free(words);
}

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (int prefix = 0; prefix < 2; prefix++) {
    ntc_error error;
    ntc_file* file = (prefix ? ntc_open_prefix : ntc_open)(data, size, NULL, &error);
    if ((file != NULL) != (error.status == NTC_OK)) abort();
    if (file != NULL) use(file);
    ntc_close(file);
  }
  return 0;
}
