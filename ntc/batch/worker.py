"""What is done to one material, in a process of its own: images are read nowhere else."""

from __future__ import annotations

import tempfile
import time
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from ntc import api
from ntc.batch.budget import Curve
from ntc.batch.index import Fact, Index
from ntc.batch.keys import Key, key_of_pixels, key_without_reading, relabelled
from ntc.batch.report import MaterialReport
from ntc.batch.store import Entry, Store
from ntc.batch.tasks import Task
from ntc.errors import FileError, reason_of
from ntc.fit.problem import OnProgress, Progress
from ntc.material import Material
from ntc.planning import find_room, texels_to_spend
from ntc.settings import Settings
from ntc.texture import measure_material
from ntc.texture.sources import find_sources
from ntc.transcode.costs import block_bytes, raw_bytes

INSPECT_BYTES: Final = 128 << 20  # of a process that reads headers
_MARGIN: Final = 1.15  # estimates of memory are right within about a tenth
_READING: Final = Progress(0, 0, 0.0)


@dataclass(frozen=True)
class Inspected:
    """What is known of a material before a pixel is read."""

    key: Key | None  # none if pixels have to be read for it
    facts: tuple[Fact, ...]
    memory: int  # bytes that `Make` takes at most
    texels: int  # that it fits


@dataclass(frozen=True)
class Made:
    """A compressed material that was read back."""

    key: Key
    facts: tuple[Fact, ...]
    entry: Entry | None  # none if the output holds it already
    fitted: bool  # or found in the store


@dataclass(frozen=True)
class Failed:
    """Nothing was made, and why: one line."""

    error: str
    exit_code: int


@dataclass(frozen=True)
class Surveyed:
    """What bits buy in a material."""

    curve: Curve
    facts: tuple[Fact, ...]


Reply = Inspected | Surveyed | Made | Failed


class Request(Protocol):
    """What a worker is asked to do; it can be sent to another process."""

    def __call__(self, threads: int, on_progress: OnProgress) -> Reply:
        """Does it. Threads are for settings that leave their number open."""
        ...


@dataclass(frozen=True)
class Inspect:
    """Looks at headers and at what is known of the files."""

    task: Task
    cache: Path | None
    allowed: int  # bytes of memory for one material

    def __call__(self, threads: int, on_progress: OnProgress) -> Inspected:
        """As `Request`."""
        listing, settings = self.task.listing, within(self.task.settings, self.allowed)
        sources = find_sources(listing, (), ())
        with closing(Index(self.cache)) as index:
            key, facts = key_without_reading(sources, settings, index)
        memory = int(_MARGIN * find_room(listing, settings, (), ())[1])
        texels = texels_to_spend(measure_material(listing), settings)
        return Inspected(key, facts, memory, texels)


@dataclass(frozen=True)
class Make:
    """Compresses, unless the store or the output holds the result already."""

    task: Task
    cache: Path | None
    allowed: int  # bytes of memory for this material
    output: str | None  # the key of what the output holds

    def __call__(self, threads: int, on_progress: OnProgress) -> Made:
        """As `Request`."""
        listing, settings = self.task.listing, within(self.task.settings, self.allowed)
        settings = replace(settings, threads=settings.threads or threads)
        sources = find_sources(listing, (), ())
        with closing(Index(self.cache)) as index:
            pixels = key_of_pixels(sources, settings, index, lambda: on_progress(_READING))
        key = pixels.key
        if key.output == self.output:
            return Made(key, pixels.facts, None, fitted=False)
        store = Store(self.cache)
        if entry := store.get(key.fit):
            entry = replace(entry, data=relabelled(entry.data, key))
            return Made(key, pixels.facts, entry, fitted=False)
        start = time.perf_counter()
        material = api.compress(listing, settings, on_progress=on_progress)
        pixels.check()
        verify(material)
        seconds = time.perf_counter() - start
        entry = Entry(material.data, make_report(self.task.name, material, pixels.facts, seconds))
        # At once, before anybody else hears of it: from here on the fit cannot be lost.
        with suppress(FileError):
            store.put(key.fit, entry)
        return Made(key, pixels.facts, entry, fitted=True)


def within(settings: Settings, allowed: int) -> Settings:
    """The settings with what a process may take of the bytes allowed."""
    allowed = int(min(settings.max_memory or allowed, allowed) / _MARGIN)
    return replace(settings, max_memory=max(allowed, 1))


def verify(material: Material) -> None:
    """Its bytes, once in a file, decode to what was fitted. Raises FileError."""
    with tempfile.TemporaryDirectory(prefix="ntc-") as folder:
        path = Path(folder) / "material.ntc"
        material.save(path)
        api.verify(path, material)


def make_report(
    name: str, material: Material, facts: tuple[Fact, ...], seconds: float
) -> MaterialReport:
    """The report on a material that was fitted just now."""
    said, mips = api.compress_report(Path(), material, seconds), material.file.model.mips
    return MaterialReport(
        name=name,
        status="done",
        file=f"{name}.ntc",
        bytes=said.bytes,
        video_memory_bytes=said.video_memory_bytes,
        source_bytes=sum({fact.stamp.path: fact.stamp.size for fact in facts}.values()),
        raw_bytes=sum(raw_bytes(record, mips) for record in material.maps),
        block_bytes=sum(block_bytes(record, mips) for record in material.maps),
        width=said.width,
        height=said.height,
        channels=said.channels,
        psnr=said.psnr,
        maps=said.maps,
        encoding=said.encoding,
        seconds=said.seconds,
        peak_memory_bytes=said.peak_memory_bytes,
        warnings=tuple(said.warnings),
    )


def answer(request: Request, threads: int, on_progress: OnProgress) -> Reply:
    """What comes of a request, whatever it is."""
    try:
        return request(threads, on_progress)
    except Exception as error:
        return Failed(*reason_of(error))
