"""Images read in bands and kept in scratch files: the same material, and nothing left behind."""

import errno
import gc
import os
import resource
import subprocess
import sys
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest
from fits import smooth_problem
from material_files import make, put

import ntc
from ntc import compression, native, planning
from ntc.errors import FileError, InputError, RuntimeFailure
from ntc.fit.memory import image_bytes, latent_bytes, peak_bytes, scratch_limit
from ntc.fit.plan import make_plan
from ntc.fit.problem import Progress
from ntc.fit.start import latent_bands
from ntc.format.metadata import MapRecord
from ntc.texture import Memory, Scratch, images, load_material, mips, read_image
from ntc.texture.images import Header, read_bands, resize_bands, write_bands

U8, U16, HALF = np.uint8, np.uint16, np.float16


@pytest.fixture(autouse=True)
def narrow_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands of 64 rows: small images have several."""
    monkeypatch.setattr(images, "_BAND_TEXELS", 64)


@pytest.fixture
def scratch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: Any) -> Iterator[Path]:
    """Where scratch files go; none may be left."""
    folder = tmp_path_factory.mktemp("scratch")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def make_material(folder: Path, size: tuple[int, int]) -> Path:
    """Every kind of map, `size` high and wide: one half the size, one constant, one twice."""
    rng = np.random.default_rng(size[0])
    h, w = size
    make(folder / "w_albedo.png", 4, size)
    arm = make(folder / "w_arm.png", 3, size)
    put(folder / "w_ao.png", arm[:, :, :1])
    put(folder / "w_height.png", rng.integers(0, 1 << 16, (h, w, 1), U16))
    put(folder / "w_opacity.png", (rng.random((h, w, 1)) < 0.3).astype(U8) * U8(255))
    vectors = rng.standard_normal((h, w, 3)) + [0, 0, 2]
    vectors /= np.linalg.norm(vectors, axis=-1, keepdims=True)
    put(folder / "w_normal_gl.tif", np.rint((vectors + 1) * 127.5).astype(U8))
    put(folder / "w_emissive.exr", (rng.random((h, w, 3)) * 30).astype(HALF))
    put(folder / "w_metal.png", np.full((h, w, 1), 7, U8))
    make(folder / "w_specular.tga", 3, ((h + 1) // 2, (w + 1) // 2))
    return folder


# --- the same, band by band ---


@pytest.mark.parametrize("size", [(193, 131), (128, 64), (321, 7), (1, 300)])
def test_scratch_files_hold_what_memory_would(
    size: tuple[int, int], tmp_path: Path, scratch: Path, monkeypatch: Any
) -> None:
    folder = make_material(tmp_path, size)
    with Scratch(0) as place:
        found = load_material(folder, room=place)
        chain = found.mip_chain(room=place)
        assert len(list(next(scratch.iterdir()).iterdir())) == len(chain)
        monkeypatch.setattr(images, "_BAND_TEXELS", 1 << 20)  # the whole image
        wanted = load_material(folder)
        assert (found.maps, found.warnings) == (wanted.maps, wanted.warnings)
        for ours, whole in zip(chain, wanted.mip_chain(), strict=True):
            assert ours.dtype == whole.dtype == U16
            np.testing.assert_array_equal(ours, whole)


def test_what_equal_and_constant_channels_cost(tmp_path: Path, scratch: Path) -> None:
    with Scratch(0) as place:
        found = load_material(make_material(tmp_path, (130, 12)), room=place)
        records = {record.file: record for record in found.maps}
        assert [c.constant for c in records["w_metal.png"].channels] == [7]
        assert outputs(records["w_ao.png"]) == outputs(records["w_arm.png"])[:1]
        assert found.channels.shape == (130, 12, 4 + 3 + 1 + 1 + 3 + 3 + 3)


def outputs(record: MapRecord) -> list[int | None]:
    return [channel.output for channel in record.channels]


@pytest.mark.parametrize("row", [0, 100, 199])
def test_a_change_in_any_band_is_seen(row: int, tmp_path: Path) -> None:
    pixels = np.full((200, 8, 3), 9, U8)
    pixels[row, 7, 1] = 10
    twin = pixels.copy()
    twin[row, 7, 1] = 11
    put(tmp_path / "w_roughness.png", pixels)
    put(tmp_path / "w_ao.png", twin)
    found = {record.name: record for record in load_material(tmp_path).maps}
    assert outputs(found["roughness"]) == [None, 1, None]
    assert outputs(found["ao"]) == [None, 0, None]


@pytest.mark.parametrize("covered", [0.01, 0.3, 0.77])
def test_coverage_is_scaled_by_the_lower_quantile(covered: float) -> None:
    """Of 16-bit values, from their histogram: numpy sorts them all."""
    rng = np.random.default_rng(0)
    level = rng.integers(0, 30_000, (131, 77, 2), U16)
    threshold = int(np.quantile(level[:, :, 1], 1 - covered, method="lower"))
    wanted = level.copy()
    scaled = level[:, :, 1] * (mips._CUTOFF / threshold)
    wanted[:, :, 1] = np.rint(np.minimum(scaled, 65535))
    mips._keep_coverage(level, 1, covered, Memory())
    assert (level[:, :, 1] >= mips._CUTOFF).mean() == pytest.approx(covered, abs=1e-3)
    assert np.abs(level.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("suffix", [".tif", ".exr"])
@pytest.mark.parametrize("tile", [(16, 16), (48, 80)])
def test_tiled_images(suffix: str, tile: tuple[int, int], tmp_path: Path) -> None:
    pixels = make(tmp_path / "a.png", 3, (201, 99))
    stored = pixels if suffix == ".tif" else pixels.astype(HALF)
    spec = OpenImageIO.ImageSpec(99, 201, 3, "uint8" if suffix == ".tif" else "half")
    spec.tile_width, spec.tile_height = tile
    path = tmp_path / f"a{suffix}"
    output = OpenImageIO.ImageOutput.create(str(path))
    assert output.open(str(path), spec)
    assert output.write_image(stored)
    assert output.close()
    assert len(list(read_bands(path))) > 2
    np.testing.assert_array_equal(read_image(path), stored)


def test_resizing_by_bands_is_resizing() -> None:
    pixels = np.random.default_rng(0).random((301, 17, 2), np.float32)
    for target in ((40, 777), (9, 130), (17, 300)):
        bands = [pixels[top : top + 11] for top in range(0, 301, 11)]
        ours = np.concatenate(list(resize_bands(bands, (17, 301), target)))
        whole = OpenImageIO.ImageBufAlgo.resize(
            OpenImageIO.ImageBuf(pixels),
            "lanczos3",
            roi=OpenImageIO.ROI(0, target[0], 0, target[1], 0, 1, 0, 2),
        )
        np.testing.assert_array_equal(ours, whole.get_pixels(OpenImageIO.FLOAT))


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tga"])
def test_an_image_written_by_bands_is_the_same_file(suffix: str, tmp_path: Path) -> None:
    pixels = make(tmp_path / f"whole{suffix}", 3, (200, 31))
    header = images.read_header(tmp_path / f"whole{suffix}")
    assert header == Header(31, 200, 3, header.sample)
    write_bands(
        tmp_path / f"bands{suffix}", header, (pixels[i : i + 64] for i in (0, 64, 128, 192))
    )
    assert (tmp_path / f"bands{suffix}").read_bytes() == (tmp_path / f"whole{suffix}").read_bytes()


# --- a whole compression ---


def in_scratch(monkeypatch: Any) -> None:
    monkeypatch.setattr(compression, "find_room", lambda *_: (Scratch(0), 0))


def quick(**changes: Any) -> ntc.Settings:
    return ntc.Settings(**{"texels": 20_000, "threads": 1, "encoding": "grid"} | changes)


def test_compressing_out_of_core_gives_the_same_bytes(
    tmp_path: Path, scratch: Path, monkeypatch: Any
) -> None:
    folder = make_material(tmp_path / "m", (150, 70))
    wanted = ntc.compress(folder, quick())
    in_scratch(monkeypatch)
    assert ntc.compress(folder, quick()).data == wanted.data


def test_maps_are_written_as_they_decode(tmp_path: Path) -> None:
    folder = make_material(tmp_path / "m", (150, 70))
    ntc.compress(folder, quick()).save(tmp_path / "m.ntc")
    material = ntc.open(tmp_path / "m.ntc")
    for mip in (0, 1):
        ntc.decompress(tmp_path / "m.ntc", tmp_path / f"{mip}", mip=mip)
        whole, sized = material.decode(mip), material.original_maps(mip)
        for record in material.maps:
            written = read_image(tmp_path / f"{mip}" / record.file)
            np.testing.assert_array_equal(written, sized[record.name])
            size = record.height >> mip, record.width >> mip, len(record.channels)
            assert written.shape == size
            if record.file != "w_specular.tga":
                np.testing.assert_array_equal(written, whole[record.name])


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("steps", [1, 3])
def test_nothing_is_left_of_a_fit_that_ends_early(
    error: type[BaseException], steps: int, tmp_path: Path, scratch: Path, monkeypatch: Any
) -> None:
    make(tmp_path / "m" / "w_albedo.png", 3, (80, 80))
    in_scratch(monkeypatch)
    seen = []

    def stop(progress: Progress) -> None:
        seen.append(progress)
        if len(seen) == steps:
            assert list(scratch.iterdir())
            raise error

    with pytest.raises(error):
        ntc.compress(tmp_path / "m", quick(), on_progress=stop)


def test_nothing_is_left_of_a_damaged_image(
    tmp_path: Path, scratch: Path, monkeypatch: Any
) -> None:
    make(tmp_path / "w_albedo.tif", 3, (300, 80))
    whole = (tmp_path / "w_albedo.tif").read_bytes()
    (tmp_path / "w_albedo.tif").write_bytes(whole[:8] + bytes(len(whole) // 2) + whole[8:])
    in_scratch(monkeypatch)
    with pytest.raises(InputError):
        ntc.compress(tmp_path, quick())


def test_a_full_disk(tmp_path: Path, scratch: Path, monkeypatch: Any) -> None:
    def full(*_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    make(tmp_path / "w_albedo.png", 3, (80, 80))
    in_scratch(monkeypatch)
    with pytest.raises(FileError, match=r"no room for 0 MB .*No space left.*TMPDIR") as caught:
        ntc.compress(tmp_path, quick())
    assert str(scratch) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_room_is_taken_before_it_is_written_to(scratch: Path) -> None:
    """A write to a mapped file on a full disk would end the process."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limit[1]))
    try:
        with Scratch(0) as place, pytest.raises(FileError, match="no room for 2 MB"):
            place.array((1000, 1000, 1))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)


