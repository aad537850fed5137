// What was asked for on the command line.
#pragma once

#include <filesystem>
#include <string>

#include "materials.h"
#include "renderer.h"

struct Options {
  std::filesystem::path model;
  std::filesystem::path shot;       // a PNG to write instead of opening a window
  std::filesystem::path save_maps;  // a folder
  Decode decode = Decode::kSample;
  Look look;
  VkExtent2D size = {1280, 720};
  uint32_t frames = 1;  // of a shot: the time is their median
  bool json = false, validate = false, help = false;
};

// Throws Error.
Options parse_options(int count, char** arguments);
extern const char* const kHelp;

const char* name_of(Decode decode);
const char* name_of(Filter filter);
