"""A material as every contender is given it, and what its decoded channels are compared with."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc.files import read_bytes
from ntc.format.metadata import Channel, ColorSpace, MapRecord, Sample, Semantic
from ntc.texture import TextureSet, load_material, resize_map_bands
from ntc.texture.sources import find_sources

Storage = npt.NDArray[np.uint16]
Bytes = npt.NDArray[np.uint8]

MOST_PLANES: Final = 4  # of an image that a codec is given
_TOPS: Final = {Sample.UINT8: 255, Sample.UINT16: 65535}


@dataclass(frozen=True, eq=False)
class Image:
    """Planes of one map, 8 bits each, at the size of its file; no plane comes twice."""

    outputs: tuple[int, ...]  # the channels of the reference that they are
    pixels: Bytes  # [h, w, planes]
    color: bool  # whether the first three are a colour with the sRGB curve
    normal: bool

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        height, width, _ = self.pixels.shape
        return width, height


@dataclass(frozen=True, eq=False)
class Reference:
    """What counts: every channel that varies, each once, and a normal's three always."""

    channels: Storage  # [h, w, C]: those of the texture set, then constants of normals
    maps: tuple[MapRecord, ...]  # whose outputs are these
    varying: int  # channels that the texture set has

    def completed(self, outputs: Storage) -> Storage:
        """Decoded outputs `[h, w, varying]` with the constants, which a `.ntc` holds exactly."""
        return np.concatenate([outputs, self.channels[:, :, self.varying :]], axis=2)


class Subject:
    """A material in a folder, read when it is first looked at."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def digest(self) -> str:
        """Of the names and bytes of the files that it is made of."""
        files = [source.path for source in find_sources(self.path, (), ()).files]
        manifest = (self.path if self.path.is_dir() else self.path.parent) / "manifest.json"
        digest = hashlib.sha256(self.path.name.encode())
        for file in sorted(files) + [manifest] * manifest.exists():
            content = hashlib.sha256(read_bytes(file)).hexdigest()
            digest.update(f"\n{file.name} {content}".encode())
        return digest.hexdigest()

    @cached_property
    def textures(self) -> TextureSet:
        """The images as `ntc compress` reads them."""
        return load_material(self.path)

    @cached_property
    def reference(self) -> Reference:
        """What decoded channels are compared with."""
        return make_reference(self.textures)

    @cached_property
    def images(self) -> list[Image]:
        """What an image codec is given."""
        return make_images(self.path, self.textures, self.reference)

    def forget(self) -> None:
        """Frees the pixels."""
        for name in ("textures", "reference", "images"):
            self.__dict__.pop(name, None)


def make_reference(textures: TextureSet) -> Reference:
    """The channels that count, with a plane for each constant of a normal."""
    height, width, varying = textures.channels.shape
    planes, maps = [textures.channels], []
    for record in textures.maps:
        channels = list(record.channels)
        for i, channel in enumerate(channels[:3]):
            if record.semantic is Semantic.NORMAL and channel.output is None:
                output = varying + len(planes) - 1
                planes.append(np.full((height, width, 1), _stored(record, channel), np.uint16))
                channels[i] = channel.model_copy(update={"constant": None, "output": output})
        maps.append(record.model_copy(update={"channels": tuple(channels)}))
    return Reference(np.concatenate(planes, axis=2), tuple(maps), varying)


def make_images(path: Path, textures: TextureSet, reference: Reference) -> list[Image]:
    """Each channel of the reference in one image, with others of its map, up to four."""
    images: list[Image] = []
    taken: set[int] = set()
    for record in reference.maps:
        outputs = _distinct(record)
        own = [output for output in outputs if output not in taken]
        taken |= set(own)
        stack = reference.channels
        places = dict(zip(own, own, strict=True))
        if own and (record.width, record.height) != (textures.width, textures.height):
            alone = load_material(path, only=[glob.escape(record.name)])
            whole = make_reference(alone)
            stack, places = (
                whole.channels,
                dict(zip(outputs, _distinct(whole.maps[0]), strict=True)),
            )
        for i in range(0, len(own), MOST_PLANES):
            part = own[i : i + MOST_PLANES]
            pixels = to_bytes(stack[:, :, [places[output] for output in part]])
            color = record.color_space is ColorSpace.SRGB and i == 0
            images.append(Image(tuple(part), pixels, color, record.semantic is Semantic.NORMAL))
    return images


def assembled(subject: Subject, images: Sequence[Image], decoded: Sequence[Bytes]) -> Storage:
    """`[h, w, C]` of the reference from the decoded planes of its images."""
    stacked = np.empty_like(subject.reference.channels)
    height, width, _ = stacked.shape
    for image, planes in zip(images, decoded, strict=True):
        if image.size != (width, height):
            planes = np.concatenate(list(resize_map_bands([planes], image.size, (width, height))))
        stacked[:, :, image.outputs] = planes.astype(np.uint16) * np.uint16(257)
    return stacked


def to_bytes(stored: Storage) -> Bytes:
    """Storage values as the nearest of 8 bits."""
    return ((stored.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _distinct(record: MapRecord) -> list[int]:
    return list(dict.fromkeys(c.output for c in record.channels if c.output is not None))


def _stored(record: MapRecord, channel: Channel) -> int:
    """The constant of a normal's channel in storage space; not turned where it is inverted."""
    value, top = float(channel.constant or 0), _TOPS.get(record.sample)
    unit = value / top if top else (value - record.low) / (record.high - record.low)
    return round(65535 * min(max(unit, 0.0), 1.0))
