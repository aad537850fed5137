"""The decoder of the C++ core: the integers of the reference, on every core of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from ntc import native
from ntc.decode import region
from ntc.decode.decoder import Array, Coordinates, check_channels, check_dtype
from ntc.errors import UsageError
from ntc.format.layout import Layout
from ntc.format.model import Layer, Level, QuantizedModel

if TYPE_CHECKING:
    from ntc.native import _core

# The core hears no Ctrl-C: this many texels, in whole bands of its own, are decoded in one call.
_BAND_TEXELS: Final = 1 << 20
_BAND_ROWS: Final = 64


class NativeDecoder:
    """Decodes with `threads` threads (0: one for each processor) on one instruction set.

    The instruction set is the best one that there is, unless `isa` or $NTC_ISA names another.
    Keeps the model that it decoded last, and beside it 8 bytes for each tile, 4 for each block of
    a masked level and the repacked weights; each thread keeps half a megabyte to work in.
    """

    def __init__(self, isa: str = "", threads: int = 0) -> None:
        """Raises RuntimeFailure without the core, UsageError for an unknown instruction set."""
        self.isa = isa or native.isa()
        self.threads = threads
        if self.isa not in native.isas():
            raise UsageError(f"instruction set `{isa}`: use {', '.join(native.isas())}")
        self._prepared: tuple[QuantizedModel, _core.Decoder] | None = None

    @property
    def name(self) -> str:
        """Which decoder it is, and on what it runs."""
        return f"native, {self.isa}"

    def decode(
        self,
        model: QuantizedModel,
        mip: int = 0,
        rect: region.Rect | None = None,
        *,
        channels: Sequence[int] | None = None,
        dtype: npt.DTypeLike = np.uint16,
    ) -> Array:
        """As `Decoder.decode`."""
        x, y, w, h = region.rectangle(model, mip, rect)
        chosen = check_channels(model, channels)
        out = np.empty((h, w, len(chosen)), check_dtype(dtype))
        prepared, rows = self.prepare(model), max(_BAND_TEXELS // w // _BAND_ROWS, 1) * _BAND_ROWS
        for top in range(0, h, rows):
            band = out[top : top + rows]
            prepared.decode(mip, (x, y + top, w, len(band)), chosen, band, self.threads)
        return out

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
        region.check_texels(model, mip, x, y)
        chosen = check_channels(model, channels)
        out = np.empty((len(x), len(chosen)), check_dtype(dtype))
        xs, ys = (np.ascontiguousarray(n, np.int32) for n in (x, y))
        self.prepare(model).decode_texels(mip, xs, ys, chosen, out, self.threads)
        return out

    def prepare(self, model: QuantizedModel) -> _core.Decoder:
        """What decoding needs of this model, made when it is not the one of the last call."""
        prepared = self._prepared
        if prepared is None or prepared[0] is not model:
            prepared = model, _prepare(model, self.isa)
            self._prepared = prepared
        return prepared[1]


def _prepare(model: QuantizedModel, isa: str) -> _core.Decoder:
    decoder: _core.Decoder = native.core().Decoder(
        (model.width, model.height, model.mips),
        model.wrap,
        [_level(level) for level in model.levels],
        np.ascontiguousarray(model.roles, np.uint8),
        [_layer(layer) for layer in model.layers],
        isa,
    )
    return decoder


def _level(level: Level) -> tuple[Any, ...]:
    return (
        level.width,
        level.height,
        level.features,
        level.tile_log2,
        np.ascontiguousarray(level.code_widths, np.uint8),
        np.ascontiguousarray(level.offsets, np.int16),
        np.ascontiguousarray(level.scales, np.uint16),
        np.ascontiguousarray(level.words, np.uint32),
        _layout(level.layout),
    )


def _layout(layout: Layout) -> tuple[Any, ...]:
    mask = None if layout.mask is None else np.ascontiguousarray(layout.mask, np.uint8)
    return layout.simplex, layout.table_log2, layout.block_log2, mask


def _layer(layer: Layer) -> tuple[Any, ...]:
    return (
        np.ascontiguousarray(layer.weights, np.int8),
        np.ascontiguousarray(layer.biases, np.int32),
        np.ascontiguousarray(layer.shifts, np.uint8),
    )
