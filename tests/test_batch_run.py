"""Whole libraries: nothing is done twice, lost, half written, or failed without a word."""

import collections
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import time
import zlib
from contextlib import suppress
from pathlib import Path

import library as nasty
import numpy as np
import pytest
from conftest import Commands
from libraries import QUICK, Batches, make_library, outputs
from material_files import put

import ntc
from ntc.batch.journal import NAME as JOURNAL
from ntc.batch.report import LibraryReport


class Library:
    """A library, its outputs and its cache; `run` runs `ntc batch` in this process."""

    def __init__(self, folder: Path, commands: Commands) -> None:
        self.commands = commands
        self.source = make_library(folder / "library", 3)
        self.out, self.cache = folder / "out", folder / "cache"

    def run(self, *arguments: object, code: int = 0) -> collections.Counter[str]:
        """How many materials ended how."""
        options = ("-o", self.out, *QUICK, "--jobs", 1, "--cache-dir", self.cache)
        self.ended = self.commands("batch", self.source, *options, *arguments)
        assert self.ended.code == code, self.ended.err
        return collections.Counter(m.status for m in self.report().materials)

    def report(self) -> LibraryReport:
        return LibraryReport.model_validate_json((self.out / "report.json").read_bytes())

    def entries(self) -> list[Path]:
        return [p for p in self.cache.rglob("*") if p.is_file() and p.suffix == ""]


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that was compressed once: its sources, outputs and cache."""
    folder = tmp_path_factory.mktemp("fitted")
    make_library(folder / "library", 3)
    command = [*QUICK, "--jobs", 1, "--cache-dir", folder / "cache", "-q"]
    ended = Batches(folder)(folder / "library", "-o", folder / "out", *command)
    assert ended.returncode == 0, ended.stderr
    return folder


@pytest.fixture
def library(fitted: Path, tmp_path: Path, commands: Commands) -> Library:
    """A copy of it, with the times of its files."""
    for name in ("library", "out", "cache"):
        shutil.copytree(fitted / name, tmp_path / name)
    return Library(tmp_path, commands)


def test_unchanged_materials_are_left_alone(library: Library) -> None:
    before = {path: path.stat().st_mtime_ns for path in library.out.rglob("*.ntc")}
    assert library.run() == {"unchanged": 3}
    assert before == {path: path.stat().st_mtime_ns for path in library.out.rglob("*.ntc")}
    report = library.report()
    assert [m.name for m in report.materials] == sorted(m.name for m in report.materials)
    assert all(m.psnr and m.bytes and m.seconds and m.source_bytes for m in report.materials)


def test_outputs_are_those_of_compress(library: Library) -> None:
    folder = library.source / "m00"
    alone = ntc.compress(folder, ntc.Settings(texels=4096))
    assert outputs(library.out)["m00"] == alone.data


def test_lost_and_damaged_outputs_come_from_the_cache(library: Library) -> None:
    good = outputs(library.out)
    for path in library.out.rglob("m02.ntc"):
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    next(library.out.rglob("m01.ntc")).unlink()
    assert library.run() == {"cached": 2, "unchanged": 1}
    assert outputs(library.out) == good
    shutil.rmtree(library.out)
    assert library.run() == {"cached": 3}
    assert outputs(library.out) == good


def test_moved_and_renamed_files_are_found_again(library: Library) -> None:
    good = outputs(library.out)
    (library.source / "m00").rename(library.source / "deep" / "m00")
    moved = library.source / "deep" / "m01"
    moved.rename(library.source / "called_anew")
    for path in (library.source / "called_anew").iterdir():
        path.rename(path.with_name(path.name.replace("m01", "called_anew")))
    assert library.run() == {"cached": 2, "unchanged": 1}
    found = outputs(library.out)
    assert found["m00"] == good["m00"]
    fresh = ntc.compress(library.source / "called_anew", ntc.Settings(texels=4096))
    assert found["called_anew"] == fresh.data != good["m01"]


def test_the_same_pixels_saved_anew_are_found_again(library: Library) -> None:
    path = library.source / "m00" / "m00_albedo.png"
    image = ntc.texture.read_image(path)
    path.unlink()
    put(path.with_suffix(".tga"), image)
    assert library.run() == {"cached": 1, "unchanged": 2}


def test_changed_pixels_and_settings_are_fitted_again(library: Library) -> None:
    path = library.source / "m00" / "m00_albedo.png"
    put(path, ntc.texture.read_image(path)[::-1])
    assert library.run() == {"done": 1, "unchanged": 2}
    assert library.run("--seed", 1) == {"done": 3}
    assert library.run("--for", "m00:bpp=3") == {"done": 1, "cached": 2}
    assert library.run("--threads", 2, "--max-memory", "8GB", "--for", "m00:bpp=3") == {
        "unchanged": 3
    }


def test_a_damaged_entry_is_refused_and_made_anew(library: Library) -> None:
    good = outputs(library.out)
    for path in library.entries():
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    shutil.rmtree(library.out)
    assert library.run() == {"done": 3}
    assert outputs(library.out) == good
    shutil.rmtree(library.out)
    (library.cache / "index.sqlite").write_bytes(b"not a database" * 100)
    assert library.run() == {"cached": 3}  # by the pixels, read once more
    shutil.rmtree(library.out)
    assert library.run() == {"cached": 3}


def test_without_a_cache_the_journal_knows(library: Library) -> None:
    good = outputs(library.out)
    assert library.run("--no-cache") == {"unchanged": 3}
    with (library.out / JOURNAL).open("ab") as file:
        file.write(b'{"key": "half a li')
    assert library.run("--no-cache") == {"unchanged": 3}
    (library.out / JOURNAL).unlink()
    shutil.rmtree(library.cache)
    assert library.run("--no-cache") == {"done": 3}
    assert not library.cache.exists()
    assert outputs(library.out) == good


def test_on_existing(library: Library) -> None:
    assert library.run("--on-existing", "skip", "--seed", 5) == {"skipped": 3}
    ended = library.commands("batch", library.source, "-o", library.out, "--on-existing", "error")
    assert ended.code == 2
    assert "exists" in ended.err
    assert library.report().materials  # of the run before
    good = outputs(library.out)
    assert library.run("--on-existing", "overwrite") == {"cached": 3}
    assert outputs(library.out) == good


def header_bomb(path: Path) -> None:
    """A PNG of 16384 x 16384 in a hundred bytes."""
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 1 << 14, 1 << 14, 8, 6, 0, 0, 0))]
    chunks += [(b"IDAT", zlib.compress(b"0")), (b"IEND", b"")]
    packed = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
    path.parent.mkdir()
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + packed)


def test_failures_are_named_and_the_rest_lands(library: Library) -> None:
    header_bomb(library.source / "bomb" / "bomb_albedo.png")
    shutil.copytree(library.source / "m00", library.source / "torn")
    for path in (library.source / "torn").iterdir():
        path.rename(path.with_name(path.name.replace("m00", "torn")))
    torn = library.source / "torn" / "torn_albedo.png"
    torn.write_bytes(torn.read_bytes()[:-40])
    shutil.rmtree(library.out)
    assert library.run(code=4) == {"cached": 3, "failed": 2}
    assert "torn_albedo.png: damaged" in library.ended.err
    assert "bomb_albedo.png" in library.ended.err
    assert library.ended.err.count("error: ") == 2
    assert set(outputs(library.out)) == {"m00", "m01", "m02"}
    failed = {m.name: m for m in library.report().materials if m.status == "failed"}
    assert set(failed) == {"bomb", "torn"}
    assert failed["bomb"].exit_code == 3
    shutil.rmtree(library.out)
    library.run("--fail-fast", code=4)
    report = library.report()
    assert report.not_reached
    assert len(report.materials) + len(report.not_reached) == 5


def test_a_material_that_takes_too_long_fails_alone(library: Library) -> None:
    slow = ("--for", "m00:texels=1000000000", "--timeout", 1.5)
    assert library.run(*slow, code=4) == {"failed": 1, "unchanged": 2}
    assert "m00: took more than 1.5 s" in library.ended.err
    assert outputs(library.out)["m00"]  # what was there stays


def test_what_no_memory_is_allowed_for_is_refused(library: Library) -> None:
    assert library.run("--seed", 3, "--max-memory", "200MB", code=4) == {"failed": 3}
    assert "raise --max-memory" in library.ended.err


def test_names_lists_and_shards(library: Library, tmp_path: Path) -> None:
    names = tmp_path / "names"
    names.write_text("deep\n\nm02\n")
    assert library.run("m00") == {"unchanged": 1}
    assert library.run(f"@{names}") == {"unchanged": 2}
    ended = library.commands("batch", library.source, "m77", "-o", library.out)
    assert (ended.code, ended.out) == (1, "")
    assert "`m77`: no material" in ended.err
    seen: list[str] = []
    for part in (1, 2, 3):
        library.commands(
            *("batch", library.source, "-o", library.out, *QUICK),
            *("--cache-dir", library.cache, "--shard", f"{part}/3"),
        )
        report = library.out / f"report-{part}-of-3.json"
        seen += [m.name for m in LibraryReport.model_validate_json(report.read_bytes()).materials]
    assert sorted(seen) == ["deep/m01", "m00", "m02"]


def test_nothing_to_compress_is_an_error(tmp_path: Path, commands: Commands) -> None:
    (tmp_path / "IMG_1.png").touch()
    ended = commands("batch", tmp_path, "-o", tmp_path / "out")
    assert ended.code == 3
    assert "files left out: 1; `ntc scan` says why" in ended.err
    assert "no materials found" in ended.err


def test_names_that_are_no_text_are_refused_or_written(library: Library, tmp_path: Path) -> None:
    odd = tmp_path / os.fsdecode(b"\xff")
    library.out.rename(odd)
    library.out = odd
    assert library.run() == {"unchanged": 3}
    assert library.report().output.endswith(r"\xff")
    shutil.copytree(library.source, tmp_path / "copy" / odd.name)
    ended = library.commands("batch", tmp_path / "copy" / odd.name, "-o", tmp_path / "out")
    assert ended.code == 3
    assert "not a usable folder name" in ended.err


def test_whoever_watches_may_go(library: Library) -> None:
    command = [sys.executable, "-m", "ntc", "batch", library.source, "-o", library.out]
    options = [
        "--no-cache",
        "--texels",
        "300000",
        "--jobs",
        "1",
        "--seed",
        "8",
        "--progress",
        "json",
    ]
    run = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert run.stdout
    run.stdout.readline()
    run.stdout.close()
    assert run.wait(timeout=60) != 0


def test_dry_run_says_and_does_nothing(library: Library) -> None:
    shutil.rmtree(library.out)
    (library.source / "m00" / "m00_albedo.png").write_bytes(b"nothing")
    options = ("-o", library.out, *QUICK, "--cache-dir", library.cache, "--dry-run")
    ended = library.commands("batch", library.source, *options)
    assert ended.code == 4
    lines = sorted(line.split()[0] for line in ended.out.splitlines())
    assert lines == ["cached", "cached", "failed"]
    assert not library.out.exists()


def test_progress_as_lines_of_json(library: Library) -> None:
    library.run("--seed", 9, "--progress", "json")
    events = [json.loads(line) for line in library.ended.out.splitlines()]
    kinds = collections.Counter(event["event"] for event in events)
    assert kinds["planned"] == 1
    assert kinds["material"] == 3
    assert {event["event"] for event in events} <= {"planned", "progress", "material"}
    assert events[-1]["done"] == events[-1]["materials"] == 3
    assert library.ended.err == ""


def test_a_terminal_has_a_bar_for_all_and_one_for_each(library: Library) -> None:
    pty = pytest.importorskip("pty")
    controller, terminal = pty.openpty()
    command = [sys.executable, "-m", "ntc", "batch", library.source, "-o", library.out]
    options = ["--no-cache", "--texels", "4000000", "--jobs", "1", "--seed", "6", "m00"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    run = subprocess.Popen([*command, *options], stderr=terminal, env=environment)
    os.close(terminal)
    shown = b""
    with suppress(OSError):  # which is how a terminal ends
        while piece := os.read(controller, 1 << 16):
            shown += piece
    os.close(controller)
    assert run.wait(timeout=60) == 0
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert re.search(r"materials +\S+ 1/1", text), text
    assert re.search(r"m00 +\S+ \d+\.\d\d dB", text), text


def test_depfile_is_understood_by_make(library: Library, tmp_path: Path) -> None:
    odd = library.source / "m00" / "m00 #1 $x_opacity.png"
    put(odd, np.full((32, 32, 1), 7, np.uint8))
    depfile = tmp_path / "out.d"
    library.run("--depfile", depfile)
    report = library.out / "report.json"
    makefile = tmp_path / "Makefile"
    makefile.write_text(f"{report}:\n\t@echo again\ninclude {depfile}\n")

    def made() -> str:
        command = ["make", "-f", makefile, report]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert "up to date" in made()
    os.utime(odd, (time.time() + 9,) * 2)
    assert made() == "again\n"
    os.utime(odd, (1, 1))
    assert "up to date" in made()
    odd.unlink()
    assert made() == "again\n"  # and no error for a file that is gone


def test_two_at_once_write_what_one_writes(library: Library) -> None:
    good = outputs(library.out)
    shutil.rmtree(library.out)
    shutil.rmtree(library.cache)
    assert library.run("--jobs", 2) == {"done": 3}
    assert outputs(library.out) == good


def test_a_nasty_library_lands_but_for_what_is_broken(tmp_path: Path, commands: Commands) -> None:
    expected = nasty.make_library(tmp_path / "library")
    out, options = tmp_path / "out", ("--texels", 512, "--cache-dir", tmp_path / "cache")
    ended = commands("batch", tmp_path / "library", "-o", out, *options)
    assert ended.code == 4
    landed = {str(path.relative_to(out))[: -len(".ntc")] for path in out.rglob("*.ntc")}
    assert landed == set(expected.materials) - set(expected.failing)
    for name in expected.failing:
        assert f"error: {name}: " in ended.err
    assert ended.err.count("error: ") == 2


def test_one_budget_for_all(library: Library) -> None:
    assert library.run("--total-size", "8KB") == {"done": 3}
    assert sum(map(len, outputs(library.out).values())) <= 8000
    assert library.run("--total-size", "8KB") == {"unchanged": 3}
    assert library.run("--total-psnr", 12) == {"done": 3}
    (library.source / "m00" / "m00_albedo.png").write_bytes(b"nothing")
    assert library.run("--total-psnr", 12, code=4) == {"unchanged": 2, "failed": 1}
    options = ("-o", library.out, "--total-size", "8KB")
    for more in (("--bpp", 2), ("--shard", "1/2")):
        assert library.commands("batch", library.source, *options, *more).code == 1


def test_unchanged_materials_take_no_time(tmp_path: Path, commands: Commands) -> None:
    make_library(tmp_path / "library", 25, size=8)
    options = ("-o", tmp_path / "out", "--texels", 64, "--cache-dir", tmp_path / "cache", "-q")
    assert commands("batch", tmp_path / "library", *options).code == 0
    start = time.perf_counter()
    assert commands("batch", tmp_path / "library", *options).code == 0
    assert time.perf_counter() - start < 25 * 0.1  # half of it on an idle machine
