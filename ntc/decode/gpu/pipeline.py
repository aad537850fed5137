"""Compute pipelines, and the buffers and textures bound to them."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from typing import Any

from ntc.decode.gpu.device import Device
from ntc.decode.gpu.memory import Buffer
from ntc.decode.gpu.needs import missing_features
from ntc.errors import RuntimeFailure


class Pipeline:
    """A compute shader that comes with ntc, ready to run; its entry point has its name.

    `bindings` are the descriptor types of set 0, by binding.

    Raises RuntimeFailure, with its name, for a feature that the shader needs and the device lacks.
    """

    def __init__(self, device: Device, name: str, bindings: Sequence[int]) -> None:
        spirv = load(name)
        if missing := missing_features(device.features, spirv):
            raise RuntimeFailure(f"{device.info.name}: lacks {', '.join(missing)}; --device cpu")
        vk = device.vk
        self.device, self.bindings = device, tuple(bindings)
        with device.failures(f"shader {name}"):
            self.set_layout = self._make_set_layout()
            create = vk.VkPipelineLayoutCreateInfo(setLayoutCount=1, pSetLayouts=[self.set_layout])
            self.layout = device.own(
                "PipelineLayout", vk.vkCreatePipelineLayout(device.handle, create, None)
            )
            self.handle = self._make_pipeline(spirv, name)

    def _make_set_layout(self) -> Any:
        vk = self.device.vk
        bindings = [
            vk.VkDescriptorSetLayoutBinding(
                binding=i,
                descriptorType=kind,
                descriptorCount=1,
                stageFlags=vk.VK_SHADER_STAGE_COMPUTE_BIT,
            )
            for i, kind in enumerate(self.bindings)
        ]
        create = vk.VkDescriptorSetLayoutCreateInfo(bindingCount=len(bindings), pBindings=bindings)
        layout = vk.vkCreateDescriptorSetLayout(self.device.handle, create, None)
        return self.device.own("DescriptorSetLayout", layout)

    def _make_pipeline(self, spirv: bytes, entry: str) -> Any:
        vk, device = self.device.vk, self.device.handle
        shader = vk.VkShaderModuleCreateInfo(codeSize=len(spirv), pCode=spirv)
        module = vk.vkCreateShaderModule(device, shader, None)
        try:
            # Bound to a name: the structure that takes it does not keep its string alive.
            stage = vk.VkPipelineShaderStageCreateInfo(
                stage=vk.VK_SHADER_STAGE_COMPUTE_BIT, module=module, pName=entry
            )
            create = vk.VkComputePipelineCreateInfo(stage=stage, layout=self.layout)
            made = vk.vkCreateComputePipelines(device, vk.ffi.NULL, 1, [create], None)
        finally:
            vk.vkDestroyShaderModule(device, module, None)
        return self.device.own("Pipeline", made[0])


def load(name: str) -> bytes:
    """SPIR-V of a compute shader of `shaders/`, as tools/export_shaders.py compiled it."""
    return files("ntc.decode").joinpath("spirv", f"{name}.spv").read_bytes()


class Bound:
    """A descriptor set: what a pipeline reads and writes."""

    def __init__(self, pipeline: Pipeline) -> None:
        device, vk = pipeline.device, pipeline.device.vk
        self.pipeline = pipeline
        kinds = set(pipeline.bindings)
        sizes = [
            vk.VkDescriptorPoolSize(type=kind, descriptorCount=pipeline.bindings.count(kind))
            for kind in kinds
        ]
        pool = vk.VkDescriptorPoolCreateInfo(maxSets=1, poolSizeCount=len(sizes), pPoolSizes=sizes)
        with device.failures():
            self.pool = device.own(
                "DescriptorPool", vk.vkCreateDescriptorPool(device.handle, pool, None)
            )
            wanted = vk.VkDescriptorSetAllocateInfo(
                descriptorPool=self.pool, descriptorSetCount=1, pSetLayouts=[pipeline.set_layout]
            )
            self.handle = vk.vkAllocateDescriptorSets(device.handle, wanted)[0]

    def buffer(self, binding: int, buffer: Buffer, size: int | None = None) -> None:
        """Binds the first `size` bytes of a buffer, or all; no work with this set may be in flight.

        Of a dynamic binding, the offset at which they begin comes with each dispatch.
        """
        vk = self.pipeline.device.vk
        what = vk.VkDescriptorBufferInfo(buffer=buffer.handle, range=size or buffer.size)
        self._write(binding, pBufferInfo=[what])

    def texture(self, binding: int, view: Any, sampler: Any) -> None:
        """Binds a texture that is in the layout for reading, with its sampler."""
        vk = self.pipeline.device.vk
        what = vk.VkDescriptorImageInfo(
            sampler=sampler,
            imageView=view,
            imageLayout=vk.VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL,
        )
        self._write(binding, pImageInfo=[what])

    def _write(self, binding: int, **what: Any) -> None:
        vk = self.pipeline.device.vk
        write = vk.VkWriteDescriptorSet(
            dstSet=self.handle,
            dstBinding=binding,
            descriptorType=self.pipeline.bindings[binding],
            **what,
        )
        vk.vkUpdateDescriptorSets(self.pipeline.device.handle, 1, [write], 0, None)
