#include "window.h"

#include <algorithm>

#include "error.h"

Window::Window(VkExtent2D size) {
  if (!glfwInit()) throw Error("no window can be opened: start it in a desktop, or use --shot");
  glfwWindowHint(GLFW_CLIENT_API, GLFW_NO_API);
  glfwWindowHint(GLFW_RESIZABLE, GLFW_FALSE);
  window_ =
      glfwCreateWindow(static_cast<int>(size.width), static_cast<int>(size.height), "ntc", nullptr, nullptr);
  if (!window_) throw Error("no window of this size can be opened: use another --size, or --shot");
  glfwSetWindowUserPointer(window_, this);
  glfwSetKeyCallback(window_, [](GLFWwindow* window, int key, int, int action, int) {
    if (action == GLFW_PRESS) static_cast<Window*>(glfwGetWindowUserPointer(window))->key_ = key;
  });
  glfwSetScrollCallback(window_, [](GLFWwindow* window, double, double steps) {
    float& distance = static_cast<Window*>(glfwGetWindowUserPointer(window))->distance;
    distance = std::clamp(distance * std::exp2(static_cast<float>(-steps) / 8), 0.1f, 20.0f);
  });
}

Window::~Window() {
  glfwDestroyWindow(window_);
  glfwTerminate();
}

std::vector<const char*> Window::instance_extensions() {
  uint32_t count = 0;
  const char** names = glfwGetRequiredInstanceExtensions(&count);
  if (!names) throw Error("windows here cannot show Vulkan: use --shot");
  return {names, names + count};
}

VkExtent2D Window::size() const {
  int width, height;
  glfwGetFramebufferSize(window_, &width, &height);
  return {static_cast<uint32_t>(std::max(width, 1)), static_cast<uint32_t>(std::max(height, 1))};
}

void Window::set_title(const std::string& title) { glfwSetWindowTitle(window_, title.c_str()); }

bool Window::poll() {
  glfwPollEvents();
  glm::dvec2 now;
  glfwGetCursorPos(window_, &now.x, &now.y);
  if (glfwGetMouseButton(window_, GLFW_MOUSE_BUTTON_LEFT) == GLFW_PRESS) {
    turn += glm::vec2(cursor_.x - now.x, now.y - cursor_.y) * 0.008f;  // radians a pixel
    turn.y = std::clamp(turn.y, -1.5f, 1.5f);
  }
  cursor_ = now;
  return !glfwWindowShouldClose(window_) && key_ != GLFW_KEY_ESCAPE;
}

int Window::pressed_key() { return std::exchange(key_, 0); }

Swapchain::Swapchain(Device& device, const Window& window) : device_(device), window_(window) {
  check(glfwCreateWindowSurface(device.instance(), window.handle(), nullptr, &surface_),
        "glfwCreateWindowSurface");
  VkBool32 shown = VK_FALSE;
  vkGetPhysicalDeviceSurfaceSupportKHR(device.physical(), device.family(), surface_, &shown);
  if (!shown) throw Error(device.name() + " cannot show pictures in this window: use --shot");
  acquired_ = make_semaphore();
  make();
}

Swapchain::~Swapchain() {
  vkDeviceWaitIdle(device_);
  chain_ = {};
  vkDestroySurfaceKHR(device_.instance(), surface_, nullptr);
}

Swapchain::Semaphore Swapchain::make_semaphore() {
  const VkSemaphoreCreateInfo info = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_CREATE_INFO};
  VkSemaphore semaphore;
  check(vkCreateSemaphore(device_, &info, nullptr, &semaphore), "vkCreateSemaphore");
  return {device_, semaphore};
}

