"""The encodings from the command line to the file: what is chosen, recorded, shown, and decoded."""

import json
import re
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from conftest import Commands
from image_codecs import noise
from material_files import put
from models import wide_model
from small_materials import make_bricks, waves
from surgery import ENTROPY, HASH, SIMPLEX
from test_cli import one_error

import ntc
from ntc import native, reports
from ntc.decode import open_decoder, reference
from ntc.fit.choice import busy_share, choose
from ntc.fit.encodings import ENCODINGS
from ntc.fit.plan import make_plan
from ntc.fit.problem import Progress
from ntc.format.container import NtcFile, write
from ntc.format.layout import Layout
from ntc.format.model import encoding_of
from ntc.material import Material

BITS = {"grid": 0, "hash": HASH, "simplex": HASH | SIMPLEX}
TEXELS = 1 << 14


@pytest.fixture
def detailed(tmp_path: Path) -> Path:
    """Large enough for tables."""
    put(tmp_path / "d" / "d_albedo.png", waves(80, 64, 3))
    return tmp_path / "d"


def quick(encoding: str, **options: Any) -> ntc.Settings:
    return ntc.Settings(texels=TEXELS, threads=1, encoding=encoding, **{"bpp": 12.0} | options)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_encoding_is_recorded_and_shown(
    commands: Commands, detailed: Path, encoding: str
) -> None:
    target = detailed.parent / "d.ntc"
    options = ["--texels", TEXELS, "--threads", 1, "--bpp", 12, "--encoding", encoding]
    ended = commands("compress", detailed, "-o", target, *options, "--json", "--verify")
    assert ended.code == 0
    assert reports.CompressReport.model_validate_json(ended.out).encoding == encoding
    assert ntc.open(target).file.metadata.fit.settings["encoding"] == encoding
    assert struct.unpack_from("<I", target.read_bytes(), 12)[0] & ~ENTROPY == BITS[encoding]
    assert commands("validate", target).code == 0
    info = reports.InfoReport.model_validate_json(commands("info", target, "--json").out)
    assert info.encoding == encoding
    assert [level.triangles for level in info.levels] == [encoding == "simplex"] * len(info.levels)
    tables = [v for v in info.levels if v.stored_cells < v.width * v.height]
    assert bool(tables) == (encoding != "grid")
    text = commands("info", target).out
    assert re.search(rf"^encoding +{encoding}$", text, re.MULTILINE)
    lines = re.findall(r"^level .*", text, re.MULTILINE)
    assert len(lines) == len(info.levels)
    for line, level in zip(lines, info.levels, strict=True):
        log2 = level.stored_cells.bit_length() - 1
        cells = level.width * level.height
        assert (f"2^{log2} of {cells} cells" in line) == (level in tables)
        assert ("triangles" in line) == level.triangles
        assert "blocks" not in line


def test_info_shows_blocks_that_are_kept(commands: Commands, detailed: Path) -> None:
    material = ntc.compress(detailed, quick("hash", bpp=20, keep=0.5))
    assert struct.unpack_from("<I", material.data, 12)[0] & ~ENTROPY == HASH
    material.save(detailed.parent / "d.ntc")
    report = ntc.info(detailed.parent / "d.ntc")
    kept = [level.kept_blocks for level in report.levels]
    assert any(part is not None and 0 < part < 1 for part in kept)
    text = commands("info", detailed.parent / "d.ntc").out
    lines = re.findall(r"^level .*", text, re.MULTILINE)
    for line, level in zip(lines, report.levels, strict=True):
        if level.kept_blocks is None:
            assert "blocks" not in line
        else:
            assert f"{level.kept_blocks:.1%} of blocks" in line
            assert "2^" not in line


def test_tables_larger_than_their_level_are_told_apart(
    commands: Commands, small_file: Path, tmp_path: Path
) -> None:
    """Only a foreign writer makes them."""
    material = ntc.open(small_file)
    model = wide_model(48, 32, material.file.model.channels, (16,), layout=Layout(table_log2=9))
    maps = tuple(r.model_copy(update={"width": 48, "height": 32}) for r in material.maps)
    metadata = material.file.metadata.model_copy(update={"maps": maps})
    (tmp_path / "t.ntc").write_bytes(write(NtcFile(model, metadata)))
    lines = re.findall(r"^level .*", commands("info", tmp_path / "t.ntc").out, re.MULTILINE)
    assert ["2^9 of 1536 cells" in line for line in lines] == [True, False, False, False]
    assert ["2^9 for 384 cells" in line for line in lines] == [False, True, False, False]


def test_an_unknown_encoding(commands: Commands, detailed: Path) -> None:
    for command in (["compress", detailed], ["convert", detailed, "-o", "x.ntc"]):
        ended = commands(*command, "--encoding", "mesh")
        assert (ended.code, ended.out) == (1, "")
        one_error(ended.err, "mesh", "grid", "hash", "simplex")
    with pytest.raises(ntc.UsageError, match="auto, grid, hash, simplex"):
        ntc.Settings(encoding="mesh")


def sparse(folder: Path) -> Path:
    """Flat but for some noise in a corner, which one dense grid has no bits for."""
    image = np.full((128, 128, 3), 128, np.uint8)
    image[:24, :24] = noise(np.random.default_rng(0), np.uint8, 24, 24, 3)
    put(folder / "s_albedo.png", image)
    return folder


