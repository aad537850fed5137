"""How good a decoded material is: the same measures for whatever decoded it."""

from __future__ import annotations

import importlib
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from ntc import metrics
from ntc.bench.rd.subject import Reference, Storage
from ntc.errors import RuntimeFailure
from ntc.format.metadata import ColorSpace, MapRecord, Sample, Semantic

Floats = npt.NDArray[np.float32]

_WINDOW: Final = 8  # texels a side of an SSIM window
_STRIDE: Final = 4  # texels from one window to the next
_C1, _C2 = 0.01**2, 0.03**2  # for a peak of 1


class Measures(BaseModel):
    """Of mip 0, for a peak of 1, in storage space. PSNR in dB; null stands for an exact result."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    psnr: float | None = Field(description="all channels that vary, and a normal's three always")
    maps: dict[str, float | None]
    normal_degrees: dict[str, tuple[float, float]] = Field(description="mean and largest angle")
    ssim: dict[str, float] = Field(description="mean over the channels of a map")
    flip: dict[str, float] = Field(description="mean error of colour maps, 67 pixels a degree")


def measure(reference: Reference, decoded: Storage) -> Measures:
    """The measures of decoded channels `[h, w, C]`. Raises RuntimeFailure where FLIP is missing."""
    exact, maps = reference.channels, reference.maps
    quality = metrics.set_psnr(metrics.mse(exact, decoded), maps)
    normals = [m for m in maps if m.semantic is Semantic.NORMAL and len(m.channels) > 1]
    pairs = {record.name: _planes(record, exact, decoded) for record in maps}
    return Measures(
        psnr=quality.psnr,
        maps=quality.maps,
        normal_degrees={m.name: metrics.normal_angle(exact, decoded, m) for m in normals},
        ssim={
            name: float(np.mean([ssim(a, b) for a, b in planes]))
            for name, planes in pairs.items()
            if planes and min(exact.shape[:2]) >= _WINDOW
        },
        flip={m.name: flip(_colors(exact, m), _colors(decoded, m)) for m in maps if _is_color(m)},
    )


def ssim(a: Floats, b: Floats) -> float:
    """Mean structural similarity of two planes 0..1, over uniform windows of 8 x 8 texels.

    Wang et al., "Image quality assessment" (2004), eq. 13; windows are 4 texels apart.
    """
    mean_a, mean_b = _windows(a), _windows(b)
    variance = _windows(a * a) - mean_a**2 + _windows(b * b) - mean_b**2
    covariance = _windows(a * b) - mean_a * mean_b
    similar = (2 * mean_a * mean_b + _C1) * (2 * covariance + _C2)
    return float(np.mean(similar / ((mean_a**2 + mean_b**2 + _C1) * (variance + _C2))))


def flip(exact: Floats, decoded: Floats) -> float:
    """Mean FLIP of two sRGB images `[h, w, 3]`: 0 for no difference that is seen."""
    return _flip(exact, decoded)[1]


def flip_map(exact: Floats, decoded: Floats) -> Floats:
    """`[h, w]` FLIP of each texel, 0..1."""
    return np.asarray(_flip(exact, decoded)[0], np.float32)[:, :, 0]


def _flip(exact: Floats, decoded: Floats) -> tuple[Any, float]:
    try:
        package: Any = importlib.import_module("flip_evaluator")
    except ImportError as error:
        raise RuntimeFailure(
            "the package `flip-evaluator` is not installed: pip install 'ntc[rd]'"
        ) from error
    errors, mean, _ = package.evaluate(exact, decoded, "LDR", applyMagma=False)
    return errors, float(mean)


def _windows(plane: Floats) -> npt.NDArray[np.float64]:
    """Means of all windows of a plane."""
    rows, columns = (n // _STRIDE for n in plane.shape)
    whole = plane[: rows * _STRIDE, : columns * _STRIDE]
    cells = whole.reshape(rows, _STRIDE, columns, _STRIDE).mean((1, 3), dtype=np.float64)
    pairs = cells[:-1] + cells[1:]
    return np.asarray((pairs[:, :-1] + pairs[:, 1:]) / 4)


def _planes(record: MapRecord, *stacks: Storage) -> list[tuple[Floats, ...]]:
    """The planes of a map that count, each once, of every stack."""
    outputs = dict.fromkeys(c.output for c in record.channels if c.output is not None)
    return [tuple(_unit(stack[:, :, output]) for stack in stacks) for output in outputs]


def _is_color(record: MapRecord) -> bool:
    """Whether a map is seen as it is stored, and not the same everywhere."""
    varies = any(channel.output is not None for channel in record.channels[:3])
    return record.color_space is ColorSpace.SRGB and varies


def _colors(stack: Storage, record: MapRecord) -> Floats:
    """`[h, w, 3]` sRGB values 0..1 of a colour map of integer samples."""
    top = 255 if record.sample is Sample.UINT8 else 65535
    shape = stack.shape[:2]
    planes = [
        np.full(shape, (channel.constant or 0) / top, np.float32)
        if channel.output is None
        else _unit(stack[:, :, channel.output])
        for channel in record.channels[: 3 if len(record.channels) > 2 else 1]
    ]
    return np.stack(planes * (3 // len(planes)), axis=2)


def _unit(plane: Storage) -> Floats:
    return plane.astype(np.float32) / np.float32(65535)
