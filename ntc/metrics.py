"""How far a decoded material is from the original: PSNR in storage space, and normal angles.

Arrays are [h, w, C] in storage space: float 0..1 or uint16 0..65535. Rows are taken in bands, so
that the memory needed does not grow with the height.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntc.format.metadata import Channel, MapRecord, Sample, Semantic

Storage = NDArray[np.uint16] | NDArray[np.floating[Any]]

_ROWS = 32
_SAMPLE_TOP = {Sample.UINT8: 255.0, Sample.UINT16: 65535.0}


@dataclass(frozen=True)
class SetPsnr:
    """PSNR in dB of a material and of each map by name; None where there is no error at all."""

    psnr: float | None
    maps: dict[str, float | None]


def mse(a: Storage, b: Storage) -> NDArray[np.float64]:
    """Return the mean squared error of every channel, float64 [C], for a peak of 1."""
    return banded_mse((a[rows], b[rows]) for rows in _row_blocks(a, b))


def banded_mse(bands: Iterable[tuple[Storage, Storage]]) -> NDArray[np.float64]:
    """Return the same of two materials that come [rows, w, C] at a time, one band at least."""
    total, texels = np.zeros(1), 0
    for a, b in bands:
        for rows in _row_blocks(a, b):
            total = total + np.sum((_unit(a[rows]) - _unit(b[rows])) ** 2, axis=(0, 1))
        texels += a.shape[0] * a.shape[1]
    return total / texels


def psnr(error: float) -> float | None:
    """Return -10 log10(error) dB for a mean squared error at peak 1; None for no error."""
    return -10 * math.log10(error) if error > 0 else None


def set_psnr(errors: NDArray[np.float64], maps: Sequence[MapRecord]) -> SetPsnr:
    """Return the PSNR over all channels that vary, each once, and a normal's three always.

    `errors` are those of the network outputs that `maps` refer to, from `mse`. A channel two maps
    share counts in both maps and once in the whole. Constants outside normals are exact and do
    not count.
    """
    every: dict[object, float] = {}
    per_map = {}
    for record in maps:
        counted = dict(_counted(record, errors))
        every.update(counted)
        per_map[record.name] = psnr(_mean(counted))
    return SetPsnr(psnr(_mean(every)), per_map)


def normal_angle(a: Storage, b: Storage, record: MapRecord) -> tuple[float, float]:
    """Return the mean and the largest angle in degrees between the normals of two materials.

    `record` is the normal map whose x, y and, if it has one, z are among the outputs `a` and `b`;
    a z that is missing is sqrt(1 - x^2 - y^2). Zero vectors count as equal to anything.
    """
    total, largest = 0.0, 0.0
    for rows in _row_blocks(a, b):
        first, second = _normals(a[rows], record), _normals(b[rows], record)
        cross = np.linalg.norm(np.cross(first, second), axis=-1)
        # arctan2 stays exact near 0, where arccos of a rounded dot product does not.
        angle = np.degrees(np.arctan2(cross, np.sum(first * second, axis=-1)))
        total += float(angle.sum())
        largest = max(largest, float(angle.max()))
    return total / (a.shape[0] * a.shape[1]), largest


def _counted(record: MapRecord, errors: NDArray[np.float64]) -> Iterator[tuple[object, float]]:
    for index, channel in enumerate(record.channels):
        if channel.output is not None:
            yield channel.output, float(errors[channel.output])
        elif record.semantic is Semantic.NORMAL and index < 3:
            yield (record.name, index), 0.0


def _mean(errors: dict[object, float]) -> float:
    return sum(errors.values()) / len(errors) if errors else 0.0


def _row_blocks(a: Storage, b: Storage) -> Iterator[slice]:
    if a.shape != b.shape or a.size == 0 < a.shape[2]:
        raise ValueError(f"cannot compare {a.shape} with {b.shape}")
    for start in range(0, len(a), _ROWS):
        yield slice(start, start + _ROWS)


def _unit(values: Storage) -> NDArray[np.float64]:
    scale = 65535.0 if values.dtype.kind == "u" else 1.0
    return values.astype(np.float64) / scale


def _normals(outputs: Storage, record: MapRecord) -> NDArray[np.float64]:
    axes = [2 * _axis(outputs, record, channel) - 1 for channel in record.channels[:3]]
    if len(axes) == 2:
        axes.append(np.sqrt(np.maximum(0, 1 - axes[0] ** 2 - axes[1] ** 2)))
    return np.stack(axes, axis=-1)


def _axis(outputs: Storage, record: MapRecord, channel: Channel) -> NDArray[np.float64]:
    if channel.output is not None:
        return _unit(outputs[:, :, channel.output])
    value = float(channel.constant or 0)
    top = _SAMPLE_TOP.get(record.sample)
    stored = value / top if top else (value - record.low) / (record.high - record.low)
    # Not turned where it is inverted: mirroring both normals keeps the angle between them.
    return np.full(outputs.shape[:2], stored)