def test_a_folder_that_is_not_there(monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "none"))
    with pytest.raises(FileError, match="scratch"), Scratch(0):
        pass


# --- memory ---


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="Linux tells what is resident")
def test_pages_are_given_back(scratch: Path) -> None:
    code = """if True:
        import sys
        from ntc.machine import peak_memory, resident_memory
        from ntc.texture import Scratch
        limit = resident_memory() + (16 << 20)
        with Scratch(limit) as place:
            array = place.array((1 << 26,))
            for first in range(0, 1 << 26, 1 << 20):
                array[first : first + (1 << 20)] = first >> 20
                place.ease()
            for i in range(64):
                assert array[i << 20] == array[(i << 20) + 99] == i
                place.ease()
        assert array[-1] == 63, "what somebody holds stays"
        print(peak_memory() - limit)
    """
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert int(done.stdout) < 32 << 20, "of 128 MiB in the file"


def test_where_images_are_kept(tmp_path: Path) -> None:
    make(tmp_path / "w_albedo.png", 3, (64, 64))
    whole = planning.find_room(tmp_path, ntc.Settings(), (), ())
    assert isinstance(whole[0], Memory)
    exact = ntc.Settings(max_memory=whole[1])
    assert isinstance(planning.find_room(tmp_path, exact, (), ())[0], Memory)
    with pytest.raises(RuntimeFailure, match="even with images in scratch files") as caught:
        planning.find_room(tmp_path, ntc.Settings(max_memory=whole[1] - 1), (), ())
    assert "--max-memory" in str(caught.value)
    assert "--bpp" in str(caught.value)


