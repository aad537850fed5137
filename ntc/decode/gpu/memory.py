"""Buffers: on the device, or mapped where the host writes or reads them."""

from __future__ import annotations

from enum import Enum
from typing import Any

import numpy as np
import numpy.typing as npt

from ntc.decode.gpu.device import Device


class Place(Enum):
    """Where a buffer lies."""

    DEVICE = "fast for shaders"
    WRITTEN = "mapped, for the host to write"
    READ = "mapped, for the host to read"


class Buffer:
    """A storage buffer of `size` bytes that copies may read and write.

    Raises RuntimeFailure if memory is out. `bytes` is its memory as the host sees it, where it is
    mapped: coherent, so neither flushed nor invalidated. The device destroys it, `close` earlier.
    """

    def __init__(self, device: Device, size: int, place: Place = Place.DEVICE) -> None:
        vk = device.vk
        usage = (
            vk.VK_BUFFER_USAGE_STORAGE_BUFFER_BIT
            | vk.VK_BUFFER_USAGE_TRANSFER_SRC_BIT
            | vk.VK_BUFFER_USAGE_TRANSFER_DST_BIT
        )
        create = vk.VkBufferCreateInfo(
            size=size, usage=usage, sharingMode=vk.VK_SHARING_MODE_EXCLUSIVE
        )
        self.device, self.size = device, size
        self.memory: Any = None
        self.bytes: npt.NDArray[np.uint8] | None = None
        with device.failures(f"buffer of {size} bytes"):
            self.handle = device.own("Buffer", vk.vkCreateBuffer(device.handle, create, None))
            try:
                needs = vk.vkGetBufferMemoryRequirements(device.handle, self.handle)
                self.memory = allocate(device, needs, *_flags(vk, place))
                vk.vkBindBufferMemory(device.handle, self.handle, self.memory, 0)
                if place is not Place.DEVICE:
                    self.bytes = self._map()
            except vk.VkError:
                self.close()
                raise

    def close(self) -> None:
        """Destroys the buffer; nothing may use it any more."""
        self.bytes = None
        self.device.release(self.handle)
        self.device.release(self.memory)

    @property
    def mapped(self) -> npt.NDArray[np.uint8]:
        """`[size]` bytes, of a buffer that is not on the device alone."""
        assert self.bytes is not None
        return self.bytes

    def _map(self) -> npt.NDArray[np.uint8]:
        # Freeing memory unmaps it.
        mapped = self.device.vk.vkMapMemory(self.device.handle, self.memory, 0, self.size, 0)
        return np.frombuffer(mapped, np.uint8)


class Growing:
    """A buffer that is made anew, larger, when more is asked of it than it has."""

    def __init__(self, device: Device, place: Place, least: int = 1 << 16) -> None:
        self.device, self.place, self.least = device, place, least
        self._buffer: Buffer | None = None

    def at_least(self, size: int) -> Buffer:
        """A buffer of a power of two bytes; what an earlier, smaller one held is gone."""
        if self._buffer is None or self._buffer.size < size:
            if self._buffer is not None:
                self._buffer.close()
                self._buffer = None
            room = 1 << (max(size, self.least) - 1).bit_length()
            self._buffer = Buffer(self.device, room, self.place)
        return self._buffer


def allocate(device: Device, needs: Any, *wanted: int) -> Any:
    """Memory of a type with the first of these flags that there is."""
    vk = device.vk
    kind = device.memory_type(needs.memoryTypeBits, *wanted)
    create = vk.VkMemoryAllocateInfo(allocationSize=needs.size, memoryTypeIndex=kind)
    return device.own("Memory", vk.vkAllocateMemory(device.handle, create, None))


def _flags(vk: Any, place: Place) -> tuple[int, ...]:
    """Flags of memory from the best kind for this place to the least that will do."""
    mapped = vk.VK_MEMORY_PROPERTY_HOST_VISIBLE_BIT | vk.VK_MEMORY_PROPERTY_HOST_COHERENT_BIT
    if place is Place.READ:
        return mapped | vk.VK_MEMORY_PROPERTY_HOST_CACHED_BIT, mapped
    if place is Place.WRITTEN:
        return (mapped,)
    return vk.VK_MEMORY_PROPERTY_DEVICE_LOCAL_BIT, 0