void Swapchain::make() {
  vkDeviceWaitIdle(device_);
  VkSurfaceCapabilitiesKHR can;
  check(vkGetPhysicalDeviceSurfaceCapabilitiesKHR(device_.physical(), surface_, &can),
        "surface capabilities");
  uint32_t count = 0;
  vkGetPhysicalDeviceSurfaceFormatsKHR(device_.physical(), surface_, &count, nullptr);
  std::vector<VkSurfaceFormatKHR> formats(count);
  vkGetPhysicalDeviceSurfaceFormatsKHR(device_.physical(), surface_, &count, formats.data());
  // Pictures are encoded as sRGB already: a format with _SRGB would do it again.
  const auto format = std::find_if(formats.begin(), formats.end(), [](const VkSurfaceFormatKHR& f) {
    return f.format == VK_FORMAT_B8G8R8A8_UNORM || f.format == VK_FORMAT_R8G8B8A8_UNORM;
  });
  if (format == formats.end()) throw Error("the window has no format of 8 bits a channel: use --shot");
  size_ = can.currentExtent.width == UINT32_MAX ? window_.size() : can.currentExtent;
  const VkSwapchainCreateInfoKHR info = {
      .sType = VK_STRUCTURE_TYPE_SWAPCHAIN_CREATE_INFO_KHR,
      .surface = surface_,
      .minImageCount =
          can.maxImageCount ? std::min(can.minImageCount + 1, can.maxImageCount) : can.minImageCount + 1,
      .imageFormat = format->format,
      .imageColorSpace = format->colorSpace,
      .imageExtent = size_,
      .imageArrayLayers = 1,
      .imageUsage = VK_IMAGE_USAGE_TRANSFER_DST_BIT,
      .preTransform = can.currentTransform,
      .compositeAlpha = VK_COMPOSITE_ALPHA_OPAQUE_BIT_KHR,
      .presentMode = VK_PRESENT_MODE_FIFO_KHR,
      .clipped = VK_TRUE,
      .oldSwapchain = chain_};
  VkSwapchainKHR chain;
  check(vkCreateSwapchainKHR(device_, &info, nullptr, &chain), "vkCreateSwapchainKHR");
  chain_ = {device_, chain};
  vkGetSwapchainImagesKHR(device_, chain, &count, nullptr);
  images_.resize(count);
  vkGetSwapchainImagesKHR(device_, chain, &count, images_.data());
  copied_.clear();
  for (uint32_t i = 0; i < count; i++) copied_.push_back(make_semaphore());
}

void Swapchain::present(const Image& picture) {
  uint32_t index = 0;
  const VkResult acquired =
      vkAcquireNextImageKHR(device_, chain_, UINT64_MAX, acquired_, VK_NULL_HANDLE, &index);
  if (acquired == VK_ERROR_OUT_OF_DATE_KHR) return make();
  check(acquired, "vkAcquireNextImageKHR");
  const VkImage target = images_[index];
  device_.run(
      [&](VkCommandBuffer commands) {
        constexpr VkImageAspectFlags color = VK_IMAGE_ASPECT_COLOR_BIT;
        const auto corner = [](VkExtent2D size) {
          return VkOffset3D{static_cast<int>(size.width), static_cast<int>(size.height), 1};
        };
        const VkImageBlit all = {.srcSubresource = {color, 0, 0, 1},
                                 .srcOffsets = {{}, corner(picture.size())},
                                 .dstSubresource = {color, 0, 0, 1},
                                 .dstOffsets = {{}, corner(size_)}};
        const Use before = {VK_PIPELINE_STAGE_2_TRANSFER_BIT,
                            VK_ACCESS_2_NONE};  // after the wait for the image
        const Use shown = {VK_PIPELINE_STAGE_2_NONE, VK_ACCESS_2_NONE, VK_IMAGE_LAYOUT_PRESENT_SRC_KHR};
        barrier(commands, target, color, before, kCopyTo);
        vkCmdBlitImage(commands, picture, VK_IMAGE_LAYOUT_TRANSFER_SRC_OPTIMAL, target,
                       VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL, 1, &all, VK_FILTER_LINEAR);
        barrier(commands, target, color, kCopyTo, shown);
      },
      acquired_, copied_[index]);
  const VkSemaphore copied = copied_[index];
  const VkSwapchainKHR chain = chain_;
  const VkPresentInfoKHR info = {.sType = VK_STRUCTURE_TYPE_PRESENT_INFO_KHR,
                                 .waitSemaphoreCount = 1,
                                 .pWaitSemaphores = &copied,
                                 .swapchainCount = 1,
                                 .pSwapchains = &chain,
                                 .pImageIndices = &index};
  const VkResult presented = vkQueuePresentKHR(device_.queue(), &info);
  if (presented == VK_ERROR_OUT_OF_DATE_KHR) return make();
  check(presented, "vkQueuePresentKHR");
}
