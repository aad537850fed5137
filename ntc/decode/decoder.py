"""What all decoders have in common, and the reference decoder in that shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from ntc.decode import reference
from ntc.decode.region import Rect
from ntc.errors import UsageError
from ntc.format import spec
from ntc.format.model import QuantizedModel

Array = npt.NDArray[Any]
Coordinates = npt.NDArray[np.integer]

DTYPES: Final = (np.dtype(np.uint16), np.dtype(np.uint8), np.dtype(np.float32))


class Decoder(Protocol):
    """Storage values of texels, the same from every decoder.

    `channels` chooses outputs, in that order (default: all). `dtype` is uint16 for 0..65535, uint8
    for `(v + 128) // 257`, or float32 for `v / 65535`. Both methods raise UsageError for a mip,
    texel, channel or dtype that does not exist.
    """

    @property
    def name(self) -> str:
        """Which decoder it is, and on what it runs."""
        ...

    def decode(
        self,
        model: QuantizedModel,
        mip: int = 0,
        rect: Rect | None = None,
        *,
        channels: Sequence[int] | None = None,
        dtype: npt.DTypeLike = np.uint16,
    ) -> Array:
        """`[h, w, channels]` of a rectangle `(x, y, w, h)`, or of a whole mip."""
        ...

    def decode_texels(
        self,
        model: QuantizedModel,
        mip: int,
        x: Coordinates,
        y: Coordinates,
        *,
        channels: Sequence[int] | None = None,
        dtype: npt.DTypeLike = np.uint16,
    ) -> Array:
        """`[n, channels]` of the texels `(x[i], y[i])` of a mip."""
        ...


class ReferenceDecoder:
    """The normative decoder."""

    name = "reference"

    def decode(
        self,
        model: QuantizedModel,
        mip: int = 0,
        rect: Rect | None = None,
        *,
        channels: Sequence[int] | None = None,
        dtype: npt.DTypeLike = np.uint16,
    ) -> Array:
        """As `Decoder.decode`."""
        chosen, kind = check_channels(model, channels), check_dtype(dtype)
        return _converted(reference.decode(model, mip, rect)[..., chosen], kind)

    def decode_texels(
        self,
        model: QuantizedModel,
        mip: int,
        x: Coordinates,
        y: Coordinates,
        *,
        channels: Sequence[int] | None = None,
        dtype: npt.DTypeLike = np.uint16,
    ) -> Array:
        """As `Decoder.decode_texels`."""
        chosen, kind = check_channels(model, channels), check_dtype(dtype)
        xs, ys = x.astype(np.int64), y.astype(np.int64)
        return _converted(reference.decode_texels(model, mip, xs, ys)[..., chosen], kind)


def check_channels(model: QuantizedModel, channels: Sequence[int] | None) -> list[int]:
    """The channels asked for. Raises UsageError for none, one that does not exist, or too many."""
    if channels is None:
        return list(range(model.channels))
    chosen = [int(c) for c in channels]
    if not 0 < len(chosen) <= spec.MAX_CHANNELS or not all(0 <= c < model.channels for c in chosen):
        raise UsageError(f"channels {chosen}: the file has channels 0..{model.channels - 1}")
    return chosen


def check_dtype(dtype: npt.DTypeLike, dtypes: Sequence[np.dtype[Any]] = DTYPES) -> np.dtype[Any]:
    """The dtype asked for. Raises UsageError unless it is one of `dtypes`."""
    kind = np.dtype(dtype)
    if kind not in dtypes:
        raise UsageError(f"dtype {kind}: use {', '.join(map(str, dtypes))}")
    return kind


def _converted(values: npt.NDArray[np.uint16], dtype: np.dtype[Any]) -> Array:
    if dtype == np.uint8:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if dtype == np.float32:
        return values.astype(np.float32) / np.float32(65535)
    return values
