#include "device.h"

#include <cstdio>
#include <cstring>

#include "error.h"

namespace {

constexpr const char* kLayer = "VK_LAYER_KHRONOS_validation";
constexpr VkQueueFlags kWork = VK_QUEUE_GRAPHICS_BIT | VK_QUEUE_COMPUTE_BIT;

bool layer_is_installed() {
  uint32_t count = 0;
  vkEnumerateInstanceLayerProperties(&count, nullptr);
  std::vector<VkLayerProperties> layers(count);
  vkEnumerateInstanceLayerProperties(&count, layers.data());
  for (const auto& layer : layers)
    if (!std::strcmp(layer.layerName, kLayer)) return true;
  return false;
}

// The family of queues that draw and compute, or -1.
int working_family(VkPhysicalDevice physical) {
  uint32_t count = 0;
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, nullptr);
  std::vector<VkQueueFamilyProperties> families(count);
  vkGetPhysicalDeviceQueueFamilyProperties(physical, &count, families.data());
  for (uint32_t i = 0; i < count; i++)
    if ((families[i].queueFlags & kWork) == kWork) return static_cast<int>(i);
  return -1;
}

// Higher is better; 0 cannot be used.
int rank(const VkPhysicalDeviceProperties& properties) {
  if (properties.apiVersion < VK_API_VERSION_1_3) return 0;
  switch (properties.deviceType) {
    case VK_PHYSICAL_DEVICE_TYPE_DISCRETE_GPU:
      return 4;
    case VK_PHYSICAL_DEVICE_TYPE_INTEGRATED_GPU:
      return 3;
    case VK_PHYSICAL_DEVICE_TYPE_VIRTUAL_GPU:
      return 2;
    default:
      return 1;
  }
}

}  // namespace

Device::Device(bool validate, const std::vector<const char*>& extensions) {
  make_instance(validate, extensions);
  choose_physical();
  make_device(!extensions.empty());

  const VkCommandPoolCreateInfo pool = {.sType = VK_STRUCTURE_TYPE_COMMAND_POOL_CREATE_INFO,
                                        .flags = VK_COMMAND_POOL_CREATE_RESET_COMMAND_BUFFER_BIT,
                                        .queueFamilyIndex = family_};
  check(vkCreateCommandPool(device_, &pool, nullptr, &pool_), "vkCreateCommandPool");
  const VkCommandBufferAllocateInfo commands = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_ALLOCATE_INFO,
                                                .commandPool = pool_,
                                                .level = VK_COMMAND_BUFFER_LEVEL_PRIMARY,
                                                .commandBufferCount = 1};
  check(vkAllocateCommandBuffers(device_, &commands, &commands_), "vkAllocateCommandBuffers");
  const VkQueryPoolCreateInfo queries = {.sType = VK_STRUCTURE_TYPE_QUERY_POOL_CREATE_INFO,
                                         .queryType = VK_QUERY_TYPE_TIMESTAMP,
                                         .queryCount = 2};
  check(vkCreateQueryPool(device_, &queries, nullptr, &clock_), "vkCreateQueryPool");
  const VkFenceCreateInfo fence = {.sType = VK_STRUCTURE_TYPE_FENCE_CREATE_INFO};
  check(vkCreateFence(device_, &fence, nullptr, &done_), "vkCreateFence");
}

Device::~Device() {
  vkDeviceWaitIdle(device_);
  vkDestroyFence(device_, done_, nullptr);
  vkDestroyQueryPool(device_, clock_, nullptr);
  vkDestroyCommandPool(device_, pool_, nullptr);
  vkDestroyDevice(device_, nullptr);
  if (messenger_) {
    const auto destroy = reinterpret_cast<PFN_vkDestroyDebugUtilsMessengerEXT>(
        vkGetInstanceProcAddr(instance_, "vkDestroyDebugUtilsMessengerEXT"));
    destroy(instance_, messenger_, nullptr);
  }
  vkDestroyInstance(instance_, nullptr);
}

