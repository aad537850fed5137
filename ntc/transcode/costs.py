"""What the maps of a material would take in video memory without ntc."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ntc.format import spec
from ntc.format.metadata import MapRecord
from ntc.texture.images import DTYPES
from ntc.transcode.formats import FORMATS
from ntc.transcode.layout import choose_layout

_TEXTURE_CHANNELS: Final = 4


def raw_bytes(record: MapRecord, mips: int) -> int:
    """Of a map with so many mips at most, as samples."""
    texels = sum(w * h for w, h in _sizes(record, mips))
    return texels * len(record.channels) * DTYPES[record.sample].itemsize


def block_bytes(record: MapRecord, mips: int) -> int:
    """Of a map with so many mips at most, in the BC format that `ntc export` chooses."""
    textures = -(-len(record.channels) // _TEXTURE_CHANNELS)
    format = choose_layout(record).format if textures == 1 else FORMATS["bc7"]
    return textures * sum(format.level_bytes(w, h) for w, h in _sizes(record, mips))


def _sizes(record: MapRecord, mips: int) -> Iterator[tuple[int, int]]:
    for mip in range(min(mips, spec.full_mip_count(record.width, record.height))):
        yield spec.mip_size(record.width, record.height, mip)
