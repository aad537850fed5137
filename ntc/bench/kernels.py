"""Shaders that a decoder is measured against: BC7 sampling, and dot products alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from ntc.bench.bc7 import Bc7Array
from ntc.decode.gpu.commands import Commands
from ntc.decode.gpu.device import Device
from ntc.decode.gpu.memory import Buffer, Place
from ntc.decode.gpu.pipeline import Bound, Pipeline
from ntc.decode.words import GROUP_THREADS
from ntc.errors import RuntimeFailure

_DOT_THREADS: Final = 1 << 20
_DOT_OPERATIONS: Final = 8 * 8  # of one thread in one round: eight sums of four products
_DOT_SECONDS: Final = 0.05  # after a run this long no longer one is tried
_MOST_ROUNDS: Final = 1 << 14  # Mesa's llvmpipe ends every loop after 65535


class Kernel:
    """A benchmark shader: its job at binding 0, its results at 1. `texture` comes at 2."""

    def __init__(
        self, device: Device, name: str, job: Sequence[int], size: int, texture: Any = None
    ) -> None:
        vk = device.vk
        buffer = vk.VK_DESCRIPTOR_TYPE_STORAGE_BUFFER
        sampled = [] if texture is None else [vk.VK_DESCRIPTOR_TYPE_COMBINED_IMAGE_SAMPLER]
        self.device = device
        self.job = Buffer(device, 4 * len(job), Place.WRITTEN)
        self.results = Buffer(device, size)
        self.write(job)
        self._commands = Commands(device)
        self._bound = Bound(Pipeline(device, name, [buffer, buffer, *sampled]))
        self._bound.buffer(0, self.job)
        self._bound.buffer(1, self.results)
        if texture is not None:
            self._bound.texture(2, texture.view, texture.sampler)

    def write(self, job: Sequence[int]) -> None:
        """The words that the next run is given."""
        self.job.mapped.view(np.uint32)[:] = job

    def run(self, threads: int) -> float:
        """Seconds that the GPU took; of the whole submission where it cannot tell."""
        before = time.perf_counter()
        with self.device.failures():
            self._commands.begin()
            self._commands.timestamp(0)
            self._commands.dispatch(self._bound, -(-threads // GROUP_THREADS))
            self._commands.timestamp(1)
            self._commands.submit()
            self._commands.wait()
            taken = self._commands.seconds
        return time.perf_counter() - before if taken is None else taken

    def close(self) -> None:
        """Frees the buffers."""
        self.job.close()
        self.results.close()


class Bc7Kernel:
    """Samples ceil(channels / 4) BC7 textures at each texel and writes 16 bits a channel."""

    def __init__(self, device: Device, size: int, channels: int) -> None:
        """Raises RuntimeFailure if the device cannot."""
        self.texels = size * size
        room = 4 * self.texels * -(-channels // 2)
        if room > device.limits.maxStorageBufferRange:
            raise RuntimeFailure(f"{device.info.name}: cannot write {room} bytes at once")
        self._textures = Bc7Array(device, size, -(-channels // 4))
        self._kernel = Kernel(device, "bench_bc7", [size, size, channels], room, self._textures)

    def run(self) -> float:
        """Seconds for all texels."""
        return self._kernel.run(self.texels)

    def close(self) -> None:
        """Frees textures and buffers."""
        self._kernel.close()
        self._textures.close()


def dot_operations_per_second(device: Device, threads: int = _DOT_THREADS) -> float:
    """The most multiplications and additions of bytes that the device does in a second.

    In dot products of four, as the decoder does them; a product and its addition are two.
    """
    kernel, rounds, best = Kernel(device, "bench_dot", [1, 0x01FF0203], 4 * threads), 1, 0.0
    while True:
        kernel.write([rounds, 0x01FF0203])
        seconds = min(kernel.run(threads) for _ in range(3))
        best = max(best, rounds * threads * _DOT_OPERATIONS / seconds)
        if seconds >= _DOT_SECONDS or rounds >= _MOST_ROUNDS:
            kernel.close()
            return best
        rounds *= 4
