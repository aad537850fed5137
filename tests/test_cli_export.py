"""`ntc export` on the command line: what it writes, says, refuses and leaves behind."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Commands
from image_codecs import pillow
from material_files import put
from small_materials import waves
from test_cli import one_error
from textures import dds_mips, read_ktx2

import ntc
from ntc import reports
from ntc.decode import ReferenceDecoder, words
from ntc.format.metadata import Metadata
from ntc.texture import read_image
from ntc.texture.color import srgb_to_linear

ROOT = Path(__file__).resolve().parents[1]
SIZES = {"albedo": (40, 24), "normal": (40, 24), "orm": (40, 24), "emissive": (20, 12)}
FORMATS = {"albedo": "bc7", "normal": "bc5", "orm": "bc7", "emissive": "bc6h", "height": "bc4"}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40x24 with six mips; the emissive map is half as large, the height map of an odd size."""
    folder = tmp_path_factory.mktemp("export") / "m"
    put(folder / "m_albedo.png", waves(40, 24, 4))
    put(folder / "m_normal_dx.png", waves(40, 24, 3))
    put(folder / "m_orm.tga", waves(40, 24, 3))
    put(folder / "m_emissive.exr", (waves(20, 12, 3) / 16).astype(np.float16))
    put(folder / "m_height.png", waves(9, 11, 1, 65535))
    target = folder.parent / "m.ntc"
    ntc.compress(folder, ntc.Settings(bpp=64, texels=1 << 14, threads=1)).save(target)
    return target


def report_of(ended: Any) -> reports.ExportReport:
    assert ended.code == 0, ended.err
    return reports.ExportReport.model_validate_json(ended.out)


@pytest.mark.parametrize("to", ["dds", "ktx2"])
def test_every_map_becomes_a_texture(
    commands: Commands, mixed: Path, tmp_path: Path, to: str
) -> None:
    report = report_of(commands("export", mixed, "-o", tmp_path, "--to", to, "--json"))
    assert {done.map: done.format for done in report.written} == FORMATS
    assert {done.map for done in report.written if done.srgb} == {"albedo"}
    assert {done.map: done.normal for done in report.written}["normal"] == "directx"
    assert {Path(done.files[0]).name for done in report.written} == {
        path.name for path in tmp_path.iterdir()
    }
    assert report.bytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    memory = sum(done.video_memory_bytes or 0 for done in report.written)
    assert report.video_memory_bytes == memory < report.bytes
    material = ntc.open(mixed)
    for done in report.written:
        first = 0 if done.map in ("albedo", "normal", "orm") else 1  # 20x12 holds 9x11, 10x6 not
        assert (done.width, done.height) == ((20, 12) if first else (40, 24))
        assert done.mips == 6 - first
        decoded = [material.decode(mip)[done.map] for mip in range(first, 6)]
        check_levels(Path(done.files[0]), decoded, done.map)
        assert done.psnr is not None
        assert done.psnr > 25


def check_levels(path: Path, decoded: list[np.ndarray], name: str) -> None:
    """The mips of the file are those that were decoded, channel by channel."""
    if path.suffix == ".ktx2":
        width, height = decoded[0].shape[1::-1]
        file = read_ktx2(path.read_bytes())
        assert file.size == (width, height)
        assert len(file.levels) == len(decoded)
        return
    mips = dds_mips(path)
    assert [mip.pixels.shape[:2] for mip in mips] == [d.shape[:2] for d in decoded]
    if name == "emissive":
        difference = mips[0].pixels.astype(float) - decoded[0].astype(float)
        assert np.abs(difference).mean() < 0.5
        return
    stored = decoded[0] // 257 if decoded[0].dtype == np.uint16 else decoded[0]
    channels = 2 if name == "normal" else stored.shape[2]
    difference = mips[0].pixels[..., :channels].astype(float) - stored[..., :channels]
    assert np.abs(difference).mean() < 6


