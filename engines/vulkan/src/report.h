// What drawing took, in words for people and as JSON.
#pragma once

#include <string>

#include "compressed.h"
#include "device.h"
#include "materials.h"
#include "options.h"
#include "renderer.h"

struct Report {
  const Device& device;
  const Options& options;
  const CompressedFiles& files;
  const Materials& materials;
  const Renderer& renderer;
  double frame_ms;
};

std::string as_title(const Report& report);
std::string as_json(const Report& report);
