"""The compiled core. `ntc.native` is its face: only there is it imported."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

def isa() -> str: ...
def isas() -> list[str]: ...
def thread_count(threads: int = 0) -> int: ...

# width and height of the stored grid, features, tile_log2, rows and columns of blocks of the mask
LevelShape = tuple[int, int, int, int, int, int]

def pack_section(outline: LevelShape, section: bytes) -> bytes: ...

# The section, or None, the rule that is broken, and what was found.
def unpack_section(
    outline: LevelShape, stored: bytes, size: int
) -> tuple[bytes | None, str, str]: ...

class Decoder:
    """A model made ready for the kernel of one instruction set. Raises ValueError if not legal."""

    def __init__(
        self,
        size: tuple[int, int, int],  # width, height, mips
        wrap: tuple[bool, bool],
        levels: Sequence[tuple[Any, ...]],  # the fields of ntc.format.model.Level, in order
        roles: npt.NDArray[np.uint8],
        layers: Sequence[tuple[Any, ...]],  # the fields of ntc.format.model.Layer, in order
        isa: str = "",
    ) -> None: ...
    @property
    def isa(self) -> str: ...
    @property
    def nbytes(self) -> int: ...
    def decode(
        self,
        mip: int,
        rect: tuple[int, int, int, int],
        channels: Sequence[int],
        out: npt.NDArray[Any],
        threads: int = 0,
    ) -> None: ...
    def decode_texels(
        self,
        mip: int,
        x: npt.NDArray[np.int32],
        y: npt.NDArray[np.int32],
        channels: Sequence[int],
        out: npt.NDArray[Any],
        threads: int = 0,
    ) -> None: ...
