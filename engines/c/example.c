// Writes mip 0 of a map of 8 bits as a PPM: example brick.ntc albedo albedo.ppm
#include <stdio.h>
#include <string.h>
#define NTC_IMPLEMENTATION
#include "ntc.h"

// The bytes of a file, and their number.
static void* read_file(const char* path, size_t* size) {
  FILE* in = fopen(path, "rb");
  if (in == NULL || fseek(in, 0, SEEK_END) != 0) return NULL;
  *size = (size_t)ftell(in);
  rewind(in);
  void* bytes = malloc(*size + 1);
  if (bytes != NULL) *size = fread(bytes, 1, *size, in);
  fclose(in);
  return bytes;
}

static const ntc_map* find_map(const ntc_file* file, const char* name) {
  for (uint32_t i = 0; i < file->map_count; i++) {
    if (strcmp(file->maps[i].name, name) == 0 && file->maps[i].sample_type == NTC_UINT8)
      return &file->maps[i];
  }
  return NULL;
}

int main(int count, char** arguments) {
  if (count != 4) return fprintf(stderr, "usage: example file.ntc map picture.ppm\n"), 2;
  size_t size = 0;
  void* bytes = read_file(arguments[1], &size);
  if (bytes == NULL) return fprintf(stderr, "cannot read %s\n", arguments[1]), 1;
  ntc_error error;
  ntc_file* file = ntc_open(bytes, size, NULL, &error);
  free(bytes);
  if (file == NULL) {
    return fprintf(stderr, "%s at byte %llu: %s\n", error.rule, (unsigned long long)error.offset,
                   error.message),
           1;
  }
  const ntc_map* map = find_map(file, arguments[2]);
  FILE* out = fopen(arguments[3], "wb");
  if (map == NULL || out == NULL) return fprintf(stderr, "no such map of 8 bits, or no such folder\n"), 1;

  size_t texels = (size_t)file->width * file->height;
  uint16_t* values = malloc(texels * file->channels * sizeof *values);
  uint8_t* samples = malloc(texels * map->channel_count);
  if (values == NULL || samples == NULL) return fprintf(stderr, "out of memory\n"), 1;
  ntc_decode_rectangle(file, 0, 0, 0, file->width, file->height, values);
  ntc_map_samples(file, map, values, texels, samples);

  fprintf(out, "P6\n%u %u\n255\n", file->width, file->height);
  for (size_t i = 0; i < texels; i++) {
    for (uint32_t c = 0; c < 3; c++)
      fputc(samples[i * map->channel_count + (map->channel_count < 3 ? 0 : c)], out);
  }
  fclose(out);
  free(samples);
  free(values);
  ntc_close(file);
  return 0;
}
