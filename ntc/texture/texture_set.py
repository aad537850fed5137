"""The images of one material as a stack of channels to fit, and back again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntc.errors import InputError
from ntc.format.metadata import (
    Channel,
    ColorSpace,
    Curve,
    MapRecord,
    NormalConvention,
    Sample,
    Semantic,
)
from ntc.texture import images, mips
from ntc.texture.color import curve_decode, curve_encode
from ntc.texture.images import DTYPES, Pixels
from ntc.texture.normals import guess_convention
from ntc.texture.sources import Source, Sources, find_sources
from ntc.texture.tokens import Role

MAX_OUTPUTS = 32
_ROWS = 256
_COLORS = {Semantic.ALBEDO, Semantic.SPECULAR, Semantic.EMISSIVE, Semantic.TRANSMISSION}
_LETTERS = "rgba"
_LABELS = {NormalConvention.OPENGL: "an OpenGL", NormalConvention.DIRECTX: "a DirectX"}


@dataclass(frozen=True)
class TextureSet:
    """A material: what its maps are, and the channels that a model has to reproduce.

    `channels` is [height, width, C] float32 in storage space 0..1. `maps` says for every channel
    of every image which of the C it is, or which constant, so the same data costs once.
    """

    name: str
    width: int
    height: int
    maps: tuple[MapRecord, ...]
    channels: NDArray[np.float32]
    warnings: tuple[str, ...]

    def mip_chain(self, count: int | None = None) -> list[NDArray[np.float32]]:
        """Return `count` levels [h_m, w_m, C] from full size on, by default down to 1x1."""
        return mips.mip_chain(self.channels, self.maps, count)


@dataclass(frozen=True)
class _Image:
    """One image with its storage space settled, its channels not yet assigned."""

    source: Source
    pixels: Pixels
    curve: Curve
    low: float
    high: float
    normal: NormalConvention | None

    def storage(self, channel: int, inverted: bool) -> NDArray[np.float32]:
        """Return one channel [h, w] in storage space 0..1."""
        plane = self.pixels[:, :, channel]
        if plane.dtype.kind == "u":
            top = np.iinfo(plane.dtype).max
            exact: NDArray[np.float32] = np.divide(
                top - plane if inverted else plane, top, dtype=np.float32
            )
            return exact
        result = np.empty(plane.shape, np.float32)
        for rows in _row_blocks(len(plane)):
            encoded = curve_encode(plane[rows].astype(np.float64), self.curve, self.low, self.high)
            result[rows] = 1 - encoded if inverted else encoded
        return result


def load_material(
    path: Path, *, only: Sequence[str] = (), exclude: Sequence[str] = (), name: str | None = None
) -> TextureSet:
    """Read the material at `path`: a folder of maps, a `manifest.json` or one image.

    `only` and `exclude` are globs over map names, semantics and file names. Constant channels
    become constants and channels equal to an earlier one share its place in `channels`. Maps
    smaller than the largest are resized to it. Every assumption is in `warnings`.

    Raises `FileError` for what cannot be opened, `InputError` for what is not one usable
    material, `UsageError` when the globs leave no map.
    """
    sources = find_sources(path, only, exclude)
    warnings = list(sources.warnings)
    pixels = [images.read_image(source.path) for source in sources.files]
    conventions = _conventions(sources, pixels, warnings)
    loaded = [
        _Image(source, image, *_curve(source.role, image), convention)
        for source, image, convention in zip(sources.files, pixels, conventions, strict=True)
    ]
    height, width = (max(image.shape[axis] for image in pixels) for axis in (0, 1))
    outputs = _Outputs(width, height)
    maps = tuple(_record(image, outputs) for image in loaded)
    warnings += [
        f"{m.file}: {m.width}x{m.height} resized to {width}x{height} for the fit"
        for m in maps
        if (m.width, m.height) != (width, height)
    ]
    if len(outputs.places) > MAX_OUTPUTS:
        raise InputError(
            f"{path}: {len(outputs.places)} channels that vary; at most {MAX_OUTPUTS} fit one "
            "material, leave some out with --exclude"
        )
    return TextureSet(name or sources.name, width, height, maps, outputs.stack(), tuple(warnings))


def measure_material(
    path: Path, *, only: Sequence[str] = (), exclude: Sequence[str] = ()
) -> tuple[int, int, int]:
    """Width, height and the number of channels in all maps, from the headers of the images alone.

    `load_material` finds as many channels or fewer. Raises what it raises for bad headers.
    """
    headers = [images.read_header(file.path) for file in find_sources(path, only, exclude).files]
    channels = sum(header.channels for header in headers)
    return max(h.width for h in headers), max(h.height for h in headers), min(channels, MAX_OUTPUTS)


def maps_from_outputs(outputs: NDArray[np.uint16], maps: Sequence[MapRecord]) -> dict[str, Pixels]:
    """Turn decoded storage values [h, w, C] into images [h, w, c] as they were before.

    Sample type, packing, normal convention and glossiness are those of each original image;
    constants come back exactly. uint8 samples are (v + 128) // 257, uint16 samples v, half and
    float samples go through the map's curve in double precision. The size is that of `outputs`.
    """
    return {record.name: _restored(outputs, record) for record in maps}


def as_written(outputs: NDArray[np.uint16], maps: Sequence[MapRecord]) -> NDArray[np.uint16]:
    """Storage values [h, w, C] as they are once written to images: those of uint8 maps in steps.

    What two maps share is rounded if the first of them is.
    """
    rounded = outputs.copy()
    seen: set[int] = set()
    for record in maps:
        used = {c.output for c in record.channels if c.output is not None} - seen
        if record.sample is Sample.UINT8:
            for output in used:
                for rows in _row_blocks(len(rounded)):
                    plane = rounded[rows, :, output]
                    rounded[rows, :, output] = (plane.astype(np.uint32) + 128) // 257 * 257
        seen |= used
    return rounded


def resize_map(pixels: Pixels, width: int, height: int) -> Pixels:
    """Return [height, width, c] of the same sample type, resampled with Lanczos 3."""
    resized = images.resize(pixels.astype(np.float32), width, height)
    if pixels.dtype.kind == "u":
        resized = np.rint(np.clip(resized, 0, np.iinfo(pixels.dtype).max))
    return resized.astype(pixels.dtype)


class _Outputs:
    """The channels a model has to reproduce, each stored once."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.places: dict[tuple[bytes, str], tuple[_Image, int, bool]] = {}

    def add(self, image: _Image, channel: int, inverted: bool, use: str) -> int:
        """Return the output that holds this channel; `use` keeps apart what mips filter apart."""
        plane = self._plane(image, channel, inverted)
        key = hashlib.blake2b(plane.data, digest_size=16).digest(), use
        self.places.setdefault(key, (image, channel, inverted))
        return list(self.places).index(key)

    def stack(self) -> NDArray[np.float32]:
        """Return all of them as [h, w, C]."""
        stacked = np.empty((self.height, self.width, len(self.places)), np.float32)
        for index, place in enumerate(self.places.values()):
            plane = self._plane(*place)
            for rows in _row_blocks(self.height):  # in parts, so that Ctrl-C is heard
                stacked[rows, :, index] = plane[rows]
        return stacked

    def _plane(self, image: _Image, channel: int, inverted: bool) -> NDArray[np.float32]:
        plane = image.storage(channel, inverted)
        if plane.shape == (self.height, self.width):
            return plane
        return np.clip(images.resize(plane[:, :, None], self.width, self.height)[:, :, 0], 0, 1)


