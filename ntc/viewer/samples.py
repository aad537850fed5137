"""Channels of a material as samples of one of its maps, for pages and pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ntc.comparison import stored_constant
from ntc.format.metadata import MapRecord

Stack = npt.NDArray[np.uint16]
Samples = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]


def map_planes(record: MapRecord, stack: Stack) -> Stack:
    """`[h, w, channels of the map]` in storage space, constants included."""
    height, width, _ = stack.shape
    planes = np.empty((height, width, len(record.channels)), np.uint16)
    for index, channel in enumerate(record.channels):
        if channel.output is not None:
            planes[:, :, index] = stack[:, :, channel.output]
        else:
            stored = float(np.clip(stored_constant(record, channel), 0, 1))
            planes[:, :, index] = round(65535 * stored)
    return planes


def as_bytes(planes: Stack) -> npt.NDArray[np.uint8]:
    """As `ntc decompress` rounds them; exact where each is a multiple of 257."""
    return ((planes.astype(np.uint32) + 128) // 257).astype(np.uint8)