def test_without_mips(commands: Commands, mixed: Path, tmp_path: Path) -> None:
    report = report_of(
        commands("export", mixed, "-o", tmp_path, "--to", "dds", "--no-mips", "--json")
    )
    assert {done.mips for done in report.written} == {1}
    assert {done.map: (done.width, done.height) for done in report.written} == {
        **SIZES,
        "height": (20, 12),
    }


def test_words_of_shaders(commands: Commands, mixed: Path, tmp_path: Path) -> None:
    report = report_of(commands("export", mixed, "-o", tmp_path, "--to", "words", "--json"))
    (done,) = report.written
    assert [Path(file).name for file in done.files] == ["m.ntcwords", "m.json"]
    assert (done.map, done.format, done.width, done.height, done.mips) == ("m", "words", 40, 24, 6)
    packed = np.fromfile(tmp_path / "m.ntcwords", "<u4")
    assert report.video_memory_bytes == done.video_memory_bytes == packed.nbytes
    assert report.bytes == sum(path.stat().st_size for path in tmp_path.iterdir())
    file = ntc.open(mixed).file
    np.testing.assert_array_equal(packed, words.pack(file.model))
    assert Metadata.model_validate_json((tmp_path / "m.json").read_bytes()) == file.metadata
    ended = commands("export", mixed, "-o", tmp_path, "--to", "words", "--on-existing", "skip")
    assert ended.code == 0
    assert "kept as it was" in ended.err


@pytest.mark.parametrize("option", [("--only", "albedo"), ("--no-mips",), ("--format", "bc1")])
def test_words_are_whole(
    commands: Commands, mixed: Path, tmp_path: Path, option: tuple[str, ...]
) -> None:
    ended = commands("export", mixed, "-o", tmp_path, "--to", "words", *option)
    assert ended.code == 1
    one_error(ended.err, "words")
    assert not list(tmp_path.iterdir())


def test_png_keeps_bit_depth(commands: Commands, mixed: Path, tmp_path: Path) -> None:
    options = ("--only", "albedo", "--only", "height", "--only", "normal")
    report = report_of(
        commands("export", mixed, "-o", tmp_path, "--to", "png", *options, "--mips", "--json")
    )
    assert {done.map: done.format for done in report.written} == {
        "albedo": "uint8",
        "normal": "uint8",
        "height": "uint16",
    }
    assert report.video_memory_bytes is None
    material = ntc.open(mixed)
    for mip in range(6):
        ending = f".mip{mip}.png" if mip else ".png"
        maps = material.decode(mip)
        np.testing.assert_array_equal(pillow(tmp_path / f"m_albedo{ending}"), maps["albedo"])
        np.testing.assert_array_equal(pillow(tmp_path / f"m_normal_dx{ending}"), maps["normal"])
        if mip:
            ending = f".mip{mip - 1}.png" if mip > 1 else ".png"
            height = pillow(tmp_path / f"m_height{ending}")
            np.testing.assert_array_equal(height, maps["height"][..., 0])


def test_exr_is_linear(commands: Commands, mixed: Path, tmp_path: Path) -> None:
    report = report_of(commands("export", mixed, "-o", tmp_path, "--to", "exr", "--json"))
    samples = {done.map: done.format for done in report.written}
    assert samples == dict.fromkeys(FORMATS, "half") | {"height": "float"}
    maps, halves = ntc.open(mixed).decode(), ntc.open(mixed).decode(1)
    emissive = read_image(tmp_path / "m_emissive.exr")
    np.testing.assert_array_equal(emissive, halves["emissive"])
    height = read_image(tmp_path / "m_height.exr")
    np.testing.assert_array_equal(np.rint(height * 65535), halves["height"])
    normal = read_image(tmp_path / "m_normal_dx.exr").astype(float)
    np.testing.assert_array_equal(np.rint(normal * 255), maps["normal"])
    albedo = read_image(tmp_path / "m_albedo.exr").astype(float)
    light = srgb_to_linear(maps["albedo"][..., :3] / 255)
    assert np.abs(albedo[..., :3] - light).max() < 1e-3
    np.testing.assert_array_equal(np.rint(albedo[..., 3] * 255), maps["albedo"][..., 3])


