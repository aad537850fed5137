"""Exact image reading and writing; the only module that touches OpenImageIO.

Samples come back as the file stores them: no colour conversion, no premultiplication, no
rotation. Whatever the library throws or reports leaves here as `InputError` or `FileError`.
"""

from __future__ import annotations

import math
import shutil
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ntc.errors import FileError, InputError, RuntimeFailure
from ntc.files import replacing
from ntc.format.metadata import Sample, file_name_fault

Pixels = NDArray[Any]
Floats = NDArray[np.float32]

MAX_SIDE = 16384
MAX_CHANNELS = 32
FORMATS = {
    ".png": "png",
    ".tga": "targa",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".exr": "openexr",
}
UNSUPPORTED = frozenset(
    ".bmp .dds .gif .hdr .jp2 .jxl .ktx .ktx2 .psd .psb .webp .avif .heic .tx .sgi .pcx".split()
)
DTYPES: dict[Sample, np.dtype[Any]] = {
    Sample.UINT8: np.dtype(np.uint8),
    Sample.UINT16: np.dtype(np.uint16),
    Sample.HALF: np.dtype(np.float16),
    Sample.FLOAT: np.dtype(np.float32),
}
_SAMPLES = {
    "uint8": Sample.UINT8,
    "uint16": Sample.UINT16,
    "half": Sample.HALF,
    "float": Sample.FLOAT,
}
_TYPE_NAMES = {sample: name for name, sample in _SAMPLES.items()}
_WRITABLE = {
    "png": {Sample.UINT8, Sample.UINT16},
    "targa": {Sample.UINT8},
    "jpeg": {Sample.UINT8},
    "tiff": {Sample.UINT8, Sample.UINT16, Sample.FLOAT},
    "openexr": {Sample.HALF, Sample.FLOAT},
}
# No codec read here packs more than about 1000:1 (deflate 1032:1); small images are let through
# because 1-bit samples expand.
_BOMB_RATIO = 2000
_BOMB_FREE_BYTES = 256 << 20
_ROWS = 64  # written at once; a multiple of what EXR and TIFF pack together
_BAND_TEXELS = 1 << 20
_PIECE = 1 << 20  # bytes: one chunk of a PNG may hold all of its pixels
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Header:
    """What an image file declares before any pixel is read."""

    width: int
    height: int
    channels: int
    sample: Sample

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of the array that `read_image` returns."""
        return self.height, self.width, self.channels


def read_header(path: Path) -> Header:
    """Return what the file declares; raises as `read_image` does, except for broken pixels."""
    with _opened(path) as source:
        return _checked_header(path, source.spec())


def read_image(path: Path) -> Pixels:
    """Read every sample as stored: [h, w, c] of uint8, uint16, float16 or float32.

    Indexed images are expanded to RGB(A), 1- to 4-bit greys to 8 bits. Raises `FileError` when
    the file cannot be opened and `InputError` when it is not a readable image within limits.
    """
    bands = list(read_bands(path))
    return bands[0] if len(bands) == 1 else np.concatenate(bands)


def read_bands(path: Path) -> Iterator[Pixels]:
    """Read as `read_image` does, but [rows, w, c] at a time from top to bottom.

    What an image of any height needs in memory is bounded, and Ctrl-C is heard between bands.
    """
    with _opened(path) as source:
        spec = source.spec()
        header = _checked_header(path, spec)
        if FORMATS[path.suffix.lower()] == "png":
            _check_png(path)
        step = -(-band_rows(header.width) // (spec.tile_height or 1)) * (spec.tile_height or 1)
        for top in range(0, header.height, step):
            rows = min(step, header.height - top)
            band = _read_rows(source, spec, header, top, rows)
            reason = source.geterror()
            if band is None or reason:
                raise InputError(f"{path}: damaged or truncated ({_first_line(reason)})")
            band = band.reshape(rows, header.width, header.channels)
            _check_finite(path, band, top)
            yield band


def band_rows(width: int) -> int:
    """Rows of an image of this width that are worked on at once."""
    return max(_BAND_TEXELS // width // _ROWS, 1) * _ROWS


def bands_of(height: int, width: int) -> Iterator[slice]:
    """The rows of an image, band by band."""
    step = band_rows(width)
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


def _read_rows(source: Any, spec: Any, header: Header, top: int, rows: int) -> Pixels | None:
    first, kind = spec.y + top, _TYPE_NAMES[header.sample]
    if spec.tile_width:
        columns, planes = (spec.x, spec.x + header.width), (spec.z, spec.z + 1)
        band = source.read_tiles(*columns, first, first + rows, *planes, 0, header.channels, kind)
    else:
        band = source.read_scanlines(first, first + rows, spec.z, 0, header.channels, kind)
    return None if band is None else np.asarray(band)


def write_image(path: Path, pixels: Pixels) -> None:
    """Write [h, w, c] samples in the format of the suffix; afterwards `path` holds all of it.

    PNG, TGA, TIFF and EXR return the same samples when read; JPEG (quality 100, 4:4:4) is lossy
    by nature. The file is replaced in one step: on failure the old one stays and `FileError` is
    raised, also when the disk is full.
    """
    height, width, channels = pixels.shape
    sample = next(s for s, dtype in DTYPES.items() if dtype == pixels.dtype)
    bands = (pixels[rows] for rows in bands_of(height, width))
    write_bands(path, Header(width, height, channels, sample), bands)


def write_bands(path: Path, header: Header, bands: Iterable[Pixels]) -> None:
    """Write as `write_image` does an image that comes [rows, w, c] at a time, top to bottom.

    Every band but the last has a multiple of 64 rows.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise FileError(f"{path}: cannot write this kind of image; use {', '.join(FORMATS)}")
    sample = header.sample
    if kind == "tiff" and sample is Sample.HALF:
        sample = Sample.FLOAT
    if sample not in _WRITABLE[kind]:
        raise FileError(f"{path}: {kind} files do not hold {sample.value} samples")
    with replacing(path) as part:
        _check_room(path, math.prod(header.shape) * DTYPES[sample].itemsize)
        _encode(part, path, kind, replace(header, sample=sample), bands)


