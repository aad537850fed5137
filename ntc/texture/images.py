"""Exact image reading and writing; the only module that touches OpenImageIO.

Samples come back as the file stores them: no colour conversion, no premultiplication, no
rotation. Whatever the library throws or reports leaves here as `InputError` or `FileError`.
"""

from __future__ import annotations

import shutil
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ntc.errors import FileError, InputError, RuntimeFailure
from ntc.files import replacing
from ntc.format.metadata import Sample, file_name_fault

Pixels = NDArray[Any]

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
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Header:
    """What an image file declares before any pixel is read."""

    width: int
    height: int
    channels: int
    sample: Sample


def read_header(path: Path) -> Header:
    """Return what the file declares; raises as `read_image` does, except for broken pixels."""
    with _opened(path) as source:
        return _checked_header(path, source.spec())


def read_image(path: Path) -> Pixels:
    """Read every sample as stored: [h, w, c] of uint8, uint16, float16 or float32.

    Indexed images are expanded to RGB(A), 1- to 4-bit greys to 8 bits. Raises `FileError` when
    the file cannot be opened and `InputError` when it is not a readable image within limits.
    """
    with _opened(path) as source:
        spec = source.spec()
        header = _checked_header(path, spec)
        if FORMATS[path.suffix.lower()] == "png":
            _check_png(path)
        pixels: Pixels | None = source.read_image(
            0, 0, 0, header.channels, _TYPE_NAMES[header.sample]
        )
        reason = source.geterror()
        if pixels is None or reason:
            raise InputError(f"{path}: damaged or truncated ({_first_line(reason)})")
    pixels = pixels.reshape(header.height, header.width, header.channels)
    _check_finite(path, pixels)
    return pixels


def write_image(path: Path, pixels: Pixels) -> None:
    """Write [h, w, c] samples in the format of the suffix; afterwards `path` holds all of it.

    PNG, TGA, TIFF and EXR return the same samples when read; JPEG (quality 100, 4:4:4) is lossy
    by nature. The file is replaced in one step: on failure the old one stays and `FileError` is
    raised, also when the disk is full.
    """
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise FileError(f"{path}: cannot write this kind of image; use {', '.join(FORMATS)}")
    sample = next(s for s, dtype in DTYPES.items() if dtype == pixels.dtype)
    if kind == "tiff" and sample is Sample.HALF:
        pixels, sample = pixels.astype(np.float32), Sample.FLOAT
    if sample not in _WRITABLE[kind]:
        raise FileError(f"{path}: {kind} files do not hold {sample.value} samples")
    with replacing(path) as part:
        _check_room(path, pixels.nbytes)
        _encode(part, path, kind, sample, pixels)


def resize(pixels: NDArray[np.float32], width: int, height: int) -> NDArray[np.float32]:
    """Resample [h, w, c] to [height, width, c] with Lanczos 3, clamped at the borders."""
    oiio = _oiio()
    source = oiio.ImageBuf(np.ascontiguousarray(pixels))
    roi = oiio.ROI(0, width, 0, height, 0, 1, 0, pixels.shape[2])
    resized = oiio.ImageBufAlgo.resize(source, "lanczos3", roi=roi)
    if resized.has_error:
        raise RuntimeFailure(
            f"cannot resize to {width}x{height}: {_first_line(resized.geterror())}"
        )
    return np.asarray(resized.get_pixels(oiio.FLOAT), np.float32).reshape(height, width, -1)


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
    body = file.read(length)
    if file.read(4) != zlib.crc32(body, zlib.crc32(kind)).to_bytes(4, "big"):
        raise InputError(f"{path}: damaged (wrong checksum in a PNG chunk)")
    return bytes(kind)


def _check_finite(path: Path, pixels: Pixels) -> None:
    if pixels.dtype.kind != "f":
        return
    for row, line in enumerate(pixels):
        finite = np.isfinite(line)
        if not finite.all():
            column, channel = np.argwhere(~finite)[0]
            value = line[column, channel]
            raise InputError(
                f"{path}: channel {channel} is {value} at x={column} y={row}; "
                "replace NaN and infinite values"
            )


def _encode(part: Path, path: Path, kind: str, sample: Sample, pixels: Pixels) -> None:
    oiio = _oiio()
    height, width, channels = pixels.shape
    spec = oiio.ImageSpec(width, height, channels, _TYPE_NAMES[sample])
    if channels == 2:
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
    pixels = np.ascontiguousarray(pixels)
    written = all(  # in parts, so that Ctrl-C is heard
        output.write_scanlines(top, min(top + _ROWS, height), 0, pixels[top : top + _ROWS])
        for top in range(0, height, _ROWS)
    )
    reason = output.geterror()
    closed = output.close()
    if kind != "tiff":  # whose writer leaves harmless remarks about EXIF when it closes
        reason += output.geterror()
    if not written or not closed or reason:
        raise FileError(f"{path}: cannot be written ({_first_line(reason)})")


def _check_room(path: Path, size: int) -> None:
    """Refuse a nearly full disk beforehand: libjpeg ends the whole process when a write fails."""
    needed = 2 * size + 65536
    if shutil.disk_usage(path.parent).free < needed:
        raise FileError(f"{path}: the disk is full ({needed} bytes may be needed); free some space")


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no reason given"
