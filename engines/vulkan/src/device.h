// A Vulkan 1.3 device with one queue, and commands that are waited for.
#pragma once

#include <vulkan/vulkan.h>

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

// Owns an object of a device.
template <class T, auto destroy>
class Handle {
 public:
  Handle() = default;
  Handle(VkDevice device, T value) : device_(device), value_(value) {}
  Handle(Handle&& other) noexcept
      : device_(other.device_), value_(std::exchange(other.value_, VK_NULL_HANDLE)) {}
  Handle& operator=(Handle&& other) noexcept {
    std::swap(device_, other.device_);
    std::swap(value_, other.value_);
    return *this;
  }
  ~Handle() {
    if (value_) destroy(device_, value_, nullptr);
  }
  operator T() const { return value_; }

 private:
  VkDevice device_ = VK_NULL_HANDLE;
  T value_ = VK_NULL_HANDLE;
};

class Device {
 public:
  // `extensions` are those of the instance that a window needs; none: there will be no window.
  Device(bool validate, const std::vector<const char*>& extensions);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  VkInstance instance() const { return instance_; }
  VkPhysicalDevice physical() const { return physical_; }
  VkQueue queue() const { return queue_; }
  uint32_t family() const { return family_; }
  const std::string& name() const { return name_; }
  operator VkDevice() const { return device_; }

  // Records commands, submits them and waits until they are done. The result is what they took on the GPU, in
  // milliseconds, or 0 where its clock cannot be read.
  double run(const std::function<void(VkCommandBuffer)>& record, VkSemaphore wait = VK_NULL_HANDLE,
             VkSemaphore signal = VK_NULL_HANDLE);

  uint32_t memory_type(uint32_t allowed, VkMemoryPropertyFlags wanted) const;
  uint64_t most_storage_bytes() const { return most_storage_bytes_; }  // of a buffer that shaders read
  int validation_messages() const { return messages_; }

 private:
  void make_instance(bool validate, const std::vector<const char*>& extensions);
  void choose_physical();
  void make_device(bool with_window);
  static VkBool32 VKAPI_PTR on_message(VkDebugUtilsMessageSeverityFlagBitsEXT,
                                       VkDebugUtilsMessageTypeFlagsEXT,
                                       const VkDebugUtilsMessengerCallbackDataEXT*, void*);

  VkInstance instance_ = VK_NULL_HANDLE;
  VkDebugUtilsMessengerEXT messenger_ = VK_NULL_HANDLE;
  VkPhysicalDevice physical_ = VK_NULL_HANDLE;
  VkDevice device_ = VK_NULL_HANDLE;
  VkQueue queue_ = VK_NULL_HANDLE;
  VkCommandPool pool_ = VK_NULL_HANDLE;
  VkCommandBuffer commands_ = VK_NULL_HANDLE;
  VkQueryPool clock_ = VK_NULL_HANDLE;
  VkFence done_ = VK_NULL_HANDLE;
  uint32_t family_ = 0;
  double tick_ms_ = 0;
  uint64_t most_storage_bytes_ = 0;
  std::string name_;
  int messages_ = 0;
};
