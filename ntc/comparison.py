"""How far one material is from another, whether compressed or a folder of images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ntc import metrics
from ntc.decode.decoder import Decoder
from ntc.errors import InputError
from ntc.format.metadata import Channel, Curve, MapRecord, Sample, Semantic
from ntc.material import open_material
from ntc.reports import CompareReport
from ntc.texture import as_written, load_material
from ntc.texture.color import FloatArray, curve_decode, curve_encode
from ntc.transcode.reading import as_images

Floats = npt.NDArray[np.float32]
_PEAK = {Sample.UINT8: 255, Sample.UINT16: 65535}


@dataclass(frozen=True, eq=False)
class Side:
    """One of the two materials: its maps and its channels in storage space."""

    path: Path
    maps: tuple[MapRecord, ...]
    channels: npt.NDArray[np.uint16]  # [h, w, C], as written to images if they were decoded
    compressed: bool

    @property
    def size(self) -> str:
        """For example `1024x669`."""
        return f"{self.channels.shape[1]}x{self.channels.shape[0]}"

    def find(self, wanted: MapRecord, *, alone: bool) -> MapRecord | None:
        """The map of the same file, or else of the same name; if both are alone, the only one."""
        by_file = [record for record in self.maps if record.file == wanted.file]
        by_name = [record for record in self.maps if record.name == wanted.name]
        rest = list(self.maps) if alone and len(self.maps) == 1 else []
        return next(iter(by_file + by_name + rest), None)


def compare(a: str | Path, b: str | Path, *, decoder: Decoder | None = None) -> CompareReport:
    """Compares the maps of A with those of B; each is a `.ntc`, a folder or an image.

    Raises InputError if B lacks a map of A, or is of another size.
    """
    return compare_sides(open_side(Path(a), decoder), open_side(Path(b), decoder))


def compare_sides(first: Side, second: Side) -> CompareReport:
    """As `compare`, of two materials that were read."""
    pairs = _Pairs(first, second)
    records = [pairs.add(record) for record in first.maps]
    left, right = pairs.stacked()
    quality = metrics.set_psnr(metrics.mse(left, right), records)
    normals = {
        record.name: metrics.normal_angle(left, right, record)
        for record in records
        if record.semantic is Semantic.NORMAL and len(record.channels) > 1
    }
    return CompareReport(
        a=str(first.path),
        b=str(second.path),
        equal=pairs.equal,
        psnr=quality.psnr,
        maps=quality.maps,
        normal_degrees=normals,
    )


def pair_map(first: Side, second: Side, record: MapRecord) -> tuple[MapRecord, Floats, Floats]:
    """The channels `[h, w, n]` of a map of the first side that may differ, those of its counterpart
    beside them, and the record of the map with outputs that index them.

    Raises InputError as `compare` does.
    """
    pairs = _Pairs(first, second)
    found = pairs.add(record)
    return found, *pairs.stacked()


def open_side(path: Path, decoder: Decoder | None = None) -> Side:
    """Reads a `.ntc`, or images or textures: a folder of them or one."""
    if path.suffix.lower() == ".ntc" and not path.is_dir():
        material = open_material(path)
        return decoded_side(path, material.maps, material.decode_outputs(decoder=decoder))
    with as_images(path) as images:
        textures = load_material(images)
    return Side(path, textures.maps, textures.channels, compressed=False)


def decoded_side(path: Path, maps: tuple[MapRecord, ...], outputs: npt.NDArray[np.uint16]) -> Side:
    """The side of a `.ntc` whose mip 0 decodes to these outputs."""
    return Side(path, maps, as_written(outputs, maps), compressed=True)


class _Pairs:
    """The pairs of channels that may differ, each once, whichever maps share it."""

    def __init__(self, first: Side, second: Side) -> None:
        if first.size != second.size:
            sizes = f"{first.path} is {first.size}, {second.path} is {second.size}"
            raise InputError(f"{sizes}: only materials of one size can be compared")
        self.first, self.second = first, second
        self.planes: dict[object, tuple[Floats, Floats]] = {}  # [h, w] of A and of B
        self.equal = True

    def add(self, record: MapRecord) -> MapRecord:
        """The record of a map of A with outputs that index the pairs."""
        other = self.second.find(record, alone=len(self.first.maps) == 1)
        if other is None:
            raise InputError(
                f"{self.second.path}: has no map like `{record.file}` of {self.first.path}"
            )
        if len(other.channels) != len(record.channels):
            raise InputError(
                f"{self.second.path}: `{other.file}` has {len(other.channels)} channels, "
                f"`{record.file}` of {self.first.path} has {len(record.channels)}"
            )
        pairs = zip(record.channels, other.channels, strict=True)
        channels = tuple(self._pair(record, mine, other, its) for mine, its in pairs)
        return record.model_copy(update={"channels": channels})

    def stacked(self) -> tuple[Floats, Floats]:
        """`[h, w, pairs]` of A and of B."""
        none = np.zeros((*self.first.channels.shape[:2], 0), np.float32)
        left, right = ([planes[i][..., None] for planes in self.planes.values()] for i in (0, 1))
        return np.concatenate([none, *left], axis=2), np.concatenate([none, *right], axis=2)

    def _pair(self, record: MapRecord, mine: Channel, other: MapRecord, its: Channel) -> Channel:
        left = _plane(self.first, record, mine, record)
        right = _plane(self.second, other, its, record)
        if mine.output is None and its.output is None and left[0, 0] == right[0, 0]:
            return mine
        self.equal = self.equal and self._same(left, right, record)
        key = (mine.output, mine.constant, its.output, its.constant, record.sample)
        self.planes.setdefault(key, (left, right))
        return mine.model_copy(update={"output": list(self.planes).index(key), "constant": None})

    def _same(self, left: Floats, right: Floats, record: MapRecord) -> bool:
        """Whether no sample differs; decoded ones are rounded like the image they would become."""
        if self.first.compressed != self.second.compressed:
            left, right = _rounded(left, record), _rounded(right, record)
        return bool(np.array_equal(left, right))


def _plane(side: Side, record: MapRecord, channel: Channel, target: MapRecord) -> Floats:
    """`[h, w]` of a channel in storage space, by the curve of `target` if its own is another."""
    own, its = (record.curve, record.low, record.high), (target.curve, target.low, target.high)
    if channel.output is not None:
        plane = np.divide(side.channels[..., channel.output], 65535, dtype=np.float32)
    else:
        plane = np.broadcast_to(stored_constant(record, channel), side.channels.shape[:2])
    if own == its:
        return plane
    values = curve_decode(plane.astype(np.float64), *own)
    if target.curve is Curve.LOG:  # which ends at its lowest value
        np.maximum(values, target.low, out=values)
    return curve_encode(values, *its).astype(np.float32)


def stored_constant(record: MapRecord, channel: Channel) -> Floats:
    """The constant of a channel in the storage space of its map."""
    stored: FloatArray = np.array(channel.constant, np.float64)
    if record.sample in _PEAK:
        stored = stored / _PEAK[record.sample]
    else:
        stored = curve_encode(stored, record.curve, record.low, record.high)
    return np.asarray(1 - stored if channel.inverted else stored, np.float32)


def _rounded(plane: Floats, record: MapRecord) -> Floats:
    """Storage values as the map's samples hold them; of floats, as the decoder's 16 bits do."""
    return np.asarray(np.rint(plane * np.float32(_PEAK.get(record.sample, 65535))))
