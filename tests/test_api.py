"""The functions of `ntc` for Python users."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from material_files import put
from pydantic import ValidationError
from small_materials import NAMES, make_bricks, waves

import ntc
from ntc import api, files
from ntc.format.metadata import MapRecord, file_name_fault
from ntc.texture import read_image

TINY = ntc.Settings(bpp=40, texels=1 << 14, threads=1)


def test_public_names() -> None:
    assert ntc.__all__ == dir(ntc) == sorted(ntc.__all__)
    assert all(callable(getattr(ntc, name)) for name in ntc.__all__)
    with pytest.raises(AttributeError, match="nope"):
        _ = ntc.nope


def test_a_material_in_memory(small_file: Path) -> None:
    material = ntc.open(small_file)
    assert material.name == "bricks"
    assert material.size == (24, 16)
    assert re.fullmatch(r"<Material bricks: 24x16, [\d.]+ bpp, albedo, ao, .*>", repr(material))
    fit = material.file.metadata.fit
    assert (fit.effort, fit.seed, fit.settings["bpp"]) == ("custom", 0, 64)
    assert material.bpp == 8 * small_file.stat().st_size / (24 * 16)
    assert 0 < material.video_memory_bytes
    maps = material.decode()
    assert {name: (pixels.shape, pixels.dtype.name) for name, pixels in maps.items()} == {
        "albedo": ((16, 24, 4), "uint8"),
        "normal": ((16, 24, 3), "uint8"),
        "height": ((16, 24, 1), "uint16"),
        "ao": ((16, 24, 1), "uint8"),
    }
    assert (maps["ao"] == 200).all()


def test_rectangles_are_crops(small_file: Path, rng: np.random.Generator) -> None:
    material = ntc.open(small_file)
    for mip in range(material.file.model.mips):
        whole = material.decode(mip)
        height, width = whole["albedo"].shape[:2]
        for _ in range(5):
            x, y = int(rng.integers(width)), int(rng.integers(height))
            w, h = int(rng.integers(1, width - x + 1)), int(rng.integers(1, height - y + 1))
            part = material.decode(mip, (x, y, w, h))
            for name, pixels in whole.items():
                np.testing.assert_array_equal(part[name], pixels[y : y + h, x : x + w])


def test_wrong_mips_and_rectangles(small_file: Path) -> None:
    material = ntc.open(small_file)
    for mip, rect in ((5, None), (-1, None), (0, (20, 0, 5, 1)), (1, (0, 0, 0, 1))):
        with pytest.raises(ntc.UsageError):
            material.decode(mip, rect)


def test_maps_come_back_at_their_own_sizes(tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    put(folder / "m_albedo.png", waves(24, 16, 3))
    put(folder / "m_ao.png", waves(12, 8, 1))
    put(folder / "m_height.exr", waves(24, 16, 1).astype(np.float16) / np.float16(64))
    heard: list[str] = []
    material = ntc.compress(folder, TINY, on_warning=heard.append)
    assert any("resized" in warning for warning in material.warnings)
    assert heard == list(material.warnings)
    material.save(tmp_path / "mixed.ntc")
    report = ntc.decompress(tmp_path / "mixed.ntc", tmp_path / "out")
    assert len(report.written) == 3
    assert read_image(tmp_path / "out" / "m_ao.png").shape == (8, 12, 1)
    height = read_image(tmp_path / "out" / "m_height.exr")
    assert height.dtype == np.float16
    assert 0 <= height.min() < height.max() < 4
    ntc.decompress(tmp_path / "mixed.ntc", tmp_path / "half", mip=1)
    assert read_image(tmp_path / "half" / "m_ao.png").shape == (4, 6, 1)


def test_decompressed_names_are_the_original_ones(small_file: Path, tmp_path: Path) -> None:
    report = ntc.decompress(small_file, tmp_path)
    assert {Path(file).name for file in report.written} == NAMES
    for name in NAMES:
        original = read_image(small_file.parent / "bricks" / name)
        ours = read_image(tmp_path / name)
        assert (ours.shape, ours.dtype) == (original.shape, original.dtype)


@pytest.mark.parametrize(
    "name",
    ["../a.png", "/a.png", "a\\b.png", "..", "C:a.png", "a\0.png", "a\n.png", "", "\x7f.png"],
)
def test_names_in_a_file_stay_in_the_folder(small_file: Path, name: str) -> None:
    record = ntc.open(small_file).maps[0].model_dump()
    with pytest.raises(ValidationError):
        MapRecord.model_validate(record | {"file": name})


def test_ordinary_names_are_fine() -> None:
    for name in ("a.png", "Ä 1 (copy).PNG", "...png", "ab:c.png", "石.exr"):
        assert file_name_fault(name) is None


def test_a_folder_of_files_is_checked_where_it_will_be(tmp_path: Path) -> None:
    files.check_folder(tmp_path / "a" / "b")
    assert not list(tmp_path.iterdir())
    (tmp_path / "a").write_text("a file")
    with pytest.raises(ntc.FileError):
        files.check_folder(tmp_path / "a" / "b")


def test_peak_memory_is_our_own() -> None:
    held = b"x" * (400 << 20)
    program = "from ntc import api; print(api.peak_memory())"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert 1 << 20 < int(ended.stdout) < len(held)


def test_settings_are_checked() -> None:
    wrongs = ({"bpp": 0}, {"effort": "x"}, {"profile": "x"}, {"threads": -1}, {"seed": -1})
    for wrong in (*wrongs, {"seed": 1 << 64}, {"mips": "some"}):
        with pytest.raises(ntc.UsageError):
            ntc.Settings(**wrong)


def test_unknown_backend_is_refused_before_images_are_read(tmp_path: Path) -> None:
    with pytest.raises(ntc.UsageError, match="abacus"):
        ntc.compress(tmp_path / "gone", ntc.Settings(backend="abacus"))


@pytest.mark.parametrize("work", [ntc.compress, lambda *a: api.dry_run(a[0], "b.ntc", a[1])])
def test_too_little_memory_is_said_before_images_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: Callable[..., object]
) -> None:
    folder = make_bricks(tmp_path / "b")
    monkeypatch.setattr(api, "load_material", lambda *_, **__: pytest.fail("images were read"))
    with pytest.raises(ntc.RuntimeFailure, match=rf"{folder}: .* \d+ MB .*, 1 MB .* --exclude"):
        work(folder, ntc.Settings(max_memory=1_000_000))


def test_missing_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ntc.RuntimeFailure, match="pip install"):
        ntc.compress(make_bricks(tmp_path / "b"), TINY)


def test_compress_writes_nothing_and_save_does(tmp_path: Path) -> None:
    folder = make_bricks(tmp_path / "b")
    material = ntc.compress(folder, TINY, only="albedo")
    assert [record.name for record in material.maps] == ["albedo"]
    assert sorted(tmp_path.iterdir()) == [folder]
    material.save(tmp_path / "new" / "b.ntc")
    assert ntc.open(tmp_path / "new" / "b.ntc").data == material.data
    report = api.compress_report(tmp_path / "new" / "b.ntc", material, 1.0)
    assert report.bytes == len(material.data)
