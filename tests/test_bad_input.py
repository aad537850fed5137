"""Whatever is wrong with the input: one line that names it, the right code, nothing written."""

import errno
import os
import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Commands, Ended
from material_files import put
from small_materials import make_bricks, waves
from surgery import CHUNK, HEADER

QUICK = ("--texels", 1 << 14, "--threads", 1, "--bpp", 40)


def refused(ended: Ended, code: int, *words: str) -> None:
    assert ended.code == code, ended
    assert ended.out == ""
    assert ended.err.startswith("error: "), ended.err
    assert len(ended.err.splitlines()) == 1, ended.err
    for word in words:
        assert word in ended.err


def everything(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))


def no_images(folder: Path) -> None:
    (folder / "readme.txt").write_text("nothing here")


def truncated(folder: Path) -> None:
    put(folder / "a_albedo.png", waves(64, 64, 3))
    data = (folder / "a_albedo.png").read_bytes()
    (folder / "a_albedo.png").write_bytes(data[: len(data) // 2])


def empty_file(folder: Path) -> None:
    (folder / "a_albedo.png").touch()


def text(folder: Path) -> None:
    (folder / "a_albedo.png").write_text("I am not a picture " * 10)


def two_albedos(folder: Path) -> None:
    put(folder / "a_albedo.png", waves(8, 8, 3))
    put(folder / "a_basecolor.png", waves(8, 8, 3))


def many_channels(folder: Path) -> None:
    for index in range(10):
        pixels = np.random.default_rng(index).integers(0, 256, (8, 8, 4), np.uint8)
        put(folder / f"thing{index}.png", pixels)


def channels_in_one_image(folder: Path) -> None:
    put(folder / "a_albedo.tif", waves(8, 8, 40))


def huge_header(folder: Path) -> None:
    (folder / "a_albedo.png").write_bytes(png_header(20000, 20000))


def nan(folder: Path) -> None:
    pixels = np.full((8, 8, 1), 0.5, np.float16)
    pixels[3, 5] = np.nan
    put(folder / "a_height.exr", pixels)


def drive_letter(folder: Path) -> None:
    put(folder / "a.png", waves(8, 8, 3))
    (folder / "a.png").rename(folder / "c:albedo.png")


def bad_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text('{"maps": [{"file": "../x.png", "semantic": "ao"}]}')


BAD_MATERIALS: list[tuple[Callable[[Path], None], str]] = [
    (no_images, "no images"),
    (truncated, "truncated"),
    (empty_file, "empty"),
    (text, "not a PNG"),
    (two_albedos, "a_basecolor.png"),
    (many_channels, "40 channels"),
    (channels_in_one_image, "40 channels"),
    (huge_header, "20000x20000"),
    (nan, "nan at x=5 y=3"),
    (drive_letter, "drive letter"),
    (bad_manifest, "manifest.json"),
]


@pytest.mark.parametrize(("make", "word"), BAD_MATERIALS, ids=lambda v: getattr(v, "__name__", ""))
def test_unusable_material(
    commands: Commands, tmp_path: Path, make: Callable[[Path], None], word: str
) -> None:
    folder = tmp_path / "material"
    folder.mkdir()
    make(folder)
    before = everything(tmp_path)
    ended = commands("compress", folder, "-o", tmp_path / "deep" / "out.ntc")
    refused(ended, 3, word, str(folder))
    assert everything(tmp_path) == before


def test_missing_inputs(commands: Commands, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    for command in ("compress", "decompress", "info", "validate"):
        refused(commands(command, gone), 2, "gone", "o such file")
    refused(commands("compare", gone, gone), 2, "gone")
    assert everything(tmp_path) == {}


@pytest.mark.parametrize("where", ["bricks/bricks_albedo.png/x.ntc", "proc", "folder.ntc"])
def test_unwritable_output_is_refused_before_the_fit(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr("ntc.api.compress", lambda *_, **__: pytest.fail("fitted"))
    bricks = make_bricks(tmp_path / "bricks")
    (tmp_path / "folder.ntc" / "bricks.ntc").mkdir(parents=True)
    target = Path("/proc/ntc/x.ntc") if where == "proc" else tmp_path / where
    before = everything(tmp_path)
    refused(commands("compress", bricks, "-o", target), 2)
    assert everything(tmp_path) == before


@pytest.fixture
def full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with 4 KiB left: a tmpfs where we may mount one, else a write that fails alike."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16k", "ntc-test", place]
    mounted = os.name == "posix" and not subprocess.run(mount, capture_output=True).returncode
    if mounted:
        (place / "filling").write_bytes(bytes(8192))
    else:
        monkeypatch.setattr(Path, "write_bytes", _no_space)
    yield place
    if mounted:
        subprocess.run(["umount", place], check=True)


def _no_space(*_: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_full_disk(commands: Commands, tmp_path: Path, full_disk: Path) -> None:
    bricks = make_bricks(tmp_path / "bricks", 64, 64)
    before = everything(full_disk)
    ended = commands("compress", bricks, "-o", full_disk / "b.ntc", *QUICK, "-q")
    refused(ended, 2, "b.ntc", "No space left on device")
    assert everything(full_disk) == before


def test_full_disk_keeps_what_was_there(
    small_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ntc.errors import FileError
    from ntc.files import write_bytes

    target = tmp_path / "b.ntc"
    target.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", _no_space)
    with pytest.raises(FileError, match="No space left"):
        write_bytes(target, small_file.read_bytes())
    assert everything(tmp_path) == {target: b"old"}


def test_ntex_container(commands: Commands, tmp_path: Path) -> None:
    file = tmp_path / "theirs.ntc"
    file.write_bytes(b"NTEX" + bytes(200))
    for command in ("info", "decompress"):
        refused(commands(command, file), 3, "H1", "NTEX")
    refused(commands("validate", file), 3, "H1", "NTEX")
    refused(commands("compare", file, file), 3, "NTEX")
    assert everything(tmp_path) == {file: file.read_bytes()}


def sections(data: bytes) -> dict[str, int]:
    """A byte in the middle of the header, the table and every section."""
    places = {"header": 10, "table": HEADER.size + 10}
    for index in range(HEADER.unpack_from(data)[4]):
        at = HEADER.size + CHUNK.size * index
        kind, number, offset, size, *_ = CHUNK.unpack_from(data, at)
        places[f"{kind.decode()}{number}"] = offset + size // 2
    return places


def test_a_flipped_bit_in_every_section(
    commands: Commands, small_file: Path, tmp_path: Path
) -> None:
    data = small_file.read_bytes()
    places = sections(data)
    assert {"header", "table", "MODL0", "META0", "NETW0", "LEVL0", "LEVL1"} <= set(places)
    for section, at in places.items():
        broken = tmp_path / f"{section}.ntc"
        broken.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        before = everything(tmp_path)
        refused(commands("decompress", broken, "-o", tmp_path / "out"), 3, broken.name)
        refused(commands("info", broken), 3, broken.name)
        refused(commands("validate", broken), 3, broken.name)
        refused(commands("compare", small_file, broken), 3, broken.name)
        assert everything(tmp_path) == before
