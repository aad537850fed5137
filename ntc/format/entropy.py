"""Codec 2 of a chunk: sections of levels in a range coder, chapter 14 of docs/format.md.

The native core does it where it is installed, `entropy_reference` elsewhere, with the same bytes.
"""

from __future__ import annotations

from ntc import native
from ntc.errors import FormatError
from ntc.format import entropy_reference
from ntc.format.layout import block_grid
from ntc.format.sections import LevelOutline


def pack(section: bytes, outline: LevelOutline) -> bytes:
    """The stored bytes of a legal section."""
    if not native.available():
        return entropy_reference.pack(section, outline)
    stored: bytes = native.core().pack_section(_shape(outline), section)
    return stored


def unpack(stored: bytes, outline: LevelOutline, size: int) -> bytes:
    """The section of `size` bytes in stored ones; takes time and memory in proportion to its size.

    Raises FormatError E1 (not the bytes of an encoder), E2 (another size, a directory that is not
    legal) or E3 (a code outside its tile).
    """
    if not native.available():
        return entropy_reference.unpack(stored, outline, size)
    section, rule, found = native.core().unpack_section(_shape(outline), stored, size)
    if section is None:
        raise FormatError(rule, 0, found, "what an encoder writes for this level")
    assert isinstance(section, bytes)
    return section


def _shape(outline: LevelOutline) -> tuple[int, int, int, int, int, int]:
    """As the core takes a level; of a masked one width and height are those of a block."""
    blocks, size = (0, 0), outline.stored()
    if outline.masked:
        blocks = block_grid(outline.width, outline.height, outline.layout.block_log2)
        size = 1 << outline.layout.block_log2, 1 << outline.layout.block_log2
    return *size, outline.features, outline.tile_log2, *blocks
