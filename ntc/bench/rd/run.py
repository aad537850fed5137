"""The run: every contender on every material, unless the cache has the result already."""

from __future__ import annotations

import functools
import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from ntc.bench.rd.block_textures import texture_contenders
from ntc.bench.rd.contender import Contender, source_digest, versions
from ntc.bench.rd.controls import control_contenders
from ntc.bench.rd.measure import measure
from ntc.bench.rd.ours import Fits, leaders, our_contenders
from ntc.bench.rd.pictures import picture_contenders
from ntc.bench.rd.report import (
    Point,
    RdReport,
    SetReport,
    compare_curves,
    mean_comparisons,
    of_leader,
)
from ntc.bench.rd.subject import Subject
from ntc.cache import Cache, Document
from ntc.errors import InputError, NtcError, UsageError

PACKAGES: Final = (
    "ntc",
    "numpy",
    "imagecodecs",
    "ispc_texcomp",
    "astc-encoder-py",
    "flip-evaluator",
)
_HERE: Final = Path(__file__).parent
_MEASURING: Final = (
    "subject.py",
    "contender.py",
    "measure.py",
    "../../metrics.py",
    "../../texture",
)

OnPoint = Callable[[str, Point, bool], None]  # of a set; whether it was in the cache
OnFailure = Callable[[str], None]  # in one line


def rd_bench(
    folders: Sequence[Path],
    fits: Fits,
    encodings: Sequence[str],
    profiles: Sequence[str],
    codecs: Sequence[str],
    cache: Cache,
    on_point: OnPoint = lambda name, point, cached: None,
    on_failure: OnFailure = lambda message: None,
) -> RdReport:
    """Rate and distortion of our encodings and profiles, and of other codecs, on these materials.

    No `codecs` stands for all of them; `ours.leaders` says which of our curves lead.

    A contender that fails on a material is left out of that material from there on, with one line
    to `on_failure`; so is a material that cannot be read.
    Raises UsageError for unknown names, and for two materials of one name.
    """
    ours = our_contenders(fits, encodings, profiles)
    others = {each.name: each for each in _others(fits, encodings[0])}
    for name in codecs:
        if name not in others:
            raise UsageError(f"codec `{name}`: use some of {', '.join(others)}")
    contenders = [*ours, *(others[name] for name in codecs or others)]
    failures: list[str] = []

    def failed(message: str) -> None:
        failures.append(message)
        on_failure(message)

    sets = []
    for subject in _subjects(folders):
        runner = _Runner(subject, cache, on_point, failed)
        found = runner.run(contenders, [each.name for each in ours])
        sets += [found] if found else []
    names = [each.name for each in ours]
    means, (files, memory) = mean_comparisons(sets), leaders(names)
    return RdReport(
        effort=fits.effort,
        texels=fits.texels,
        codecs={each.name: each.about for each in contenders},
        ours=names,
        leaders=(files, memory),
        bd_rate=of_leader(means, files, names, memory=False),
        bd_rate_video_memory=of_leader(means, memory, names, memory=True),
        means=means,
        sets=sets,
        failures=failures,
        versions={"python": platform.python_version()} | versions(*PACKAGES),
        machine=f"{platform.platform()}, {os.cpu_count()} cores",
    )


def _subjects(folders: Sequence[Path]) -> list[Subject]:
    subjects = [Subject(Path(os.path.abspath(folder))) for folder in folders]
    names = [subject.path.name for subject in subjects]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice}: two of the materials have this name")
    return subjects


def _others(fits: Fits, encoding: str) -> list[Contender]:
    return [*texture_contenders(), *picture_contenders(), *control_contenders(fits, encoding)]


class _Runner:
    """All contenders on one material."""

    def __init__(
        self, subject: Subject, cache: Cache, on_point: OnPoint, on_failure: OnFailure
    ) -> None:
        self.subject, self.cache = subject, cache
        self.name = subject.path.name
        self.on_point, self.on_failure = on_point, on_failure

    def run(self, contenders: Sequence[Contender], ours: Sequence[str]) -> SetReport | None:
        try:
            shape, _ = self.cache.document(
                ["shape", self.subject.digest, _measuring()], self._shape
            )
        except NtcError as error:
            self.on_failure(f"{self.subject.path}: {_one_line(error)}")
            return None
        points = [point for each in contenders for point in self._curve(each)]
        self.subject.forget()
        names = [each.name for each in contenders if each.name not in ours]
        comparisons = compare_curves(points, ours, names)
        files, memory = leaders(ours)
        return SetReport(
            name=self.name,
            **shape,
            points=points,
            comparisons=comparisons,
            bd_rate=of_leader(comparisons, files, ours, memory=False),
            bd_rate_video_memory=of_leader(comparisons, memory, ours, memory=True),
        )

    def _shape(self) -> Document:
        height, width, channels = self.subject.reference.channels.shape
        if not self.subject.reference.varying:
            raise InputError("no channel varies, so there is nothing to compare")
        return {"width": width, "height": height, "channels": channels}

    def _curve(self, contender: Contender) -> list[Point]:
        """Its points, up to the first one that fails."""
        points = []
        for setting in contender.settings:
            key = [self.subject.digest, _measuring(), contender.name, setting]
            try:
                document, cached = self.cache.document(
                    [*key, dict(contender.identity)],
                    lambda setting=setting: self._measure(contender, setting),  # type: ignore[misc]
                )
                point = Point.model_validate(document)
            except Exception as error:
                # Whatever a codec throws: the others go on.
                self.on_failure(f"{self.name}: {contender.name} {setting}: {_one_line(error)}")
                break
            points.append(point)
            self.on_point(self.name, point, cached)
        return points

    def _measure(self, contender: Contender, setting: str) -> Document:
        reference = self.subject.reference  # read before the clock starts
        height, width, _ = reference.channels.shape
        start = time.perf_counter()
        coded = contender.run(self.subject, setting)
        seconds = time.perf_counter() - start
        bits = 8 / (width * height)
        memory = coded.video_memory_bytes
        point = Point(
            codec=contender.name,
            setting=setting,
            file_bytes=coded.file_bytes,
            file_bpp=coded.file_bytes * bits,
            video_memory_bytes=memory,
            video_memory_bpp=None if memory is None else memory * bits,
            seconds=round(seconds, 3),
            quality=measure(reference, coded.decoded),
        )
        return point.model_dump(mode="json")


@functools.cache
def _measuring() -> str:
    """What the measures depend on, and their packages."""
    source = source_digest(*(_HERE / name for name in _MEASURING))
    return f"{source} {versions('flip-evaluator', 'OpenImageIO')}"


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if isinstance(error, NtcError) else f"{type(error).__name__}: {text}"
