"""A `.ntc` as textures and images, for programs that know nothing of ntc."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, get_args

from ntc import transcode
from ntc.decode import open_decoder, words
from ntc.decode.decoder import Decoder
from ntc.errors import UsageError
from ntc.files import OnExisting, check_target, make_folder, replacing
from ntc.format import spec
from ntc.format.metadata import MapRecord, Sample
from ntc.material import Material, Pixels, open_material
from ntc.reports import ExportedMap, ExportReport
from ntc.texture import Header, write_bands
from ntc.texture.images import DTYPES
from ntc.transcode import Layout, Quality

Target = Literal["dds", "ktx2", "png", "exr", "words"]
_CONTAINERS: Final = {"dds": transcode.dds.chunks, "ktx2": transcode.ktx2.chunks}
# 8 bits fit into the 11 of a half, 16 do not.
_EXR_SAMPLES: Final = {Sample.UINT8: Sample.HALF, Sample.UINT16: Sample.FLOAT}
_PNG_SAMPLES: Final = {Sample.HALF: Sample.UINT16, Sample.FLOAT: Sample.UINT16}


def export(
    path: str | Path,
    folder: str | Path,
    *,
    to: Target = "dds",
    only: Sequence[str] = (),
    format: str = "auto",
    mips: bool | None = None,
    quality: Quality = "fast",
    on_existing: OnExisting = "error",
    decoder: Decoder | None = None,
) -> ExportReport:
    """Writes each map of a `.ntc` into `folder` as a texture (`dds`, `ktx2`) or as images.

    `words` is all maps as one file for the shaders of ntc, `NAME.ntcwords`: the 32-bit words that
    they read, in little endian, and beside it `NAME.json`, with the metadata of the `.ntc`.

    The mips are those of the `.ntc`, none is resampled: a map that was smaller than the material
    starts at the smallest mip that is no smaller than the map was. `mips` asks for all of them
    (by default textures have them, and images are mip 0 alone). `format` is `auto` or one of
    `ntc.transcode.FORMATS`. Raises, before anything is written, UsageError for what a target
    cannot hold, FileError for files that are in the way, RuntimeFailure without the encoder.
    """
    start = time.perf_counter()
    _check_wishes(to, quality, format)
    if to == "words" and (only or mips is False):
        raise UsageError("words hold all maps and mips; leave `only` and `mips` out")
    all_mips = to in _CONTAINERS if mips is None else mips
    source = _Source(open_material(path), decoder or open_decoder())
    jobs: list[_Job] = []
    if to == "words":
        jobs.append(_WordsJob(source, Path(folder), Path(path).stem))
    for record in source.material.select(only) if to != "words" else ():
        levels = source.mips(record, all_mips)
        if to in _CONTAINERS:
            layout = transcode.choose_layout(record, format)
            jobs.append(_TextureJob(source, Path(folder), record, levels, to, layout, quality))
        else:
            jobs.append(_ImageJob(source, Path(folder), record, levels, to, _sample(record, to)))
    paths = [p for job in jobs for p in job.paths]
    _check_names(paths)
    if any(isinstance(job, _TextureJob) and job.layout.format.side > 1 for job in jobs):
        transcode.check_installed()
    wanted = {p for p in paths if check_target(p, on_existing)}
    make_folder(Path(folder))
    written = [job.write(wanted) for job in jobs if wanted & set(job.paths)]
    sizes = [done.video_memory_bytes for done in written if done.video_memory_bytes is not None]
    return ExportReport(
        file=str(path),
        to=to,
        decoder=source.decoder.name,
        written=written,
        skipped=[str(p) for p in paths if p not in wanted],
        bytes=sum(done.bytes for done in written),
        video_memory_bytes=sum(sizes) if to in _CONTAINERS or to == "words" else None,
        warnings=[f"{job.name}: {text}" for job in jobs for text in job.warnings()],
        seconds=round(time.perf_counter() - start, 3),
    )


@dataclass(frozen=True)
class _Source:
    """The material, and what decodes it."""

    material: Material
    decoder: Decoder

    def size(self, mip: int) -> tuple[int, int]:
        """Width and height of a mip."""
        return spec.mip_size(*self.material.size, mip)

    def mips(self, record: MapRecord, every: bool) -> range:
        """The mips to export: from the smallest that has as many texels as the map, or more."""
        count = self.material.file.model.mips
        sizes = [self.size(mip) for mip in range(count)]
        large = [m for m, (w, h) in enumerate(sizes) if w >= record.width and h >= record.height]
        first = max(large, default=0)
        return range(first, count if every else first + 1)

    def bands(self, record: MapRecord, mip: int) -> Iterator[Pixels]:
        """`[rows, w, c]` of a map."""
        return self.material.bands(record, mip, self.decoder)


@dataclass(frozen=True)
class _Job(ABC):
    """What is exported together, and where to."""

    source: _Source
    folder: Path

    @property
    @abstractmethod
    def name(self) -> str:
        """Of the map, or of the material."""

    @property
    @abstractmethod
    def paths(self) -> list[Path]:
        """The files to be written."""

    @abstractmethod
    def write(self, wanted: set[Path]) -> ExportedMap:
        """Those of the files that are wanted are there afterwards. Raises FileError."""

    def warnings(self) -> Iterator[str]:
        """What the user should know about the result."""
        return iter(())


@dataclass(frozen=True)
class _WordsJob(_Job):
    """All maps as the shaders read them, and what the numbers of their outputs mean."""

    stem: str

    @property
    def name(self) -> str:
        return self.source.material.file.metadata.name

    @property
    def paths(self) -> list[Path]:
        return [self.folder / f"{self.stem}.ntcwords", self.folder / f"{self.stem}.json"]

    def write(self, wanted: set[Path]) -> ExportedMap:
        file = self.source.material.file
        packed = words.pack(file.model).astype("<u4", copy=False)
        contents = packed.tobytes(), file.metadata.model_dump_json(indent=2).encode()
        written = []
        for path, content in zip(self.paths, contents, strict=True):
            if path in wanted:
                with replacing(path) as part:
                    part.write_bytes(content)
                written.append(path)
        return ExportedMap(
            map=self.name,
            files=[str(path) for path in written],
            format="words",
            srgb=False,
            normal=None,
            width=file.model.width,
            height=file.model.height,
            mips=file.model.mips,
            bytes=sum(path.stat().st_size for path in written),
            video_memory_bytes=packed.nbytes,
            psnr=None,
        )


@dataclass(frozen=True)
class _MapJob(_Job, ABC):
    """A map, the mips that it is exported with, and as what."""

    record: MapRecord
    mips: range
    to: str

    @property
    def name(self) -> str:
        return self.record.name

    @property
    def stem(self) -> str:
        """The name of the original image, without its ending."""
        return Path(self.record.file).stem


@dataclass(frozen=True)
class _TextureJob(_MapJob):
    """A map as one texture."""

    layout: Layout
    quality: Quality

    @property
    def paths(self) -> list[Path]:
        return [self.folder / f"{self.stem}.{self.to}"]

    def write(self, wanted: set[Path]) -> ExportedMap:
        (path,) = self.paths
        width, height = self.source.size(self.mips[0])
        mips = (self.source.bands(self.record, mip) for mip in self.mips)
        texture, psnr = transcode.make_texture(
            self.record, self.layout, (width, height), mips, self.quality
        )
        with replacing(path) as part, part.open("wb") as file:
            file.writelines(_CONTAINERS[self.to](texture))
        return ExportedMap(
            map=self.record.name,
            files=[str(path)],
            format=self.layout.format.name,
            srgb=self.layout.srgb,
            normal=self.record.normal,
            width=width,
            height=height,
            mips=len(self.mips),
            bytes=path.stat().st_size,
            video_memory_bytes=texture.nbytes,
            psnr=psnr,
        )

    def warnings(self) -> Iterator[str]:
        yield from self.layout.losses
        width, height = self.source.size(self.mips[0])
        if self.layout.format.side > 1 and (width % 4 or height % 4):
            yield f"{width}x{height} is no multiple of 4, which Direct3D 11 and glTF ask for"


@dataclass(frozen=True)
class _ImageJob(_MapJob):
    """A map as one image, or as one for each mip; colours as such images have them.

    In PNG they have the sRGB curve, in EXR they are linear. Other values are those of the map.
    """

    sample: Sample

    @property
    def paths(self) -> list[Path]:
        endings = [self.to, *(f"mip{mip}.{self.to}" for mip in range(1, len(self.mips)))]
        return [self.folder / f"{self.stem}.{ending}" for ending in endings]

    def write(self, wanted: set[Path]) -> ExportedMap:
        channels = len(self.record.channels)
        written = []
        for mip, path in zip(self.mips, self.paths, strict=True):
            if path in wanted:
                header = Header(*self.source.size(mip), channels, self.sample)
                write_bands(path, header, self._bands(mip))
                written.append(path)
        width, height = self.source.size(self.mips[0])
        return ExportedMap(
            map=self.record.name,
            files=[str(path) for path in written],
            format=self.sample.value,
            srgb=self.to == "png" and transcode.is_color(self.record),
            normal=self.record.normal,
            width=width,
            height=height,
            mips=len(self.mips),
            bytes=sum(path.stat().st_size for path in written),
            video_memory_bytes=None,
            psnr=None,
        )

    def _bands(self, mip: int) -> Iterator[Pixels]:
        png = self.to == "png"
        for band in self.source.bands(self.record, mip):
            samples = transcode.values(band, self.record, srgb=png, signed=not png)
            yield transcode.quantized(samples, DTYPES[self.sample])


def _check_wishes(to: str, quality: str, format: str) -> None:
    if to not in get_args(Target):
        raise UsageError(f"target `{to}`: use {', '.join(get_args(Target))}")
    if quality not in get_args(Quality):
        raise UsageError(f"quality `{quality}`: use {', '.join(get_args(Quality))}")
    if format != "auto" and to not in _CONTAINERS:
        raise UsageError(f"format `{format}` is for dds and ktx2; {to} keeps what there is")


def _sample(record: MapRecord, to: str) -> Sample:
    """Samples that hold those of the map. Raises UsageError where an image has none."""
    if to == "exr":
        return _EXR_SAMPLES.get(record.sample, record.sample)
    if len(record.channels) > 4:
        count = len(record.channels)
        raise UsageError(f"`{record.name}` has {count} channels, and a PNG holds 4; use --to exr")
    if transcode.exceeds_one(record):
        raise UsageError(
            f"`{record.name}` goes from {record.low:g} to {record.high:g}, and a PNG holds 0 to 1; "
            "use --to exr, or --only for the other maps"
        )
    return _PNG_SAMPLES.get(record.sample, record.sample)


def _check_names(paths: Sequence[Path]) -> None:
    twice = next((path for path in paths if paths.count(path) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice}: two of the maps would be written to it; choose by --only")
