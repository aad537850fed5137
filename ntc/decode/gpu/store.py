"""Materials on the device, one after the other in one buffer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from ntc.decode import words
from ntc.decode.gpu.commands import Commands
from ntc.decode.gpu.device import Device
from ntc.decode.gpu.memory import Buffer, Growing, Place
from ntc.errors import RuntimeFailure
from ntc.format.model import QuantizedModel

KEPT_BYTES: Final = 256 << 20
_UPLOAD_BYTES: Final = 16 << 20
_ALIGNMENT: Final = 256 // 4  # words


class MaterialStore:
    """Keeps the words of the materials that were asked for last, while they fit.

    The buffer grows to `KEPT_BYTES`, or what one call needs if that is more. When it is full, all
    materials but those of the call at hand are forgotten. 16 MiB on the host serve uploads.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self.most = int(device.limits.maxStorageBufferRange)
        self._buffer: Buffer | None = None
        self._places: dict[QuantizedModel, tuple[int, int]] = {}
        self._used = 0  # words
        self._commands = Commands(device)
        self._staging = Growing(device, Place.WRITTEN)

    def place(self, models: Sequence[QuantizedModel]) -> list[tuple[int, int]]:
        """First word and number of words of each, in `buffer`, where they now are.

        No work that reads the buffer may be in flight. Raises RuntimeFailure if the device has
        too little room.
        """
        new = {m: words.pack(m) for m in dict.fromkeys(models) if m not in self._places}
        if self._used + sum(map(_room, new.values())) > self._capacity:
            new = {m: new.get(m, words.pack(m)) for m in dict.fromkeys(models)}
            self._make_room(sum(map(_room, new.values())))
        for model, packed in new.items():
            self._upload(packed)
            self._places[model] = self._used, packed.size
            self._used += _room(packed)
        return [self._places[model] for model in models]

    @property
    def buffer(self) -> Buffer:
        """Where the materials are, until the next call of `place`."""
        assert self._buffer is not None
        return self._buffer

    @property
    def _capacity(self) -> int:
        """Words for which there is room."""
        return 0 if self._buffer is None else self._buffer.size // 4

    def _make_room(self, count: int) -> None:
        """Forgets everything, and has a buffer of `count` words at least."""
        if 4 * count > self.most:
            raise RuntimeFailure(
                f"{self.device.info.name}: takes at most {self.most} bytes of materials at once "
                f"(maxStorageBufferRange), {4 * count} are needed; use --device cpu"
            )
        self._places.clear()
        self._used = 0
        before = 4 * self._capacity
        size = max(4 * count, min(2 * before, KEPT_BYTES, self.most))
        if size > before:
            if self._buffer is not None:
                self._buffer.close()
            self._buffer = None  # also if the next line fails
            self._buffer = Buffer(self.device, size)

    def _upload(self, packed: words.Words) -> None:
        source, start = packed.view(np.uint8), 4 * self._used
        for first in range(0, source.size, _UPLOAD_BYTES):
            part = source[first : first + _UPLOAD_BYTES]
            staging = self._staging.at_least(part.size)
            staging.mapped[: part.size] = part
            self._commands.begin()
            self._commands.copy(staging, self.buffer, part.size, target_at=start + first)
            self._commands.submit()
            self._commands.wait()


def _room(packed: words.Words) -> int:
    return -(-packed.size // _ALIGNMENT) * _ALIGNMENT