def test_signed_normals(commands: Commands, tmp_path: Path) -> None:
    """-1..1 in floats: a PNG holds half of it and a half, an EXR what it was."""
    put(tmp_path / "s" / "s_normal_gl.exr", (waves(16, 16, 3) / 127.5 - 1).astype(np.float32))
    settings = ntc.Settings(bpp=64, texels=1 << 16, threads=1)
    ntc.compress(tmp_path / "s", settings).save(tmp_path / "s.ntc")
    decoded = ntc.open(tmp_path / "s.ntc").decode()["normal"]
    assert decoded.min() < -0.5
    for to in ("png", "exr"):
        assert commands("export", tmp_path / "s.ntc", "-o", tmp_path, "--to", to).code == 0
    np.testing.assert_array_equal(read_image(tmp_path / "s_normal_gl.exr"), decoded)
    stored = read_image(tmp_path / "s_normal_gl.png")
    assert stored.dtype == np.uint16
    assert np.abs(stored / 65535 * 2 - 1 - decoded).max() < 1e-4


def test_a_map_in_another_format(commands: Commands, mixed: Path, tmp_path: Path) -> None:
    options = ("--to", "dds", "--only", "albedo", "--format", "bc1")
    ended = commands("export", mixed, "-o", tmp_path, *options)
    assert ended.code == 0
    assert ended.err == f"warning: {mixed}: albedo: BC1 does not keep opacity\n"
    assert "bc1 sRGB, 40x24, 6 mips" in ended.out
    assert "of video memory" in ended.out
    report = report_of(
        commands("export", mixed, "-o", tmp_path, *options, "--json", "--on-existing", "overwrite")
    )
    assert report.warnings == ["albedo: BC1 does not keep opacity"]


def test_slow_is_no_worse(commands: Commands, mixed: Path, tmp_path: Path) -> None:
    found = [
        report_of(
            commands(
                "export", mixed, "-o", tmp_path / q, "--to", "dds", "--quality", q, "--json",
                "--only", "albedo",
            )
        ).written[0].psnr
        for q in ("fast", "slow")
    ]  # fmt: skip
    assert found[0] <= found[1]


def test_odd_sizes_are_exported_and_named(commands: Commands, tmp_path: Path) -> None:
    put(tmp_path / "o" / "o_roughness.png", waves(30, 17, 1))
    settings = ntc.Settings(bpp=64, texels=4096, threads=1)
    ntc.compress(tmp_path / "o", settings).save(tmp_path / "o.ntc")
    ended = commands("export", tmp_path / "o.ntc", "-o", tmp_path, "--to", "dds")
    assert ended.code == 0
    assert "30x17 is no multiple of 4" in ended.err
    shapes = [mip.pixels.shape[:2] for mip in dds_mips(tmp_path / "o_roughness.dds")]
    assert shapes == [(17, 30), (8, 15), (4, 7), (2, 3), (1, 1)]


def test_what_exists_is_kept_unless_told(commands: Commands, mixed: Path, tmp_path: Path) -> None:
    (tmp_path / "m_orm.dds").write_bytes(b"mine")
    ended = commands("export", mixed, "-o", tmp_path, "--to", "dds")
    assert ended.code == 2
    one_error(ended.err, "m_orm.dds", "exists")
    assert [path.name for path in tmp_path.iterdir()] == ["m_orm.dds"]
    report = report_of(
        commands("export", mixed, "-o", tmp_path, "--to", "dds", "--json", "--on-existing", "skip")
    )
    assert report.skipped == [str(tmp_path / "m_orm.dds")]
    assert {done.map for done in report.written} == set(FORMATS) - {"orm"}
    assert (tmp_path / "m_orm.dds").read_bytes() == b"mine"


