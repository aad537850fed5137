"""Mip chains of a channel stack, each channel filtered in the space where averages mean something.

The filter is the box: exact area averages, see docs/decisions/0004-mips.md for why.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ntc.format.metadata import Channel, ColorSpace, MapRecord, Semantic
from ntc.texture.color import curve_decode, curve_encode, linear_to_srgb, srgb_to_linear

Plane = NDArray[np.float32]
_Chain = Callable[[list[Plane], int], list[list[Plane]]]

# The cutoff glTF 2.0 gives alpha masks by default (section 3.9.4).
_CUTOFF = 0.5
_ROWS = 256


def mip_count(width: int, height: int) -> int:
    """Return how many levels lead from width x height down to 1x1, both included."""
    return max(width, height).bit_length()


def mip_chain(
    channels: NDArray[np.float32], maps: Sequence[MapRecord], count: int | None = None
) -> list[NDArray[np.float32]]:
    """Return `count` levels (all down to 1x1 by default) of a storage-space stack [h, w, C].

    Level m is [max(1, h >> m), max(1, w >> m), C], in 0..1; level 0 is `channels` itself. Colours
    are averaged in linear light, float maps in the values they stand for. Normals keep the mean
    length of their texels, 1 for unit normals. Cut-out masks keep the share of texels above 0.5.
    No filter reaches over a border, so wrap and clamp agree.
    """
    height, width, depth = channels.shape
    count = min(count or mip_count(width, height), mip_count(width, height))
    levels = [channels] + [
        np.empty((max(1, height >> m), max(1, width >> m), depth), np.float32)
        for m in range(1, count)
    ]
    for outputs, chain in _groups(maps):
        planes = [channels[:, :, i].copy() for i in outputs]  # the chains overwrite them
        for level, filtered in zip(levels[1:], chain(planes, count - 1), strict=True):
            for index, plane in zip(outputs, filtered, strict=True):
                np.clip(plane, 0, 1, out=level[:, :, index])
    return levels


def _groups(maps: Sequence[MapRecord]) -> list[tuple[tuple[int, ...], _Chain]]:
    """Return the outputs that are filtered together and how; each output appears once."""
    groups: dict[tuple[int, ...], _Chain] = {}
    seen: set[int] = set()
    for record in maps:
        normal = _normal_outputs(record)
        if normal and seen.isdisjoint(normal):
            groups[normal] = _normal_chain
            seen.update(normal)
        for channel in record.channels:
            if channel.output is not None and channel.output not in seen:
                groups[(channel.output,)] = _scalar_chain(record, channel)
                seen.add(channel.output)
    return list(groups.items())


def _normal_outputs(record: MapRecord) -> tuple[int, ...]:
    """Return the outputs of x, y and z, or of x and y alone; () where one is constant."""
    if record.semantic is not Semantic.NORMAL or len(record.channels) < 2:
        return ()
    outputs = [channel.output for channel in record.channels[:3]]
    varying = tuple(output for output in outputs if output is not None)
    return varying if len(set(varying)) == len(outputs) else ()


def _scalar_chain(record: MapRecord, channel: Channel) -> _Chain:
    if channel.meaning == Semantic.OPACITY.value:
        return _coverage_chain
    return partial(_light_chain, record, is_encoded_color(record, channel))


def is_encoded_color(record: MapRecord, channel: Channel) -> bool:
    """Tell whether sRGB applies: to the colours of an sRGB map, never to its alpha or extras."""
    what, _, which = channel.meaning.partition(".")
    return record.color_space is ColorSpace.SRGB and what == record.semantic.value and which != "a"


def _halvings(plane: Plane, count: int) -> list[Plane]:
    levels = []
    for _ in range(count):
        plane = _halve(_halve(plane).T).T
        levels.append(plane)
    return levels


def _halve(plane: Plane) -> Plane:
    """Average rows [n, w] into [n // 2, w]; every row weighs the same in the sum over all results.

    For odd n = 2 m + 1, row i of the result covers n / m rows from i * n / m on: three rows with
    weights (m - i) / n, m / n, (i + 1) / n.
    """
    n, m = len(plane), len(plane) // 2
    if n == 1:
        return plane
    if n == 2 * m:
        return (plane[0::2] + plane[1::2]) * np.float32(0.5)
    i = np.arange(m, dtype=np.float32)[:, None]
    sums: Plane = (m - i) * plane[0:-1:2] + np.float32(m) * plane[1::2] + (i + 1) * plane[2::2]
    return sums / np.float32(n)


def _light_chain(
    record: MapRecord, encoded: bool, planes: list[Plane], count: int
) -> list[list[Plane]]:
    curve = record.curve, record.low, record.high
    for start in range(0, len(planes[0]), _ROWS):  # in parts, so that Ctrl-C is heard
        part = planes[0][start : start + _ROWS]
        light = curve_decode(part, *curve)
        part[:] = srgb_to_linear(light) if encoded else light
    levels = _halvings(planes[0], count)
    if encoded:
        levels = [linear_to_srgb(level) for level in levels]
    return [[curve_encode(level, *curve)] for level in levels]


def _coverage_chain(planes: list[Plane], count: int) -> list[list[Plane]]:
    """Scale each level of a cut-out mask up until as many texels pass the cutoff as in level 0.

    Castano, "Computing Alpha Mipmaps" (2010), with the quantile in place of a search.
    """
    levels = _halvings(planes[0], count)
    covered = float(np.mean(planes[0] > _CUTOFF))
    soft = float(np.mean((planes[0] > 0.05) & (planes[0] < 0.95)))
    if soft > 0.1 or covered == 0:
        return [[level] for level in levels]
    return [[_rescaled(level, covered)] for level in levels]


def _rescaled(level: Plane, covered: float) -> Plane:
    threshold = float(np.quantile(level, 1 - covered, method="lower"))
    return level * np.float32(_CUTOFF / threshold) if 0 < threshold < _CUTOFF else level


def _normal_chain(planes: list[Plane], count: int) -> list[list[Plane]]:
    axes = list(planes)
    for axis in axes:  # in place: at 4096x4096 a second copy of the vectors is 200 MB
        axis *= 2
        axis -= 1
    if len(axes) == 2:
        axes.append(np.sqrt(np.maximum(0, 1 - axes[0] ** 2 - axes[1] ** 2)))
    means = [_halvings(axis, count) for axis in (*axes, _length(axes))]
    return [
        [(1 + axis * (length / np.maximum(_length(vector), 1e-6))) / 2 for axis in vector][
            : len(planes)
        ]
        for *vector, length in zip(*means, strict=True)
    ]


def _length(axes: Sequence[Plane]) -> Plane:
    return np.sqrt(sum((axis * axis for axis in axes), start=np.float32(0)))
