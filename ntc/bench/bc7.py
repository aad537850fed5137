"""BC7 textures of random blocks: what ntc's decoder on a GPU is measured against."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ntc.decode.gpu.commands import Commands
from ntc.decode.gpu.device import Device
from ntc.decode.gpu.memory import Buffer, Place, allocate
from ntc.errors import RuntimeFailure

_BLOCK_BYTES: Final = 16
_MODE_6: Final = 1 << 6  # the lowest 7 bits of a block; all others may be anything


def random_blocks(layers: int, size: int) -> npt.NDArray[np.uint8]:
    """`[layers, rows of blocks, blocks in a row, 16]`."""
    blocks = -(-size // 4)
    rng = np.random.default_rng(0)
    data = rng.integers(0, 256, (layers, blocks, blocks, _BLOCK_BYTES), np.uint8)
    data[..., 0] = data[..., 0] & 0x80 | _MODE_6
    return data


class Bc7Array:
    """`layers` square BC7 textures of one mip, ready to be sampled; `view` and `sampler` bind them.

    Raises RuntimeFailure if the device has no BC7 or not this many texels.
    """

    def __init__(self, device: Device, size: int, layers: int) -> None:
        if "textureCompressionBC" not in device.features.names:
            raise RuntimeFailure(f"{device.info.name}: has no BC7 textures to compare with")
        if size > device.limits.maxImageDimension2D:
            raise RuntimeFailure(f"{device.info.name}: has no textures of {size}x{size}")
        self.device, self.size, self.layers = device, size, layers
        vk = device.vk
        with device.failures("BC7 textures"):
            self.image = self._make_image()
            needs = vk.vkGetImageMemoryRequirements(device.handle, self.image)
            self.memory = allocate(device, needs, vk.VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0)
            vk.vkBindImageMemory(device.handle, self.image, self.memory, 0)
            self._upload(random_blocks(layers, size))
            self.view = self._make_view()
            self.sampler = self._make_sampler()

    def close(self) -> None:
        """Frees the textures."""
        for handle in (self.sampler, self.view, self.image, self.memory):
            self.device.release(handle)

    def _make_image(self) -> Any:
        vk = self.device.vk
        create = vk.VkImageCreateInfo(
            imageType=vk.VK_IMAGE_TYPE_2D,
            format=vk.VK_FORMAT_BC7_UNORM_BLOCK,
            extent=vk.VkExtent3D(self.size, self.size, 1),
            mipLevels=1,
            arrayLayers=self.layers,
            samples=vk.VK_SAMPLE_COUNT_1_BIT,
            tiling=vk.VK_IMAGE_TILING_OPTIMAL,
            usage=vk.VK_IMAGE_USAGE_SAMPLED_BIT | vk.VK_IMAGE_USAGE_TRANSFER_DST_BIT,
        )
        return self.device.own("Image", vk.vkCreateImage(self.device.handle, create, None))

    def _make_view(self) -> Any:
        vk = self.device.vk
        create = vk.VkImageViewCreateInfo(
            image=self.image,
            viewType=vk.VK_IMAGE_VIEW_TYPE_2D_ARRAY,
            format=vk.VK_FORMAT_BC7_UNORM_BLOCK,
            subresourceRange=self._whole(),
        )
        return self.device.own("ImageView", vk.vkCreateImageView(self.device.handle, create, None))

    def _make_sampler(self) -> Any:
        vk = self.device.vk
        create = vk.VkSamplerCreateInfo(
            magFilter=vk.VK_FILTER_LINEAR, minFilter=vk.VK_FILTER_LINEAR
        )
        return self.device.own("Sampler", vk.vkCreateSampler(self.device.handle, create, None))

    def _upload(self, blocks: npt.NDArray[np.uint8]) -> None:
        vk = self.device.vk
        staging = Buffer(self.device, blocks.size, Place.WRITTEN)
        staging.mapped[:] = blocks.ravel()
        commands = Commands(self.device)
        commands.begin()
        to_write, to_read = (
            vk.VK_IMAGE_LAYOUT_TRANSFER_DST_OPTIMAL,
            vk.VK_IMAGE_LAYOUT_SHADER_READ_ONLY_OPTIMAL,
        )
        self._change_layout(commands, vk.VK_IMAGE_LAYOUT_UNDEFINED, to_write)
        region = vk.VkBufferImageCopy(
            imageSubresource=vk.VkImageSubresourceLayers(
                vk.VK_IMAGE_ASPECT_COLOR_BIT, 0, 0, self.layers
            ),
            imageExtent=vk.VkExtent3D(self.size, self.size, 1),
        )
        vk.vkCmdCopyBufferToImage(
            commands.handle, staging.handle, self.image, to_write, 1, [region]
        )
        self._change_layout(commands, to_write, to_read)
        commands.submit()
        commands.wait()
        commands.close()
        staging.close()

    def _change_layout(self, commands: Commands, old: int, new: int) -> None:
        vk = self.device.vk
        everything = vk.VK_ACCESS_MEMORY_READ_BIT | vk.VK_ACCESS_MEMORY_WRITE_BIT
        barrier = vk.VkImageMemoryBarrier(
            srcAccessMask=everything,
            dstAccessMask=everything,
            oldLayout=old,
            newLayout=new,
            srcQueueFamilyIndex=vk.VK_QUEUE_FAMILY_IGNORED,
            dstQueueFamilyIndex=vk.VK_QUEUE_FAMILY_IGNORED,
            image=self.image,
            subresourceRange=self._whole(),
        )
        stages = vk.VK_PIPELINE_STAGE_ALL_COMMANDS_BIT
        vk.vkCmdPipelineBarrier(
            commands.handle, stages, stages, 0, *(0, None), *(0, None), *(1, [barrier])
        )

    def _whole(self) -> Any:
        vk = self.device.vk
        return vk.VkImageSubresourceRange(vk.VK_IMAGE_ASPECT_COLOR_BIT, 0, 1, 0, self.layers)