def _record(image: _Image, outputs: _Outputs) -> MapRecord:
    role, pixels = image.source.role, image.pixels
    height, width, count = pixels.shape
    srgb = role.srgb and pixels.dtype.kind == "u"
    record = MapRecord(
        name=image.source.name,
        file=image.source.path.name,
        semantic=role.semantic,
        color_space=ColorSpace.SRGB if srgb else ColorSpace.LINEAR,
        sample=next(sample for sample, dtype in DTYPES.items() if dtype == pixels.dtype),
        width=width,
        height=height,
        curve=image.curve,
        low=image.low,
        high=image.high,
        normal=image.normal,
        channels=tuple(
            Channel(meaning=meaning, inverted=inverted, constant=0)
            for meaning, inverted in _meanings(role, count, image.normal)
        ),
    )
    channels = [_channel(image, record, index, outputs) for index in range(count)]
    return record.model_copy(update={"channels": tuple(channels)})


def _channel(image: _Image, record: MapRecord, index: int, outputs: _Outputs) -> Channel:
    channel = record.channels[index]
    plane = image.pixels[:, :, index]
    first = plane[0, 0]
    if (plane == first).all():
        return channel.model_copy(update={"constant": float(first)})
    use = _use(record, channel)
    output = outputs.add(image, index, channel.inverted, use)
    return channel.model_copy(update={"output": output, "constant": None})


