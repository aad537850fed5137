// Answers requests of tests/c_header.py: a letter, its numbers and bytes on standard input; numbers,
// bytes and lines of text on standard output. All buffers have exactly the size that is needed, so that
// sanitizers see more.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define NTC_IMPLEMENTATION
#include "../ntc.h"

// An allocator that counts, and fails once.
typedef struct {
  long calls, failing, live;
} Counter;

static void* count_allocation(void* user, size_t size) {
  Counter* counter = (Counter*)user;
  if (++counter->calls == counter->failing) return NULL;
  counter->live++;
  return malloc(size);
}

static void count_release(void* user, void* memory) {
  ((Counter*)user)->live--;
  free(memory);
}

static void read_bytes(void* to, size_t size) {
  if (fread(to, 1, size, stdin) != size) abort();
}

static uint32_t read_number(void) {
  uint32_t number;
  read_bytes(&number, sizeof number);
  return number;
}

// In memory of their own; of one byte less than none there is no buffer.
static void* read_array(size_t size) {
  void* array = malloc(size ? size : 1);
  read_bytes(array, size);
  return array;
}

static void write_bytes(const void* from, size_t size) { fwrite(from, 1, size, stdout); }
static void write_number(uint32_t number) { write_bytes(&number, sizeof number); }

// A status, and what was decoded.
static void write_values(ntc_status status, void* values, size_t size) {
  write_number(status);
  if (status == NTC_OK) write_bytes(values, size);
  free(values);
}

static void write_text(const char* name, const char* text) {
  printf("\"%s\": \"", name);
  for (; *text != 0; text++) {
    if ((uint8_t)text[0] == 0xc0) {
      printf("\\u0000");
      text++;
    } else if (*text == '"' || *text == '\\' || (uint8_t)*text < 32) {
      printf("\\u%04x", *text);
    } else {
      putchar(*text);
    }
  }
  printf("\", ");
}

static void write_channel(const ntc_channel* channel) {
  printf("{");
  write_text("meaning", channel->meaning);
  printf("\"output\": %d, \"constant\": %.17g, \"inverted\": %d}", channel->output, channel->constant,
         channel->inverted);
}

static void write_map(const ntc_map* map) {
  printf("{");
  write_text("name", map->name);
  write_text("file", map->file);
  printf("\"semantic\": %d, \"color_space\": %d, \"sample\": %d, ", map->semantic, map->color_space,
         map->sample_type);
  printf("\"width\": %u, \"height\": %u, \"curve\": %d, ", map->width, map->height, map->curve);
  printf("\"low\": %.17g, \"high\": %.17g, \"normal\": %d, ", map->low, map->high, map->normal);
  printf("\"has_psnr\": %d, \"psnr\": %.17g, \"channels\": [", map->has_psnr, map->psnr);
  for (uint32_t i = 0; i < map->channel_count; i++) {
    printf(i ? ", " : "");
    write_channel(&map->channels[i]);
  }
  printf("]}");
}

// One line of JSON.
static void describe(const ntc_file* file) {
  printf("{");
  write_text("name", file->name);
  write_text("generator", file->generator);
  printf("\"width\": %u, \"height\": %u, \"mips\": %u, ", file->width, file->height, file->mips);
  printf("\"channels\": %u, \"wrap\": [%d, %d], ", file->channels, file->wrap_u, file->wrap_v);
  printf("\"filtered\": %d, \"has_psnr\": %d, \"psnr\": %.17g, ", file->filtered, file->has_psnr, file->psnr);
  printf("\"bytes\": %llu, \"finest_mip\": %u, \"mip_bytes\": [", (unsigned long long)file->bytes,
         file->finest_mip);
  for (uint32_t i = 0; i < file->mips; i++)
    printf("%s%llu", i ? ", " : "", (unsigned long long)file->mip_bytes[i]);
  printf("], \"maps\": [");
  for (uint32_t i = 0; i < file->map_count; i++) {
    printf(i ? ", " : "");
    write_map(&file->maps[i]);
  }
  printf("]}\n");
}

