"""`Material`: an open `.ntc`, ready to give back its maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ntc.decode import open_decoder
from ntc.decode.decoder import Decoder
from ntc.decode.region import mip_size
from ntc.errors import FormatError, RuntimeFailure, UsageError
from ntc.files import make_folder, read_bytes, write_bytes
from ntc.format import container, spec
from ntc.format.container import NtcFile
from ntc.format.metadata import MapRecord
from ntc.format.model import video_memory_bytes
from ntc.texture import (
    Header,
    bands_of,
    maps_from_outputs,
    matches,
    resize_map_bands,
    write_bands,
)

Pixels = npt.NDArray[np.generic]
Rect = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False, repr=False)
class Material:
    """A compressed material in memory. `data` are the bytes of the file it is or will be."""

    file: NtcFile
    data: bytes
    warnings: tuple[str, ...] = ()  # what was assumed about the images while compressing

    def __repr__(self) -> str:
        width, height = self.size
        maps = ", ".join(record.name for record in self.maps)
        return f"<Material {self.name}: {width}x{height}, {self.bpp:.2f} bpp, {maps}>"

    @property
    def name(self) -> str:
        """The material's name."""
        return self.file.metadata.name

    @property
    def maps(self) -> tuple[MapRecord, ...]:
        """What its maps are."""
        return self.file.metadata.maps

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of mip 0."""
        return self.file.model.width, self.file.model.height

    @property
    def bpp(self) -> float:
        """Bits of the file per texel of mip 0."""
        width, height = self.size
        return 8 * len(self.data) / (width * height)

    @property
    def video_memory_bytes(self) -> int:
        """Bytes a GPU keeps to sample any texel at random."""
        return video_memory_bytes(self.file.model)

    def decode(self, mip: int = 0, rect: Rect | None = None) -> dict[str, Pixels]:
        """`{map name: [h, w, c]}` of a mip, or of its rectangle `(x, y, w, h)`.

        Sample types, channel counts and normal conventions are those of the original images.
        Raises UsageError for a mip or a rectangle that does not exist.
        """
        outputs = self.decode_outputs(mip, rect)
        return dict(maps_from_outputs(outputs, self.maps))

    def decode_outputs(
        self,
        mip: int = 0,
        rect: Rect | None = None,
        decoder: Decoder | None = None,
        channels: Sequence[int] | None = None,
    ) -> npt.NDArray[np.uint16]:
        """`[h, w, channels]` storage values 0..65535, each distinct channel once."""
        decoder = decoder or open_decoder()
        try:
            return decoder.decode(self.file.model, mip, rect, channels=channels)
        except RuntimeFailure as error:
            error.args = (f"{self.name}: {error}",)
            raise

    def save(self, path: str | Path) -> None:
        """Writes the file in one step, and its folder if need be. Raises FileError."""
        make_folder(Path(path).parent)
        write_bytes(Path(path), self.data)

    def select(self, only: Sequence[str]) -> list[MapRecord]:
        """The maps that one of these globs over names, semantics and file names takes; () is all.

        Raises UsageError if there are none.
        """
        found = [
            r for r in self.maps if not only or matches(only, r.name, r.semantic.value, r.file)
        ]
        if not found:
            names = ", ".join(r.name for r in self.maps)
            raise UsageError(f"{self.name}: no map matches {', '.join(only)}; there are {names}")
        return found

    def original_maps(self, mip: int = 0) -> dict[str, Pixels]:
        """`{map name: [h, w, c]}` with each map at the size it had before compression, halved
        `mip` times."""
        return {r.name: np.concatenate(list(self.original_bands(r, mip))) for r in self.maps}

    def original_bands(
        self, record: MapRecord, mip: int = 0, decoder: Decoder | None = None
    ) -> Iterator[Pixels]:
        """`[rows, w, c]` of one of the original maps at a time, from top to bottom.

        Memory is needed for a band alone, however large the map is.
        """
        size = mip_size(self.file.model, mip)
        bands = self.bands(record, mip, decoder)
        original = spec.mip_size(record.width, record.height, mip)
        return bands if original == size else resize_map_bands(bands, size, original)

    def save_map(
        self, path: Path, record: MapRecord, mip: int = 0, decoder: Decoder | None = None
    ) -> None:
        """Writes one of the original maps as an image, band by band. Raises FileError."""
        width, height = spec.mip_size(record.width, record.height, mip)
        header = Header(width, height, len(record.channels), record.sample)
        write_bands(path, header, self.original_bands(record, mip, decoder))

    def bands(
        self, record: MapRecord, mip: int = 0, decoder: Decoder | None = None
    ) -> Iterator[Pixels]:
        """`[rows, w, c]` of one map as it is decoded, at the size of the material's mip."""
        width, height = mip_size(self.file.model, mip)
        wanted = sorted({c.output for c in record.channels if c.output is not None})
        channels = [
            c if c.output is None else c.model_copy(update={"output": wanted.index(c.output)})
            for c in record.channels
        ]
        alone = record.model_copy(update={"channels": tuple(channels)})
        decoder = decoder or open_decoder()
        for rows in bands_of(height, width):
            rect = 0, rows.start, width, rows.stop - rows.start
            if wanted:
                outputs = self.decode_outputs(mip, rect, decoder, wanted)
            else:
                outputs = np.empty((rect[3], width, 0), np.uint16)
            yield maps_from_outputs(outputs, [alone])[record.name]


def open_material(path: str | Path) -> Material:
    """The material in a `.ntc` file.

    Raises FileError if it cannot be read, FormatError if it breaks a rule of docs/format.md.
    """
    data = read_bytes(Path(path))
    try:
        return Material(container.read(data), data)
    except FormatError as error:
        error.args = (f"{path}: {error}",)
        raise
