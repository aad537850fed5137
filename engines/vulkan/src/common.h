// What most files include, compiled once.
#pragma once

#include <vulkan/vulkan.h>

#include <filesystem>
#include <functional>
#include <glm/glm.hpp>
#include <map>
#include <string>
#include <vector>
