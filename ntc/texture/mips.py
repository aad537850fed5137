"""Mip chains of a channel stack, each channel filtered in the space where averages mean something.

The filter is the box: exact area averages, see docs/decisions/0004-mips.md for why. Images are
read from top to bottom, once, and every level grows as rows of the one above are there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntc.format.metadata import Channel, ColorSpace, MapRecord, Semantic
from ntc.texture.color import curve_decode, curve_encode, linear_to_srgb, srgb_to_linear
from ntc.texture.images import bands_of
from ntc.texture.room import Image, Memory, Room

Plane = NDArray[np.floating[Any]]
Planes = list[Plane]

_ONE = 65535
# The cutoff glTF 2.0 gives alpha masks by default (section 3.9.4), as the first value above it.
_CUTOFF = 32768


def mip_count(width: int, height: int) -> int:
    """Return how many levels lead from width x height down to 1x1, both included."""
    return max(width, height).bit_length()


def mip_chain(
    channels: Image, maps: Sequence[MapRecord], count: int | None = None, room: Room | None = None
) -> list[Image]:
    """Return `count` levels (all down to 1x1 by default) of a storage-space stack [h, w, C].

    Level m is [max(1, h >> m), max(1, w >> m), C], in 0..65535; level 0 is `channels` itself.
    Colours are averaged in linear light, float maps in the values they stand for. Normals keep
    the mean length of their texels, 1 for unit normals. Cut-out masks keep the share of texels
    above 0.5. No filter reaches over a border, so wrap and clamp agree. Between levels nothing
    is rounded. `room` is where the levels are kept.
    """
    height, width, depth = channels.shape
    count = min(count or mip_count(width, height), mip_count(width, height))
    room = room or Memory()
    levels = [channels] + [
        room.array((max(1, height >> m), max(1, width >> m), depth)) for m in range(1, count)
    ]
    chains = [_Chain(group, levels) for group in _groups(maps)]
    for rows in bands_of(height, width):
        for chain in chains:
            chain.push(channels[rows])
        room.ease()
    for chain in chains:
        chain.finish(room)
    return levels


@dataclass(frozen=True)
class _Group:
    """Outputs that are filtered together: how their planes are averaged, and brought back."""

    outputs: tuple[int, ...]
    enter: Callable[[Planes], Planes]
    leave: Callable[[Planes], Planes]
    cut_out: bool = False


class _Chain:
    """The levels of one group, growing row by row."""

    def __init__(self, group: _Group, levels: Sequence[Image]) -> None:
        self.group = group
        self.levels = levels
        self.halvers = [_Halver(len(level)) for level in levels[:-1]]
        self.covered = self.soft = 0  # texels of a mask

    def push(self, rows: Image) -> None:
        """Take the next rows [n, w, C] of level 0."""
        stored = [rows[:, :, i] for i in self.group.outputs]
        if self.group.cut_out:
            soft = (stored[0] > 0.05 * _ONE) & (stored[0] < 0.95 * _ONE)
            self.covered += int(np.count_nonzero(stored[0] >= _CUTOFF))
            self.soft += int(np.count_nonzero(soft))
        planes = self.group.enter([plane / np.float32(_ONE) for plane in stored])
        for halver, level in zip(self.halvers, self.levels[1:], strict=True):
            first, planes = halver.push(planes)
            if not len(planes[0]):
                return
            ended = first + len(planes[0])
            for i, plane in zip(self.group.outputs, self.group.leave(planes), strict=True):
                level[first:ended, :, i] = np.rint(np.clip(plane, 0, 1) * np.float32(_ONE))

    def finish(self, room: Room) -> None:
        """Scale each level of a cut-out mask up until as many texels pass the cutoff as in level 0.

        Castano, "Computing Alpha Mipmaps" (2010), with the quantile in place of a search.
        """
        texels = self.levels[0].shape[0] * self.levels[0].shape[1]
        if not self.group.cut_out or self.soft > 0.1 * texels or not self.covered:
            return
        for level in self.levels[1:]:
            _keep_coverage(level, self.group.outputs[0], self.covered / texels, room)


class _Halver:
    """Halves planes of `rows` rows that come some at a time."""

    def __init__(self, rows: int) -> None:
        self.rows = rows
        self.done = 0  # rows given back
        self.rest: Planes = []

    def push(self, planes: Planes) -> tuple[int, Planes]:
        """Take the next rows of each plane; return those that they complete, and their place."""
        first = self.done
        if self.rest:
            planes = [np.concatenate(pair) for pair in zip(self.rest, planes, strict=True)]
        ready = max((len(planes[0]) - self.rows % 2) // 2, 0) if self.rows > 1 else 1
        self.rest = [plane[2 * ready :] for plane in planes]
        self.done += ready
        halved = [_halve(plane, self.rows, first, ready) for plane in planes]
        widths = halved[0].shape[1]
        return first, [_halve(plane.T, widths, 0, max(widths // 2, 1)).T for plane in halved]


def _halve(plane: Plane, n: int, first: int, count: int) -> Plane:
    """Average the rows of a plane of n: `count` rows of the half, from row `first` on.

    `plane` begins with row 2 * first. Every row weighs the same in the sum over all results: for
    odd n = 2 m + 1, row i of the half covers n / m rows from i * n / m on, three rows with weights
    (m - i) / n, m / n, (i + 1) / n.
    """
    if n == 1:
        return plane
    m, end = n // 2, 2 * count
    if n == 2 * m:
        return (plane[0:end:2] + plane[1:end:2]) * np.float32(0.5)
    i = np.arange(first, first + count, dtype=np.float32)[:, None]
    upper, middle, lower = plane[0:end:2], plane[1:end:2], plane[2 : end + 1 : 2]
    sums: Plane = (m - i) * upper + np.float32(m) * middle + (i + 1) * lower
    return sums / np.float32(n)


def _groups(maps: Sequence[MapRecord]) -> list[_Group]:
    """Return the outputs that are filtered together and how; each output appears once."""
    groups: list[_Group] = []
    seen: set[int] = set()
    for record in maps:
        normal = _normal_outputs(record)
        if normal and seen.isdisjoint(normal):
            groups.append(_Group(normal, _to_vectors, partial(_to_normals, len(normal))))
            seen.update(normal)
        for channel in record.channels:
            if channel.output is not None and channel.output not in seen:
                groups.append(_scalar_group(record, channel, channel.output))
                seen.add(channel.output)
    return groups


def _normal_outputs(record: MapRecord) -> tuple[int, ...]:
    """Return the outputs of x, y and z, or of x and y alone; () where one is constant."""
    if record.semantic is not Semantic.NORMAL or len(record.channels) < 2:
        return ()
    outputs = [channel.output for channel in record.channels[:3]]
    varying = tuple(output for output in outputs if output is not None)
    return varying if len(set(varying)) == len(outputs) else ()


def _scalar_group(record: MapRecord, channel: Channel, output: int) -> _Group:
    if channel.meaning == Semantic.OPACITY.value:
        return _Group((output,), list, list, cut_out=True)
    encoded = is_encoded_color(record, channel)
    return _Group(
        (output,), partial(_to_light, record, encoded), partial(_to_storage, record, encoded)
    )


def is_encoded_color(record: MapRecord, channel: Channel) -> bool:
    """Tell whether sRGB applies: to the colours of an sRGB map, never to its alpha or extras."""
    what, _, which = channel.meaning.partition(".")
    return record.color_space is ColorSpace.SRGB and what == record.semantic.value and which != "a"


def _to_light(record: MapRecord, encoded: bool, planes: Planes) -> Planes:
    light = curve_decode(planes[0], record.curve, record.low, record.high)
    return [srgb_to_linear(light) if encoded else light]


def _to_storage(record: MapRecord, encoded: bool, planes: Planes) -> Planes:
    light = linear_to_srgb(planes[0]) if encoded else planes[0]
    return [curve_encode(light, record.curve, record.low, record.high)]


def _to_vectors(planes: Planes) -> Planes:
    """Return x, y, z and the length of each vector."""
    axes = [2 * plane - 1 for plane in planes]
    if len(axes) == 2:
        axes.append(np.sqrt(np.maximum(0, 1 - axes[0] ** 2 - axes[1] ** 2)))
    return [*axes, _length(axes)]


def _to_normals(axes: int, planes: Planes) -> Planes:
    *vector, length = planes
    scale = length / np.maximum(_length(vector), 1e-6)
    return [(1 + axis * scale) / 2 for axis in vector[:axes]]


def _length(axes: Sequence[Plane]) -> Plane:
    return np.sqrt(sum((axis * axis for axis in axes), start=np.float32(0)))


def _keep_coverage(level: Image, output: int, covered: float, room: Room) -> None:
    height, width, _ = level.shape
    counts = np.zeros(_ONE + 1, np.int64)
    for rows in bands_of(height, width):
        counts += np.bincount(level[rows, :, output].ravel(), minlength=_ONE + 1)
        room.ease()
    below = int((height * width - 1) * (1 - covered))  # texels that need not pass
    threshold = int(np.searchsorted(np.cumsum(counts), below, side="right"))
    if not 0 < threshold < _CUTOFF:
        return
    for rows in bands_of(height, width):
        scaled = level[rows, :, output] * np.float32(_CUTOFF / threshold)
        level[rows, :, output] = np.rint(np.minimum(scaled, _ONE))
        room.ease()