void Device::make_instance(bool validate, const std::vector<const char*>& extensions) {
  if (validate && !layer_is_installed())
    throw Error(std::string(kLayer) + " is not installed: apt install vulkan-validationlayers");
  const VkApplicationInfo application = {.sType = VK_STRUCTURE_TYPE_APPLICATION_INFO,
                                         .pApplicationName = "ntc_sample",
                                         .apiVersion = VK_API_VERSION_1_3};
  const VkDebugUtilsMessengerCreateInfoEXT messenger = {
      .sType = VK_STRUCTURE_TYPE_DEBUG_UTILS_MESSENGER_CREATE_INFO_EXT,
      .messageSeverity =
          VK_DEBUG_UTILS_MESSAGE_SEVERITY_WARNING_BIT_EXT | VK_DEBUG_UTILS_MESSAGE_SEVERITY_ERROR_BIT_EXT,
      // Not general ones: those are of the loader, about drivers of the machine that cannot be opened.
      .messageType = VK_DEBUG_UTILS_MESSAGE_TYPE_VALIDATION_BIT_EXT |
                     VK_DEBUG_UTILS_MESSAGE_TYPE_PERFORMANCE_BIT_EXT,
      .pfnUserCallback = on_message,
      .pUserData = this};
  const VkValidationFeatureEnableEXT enabled = VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT;
  const VkValidationFeaturesEXT features = {.sType = VK_STRUCTURE_TYPE_VALIDATION_FEATURES_EXT,
                                            .pNext = &messenger,
                                            .enabledValidationFeatureCount = 1,
                                            .pEnabledValidationFeatures = &enabled};
  std::vector<const char*> wanted = extensions;
  if (validate) {
    wanted.push_back(VK_EXT_DEBUG_UTILS_EXTENSION_NAME);
    wanted.push_back(VK_EXT_VALIDATION_FEATURES_EXTENSION_NAME);
  }
  const VkInstanceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_INSTANCE_CREATE_INFO,
                                     .pNext = validate ? &features : nullptr,
                                     .pApplicationInfo = &application,
                                     .enabledLayerCount = validate ? 1u : 0u,
                                     .ppEnabledLayerNames = &kLayer,
                                     .enabledExtensionCount = static_cast<uint32_t>(wanted.size()),
                                     .ppEnabledExtensionNames = wanted.data()};
  check(vkCreateInstance(&info, nullptr, &instance_), "vkCreateInstance");
  if (!validate) return;
  const auto create = reinterpret_cast<PFN_vkCreateDebugUtilsMessengerEXT>(
      vkGetInstanceProcAddr(instance_, "vkCreateDebugUtilsMessengerEXT"));
  check(create(instance_, &messenger, nullptr, &messenger_), "vkCreateDebugUtilsMessengerEXT");
}

void Device::choose_physical() {
  uint32_t count = 0;
  vkEnumeratePhysicalDevices(instance_, &count, nullptr);
  std::vector<VkPhysicalDevice> devices(count);
  vkEnumeratePhysicalDevices(instance_, &count, devices.data());
  int best = 0;
  for (VkPhysicalDevice device : devices) {
    VkPhysicalDeviceProperties properties;
    vkGetPhysicalDeviceProperties(device, &properties);
    if (rank(properties) <= best || working_family(device) < 0) continue;
    best = rank(properties);
    physical_ = device;
    family_ = static_cast<uint32_t>(working_family(device));
    name_ = properties.deviceName;
    most_storage_bytes_ = properties.limits.maxStorageBufferRange;
    tick_ms_ = properties.limits.timestampComputeAndGraphics ? properties.limits.timestampPeriod * 1e-6 : 0;
  }
  if (!physical_)
    throw Error(
        "no device with Vulkan 1.3: install a driver, apt install mesa-vulkan-drivers for the processor");
}

void Device::make_device(bool with_window) {
  VkPhysicalDeviceFeatures there;
  vkGetPhysicalDeviceFeatures(physical_, &there);
  if (!there.textureCompressionBC) throw Error(name_ + " cannot read BC7 textures: use another device");
  const float priority = 1;
  const VkDeviceQueueCreateInfo queue = {.sType = VK_STRUCTURE_TYPE_DEVICE_QUEUE_CREATE_INFO,
                                         .queueFamilyIndex = family_,
                                         .queueCount = 1,
                                         .pQueuePriorities = &priority};
  VkPhysicalDeviceVulkan13Features features13 = {
      .sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_VULKAN_1_3_FEATURES,
      .synchronization2 = VK_TRUE,
      .dynamicRendering = VK_TRUE,
      .maintenance4 = VK_TRUE};
  const VkPhysicalDeviceFeatures2 features = {.sType = VK_STRUCTURE_TYPE_PHYSICAL_DEVICE_FEATURES_2,
                                              .pNext = &features13,
                                              .features = {.textureCompressionBC = VK_TRUE}};
  const char* swapchain = VK_KHR_SWAPCHAIN_EXTENSION_NAME;
  const VkDeviceCreateInfo info = {.sType = VK_STRUCTURE_TYPE_DEVICE_CREATE_INFO,
                                   .pNext = &features,
                                   .queueCreateInfoCount = 1,
                                   .pQueueCreateInfos = &queue,
                                   .enabledExtensionCount = with_window ? 1u : 0u,
                                   .ppEnabledExtensionNames = &swapchain};
  check(vkCreateDevice(physical_, &info, nullptr, &device_), "vkCreateDevice");
  vkGetDeviceQueue(device_, family_, 0, &queue_);
}

