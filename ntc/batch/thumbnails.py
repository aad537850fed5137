"""Small pictures of materials, for a page that lists them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.errors import FileError, NtcError
from ntc.format import container
from ntc.format.metadata import MapRecord, Semantic
from ntc.material import Material, open_material
from ntc.texture import write_image
from ntc.texture.color import linear_to_srgb

SIDE: Final = 64  # texels at most, of a picture
_PREFIX: Final = 1 << 18  # bytes of a file that hold its coarse mips, nearly always


def thumbnails(files: Iterable[Path]) -> Iterator[str | None]:
    """A PNG as a data URI for each `.ntc`: its colours, or its first map where it has none.

    At most `SIDE` x `SIDE` texels: a coarse mip, or the middle of the coarsest there is. None for
    a file that does not open: a list of materials is no place to fail for that.
    """
    with TemporaryDirectory() as folder:
        scratch = Path(folder) / "picture.png"
        for file in files:
            try:
                write_image(scratch, _picture(file))
                yield f"data:image/png;base64,{b64encode(scratch.read_bytes()).decode()}"
            except NtcError:
                yield None


def _picture(path: Path) -> npt.NDArray[np.uint8]:
    material, finest = _begun(path)
    model = material.file.model
    sizes = [(max(model.width >> m, 1), max(model.height >> m, 1)) for m in range(model.mips)]
    small = [mip for mip in range(finest, model.mips) if max(sizes[mip]) <= SIDE]
    mip = small[0] if small else model.mips - 1
    width, height = sizes[mip]
    w, h = min(width, SIDE), min(height, SIDE)
    rect = (width - w) // 2, (height - h) // 2, w, h
    record = _shown(material.maps)
    return _bytes(material.decode(mip, rect)[record.name])


def _begun(path: Path) -> tuple[Material, int]:
    """The material as far as the first bytes of its file go, and the finest mip they decode to."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_PREFIX)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from error
    file, finest = container.read_prefix(data)
    if finest < file.model.mips:
        return Material(file, data), finest
    return open_material(path), 0


def _shown(maps: tuple[MapRecord, ...]) -> MapRecord:
    return next((record for record in maps if record.semantic is Semantic.ALBEDO), maps[0])


def _bytes(pixels: npt.NDArray[np.generic]) -> npt.NDArray[np.uint8]:
    """`[h, w, 1 or 3]` for a screen; samples that are no integers are taken for light."""
    pixels = pixels[:, :, : 3 if pixels.shape[2] >= 3 else 1]
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels, np.uint8)
    if pixels.dtype == np.uint16:
        return (pixels.astype(np.uint16) >> 8).astype(np.uint8)
    light = np.clip(pixels.astype(np.float64), 0, 1)
    return np.rint(255 * linear_to_srgb(light)).astype(np.uint8)
