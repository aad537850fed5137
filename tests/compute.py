"""Runs compute shaders of the tests on the first Vulkan device, and the tools that compile them."""

import shutil
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import conftest
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def missing(what: str) -> NoReturn:
    """Fails where drivers and shader tools are promised, skips elsewhere."""
    conftest.missing(what, "NTC_EXPECT_VULKAN")


def run_tool(name: str, *arguments: object) -> str:
    """What a tool prints; the test fails if the tool does."""
    if shutil.which(name) is None:
        missing(f"{name} is not installed")
    done = subprocess.run([name, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def spirv_of(source: Path, target: Path, *options: object) -> bytes:
    """SPIR-V of GLSL or, with -D among the options, HLSL."""
    run_tool("glslangValidator", "-V", *options, source, "-o", target)
    return target.read_bytes()


class Compute:
    """A compute shader with storage buffers at the bindings 0, 1, ... of set 0."""

    def __init__(self, spirv: bytes, entry: str, bindings: int) -> None:
        try:
            import vulkan as vk
        except (ImportError, OSError) as error:
            missing(f"no Vulkan: {error}")
        self.vk = vk
        app = vk.VkApplicationInfo(apiVersion=vk.VK_MAKE_VERSION(1, 3, 0))
        self.instance = vk.vkCreateInstance(vk.VkInstanceCreateInfo(pApplicationInfo=app), None)
        try:
            self.physical = vk.vkEnumeratePhysicalDevices(self.instance)[0]
        except (vk.VkError, IndexError):
            missing("no Vulkan device")
        queue = vk.VkDeviceQueueCreateInfo(queueFamilyIndex=0, queueCount=1, pQueuePriorities=[1.0])
        features = vk.VkPhysicalDeviceVulkan13Features(shaderIntegerDotProduct=True)
        create = vk.VkDeviceCreateInfo(
            pNext=features, queueCreateInfoCount=1, pQueueCreateInfos=[queue]
        )
        self.device = vk.vkCreateDevice(self.physical, create, None)
        self.queue = vk.vkGetDeviceQueue(self.device, 0, 0)
        self._make_pipeline(spirv, entry, bindings)

    def _make_pipeline(self, spirv: bytes, entry: str, bindings: int) -> None:
        vk, device = self.vk, self.device
        storage = vk.VK_DESCRIPTOR_TYPE_STORAGE_BUFFER
        slots = [
            vk.VkDescriptorSetLayoutBinding(
                binding=i,
                descriptorType=storage,
                descriptorCount=1,
                stageFlags=vk.VK_SHADER_STAGE_COMPUTE_BIT,
            )
            for i in range(bindings)
        ]
        layout = vk.VkDescriptorSetLayoutCreateInfo(bindingCount=bindings, pBindings=slots)
        set_layout = vk.vkCreateDescriptorSetLayout(device, layout, None)
        layout = vk.VkPipelineLayoutCreateInfo(setLayoutCount=1, pSetLayouts=[set_layout])
        self.layout = vk.vkCreatePipelineLayout(device, layout, None)
        code = vk.VkShaderModuleCreateInfo(codeSize=len(spirv), pCode=spirv)
        # Bound to a name: the structure that takes it does not keep its string alive.
        stage = vk.VkPipelineShaderStageCreateInfo(
            stage=vk.VK_SHADER_STAGE_COMPUTE_BIT,
            module=vk.vkCreateShaderModule(device, code, None),
            pName=entry,
        )
        create = vk.VkComputePipelineCreateInfo(stage=stage, layout=self.layout)
        self.pipeline = vk.vkCreateComputePipelines(device, vk.ffi.NULL, 1, [create], None)[0]
        size = vk.VkDescriptorPoolSize(type=storage, descriptorCount=bindings)
        pool = vk.VkDescriptorPoolCreateInfo(maxSets=1, poolSizeCount=1, pPoolSizes=[size])
        self.pool = vk.vkCreateDescriptorPool(device, pool, None)
        wanted = vk.VkDescriptorSetAllocateInfo(
            descriptorPool=self.pool, descriptorSetCount=1, pSetLayouts=[set_layout]
        )
        self.set = vk.vkAllocateDescriptorSets(device, wanted)[0]
        create = vk.VkCommandPoolCreateInfo(queueFamilyIndex=0)
        self.commands = vk.vkCreateCommandPool(device, create, None)

    def run(self, groups: int, *arrays: Array) -> Array:
        """The last of the arrays, after the shader: they are its buffers, in order of binding."""
        vk, device = self.vk, self.device
        buffers = [self._buffer(array) for array in arrays]
        for i, (buffer, _, mapped) in enumerate(buffers):
            info = vk.VkDescriptorBufferInfo(buffer=buffer, offset=0, range=mapped.size)
            write = vk.VkWriteDescriptorSet(
                dstSet=self.set,
                dstBinding=i,
                descriptorCount=1,
                descriptorType=vk.VK_DESCRIPTOR_TYPE_STORAGE_BUFFER,
                pBufferInfo=[info],
            )
            vk.vkUpdateDescriptorSets(device, 1, [write], 0, None)
        wanted = vk.VkCommandBufferAllocateInfo(
            commandPool=self.commands, level=0, commandBufferCount=1
        )
        command = vk.vkAllocateCommandBuffers(device, wanted)[0]
        vk.vkBeginCommandBuffer(command, vk.VkCommandBufferBeginInfo())
        compute = vk.VK_PIPELINE_BIND_POINT_COMPUTE
        vk.vkCmdBindPipeline(command, compute, self.pipeline)
        vk.vkCmdBindDescriptorSets(command, compute, self.layout, 0, 1, [self.set], 0, None)
        vk.vkCmdDispatch(command, groups, 1, 1)
        vk.vkEndCommandBuffer(command)
        submit = vk.VkSubmitInfo(commandBufferCount=1, pCommandBuffers=[command])
        vk.vkQueueSubmit(self.queue, 1, [submit], vk.ffi.NULL)
        vk.vkQueueWaitIdle(self.queue)
        result = buffers[-1][2].copy().view(arrays[-1].dtype).reshape(arrays[-1].shape)
        for buffer, memory, _ in buffers:
            vk.vkDestroyBuffer(device, buffer, None)
            vk.vkFreeMemory(device, memory, None)
        return result

    def _buffer(self, array: Array) -> tuple[Any, Any, Array]:
        """A buffer with the bytes of the array, its memory, and that memory as bytes."""
        vk, device = self.vk, self.device
        usage = vk.VK_BUFFER_USAGE_STORAGE_BUFFER_BIT
        create = vk.VkBufferCreateInfo(size=array.nbytes, usage=usage)
        buffer = vk.vkCreateBuffer(device, create, None)
        needs = vk.vkGetBufferMemoryRequirements(device, buffer)
        there = vk.vkGetPhysicalDeviceMemoryProperties(self.physical)
        host = vk.VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | vk.VK_MEMORY_PROPERTY_HOST_COHERENT_BIT
        kinds = [
            i
            for i in range(there.memoryTypeCount)
            if needs.memoryTypeBits >> i & 1 and there.memoryTypes[i].propertyFlags & host == host
        ]
        create = vk.VkMemoryAllocateInfo(allocationSize=needs.size, memoryTypeIndex=kinds[0])
        memory = vk.vkAllocateMemory(device, create, None)
        vk.vkBindBufferMemory(device, buffer, memory, 0)
        mapped = np.frombuffer(vk.vkMapMemory(device, memory, 0, array.nbytes, 0), np.uint8)
        mapped[:] = np.ascontiguousarray(array).view(np.uint8).ravel()
        return buffer, memory, mapped
