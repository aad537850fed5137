"""The images of one material as a stack of channels to fit, and back again."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
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
from ntc.texture.images import DTYPES, Header, Pixels, bands_of
from ntc.texture.normals import guess_convention
from ntc.texture.room import Image, Memory, Room
from ntc.texture.sources import Listing, Source, Sources, find_sources
from ntc.texture.tokens import Role

MAX_OUTPUTS = 32
_COLORS = {Semantic.ALBEDO, Semantic.SPECULAR, Semantic.EMISSIVE, Semantic.TRANSMISSION}
_LETTERS = "rgba"
_LABELS = {NormalConvention.OPENGL: "an OpenGL", NormalConvention.DIRECTX: "a DirectX"}


@dataclass(frozen=True)
class TextureSet:
    """A material: what its maps are, and the channels that a model has to reproduce.

    `channels` is [height, width, C] uint16 in storage space 0..65535. `maps` says for every
    channel of every image which of the C it is, or which constant, so the same data costs once.
    """

    name: str
    width: int
    height: int
    maps: tuple[MapRecord, ...]
    channels: Image
    warnings: tuple[str, ...]

    def mip_chain(self, count: int | None = None, room: Room | None = None) -> list[Image]:
        """Return `count` levels [h_m, w_m, C] from full size on, by default down to 1x1."""
        return mips.mip_chain(self.channels, self.maps, count, room)


@dataclass(frozen=True)
class _Image:
    """One image file with its storage space settled, its channels not yet assigned."""

    source: Source
    header: Header
    curve: Curve
    low: float
    high: float
    normal: NormalConvention | None

    def storage(self, samples: Pixels, inverted: bool) -> Image:
        """Return samples of one channel in storage space 0..65535."""
        if samples.dtype == np.uint8:
            stored = samples.astype(np.uint16) * np.uint16(257)
        elif samples.dtype == np.uint16:
            stored = samples
        else:
            encoded = curve_encode(samples.astype(np.float64), self.curve, self.low, self.high)
            stored = np.rint(encoded * 65535).astype(np.uint16)
        return np.uint16(65535) - stored if inverted else stored

    def planes(self, wanted: Sequence[tuple[int, bool]]) -> Iterator[Image]:
        """Yield bands [rows, w, n] of channels, each inverted or not, in storage space."""
        for band in images.read_bands(self.source.path):
            planes = [self.storage(band[:, :, channel], turned) for channel, turned in wanted]
            yield np.stack(planes, axis=2)


def load_material(
    path: str | Path | Listing,
    *,
    only: Sequence[str] = (),
    exclude: Sequence[str] = (),
    name: str | None = None,
    room: Room | None = None,
) -> TextureSet:
    """Read the material at `path`: a folder of maps, a `manifest.json`, a listing or one image.

    `only` and `exclude` are globs over map names, semantics and file names. Constant channels
    become constants and channels equal to an earlier one share its place in `channels`. Maps
    smaller than the largest are resized to it. Every assumption is in `warnings`. Images are read
    in bands, up to three times; `room` is where `channels` are kept.

    Raises `FileError` for what cannot be opened, `InputError` for what is not one usable
    material, `UsageError` when the globs leave no map.
    """
    room = room or Memory()
    sources = find_sources(path, only, exclude)
    warnings = list(sources.warnings)
    headers = [images.read_header(source.path) for source in sources.files]
    conventions = _conventions(sources, headers, warnings)
    loaded = [
        _Image(source, header, *_curve(source, header), convention)
        for source, header, convention in zip(sources.files, headers, conventions, strict=True)
    ]
    width, height = max(h.width for h in headers), max(h.height for h in headers)
    outputs = _Outputs()
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
    channels = outputs.stack(width, height, room)
    return TextureSet(name or sources.name, width, height, maps, channels, tuple(warnings))


def measure_material(
    path: str | Path | Listing, *, only: Sequence[str] = (), exclude: Sequence[str] = ()
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
                for rows in bands_of(*rounded.shape[:2]):
                    plane = rounded[rows, :, output]
                    rounded[rows, :, output] = (plane.astype(np.uint32) + 128) // 257 * 257
        seen |= used
    return rounded


def resize_map_bands(
    bands: Iterable[Pixels], source: tuple[int, int], target: tuple[int, int]
) -> Iterator[Pixels]:
    """Resample a map that comes band by band, from one (width, height) to another."""
    dtype: np.dtype[Any] = np.dtype(np.float32)

    def floats() -> Iterator[NDArray[np.float32]]:
        nonlocal dtype
        for band in bands:
            dtype = band.dtype
            yield band.astype(np.float32)

    for resized in images.resize_bands(floats(), source, target):
        if dtype.kind == "u":
            np.rint(np.clip(resized, 0, np.iinfo(dtype).max), out=resized)
        yield resized.astype(dtype)


class _Outputs:
    """The channels a model has to reproduce, each stored once."""

    def __init__(self) -> None:
        self.places: dict[object, tuple[_Image, int, bool]] = {}

    def add(self, key: object, image: _Image, channel: int, inverted: bool) -> int:
        """Return the output that holds this channel; of equal ones `key` is the same."""
        self.places.setdefault(key, (image, channel, inverted))
        return list(self.places).index(key)

    def stack(self, width: int, height: int, room: Room) -> Image:
        """Return all of them as [h, w, C]."""
        stacked = room.array((height, width, len(self.places)))
        places = list(self.places.values())
        for image in {id(place[0]): place[0] for place in places}.values():
            outputs = [i for i, place in enumerate(places) if place[0] is image]
            wanted = [places[i][1:] for i in outputs]
            first = 0
            for band in _resized(image, wanted, width, height):
                stacked[first : first + len(band), :, outputs] = band
                first += len(band)
                room.ease()
        return stacked


def _resized(
    image: _Image, wanted: Sequence[tuple[int, bool]], width: int, height: int
) -> Iterator[Image]:
    bands, size = image.planes(wanted), (image.header.width, image.header.height)
    if size == (width, height):
        return bands
    return resize_map_bands(bands, size, (width, height))


def _record(image: _Image, outputs: _Outputs) -> MapRecord:
    role, header = image.source.role, image.header
    srgb = role.srgb and DTYPES[header.sample].kind == "u"
    meanings = list(_meanings(role, header.channels, image.normal))
    record = MapRecord(
        name=image.source.name,
        file=image.source.file,
        semantic=role.semantic,
        color_space=ColorSpace.SRGB if srgb else ColorSpace.LINEAR,
        sample=header.sample,
        width=header.width,
        height=header.height,
        curve=image.curve,
        low=image.low,
        high=image.high,
        normal=image.normal,
        channels=tuple(Channel(meaning=m, inverted=turned, constant=0) for m, turned in meanings),
    )
    surveyed = _survey(image, [turned for _, turned in meanings])
    channels = []
    for index, (constant, digest) in enumerate(surveyed):
        channel, output = record.channels[index], None
        if constant is None:
            # Maps of another size are resized, so that they differ from this one.
            key = digest, header.shape[:2], _use(record, channel)
            output = outputs.add(key, image, index, channel.inverted)
        channels.append(channel.model_copy(update={"constant": constant, "output": output}))
    return record.model_copy(update={"channels": tuple(channels)})


def _survey(image: _Image, inverted: Sequence[bool]) -> Iterator[tuple[float | None, bytes]]:
    """Yield the constant of each channel, or None, and a digest of its storage values."""
    first: Pixels | None = None
    same = np.ones(len(inverted), bool)
    hashes = [hashlib.blake2b(digest_size=16) for _ in inverted]
    for band in images.read_bands(image.source.path):
        first = band[0, 0] if first is None else first
        for index, turned in enumerate(inverted):
            plane = band[:, :, index]
            same[index] = same[index] and bool((plane == first[index]).all())
            hashes[index].update(np.ascontiguousarray(image.storage(plane, turned)).data)
    assert first is not None
    for index, digest in enumerate(hashes):
        yield float(first[index]) if same[index] else None, digest.digest()


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


def _curve(source: Source, header: Header) -> tuple[Curve, float, float]:
    """Choose the curve of a map: 0..1 as it is, HDR colours by log, all else by its range."""
    if DTYPES[header.sample].kind == "u":
        return Curve.LINEAR, 0.0, 1.0
    ranges = [(band.min(), band.max()) for band in images.read_bands(source.path)]
    low, high = float(min(r[0] for r in ranges)), float(max(r[1] for r in ranges))
    if low >= 0 and high <= 1:
        return Curve.LINEAR, 0.0, 1.0
    if source.role.semantic is Semantic.NORMAL:
        reach = max(-low, high)
        return Curve.LINEAR, -reach, reach
    if low >= 0 and source.role.semantic in _COLORS:
        return Curve.LOG, 0.0, high
    return Curve.LINEAR, min(low, 0.0), max(high, 1.0)


def _conventions(
    sources: Sources, headers: Sequence[Header], warnings: list[str]
) -> list[NormalConvention | None]:
    files = list(zip(sources.files, headers, strict=True))
    result: list[NormalConvention | None] = []
    for source, header in files:
        convention = source.role.normal
        if source.role.semantic is Semantic.NORMAL and convention is None:
            heights = [
                other.path
                for other, its in files
                if other.role.semantic is Semantic.HEIGHT and its.shape[:2] == header.shape[:2]
            ]
            convention, why = sources.convention or guess_convention(source.path, heights)
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
        for rows in bands_of(height, width):
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