def resize_bands(
    bands: Iterable[Floats], source: tuple[int, int], target: tuple[int, int]
) -> Iterator[Floats]:
    """Resample [rows, w, c] bands of an image from one (width, height) to another with Lanczos 3.

    The image is clamped at its borders. What is held of it are the rows that a band needs.
    """
    oiio = _oiio()
    (width, height), (to_width, to_height) = source, target
    reach = 3 * max(height / to_height, 1) + 2  # of the filter, in rows of the source
    rest, first = iter(bands), 0
    held = next(rest)
    for rows in bands_of(to_height, to_width):
        begin = max(int((rows.start + 0.5) * height / to_height - reach), 0)
        end = min(int((rows.stop + 0.5) * height / to_height + reach) + 1, height)
        parts = [held[max(begin - first, 0) :]]
        first = max(begin, first)
        while first + sum(map(len, parts)) < end:
            parts.append(next(rest))
        held = np.concatenate(parts)
        image = oiio.ImageBuf(np.ascontiguousarray(held))
        image.set_origin(0, first)
        image.set_full(0, width, 0, height, 0, 1)
        spec = oiio.ImageSpec(to_width, rows.stop - rows.start, held.shape[2], oiio.FLOAT)
        spec.y, spec.full_height, spec.full_y = rows.start, to_height, 0
        resized = oiio.ImageBuf(spec)
        if not oiio.ImageBufAlgo.resize(resized, image, "lanczos3"):
            reason = _first_line(resized.geterror())
            raise RuntimeFailure(f"cannot resize to {to_width}x{to_height}: {reason}")
        pixels = np.asarray(resized.get_pixels(oiio.FLOAT), np.float32)
        yield pixels.reshape(rows.stop - rows.start, to_width, -1)


@cache
def _oiio() -> Any:
    """Import the library on first use, so that `import ntc` stays light."""
    import OpenImageIO

    OpenImageIO.attribute("limits:channels", 1024)
    OpenImageIO.attribute("limits:imagesize_MB", 16384)
    return OpenImageIO


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    oiio = _oiio()
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise InputError(f"{path}: not a supported image; use {', '.join(FORMATS)}")
    _check_start(path, kind)
    config = oiio.ImageSpec()
    config["oiio:UnassociatedAlpha"] = 1
    source = oiio.ImageInput.open(str(path), config)
    if source is None:
        raise InputError(f"{path}: not a readable {kind} image ({_first_line(oiio.geterror())})")
    try:
        if source.format_name() != kind:
            raise InputError(f"{path}: holds {source.format_name()} data, not {kind}; rename it")
        if source.seek_subimage(1, 0):
            raise InputError(f"{path}: holds several images; save one image a file")
        source.geterror()
        source.seek_subimage(0, 0)
        yield source
    finally:
        source.close()


def _check_start(path: Path, kind: str) -> None:
    """Refuse what the library would report badly: a missing or empty file, a huge PNG."""
    if fault := file_name_fault(path.name):
        raise InputError(f"{path.parent}: the file name {path.name!a} {fault}; rename it")
    try:
        with path.open("rb") as file:
            start = file.read(24)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from error
    if not start:
        raise InputError(f"{path}: the file is empty")
    if kind == "png":
        if not start.startswith(_PNG_MAGIC):
            raise InputError(f"{path}: not a PNG image, whatever its name says")
        if len(start) < 24:
            raise InputError(f"{path}: damaged or truncated (no PNG header)")
        _check_size(path, *struct.unpack(">II", start[16:24]))


def _check_size(path: Path, width: int, height: int) -> None:
    if not (1 <= width <= MAX_SIDE and 1 <= height <= MAX_SIDE):
        raise InputError(
            f"{path}: {width}x{height} texels; each side must be 1 to {MAX_SIDE}, scale it down"
        )


