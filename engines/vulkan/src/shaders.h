// The shaders, compiled by CMake: arrays of SPIR-V.
#pragma once

#include <cstdint>

#include "shaders/kBc7Shader.h"
#include "shaders/kDecodeShader.h"
#include "shaders/kFetchShader.h"
#include "shaders/kImagesShader.h"
#include "shaders/kMeshShader.h"
#include "shaders/kOnSampleShader.h"
