"""What a GPU is asked to decode: rectangles, lists of texels and lists of samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ntc.decode import region, words
from ntc.decode.decoder import DTYPES, Array, Coordinates, check_channels, check_dtype
from ntc.format.model import QuantizedModel

_OUTPUTS: Final = {
    np.dtype(np.uint8): words.OUTPUT_U8,
    np.dtype(np.uint16): words.OUTPUT_U16,
    np.dtype(np.float16): words.OUTPUT_HALF,
    np.dtype(np.float32): words.OUTPUT_FLOAT,
}
_LIST_TEXELS: Final = 1 << 20  # of one band of a list: bounds its memory


@dataclass(frozen=True, eq=False, slots=True)
class Job:
    """Texels of one material; made and checked by `rectangle`, `texels` or `samples`."""

    model: QuantizedModel
    mode: int
    mip: int
    rect: region.Rect  # of a list: (0, 0, its length, 1)
    channels: tuple[int, ...]
    dtype: np.dtype[Any]
    points: npt.NDArray[np.uint32] | None = None  # [n, 2] x, y of texels, or [n, 3] u, v, lod
    label: str = ""  # names it where an error is told

    @property
    def shape(self) -> tuple[int, ...]:
        """`(h, w, channels)` of a rectangle, `(n, channels)` of a list."""
        size = self.rect[:1:-1] if self.points is None else self.rect[2:3]
        return *size, len(self.channels)

    @property
    def texels(self) -> int:
        """How many there are."""
        return self.rect[2] * self.rect[3]

    @property
    def texel_bytes(self) -> int:
        """Bytes of a texel in the output of the shader: whole words."""
        return -(-len(self.channels) * self.dtype.itemsize // 4) * 4

    @property
    def nbytes(self) -> int:
        """Bytes of the output of the shader."""
        return self.texels * self.texel_bytes

    def bands(self, most: int) -> Iterator[tuple[slice, Job]]:
        """The job in parts whose outputs take at most `most` bytes, or are one row; and which
        rows of the whole each part gives."""
        x, y, w, h = self.rect
        if self.points is None:
            step = max(most // (w * self.texel_bytes), 1)
            for top in range(0, h, step):
                rows = slice(top, min(top + step, h))
                yield rows, replace(self, rect=(x, y + top, w, rows.stop - top))
        else:
            step = min(most // self.texel_bytes, _LIST_TEXELS)
            for first in range(0, w, step):
                rows = slice(first, min(first + step, w))
                part = self.points[rows]
                yield rows, replace(self, rect=(0, 0, len(part), 1), points=part)

    def words(self, first: int, count: int, output: int, points: int) -> npt.NDArray[np.uint32]:
        """`[JOB_WORDS]` for the shader: where the material lies, the output and the points begin,
        counted in words."""
        job = np.zeros(words.JOB_WORDS, np.uint32)
        job[:4] = first, count, self.mode, self.mip
        job[4:8] = self.rect
        job[8:12] = output, _OUTPUTS[self.dtype], len(self.channels), points
        job[words.JOB_CHANNELS :].view(np.uint8)[: len(self.channels)] = self.channels
        return job

    def unpacked(self, output: npt.NDArray[np.uint8]) -> Array:
        """The output of the shader, `[nbytes]`, in the shape of the job: a view."""
        texels = output.view(self.dtype).reshape(
            self.texels, self.texel_bytes // self.dtype.itemsize
        )
        return texels[:, : len(self.channels)].reshape(self.shape)


def rectangle(
    model: QuantizedModel,
    mip: int = 0,
    rect: region.Rect | None = None,
    *,
    channels: Sequence[int] | None = None,
    dtype: npt.DTypeLike = np.uint16,
    label: str = "",
) -> Job:
    """A rectangle `(x, y, w, h)` of a mip, or all of it. Raises UsageError as `Decoder` does."""
    where = region.rectangle(model, mip, rect)
    chosen, kind = tuple(check_channels(model, channels)), _kind(dtype)
    return Job(model, words.MODE_RECTANGLE, mip, where, chosen, kind, None, label)


def texels(
    model: QuantizedModel,
    mip: int,
    x: Coordinates,
    y: Coordinates,
    *,
    channels: Sequence[int] | None = None,
    dtype: npt.DTypeLike = np.uint16,
    label: str = "",
) -> Job:
    """The texels `(x[i], y[i])` of a mip. Raises UsageError as `Decoder` does."""
    region.check_texels(model, mip, x, y)
    points = _points(x, y)
    chosen, kind = tuple(check_channels(model, channels)), _kind(dtype)
    rect = 0, 0, len(points), 1
    return Job(model, words.MODE_TEXELS, mip, rect, chosen, kind, points, label)


def samples(
    model: QuantizedModel,
    u24: Coordinates,
    v24: Coordinates,
    lod8: Coordinates,
    *,
    channels: Sequence[int] | None = None,
    dtype: npt.DTypeLike = np.uint16,
    label: str = "",
) -> Job:
    """Samples at positions in 1/2^24 of the material and lods in eighths of a mip: section 8.9.

    Raises UsageError for a position or a lod outside the material, as well as `Decoder` does.
    """
    region.check_samples(model, u24, v24, lod8)
    points = _points(u24, v24, lod8)
    chosen, kind = tuple(check_channels(model, channels)), _kind(dtype)
    rect = 0, 0, len(points), 1
    return Job(model, words.MODE_SAMPLES, 0, rect, chosen, kind, points, label)


def _kind(dtype: npt.DTypeLike) -> np.dtype[Any]:
    return check_dtype(dtype, (*DTYPES, np.dtype(np.float16)))


def _points(*columns: Coordinates) -> npt.NDArray[np.uint32]:
    return np.stack([column.astype(np.uint32) for column in columns], axis=-1)