def test_large_images_go_to_scratch_files(tmp_path: Path, monkeypatch: Any) -> None:
    make(tmp_path / "w_albedo.png", 3, (2, 2))
    monkeypatch.setattr(planning, "measure_material", lambda *_, **__: (16384, 16384, 3))
    settings = ntc.Settings(bpp=0.3, max_memory=2 << 30, encoding="hash", backend="native")
    place, needed = planning.find_room(tmp_path, settings, (), ())
    assert isinstance(place, Scratch)
    assert needed == settings.max_memory > place.limit
    large = ntc.Settings(bpp=5, max_memory=2 << 30, encoding="grid", backend="native")
    with pytest.raises(RuntimeFailure, match=r"needs \d+ MB .* 2147 MB are allowed; lower --bpp"):
        planning.find_room(tmp_path, large, (), ())
    plans = {
        name: planning.make_plans((16384, 16384, 3), replace(settings, encoding=name))[name]
        for name in ("grid", "hash")
    }
    plans["grid"] = planning.make_plans((16384, 16384, 3), large)["grid"]
    monkeypatch.setattr(planning, "make_plans", lambda *_: plans)
    with pytest.raises(RuntimeFailure, match="allowed; use --encoding hash, lower --bpp"):
        planning.find_room(tmp_path, settings, (), ())