double Device::run(const std::function<void(VkCommandBuffer)>& record, VkSemaphore wait, VkSemaphore signal) {
  const VkCommandBufferBeginInfo begin = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_BEGIN_INFO,
                                          .flags = VK_COMMAND_BUFFER_USAGE_ONE_TIME_SUBMIT_BIT};
  check(vkBeginCommandBuffer(commands_, &begin), "vkBeginCommandBuffer");
  vkCmdResetQueryPool(commands_, clock_, 0, 2);
  vkCmdWriteTimestamp2(commands_, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, clock_, 0);
  record(commands_);
  vkCmdWriteTimestamp2(commands_, VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT, clock_, 1);
  check(vkEndCommandBuffer(commands_), "vkEndCommandBuffer");

  const VkSemaphoreSubmitInfo waited = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
                                        .semaphore = wait,
                                        .stageMask = VK_PIPELINE_STAGE_2_TRANSFER_BIT};
  const VkSemaphoreSubmitInfo signalled = {.sType = VK_STRUCTURE_TYPE_SEMAPHORE_SUBMIT_INFO,
                                           .semaphore = signal,
                                           .stageMask = VK_PIPELINE_STAGE_2_ALL_COMMANDS_BIT};
  const VkCommandBufferSubmitInfo commands = {.sType = VK_STRUCTURE_TYPE_COMMAND_BUFFER_SUBMIT_INFO,
                                              .commandBuffer = commands_};
  const VkSubmitInfo2 submit = {.sType = VK_STRUCTURE_TYPE_SUBMIT_INFO_2,
                                .waitSemaphoreInfoCount = wait ? 1u : 0u,
                                .pWaitSemaphoreInfos = &waited,
                                .commandBufferInfoCount = 1,
                                .pCommandBufferInfos = &commands,
                                .signalSemaphoreInfoCount = signal ? 1u : 0u,
                                .pSignalSemaphoreInfos = &signalled};
  check(vkQueueSubmit2(queue_, 1, &submit, done_), "vkQueueSubmit2");
  check(vkWaitForFences(device_, 1, &done_, VK_TRUE, UINT64_MAX), "vkWaitForFences");
  check(vkResetFences(device_, 1, &done_), "vkResetFences");
  if (tick_ms_ == 0) return 0;
  uint64_t ticks[2] = {};
  check(vkGetQueryPoolResults(device_, clock_, 0, 2, sizeof ticks, ticks, sizeof ticks[0],
                              VK_QUERY_RESULT_64_BIT | VK_QUERY_RESULT_WAIT_BIT),
        "vkGetQueryPoolResults");
  return static_cast<double>(ticks[1] - ticks[0]) * tick_ms_;
}

uint32_t Device::memory_type(uint32_t allowed, VkMemoryPropertyFlags wanted) const {
  VkPhysicalDeviceMemoryProperties there;
  vkGetPhysicalDeviceMemoryProperties(physical_, &there);
  for (uint32_t i = 0; i < there.memoryTypeCount; i++)
    if (allowed >> i & 1 && (there.memoryTypes[i].propertyFlags & wanted) == wanted) return i;
  throw Error(name_ + " has no memory of the kind that is needed: use another device");
}

VkBool32 Device::on_message(VkDebugUtilsMessageSeverityFlagBitsEXT, VkDebugUtilsMessageTypeFlagsEXT,
                            const VkDebugUtilsMessengerCallbackDataEXT* data, void* user) {
  static_cast<Device*>(user)->messages_++;
  std::fprintf(stderr, "validation: %s\n", data->pMessage);
  return VK_FALSE;
}