def _use(record: MapRecord, channel: Channel) -> str:
    if record.semantic is Semantic.NORMAL:
        return record.name
    if channel.meaning == Semantic.OPACITY.value:
        return channel.meaning
    encoded = mips.is_encoded_color(record, channel)
    return f"{encoded} {record.curve} {record.low} {record.high}"


def _meanings(
    role: Role, count: int, normal: NormalConvention | None
) -> Iterator[tuple[str, bool]]:
    """Yield what each of `count` channels means and whether the image stores 1 - x of it."""
    what = role.semantic.value
    letters = "xyza" if role.semantic is Semantic.NORMAL else _LETTERS
    for index in range(count):
        if index < len(role.packing):
            meaning = role.packing[index]
            yield meaning.removeprefix("~")[:64], meaning.startswith("~")
            continue
        alpha = index == count - 1 and count in (2, 4) and role.semantic is not Semantic.NORMAL
        if count == 1:
            meaning = what
        elif alpha:
            meaning = "opacity" if role.semantic in _COLORS else f"{what}.a"
        else:
            meaning = f"{what}.{letters[index] if index < 4 else index}"
        flipped = index == 1 and normal is NormalConvention.DIRECTX
        yield meaning, flipped or (role.inverted and not alpha)


def _curve(role: Role, pixels: Pixels) -> tuple[Curve, float, float]:
    """Choose the curve of a map: 0..1 as it is, HDR colours by log, all else by its range."""
    if pixels.dtype.kind == "u":
        return Curve.LINEAR, 0.0, 1.0
    low, high = float(pixels.min()), float(pixels.max())
    if low >= 0 and high <= 1:
        return Curve.LINEAR, 0.0, 1.0
    if role.semantic is Semantic.NORMAL:
        reach = max(-low, high)
        return Curve.LINEAR, -reach, reach
    if low >= 0 and role.semantic in _COLORS:
        return Curve.LOG, 0.0, high
    return Curve.LINEAR, min(low, 0.0), max(high, 1.0)


def _conventions(
    sources: Sources, pixels: Sequence[Pixels], warnings: list[str]
) -> list[NormalConvention | None]:
    heights = [
        image
        for source, image in zip(sources.files, pixels, strict=True)
        if source.role.semantic is Semantic.HEIGHT
    ]
    result: list[NormalConvention | None] = []
    for source, image in zip(sources.files, pixels, strict=True):
        convention = source.role.normal
        if source.role.semantic is Semantic.NORMAL and convention is None:
            convention, why = sources.convention or guess_convention(image, heights)
            warnings.append(
                f"{source.path.name}: taken for {_LABELS[convention]} normal map ({why})"
            )
        result.append(convention)
    return result


def _restored(outputs: NDArray[np.uint16], record: MapRecord) -> Pixels:
    height, width, _ = outputs.shape
    dtype = DTYPES[record.sample]
    pixels = np.empty((height, width, len(record.channels)), dtype)
    for index, channel in enumerate(record.channels):
        if channel.output is None:
            pixels[:, :, index] = dtype.type(channel.constant)
            continue
        for rows in _row_blocks(height):
            stored = outputs[rows, :, channel.output]
            if channel.inverted:
                stored = np.uint16(65535) - stored
            pixels[rows, :, index] = _samples(stored, record, dtype)
    return pixels


def _samples(stored: NDArray[np.uint16], record: MapRecord, dtype: np.dtype[Any]) -> Pixels:
    if dtype == np.uint8:
        return ((stored.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if dtype == np.uint16:
        return stored
    return curve_decode(stored / 65535.0, record.curve, record.low, record.high).astype(dtype)


def _row_blocks(height: int) -> Iterator[slice]:
    for start in range(0, height, _ROWS):
        yield slice(start, start + _ROWS)