def test_the_machine_is_the_limit_where_none_is_set(tmp_path: Path, monkeypatch: Any) -> None:
    make(tmp_path / "w_albedo.png", 3, (2, 2))
    monkeypatch.setattr(planning, "measure_material", lambda *_, **__: (16384, 16384, 3))
    monkeypatch.setattr(planning, "physical_memory", lambda: 3 << 30)
    settings = ntc.Settings(bpp=0.3, encoding="hash", backend="native")
    assert isinstance(planning.find_room(tmp_path, settings, (), ())[0], Scratch)
    monkeypatch.setattr(planning, "physical_memory", lambda: 0)  # nobody says
    assert isinstance(planning.find_room(tmp_path, settings, (), ())[0], Memory)


def test_what_is_estimated() -> None:
    plan = make_plan(16384, 16384, 3, 15, 0.5)
    assert image_bytes(plan) == pytest.approx(16384**2 * 3 * 2 * 4 / 3, rel=1e-4)
    assert latent_bytes(plan) == sum(v.width * v.height * v.features for v in plan.levels) * 4
    whole, scratch = peak_bytes(plan, "native"), peak_bytes(plan, "native", scratch=True)
    assert whole - scratch == image_bytes(plan) - (256 << 20)
    assert scratch_limit(plan, 4 << 30) < 4 << 30
    small = make_plan(64, 64, 3, 7, 5)
    assert peak_bytes(small, "native") == peak_bytes(small, "native", scratch=True)


# --- what the core holds ---


@pytest.mark.skipif(not native.available(), reason="the core is not installed")
def test_a_fit_keeps_the_images_that_it_reads() -> None:
    from ntc.fit.backends.native import Fit

    problem = smooth_problem(1)
    kept = [mip.copy() for mip in problem.mips]
    watched = [weakref.ref(mip) for mip in kept]
    fit = Fit(replace(problem, mips=tuple(kept)))
    wanted = Fit(problem)
    fitter = fit.fitter
    del kept, fit
    gc.collect()
    assert all(ref() is not None for ref in watched)
    for _ in range(5):
        assert fitter.step(0.05, 0.01) == wanted.step(0.05, 0.01)
    del fitter
    gc.collect()
    assert all(ref() is None for ref in watched)


@pytest.mark.skipif(not native.available(), reason="the core is not installed")
def test_images_are_not_converted_behind_the_back() -> None:
    from ntc.fit.backends.native import Fit

    problem = smooth_problem(1)
    for wrong in (np.float32, np.int32):
        mips = tuple(mip.astype(wrong) for mip in problem.mips)
        with pytest.raises(TypeError):
            Fit(replace(problem, mips=mips))


def test_latents_by_bands_are_those_of_one_stream(monkeypatch: Any) -> None:
    problem = smooth_problem(1)
    random = np.random.default_rng(problem.seed)
    monkeypatch.setattr("ntc.fit.start.BAND", 50)
    for i, level in enumerate(problem.plan.levels):
        cells = level.stored[0] * level.stored[1]
        wanted = random.uniform(-0.1, 0.1, (cells, level.features)).astype(np.float32)
        bands = list(latent_bands(problem, i))
        assert len(bands) > 1 or cells * level.features < 50
        assert [first for first, _ in bands] == list(
            np.cumsum([0] + [len(b) for _, b in bands])[:-1]
        )
        np.testing.assert_array_equal(np.concatenate([band for _, band in bands]), wanted)
