// How everything here fails: one line that says what, where and what to do.
#pragma once

#include <vulkan/vulkan.h>

#include <stdexcept>
#include <string>

struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void check(VkResult result, const char* what) {
  if (result < 0)
    throw Error(std::string(what) + " failed with VkResult " + std::to_string(result) +
                ": look at the driver, and at what --validate says");
}