static void decode_rectangle(const ntc_file* file) {
  uint32_t numbers[5];
  read_bytes(numbers, sizeof numbers);
  size_t size = 2 * (size_t)numbers[3] * numbers[4] * file->channels;
  uint16_t* values = (uint16_t*)malloc(size ? size : 1);
  ntc_status status =
      ntc_decode_rectangle(file, numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], values);
  write_values(status, values, size);
}

// Of texels if `samples` is false.
static void decode_points(const ntc_file* file, bool samples) {
  uint32_t mip = read_number(), count = read_number();
  uint32_t *x = (uint32_t*)read_array(4 * (size_t)count), *y = (uint32_t*)read_array(4 * (size_t)count);
  size_t size = 2 * (size_t)count * file->channels;
  uint16_t* values = (uint16_t*)malloc(size ? size : 1);
  ntc_status status = samples ? ntc_decode_samples(file, mip, x, y, count, values)
                              : ntc_decode_texels(file, mip, x, y, count, values);
  write_values(status, values, size);
  free(x);
  free(y);
}

static void convert(const ntc_file* file) {
  const ntc_map* map = &file->maps[read_number()];
  uint32_t texels = read_number();
  uint16_t* values = (uint16_t*)read_array(2 * (size_t)texels * file->channels);
  size_t size = texels * map->channel_count * ntc_sample_bytes(map->sample_type);
  void* samples = malloc(size ? size : 1);
  ntc_map_samples(file, map, values, texels, samples);
  write_values(NTC_OK, samples, size);
  free(values);
}

#ifndef NTC_UNZSTD
static void unzstd(void) {
  uint32_t size = read_number(), stored = read_number();
  uint8_t *frame = (uint8_t*)read_array(stored), *out = (uint8_t*)malloc(size ? size : 1);
  void* scratch = malloc(NTCI_ZSTD_SCRATCH);
  bool sound = ntci_read_zstd(scratch, out, size, frame, frame + stored);
  write_values(sound ? NTC_OK : NTC_BROKEN, out, size);
  free(scratch);
  free(frame);
}
#else
static void unzstd(void) { abort(); }
#endif

static ntc_file* open_bytes(Counter* counter) {
  uint32_t prefix = read_number(), failing = read_number(), size = read_number();
  uint8_t* bytes = (uint8_t*)read_array(size);
  ntc_allocator allocator = {counter, count_allocation, count_release};
  ntc_error error;
  Counter fresh = {0, (long)failing, 0};
  *counter = fresh;
  ntc_file* file = (prefix ? ntc_open_prefix : ntc_open)(bytes, size, &allocator, &error);
  free(bytes);
  if (file == NULL && counter->live != 0) abort();
  if ((file == NULL) != (error.status != NTC_OK)) abort();
  write_number(error.status);
  write_number((uint32_t)error.offset);
  printf("%s\n%s\n", error.rule, error.message);
  return file;
}

int main(void) {
  Counter counter = {0, 0, 0};
  ntc_file* file = NULL;
  for (int letter; (letter = getchar()) != EOF; fflush(stdout)) {
    if (letter == 'O') {
      ntc_close(file);
      if (counter.live != 0) abort();
      file = open_bytes(&counter);
    } else if (letter == 'A') {
      write_number((uint32_t)counter.calls);
    } else if (letter == 'U') {
      write_number(ntci_is_printable((int32_t)read_number()));
    } else if (letter == 'Z') {
      unzstd();
    } else if (file == NULL) {
      abort();
    } else if (letter == 'D') {
      describe(file);
    } else if (letter == 'R') {
      decode_rectangle(file);
    } else if (letter == 'T' || letter == 'S') {
      decode_points(file, letter == 'S');
    } else if (letter == 'M') {
      convert(file);
    } else if (letter == 'W') {
      uint32_t count = ntc_gpu_words_count(file);
      uint32_t* words = (uint32_t*)malloc(4 * (size_t)count);
      ntc_gpu_words(file, words);
      write_number(count);
      write_bytes(words, 4 * (size_t)count);
      free(words);
    } else {
      abort();
    }
  }
  ntc_close(file);
  return counter.live == 0 ? 0 : 1;
}
