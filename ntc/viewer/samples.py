"""Channels of a material as samples of one of its maps, for pages and pictures."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ntc.comparison import stored_constant
from ntc.decode import open_decoder
from ntc.format.metadata import Channel, MapRecord, Sample
from ntc.material import Material

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
            planes[:, :, index] = _constant(record, channel)
    return planes


def decode_map(material: Material, record: MapRecord, mip: int) -> Samples:
    """`[h, w, channels of the map]` in storage space: 8 bits of a map that had them.

    No other channels are decoded.
    """
    kind = np.uint8 if record.sample is Sample.UINT8 else np.uint16
    wanted = sorted({c.output for c in record.channels if c.output is not None}) or [0]
    outputs = open_decoder().decode(material.file.model, mip, channels=wanted, dtype=kind)
    planes = np.empty((*outputs.shape[:2], len(record.channels)), kind)
    for index, channel in enumerate(record.channels):
        if channel.output is not None:
            planes[:, :, index] = outputs[:, :, wanted.index(channel.output)]
        else:
            constant = _constant(record, channel)
            planes[:, :, index] = constant if kind is np.uint16 else (constant + 128) // 257
    return planes


def _constant(record: MapRecord, channel: Channel) -> int:
    return round(65535 * float(np.clip(stored_constant(record, channel), 0, 1)))


def as_bytes(planes: Stack) -> npt.NDArray[np.uint8]:
    """As `ntc decompress` rounds them; exact where each is a multiple of 257."""
    return ((planes.astype(np.uint32) + 128) // 257).astype(np.uint8)
