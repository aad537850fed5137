"""The little of Vulkan that compute shaders need: devices, buffers, pipelines, submissions."""
