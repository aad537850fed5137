// A window by GLFW, and the pictures that are shown in it.
#pragma once

#define GLFW_INCLUDE_VULKAN
#include <GLFW/glfw3.h>

#include <glm/glm.hpp>
#include <memory>
#include <string>
#include <vector>

#include "objects.h"
#include "resources.h"

class Window {
 public:
  Window(VkExtent2D size);
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;
  ~Window();

  static std::vector<const char*> instance_extensions();
  GLFWwindow* handle() const { return window_; }
  VkExtent2D size() const;  // in pixels
  void set_title(const std::string& title);

  // Handles what happened since the last call. False: the window was closed.
  bool poll();
  int pressed_key();  // since the last call, or 0

  glm::vec2 turn{0.6f, 0.35f};  // of the camera, by dragging
  float distance = 2.4f;        // of the camera, by the wheel

 private:
  GLFWwindow* window_ = nullptr;
  int key_ = 0;
  glm::dvec2 cursor_{0};
};

class Swapchain {
 public:
  Swapchain(Device& device, const Window& window);
  ~Swapchain();
  Swapchain(const Swapchain&) = delete;
  Swapchain& operator=(const Swapchain&) = delete;

  // Shows a picture that is ready to be copied from.
  void present(const Image& picture);

 private:
  using Semaphore = Handle<VkSemaphore, vkDestroySemaphore>;
  void make();
  Semaphore make_semaphore();

  Device& device_;
  const Window& window_;
  VkSurfaceKHR surface_ = VK_NULL_HANDLE;
  Handle<VkSwapchainKHR, vkDestroySwapchainKHR> chain_;
  std::vector<VkImage> images_;
  VkExtent2D size_ = {};
  Semaphore acquired_;
  std::vector<Semaphore> copied_;  // one for each image: a present may wait for it until the image comes back
};