def test_what_cannot_be_exported(commands: Commands, mixed: Path, tmp_path: Path) -> None:
    half, out = tmp_path / "half.ntc", tmp_path / "out"
    half.write_bytes(mixed.read_bytes()[:-1])
    cases = [
        ((tmp_path / "gone.ntc", "--to", "dds"), 2, "gone.ntc"),
        ((half, "--to", "dds"), 3, "H6"),
        ((mixed,), 1, "--to"),
        ((mixed, "--to", "jpg"), 1, "jpg"),
        ((mixed, "--to", "dds", "--format", "bc2"), 1, "bc2"),
        ((mixed, "--to", "png", "--format", "bc7"), 1, "bc7"),
        ((mixed, "--to", "png"), 1, "--to exr"),
        ((mixed, "--to", "dds", "--only", "sheen"), 1, "sheen"),
        ((mixed, "--to", "dds", "--device", "abacus"), 1, "abacus"),
        ((mixed, "--to", "dds", "-o", half), 2, "half.ntc"),
    ]
    for arguments, code, word in cases:
        ended = commands("export", "-o", out, *arguments)
        assert (ended.code, ended.out) == (code, ""), ended
        one_error(ended.err, word)
    assert [path.name for path in tmp_path.iterdir()] == ["half.ntc"]


def test_two_maps_of_one_name(commands: Commands, tmp_path: Path) -> None:
    put(tmp_path / "t" / "albedo.png", waves(8, 8, 3))
    put(tmp_path / "t" / "u.png", waves(8, 8, 1))
    put(tmp_path / "t" / "u.tga", waves(8, 8, 1)[::-1])
    maps = [{"file": f, "semantic": "mask", "name": f[2:]} for f in ("u.png", "u.tga")]
    (tmp_path / "t" / "manifest.json").write_text(json.dumps({"maps": maps}))
    settings = ntc.Settings(bpp=64, texels=4096, threads=1)
    ntc.compress(tmp_path / "t", settings).save(tmp_path / "t.ntc")
    ended = commands("export", tmp_path / "t.ntc", "-o", tmp_path / "out", "--to", "dds")
    assert ended.code == 1
    one_error(ended.err, "u.dds", "--only")


def test_without_the_encoder(
    commands: Commands, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ispc_texcomp", None)
    out = tmp_path / "out"
    ended = commands("export", mixed, "-o", out, "--to", "ktx2")
    assert ended.code == 4
    one_error(ended.err, "ispc_texcomp", "pip install 'ntc[transcode]'")
    assert not out.exists()
    assert commands("export", mixed, "-o", out, "--to", "exr").code == 0
    ended = commands("export", mixed, "-o", out, "--to", "dds", "--format", "rgba8")
    assert ended.code == 0


def test_any_decoder_will_do(mixed: Path, tmp_path: Path) -> None:
    one = ntc.export(mixed, tmp_path / "a", only=["albedo"])
    two = ntc.export(mixed, tmp_path / "b", only=["albedo"], decoder=ReferenceDecoder())
    assert two.decoder == "reference" != one.decoder
    first, second = (tmp_path / folder / "m_albedo.dds" for folder in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_a_full_disk_leaves_nothing(
    commands: Commands, mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ntc.files.os.fsync", full)
    ended = commands("export", mixed, "-o", tmp_path, "--to", "dds")
    assert ended.code == 2
    one_error(ended.err, "No space left")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_leaves_nothing(mixed: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Interrupted while blocks are encoded: the encoder is replaced by one that waits."""
    program = (
        "import sys, time; from ntc.transcode import texture\n"
        "def encode(*_):\n    print('encoding', file=sys.stderr, flush=True)\n    time.sleep(60)\n"
        "texture.encode = encode; from ntc.cli import main; raise SystemExit(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, "export", mixed, "-o", tmp_path, "--to", "dds"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # The tests may run where SIGINT is ignored, which a child would inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    assert "encoding" in process.stderr.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (130, "")
    one_error(err.splitlines()[-1], "interrupted")
    assert list(tmp_path.iterdir()) == []