def _checked_header(path: Path, spec: Any) -> Header:
    _check_size(path, spec.width, spec.height)
    if not 1 <= spec.nchannels <= MAX_CHANNELS:
        raise InputError(f"{path}: {spec.nchannels} channels; at most {MAX_CHANNELS} are supported")
    if spec.deep or spec.depth > 1:
        raise InputError(f"{path}: deep and volume images are not supported; flatten it")
    if (spec.full_width, spec.full_height) != (spec.width, spec.height):
        raise InputError(f"{path}: the data window is not the display window; crop the image")
    if spec.getattribute("jpeg:ColorSpace") == "CMYK":
        raise InputError(f"{path}: CMYK colours have no exact RGB values; convert it to RGB")
    sample = _SAMPLES.get(str(spec.format))
    if sample is None:
        raise InputError(
            f"{path}: {spec.format} samples are not supported; use 8- or 16-bit unsigned, half "
            "or float"
        )
    size = spec.width * spec.height * spec.nchannels * DTYPES[sample].itemsize
    if size > max(_BOMB_FREE_BYTES, _BOMB_RATIO * path.stat().st_size):
        raise InputError(f"{path}: declares {size} bytes, far more than the file can hold")
    return Header(spec.width, spec.height, spec.nchannels, sample)


def _check_png(path: Path) -> None:
    """Walk the chunks and their CRCs (PNG specification, section 5): the file is all there.

    The library accepts a file cut after the last pixel and prints to stderr on others.
    """
    with path.open("rb") as file:
        file.seek(len(_PNG_MAGIC))
        size = path.stat().st_size
        while _check_chunk(path, file, size) != b"IEND":
            pass


def _check_chunk(path: Path, file: BinaryIO, size: int) -> bytes:
    length, kind = struct.unpack(">I4s", file.read(8).ljust(8, b"\xff"))
    if file.tell() + length + 4 > size:
        raise InputError(f"{path}: damaged or truncated (the file ends inside a PNG chunk)")
    crc = zlib.crc32(kind)
    for first in range(0, length, _PIECE):
        crc = zlib.crc32(file.read(min(_PIECE, length - first)), crc)
    if file.read(4) != crc.to_bytes(4, "big"):
        raise InputError(f"{path}: damaged (wrong checksum in a PNG chunk)")
    return bytes(kind)


def _check_finite(path: Path, pixels: Pixels, top: int) -> None:
    if pixels.dtype.kind != "f":
        return
    for row, line in enumerate(pixels):
        finite = np.isfinite(line)
        if not finite.all():
            column, channel = np.argwhere(~finite)[0]
            value = line[column, channel]
            raise InputError(
                f"{path}: channel {channel} is {value} at x={column} y={top + row}; "
                "replace NaN and infinite values"
            )


def _encode(part: Path, path: Path, kind: str, header: Header, bands: Iterable[Pixels]) -> None:
    oiio = _oiio()
    spec = oiio.ImageSpec(header.width, header.height, header.channels, _TYPE_NAMES[header.sample])
    if header.channels == 2:
        spec.channelnames = ("Y", "A")
        spec.alpha_channel = 1
    # Alpha is written as it came, so nothing may be multiplied into the colours.
    spec["oiio:UnassociatedAlpha"] = 1
    spec["compression"] = "jpeg:100" if kind == "jpeg" else "zip"
    if kind in {"tiff", "openexr"}:  # which would hold the time of writing
        spec["DateTime"] = "1970:01:01 00:00:00"
    if kind == "jpeg":
        spec["jpeg:subsampling"] = "4:4:4"
    output = oiio.ImageOutput.create(kind)
    if output is None or not output.open(str(part), spec):
        raise FileError(f"{path}: cannot be written ({_first_line(oiio.geterror())})")
    written = _write_rows(output, DTYPES[header.sample], bands)
    reason = output.geterror()
    closed = output.close()
    if kind != "tiff":  # whose writer leaves harmless remarks about EXIF when it closes
        reason += output.geterror()
    if not written or not closed or reason:
        raise FileError(f"{path}: cannot be written ({_first_line(reason)})")


def _write_rows(output: Any, dtype: np.dtype[Any], bands: Iterable[Pixels]) -> bool:
    """Whether all was written; a few rows at a time, so that Ctrl-C is heard."""
    top = 0
    for band in bands:
        samples = np.ascontiguousarray(band, dtype)
        for first in range(0, len(samples), _ROWS):
            rows = samples[first : first + _ROWS]
            if not output.write_scanlines(top, top + len(rows), 0, rows):
                return False
            top += len(rows)
    return True


def _check_room(path: Path, size: int) -> None:
    """Refuse a nearly full disk beforehand: libjpeg ends the whole process when a write fails."""
    needed = 2 * size + 65536
    if shutil.disk_usage(path.parent).free < needed:
        raise FileError(f"{path}: the disk is full ({needed} bytes may be needed); free some space")


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no reason given"