def test_auto_takes_what_suits_the_material(commands: Commands, tmp_path: Path) -> None:
    """Hashing wins where detail is sparse; what `auto` writes is what naming it would."""
    options = ["--texels", 1 << 20, "--threads", 1, "--bpp", 3, "--json"]
    psnrs = {}
    for encoding in ("auto", *ENCODINGS):
        target = tmp_path / f"{encoding}.ntc"
        arguments = [sparse(tmp_path / "s"), "-o", target, "--encoding", encoding]
        ended = commands("compress", *arguments, *options)
        assert ended.code == 0
        psnrs[encoding] = json.loads(ended.out)["psnr"]
    chosen = ntc.info(tmp_path / "auto.ntc").encoding
    assert chosen != "grid"
    assert psnrs["auto"] == psnrs[chosen] > psnrs["grid"] + 1
    assert (tmp_path / "auto.ntc").read_bytes() == (tmp_path / f"{chosen}.ntc").read_bytes()


def chosen(image: npt.NDArray[np.uint16], bpp: float, eased: Callable[[], None] = int) -> str:
    height, width, channels = image.shape
    plans = {
        name: make_plan(width, height, channels, 1, bpp, encoding=name) for name in ("grid", "hash")
    }
    return choose(plans, image, eased)


@pytest.mark.parametrize(
    ("noisy", "bpp", "best"),
    [
        (0.5, 2, "hash"),  # room for tables to share
        (1.0, 2, "grid"),  # detail is everywhere
        (0.5, 12, "grid"),  # a dense level of full size
        (0.0, 2, "grid"),  # nothing to find
    ],
)
def test_auto_looks_at_detail_and_bits(noisy: float, bpp: float, best: str) -> None:
    image = np.full((160, 320, 2), 1000, np.uint16)
    image[:, : int(320 * noisy)] = np.random.default_rng(0).integers(
        0, 9999, (160, int(320 * noisy), 2)
    )
    assert chosen(image, bpp) == best


def test_auto_takes_the_grid_where_there_are_no_tables() -> None:
    assert chosen(np.zeros((16, 16, 3), np.uint16), 5) == "grid"


def test_busy_share_is_that_of_the_definition() -> None:
    """Against plain loops, on an image with a border that belongs to no square."""
    rng = np.random.default_rng(1)
    image = rng.integers(0, 65536, (70, 100, 3)).astype(np.uint16)
    image[:32, :64] //= 16
    energies = []
    for y in range(0, 64, 32):
        for x in range(0, 96, 32):
            square = image[y : y + 32, x : x + 32].astype(np.float64)
            quarter = square.reshape(8, 4, 8, 4, 3).mean((1, 3))
            eighth = square.reshape(4, 8, 4, 8, 3).mean((1, 3))
            energies.append(np.sum((quarter - eighth.repeat(2, 0).repeat(2, 1)) ** 2))
    held = np.cumsum(sorted(energies, reverse=True))
    assert busy_share(image, int) == np.mean(held < 0.9 * held[-1]) == 0.5


def test_choosing_gives_memory_back(detailed: Path) -> None:
    eased: list[int] = []
    busy_share(np.zeros((96, 64, 1), np.uint16), lambda: eased.append(1))
    assert len(eased) == 3


def test_cancelling_in_the_first_step(
    commands: Commands, detailed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(progress: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ntc.compress(detailed, quick("auto"), on_progress=interrupt)
    monkeypatch.setattr("ntc.cli.console._log", lambda title: interrupt)
    before = sorted(detailed.parent.rglob("*"))
    ended = commands("compress", detailed, "-o", detailed.parent / "d.ntc")
    assert (ended.code, ended.out) == (130, "")
    one_error(ended.err, "interrupted")
    assert sorted(detailed.parent.rglob("*")) == before


@pytest.mark.parametrize("encoding", ["auto", *ENCODINGS])
def test_a_material_of_constants(tmp_path: Path, encoding: str) -> None:
    put(tmp_path / "c" / "c_albedo.png", np.full((16, 16, 3), 77, np.uint8))
    seen: list[Progress] = []
    material = ntc.compress(
        tmp_path / "c", ntc.Settings(encoding=encoding, threads=1), on_progress=seen.append
    )
    assert material.file.metadata.quality.psnr is None
    assert (material.decode()["albedo"] == 77).all()
    assert len(seen) == 1


def same_everywhere(material: Material) -> None:
    """Decoded by the reference and by what users get, all mips."""
    model = material.file.model
    for mip in range(model.mips):
        expected = reference.decode(model, mip)
        np.testing.assert_array_equal(open_decoder().decode(model, mip), expected)


@pytest.mark.parametrize("encoding", ["auto", *ENCODINGS])
@pytest.mark.parametrize("size", [(1, 1), (3, 5), (300, 2), (2, 300), (67, 45)])
@pytest.mark.parametrize("wrap", [True, False])
def test_odd_sizes(tmp_path: Path, encoding: str, size: tuple[int, int], wrap: bool) -> None:
    make_bricks(tmp_path / "b", *size)
    material = ntc.compress(tmp_path / "b", quick(encoding, bpp=20, wrap=(wrap, wrap)))
    material.save(tmp_path / "b.ntc")
    assert ntc.validate(tmp_path / "b.ntc").valid
    ntc.decompress(tmp_path / "b.ntc", tmp_path / "out")
    assert ntc.compare(tmp_path / "b", tmp_path / "out").psnr != 0
    same_everywhere(ntc.open(tmp_path / "b.ntc"))


@pytest.mark.skipif(not native.available(), reason="the native core is not built")
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_reference_and_the_native_decoder_agree(detailed: Path, encoding: str) -> None:
    material = ntc.compress(detailed, quick(encoding))
    assert encoding_of(material.file.model) == encoding
    same_everywhere(material)
