"""The items that a page may look at, opened when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Final

import numpy as np
import numpy.typing as npt

from ntc import api
from ntc.comparison import Side, compare_sides, decoded_side
from ntc.decode.region import Rect
from ntc.errors import UsageError
from ntc.format.metadata import MapRecord, Sample
from ntc.material import Material, open_material
from ntc.reports import CompareReport, InfoReport
from ntc.texture import TextureSet, mip_count
from ntc.viewer import quality
from ntc.viewer.cache import Cache
from ntc.viewer.documents import MapsReport, SessionReport, TilesReport
from ntc.viewer.items import (
    Described,
    Item,
    describe_failure,
    describe_images,
    describe_material,
    describe_textures,
    load_images,
    make_item,
    with_references,
)
from ntc.viewer.samples import Samples, Stack, as_bytes, decode_map, map_planes

_ROOM: Final = 2 << 30  # bytes of decoded mips and images, to look at them again


class Missing(UsageError):
    """An item, a map or an address that does not exist."""


class Session:
    """What `ntc view` was given. All methods may be called from several threads at once.

    Everything but `report` raises what opening an item raises: FileError, InputError, FormatError.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._items: list[Item] = []
        self._lock = Lock()
        self._cache = Cache(_ROOM)
        for path in paths:
            self.add(path)

    def add(self, path: Path) -> Item:
        """One more item. Raises FileError if nothing is there."""
        with self._lock:
            item = make_item(len(self._items), path)
            self._items.append(item)
        return item

    @property
    def has_images(self) -> bool:
        """Whether one of the items can be compressed."""
        return any(item.kind == "images" for item in self._items)

    def item(self, number: int) -> Item:
        """The item of a number. Raises Missing."""
        if not 0 <= number < len(self._items):
            raise Missing(f"item {number}: there are items 0..{len(self._items) - 1}")
        return self._items[number]

    def compressed(self, number: int) -> Item:
        """The `.ntc` of a number. Raises Missing if it is something else."""
        item = self.item(number)
        if item.kind != "ntc":
            raise Missing(f"item {number}: {item.path} is no .ntc")
        return item

    def report(self, *, fits: bool) -> SessionReport:
        """All items, those that cannot be opened with the reason."""
        found = [self._described(item) for item in list(self._items)]
        generator = f"ntc {version('ntc')}"
        return SessionReport(generator=generator, items=with_references(found), fits=fits)

    def prepare(self) -> None:
        """Opens the first `.ntc`, which a page shows at first, while its browser starts."""
        first = next((item for item in self._items if item.kind == "ntc"), None)
        if first is not None:
            with suppress(Exception):  # who asks for it is told
                self.material(first.number)

    def info(self, number: int) -> InfoReport:
        """As `ntc info`."""
        return api.describe(self.material(number), self.compressed(number).path)

    def material(self, number: int) -> Material:
        """A `.ntc`, open."""
        item = self.compressed(number)
        return self._cache.get(
            ("material", number, item.stamp),
            lambda: open_material(item.path),
            lambda material: len(material.data) + material.video_memory_bytes,
        )

    def maps(self, number: int) -> MapsReport:
        """What the maps of an item are."""
        if self.item(number).kind == "ntc":
            material = self.material(number)
            (width, height), mips = material.size, material.file.model.mips
            return MapsReport(width=width, height=height, mips=mips, maps=list(material.maps))
        textures = self._images(number)
        width, height = textures.width, textures.height
        mips = mip_count(width, height)
        return MapsReport(width=width, height=height, mips=mips, maps=list(textures.maps))

    def outputs(self, number: int, mip: int, rect: Rect | None = None) -> Stack:
        """`[h, w, channels]` of a mip or of its rectangle `(x, y, w, h)`, in storage space.

        Raises UsageError for what does not exist.
        """
        if self.item(number).kind == "ntc" and rect is not None:
            return self.material(number).decode_outputs(mip, rect)
        stack = self._stack(number, mip)
        height, width, _ = stack.shape
        x, y, w, h = rect or (0, 0, width, height)
        if not (w > 0 and h > 0 and x + w <= width and y + h <= height):
            raise UsageError(f"rectangle {rect} does not lie within mip {mip} of {width}x{height}")
        return stack[y : y + h, x : x + w]

    def samples(self, number: int, name: str, mip: int) -> Samples:
        """`[h, w, channels]` of a map in storage space: 8 bits of a map that had them.

        16 bits of all others, and of images that were resized to the size of the material.
        """
        maps, record, item = self.maps(number), self.record(number, name), self.item(number)
        if item.kind == "ntc":
            return self._cache.get(
                ("map", number, item.stamp, name, mip),
                lambda: decode_map(self.material(number), record, mip),
                lambda samples: samples.nbytes,
            )
        planes = map_planes(record, self._stack(number, mip))
        whole = (record.width, record.height) == (maps.width, maps.height)
        return as_bytes(planes) if whole and record.sample is Sample.UINT8 else planes

    def record(self, number: int, name: str) -> MapRecord:
        """A map by its name. Raises Missing."""
        maps = self.maps(number).maps
        found = next((record for record in maps if record.name == name), None)
        if found is None:
            names = ", ".join(record.name for record in maps)
            raise Missing(f"item {number} has no map `{name}`; there are {names}")
        return found

    def compare(self, a: int, b: int) -> CompareReport:
        """As `ntc compare`."""
        key = "compare", a, self.item(a).stamp, b, self.item(b).stamp
        return self._cache.get(
            key, lambda: compare_sides(self.side(a), self.side(b)), lambda report: 1 << 12
        )

    def tiles(self, a: int, b: int, name: str, side: int) -> TilesReport:
        """PSNR of a map of A in tiles."""
        return quality.tiles(self.side(a), self.side(b), self.record(a, name), side)

    def flip(self, a: int, b: int, name: str) -> npt.NDArray[np.uint8]:
        """`[h, w, 1]` FLIP of a map of A, in steps of 1/255."""
        return quality.flip(self.side(a), self.side(b), self.record(a, name))

    def side(self, number: int) -> Side:
        """Mip 0 of an item, as `ntc compare` reads it."""
        item = self.item(number)
        if item.kind != "ntc":
            textures = self._images(number)
            return Side(item.path, textures.maps, textures.channels, compressed=False)
        return self._cache.get(
            ("side", number, item.stamp), lambda: self._decoded(item), lambda s: s.channels.nbytes
        )

    def _decoded(self, item: Item) -> Side:
        material = self.material(item.number)
        return decoded_side(item.path, material.maps, self._stack(item.number, 0))

    def _stack(self, number: int, mip: int) -> Stack:
        """All channels of a whole mip."""
        item = self.item(number)
        if item.kind == "ntc":
            return self._cache.get(
                ("stack", number, item.stamp, mip),
                lambda: self.material(number).decode_outputs(mip),
                lambda stack: stack.nbytes,
            )
        if mip == 0:
            return self._images(number).channels
        chain = self._mips(number)
        if mip >= len(chain):
            raise UsageError(f"mip {mip} does not exist: there are mips 0..{len(chain) - 1}")
        return chain[mip]

    def _images(self, number: int) -> TextureSet:
        item = self.item(number)
        return self._cache.get(
            ("images", number, item.stamp),
            lambda: load_images(item),
            lambda textures: textures.channels.nbytes,
        )

    def _mips(self, number: int) -> list[Stack]:
        """Those of images, which a `.ntc` is fitted to."""
        return self._cache.get(
            ("mips", number, self.item(number).stamp),
            lambda: self._images(number).mip_chain(),
            lambda chain: sum(mip.nbytes for mip in chain),
        )

    def _described(self, item: Item) -> Described:
        try:
            if item.kind == "ntc":
                return describe_material(item, self.material(item.number))
            if item.kind == "textures":
                return describe_textures(item, self._images(item.number))
            key = "images", item.number, item.stamp, "header"
            return self._cache.get(key, lambda: describe_images(item), lambda found: 1 << 12)
        except Exception as error:  # one bad file leaves the others to look at
            return describe_failure(item, error)
