"""The command line: what it prints where, how it ends, what it leaves on the disk."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Commands
from small_materials import make_bricks

from ntc import reports
from ntc.cli import console
from ntc.errors import RuntimeFailure
from ntc.fit.presets import Recipe
from ntc.material import Material

QUICK = ("--texels", 1 << 14, "--threads", 1, "--bpp", 40)


@pytest.fixture
def bricks(tmp_path: Path) -> Path:
    return make_bricks(tmp_path / "bricks")


@pytest.fixture
def no_fit_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(*_: Any) -> None:
        raise RuntimeFailure("the fit")

    monkeypatch.setattr("ntc.compression.loop.fit", fit)


@pytest.fixture
def no_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    def fit(*_: Any, **__: Any) -> None:
        pytest.fail("this must be refused before the fit")

    monkeypatch.setattr("ntc.api.compress", fit)


def one_error(text: str, *words: str) -> None:
    """Exactly one line of error, with these words, and a hint at most."""
    lines = text.strip().split("\n\nhint: ")
    assert lines[0].startswith("error: "), text
    assert "\n" not in lines[0]
    assert "Traceback" not in text
    for word in words:
        assert word in lines[0]


def test_no_arguments_print_help(commands: Commands) -> None:
    ended = commands()
    assert ended.code == 1
    assert "Usage: " in ended.out
    assert "compress" in ended.out
    assert ended.err == ""
    assert commands("--help") == (0, ended.out, "")


def test_version(commands: Commands) -> None:
    assert re.fullmatch(r"ntc \d+\.\d+\.\d+\n", commands("--version").out)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nope"], "nope"),
        (["compress"], "rgument"),
        (["compress", "x", "--nope"], "--nope"),
        (["compress", "x", "--bpp", "many"], "--bpp"),
        (["compress", "x", "--bpp", "0"], "bpp"),
        (["compress", "x", "--bpp", "nan"], "bpp"),
        (["compress", "x", "--keep", "0"], "keep"),
        (["compress", "x", "--keep", "0.5", "--encoding", "grid"], "hash or simplex"),
        (["compress", "x", "--effort", "heroic"], "heroic"),
        (["compress", "x", "--seed", "-1"], "--seed"),
        (["compress", "x", "--seed", str(1 << 64)], "seed"),
        (["compress", "x", "--max-memory", "1e400"], "--max-memory"),
        (["compress", "x", "--backend", "abacus"], "abacus"),
        (["compress", "a/x", "b/x", "-o", "out"], "two of the materials"),
        (["compress", "a", "b", "-o", "out.ntc"], "folder"),
        (["decompress", "x", "--mip", "-1"], "--mip"),
        (["info"], "--system"),
        (["compare", "x"], "rgument"),
        (["compare", "x", "y", "--min-psnr", "nan"], "--min-psnr"),
        (["bench", "fit", "--isa", "abacus"], "--isa"),
        (["bench", "decode", "--profile", "abacus"], "--profile"),
    ],
)
def test_wrong_usage_ends_with_1(commands: Commands, arguments: list[str], word: str) -> None:
    ended = commands(*arguments)
    assert ended.code == 1
    assert ended.out == ""
    one_error(ended.err, word)


def test_compress_reports_in_json(commands: Commands, bricks: Path, tmp_path: Path) -> None:
    target = tmp_path / "new" / "b.ntc"
    ended = commands("compress", bricks, "-o", target, *QUICK, "--json", "--verify")
    assert ended.code == 0
    report = reports.CompressReport.model_validate_json(ended.out)
    assert report.bytes == target.stat().st_size
    assert report.bpp == pytest.approx(8 * report.bytes / (24 * 16), abs=1e-4)
    assert set(report.maps) == {"albedo", "normal", "height", "ao"}
    assert report.maps["ao"] is None
    assert report.channels == 8
    assert report.psnr is not None
    assert report.psnr > 10
    assert report.peak_memory_bytes > 1 << 20
    assert report.video_memory_bytes > 0
    assert not list(target.parent.glob(".*"))


def test_several_materials_go_into_a_folder(commands: Commands, tmp_path: Path) -> None:
    folders = [make_bricks(tmp_path / name) for name in ("one", "two.v2")]
    ended = commands("compress", *folders, "-o", tmp_path / "out", *QUICK, "--json")
    assert ended.code == 0
    files = [json.loads(line)["file"] for line in ended.out.splitlines()]
    assert files == [str(tmp_path / "out" / name) for name in ("one.ntc", "two.v2.ntc")]
    assert all(Path(file).is_file() for file in files)


def test_warnings_go_to_stderr_and_quiet_is_quiet(commands: Commands, bricks: Path) -> None:
    (bricks / "bricks_normal_gl.png").rename(bricks / "bricks_normal.png")
    ended = commands("compress", bricks, "-o", bricks.parent, *QUICK, "-q")
    assert ended.code == 0
    assert ended.out == ""
    assert re.fullmatch(r"warning: .*bricks: bricks_normal\.png: .*\n", ended.err)


@pytest.mark.usefixtures("no_fit_at_all")
def test_warnings_come_before_the_fit(commands: Commands, bricks: Path) -> None:
    options = ["--exclude", "heigth", "--exclude", "ao"]
    ended = commands("compress", bricks, "-o", bricks.parent, *options)
    assert ended.code == 4
    warning, error = ended.err.splitlines()
    assert re.fullmatch(r"warning: .*bricks: `heigth` .* matches no map", warning)
    assert "the fit" in error


@pytest.mark.parametrize("dry_run", [False, True])
def test_a_bad_material_does_not_stop_the_others(
    commands: Commands, tmp_path: Path, dry_run: bool
) -> None:
    paths = [tmp_path / name for name in ("a", "text", "empty", "gone", "b")]
    make_bricks(paths[0])
    make_bricks(paths[4])
    paths[1].mkdir()
    (paths[1] / "x_albedo.png").write_text("text")
    paths[2].mkdir()
    options = ["--dry-run"] if dry_run else []
    ended = commands("compress", *paths, "-o", tmp_path / "out", *QUICK, "--json", *options)
    assert ended.code == 3
    files = [json.loads(line)["file"] for line in ended.out.splitlines()]
    assert files == [str(tmp_path / "out" / name) for name in ("a.ntc", "b.ntc")]
    lines = ended.err.splitlines()
    assert len(lines) == 3
    for line, path in zip(lines, paths[1:4], strict=True):
        assert line.startswith(f"error: {path}")


def test_a_bug_on_one_material_does_not_stop_the_others(
    commands: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [MemoryError(), KeyError("x"), OSError(5, "Input/output error")]
    monkeypatch.setattr("ntc.api.compress", lambda *_, **__: (_ for _ in ()).throw(errors.pop(0)))
    paths = [make_bricks(tmp_path / name) for name in ("a", "b", "c")]
    ended = commands("compress", *paths, "-o", tmp_path / "out")
    assert ended.code == 4
    words = ("out of memory", "KeyError", "Input/output")
    for line, path, word in zip(ended.err.splitlines(), paths, words, strict=True):
        assert line.startswith(f"error: {path}: ")
        assert word in line


def test_a_link_keeps_its_name(commands: Commands, bricks: Path) -> None:
    link = bricks.parent / "current"
    link.symlink_to(bricks)
    plan = json.loads(commands("compress", f"{link}/", "--dry-run", "--json").out)
    assert (plan["name"], plan["file"]) == ("current", "current.ntc")


@pytest.mark.parametrize(
    ("options", "names"),
    [
        (["--only", "albedo", "--only", "*height*"], {"albedo", "height"}),
        (["--exclude", "normal", "--exclude", "bricks_ao.tif"], {"albedo", "height"}),
    ],
)
def test_maps_can_be_chosen(
    commands: Commands, bricks: Path, options: list[str], names: set[str]
) -> None:
    ended = commands("compress", bricks, "--dry-run", "--json", *options)
    assert set(reports.DryRunReport.model_validate_json(ended.out).maps) == names


@pytest.mark.usefixtures("no_fit")
def test_dry_run_writes_nothing(commands: Commands, bricks: Path, tmp_path: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    ended = commands("compress", bricks, "-o", tmp_path / "deep" / "b.ntc", "--dry-run")
    assert ended.code == 0
    assert "would write   " in ended.out
    assert "albedo: bricks_albedo.png" in ended.out
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.usefixtures("no_fit")
def test_what_exists_is_not_touched(commands: Commands, bricks: Path, small_file: Path) -> None:
    target = bricks.parent / "b.ntc"
    data = small_file.read_bytes()
    target.write_bytes(data)
    ended = commands("compress", bricks, "-o", target)
    assert ended.code == 2
    one_error(ended.err, "exists", "--on-existing")
    ended = commands("compress", bricks, "-o", target, "--on-existing", "skip", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["skipped"] is True
    assert "kept" in commands("compress", bricks, "-o", target, "--on-existing", "skip").out
    assert target.read_bytes() == data


def test_overwrite_replaces(commands: Commands, bricks: Path) -> None:
    target = bricks.parent / "b.ntc"
    target.write_text("old")
    ended = commands("compress", bricks, "-o", target, *QUICK, "--on-existing", "overwrite")
    assert ended.code == 0
    assert commands("validate", target).code == 0


def test_verify_notices_a_file_that_changed(
    commands: Commands, bricks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(material: Material, path: Path) -> None:
        path.write_bytes(material.data[:-1])

    monkeypatch.setattr(Material, "save", save)
    ended = commands("compress", bricks, "-o", bricks.parent, *QUICK, "--verify")
    assert ended.code == 2
    assert "does not hold what was written" in ended.err


def test_progress_in_a_log_is_plain_lines(
    commands: Commands, bricks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console, "_LOG_SECONDS", 0)
    texels = 3 * Recipe().batch_texels
    short = ["--texels", texels, "--threads", 1, "--encoding", "grid"]
    ended = commands("compress", bricks, "-o", bricks.parent, *short)
    lines = [line for line in ended.err.splitlines() if line.startswith("bricks: ")]
    assert len(lines) == 2  # the first of the three steps is where the clock starts
    assert re.fullmatch(r"bricks: 67 %, [\d.]+ dB, \d+ s left", lines[0])
    assert "\x1b" not in ended.err


COLORS = re.compile(rb"\x1b\[[0-9;]*[34]\d(;[\d;]*)?m")


@pytest.mark.parametrize("no_color", [False, True])
def test_progress_on_a_terminal_is_a_bar(bricks: Path, no_color: bool) -> None:
    (bricks / "bricks_normal_gl.png").rename(bricks / "bricks_normal.png")
    pty = pytest.importorskip("pty", reason="no pseudo terminals on this system")
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    environment.pop("NO_COLOR", None)
    if no_color:
        environment["NO_COLOR"] = "1"
    command = ["compress", bricks, "-o", bricks.parent, "--texels", str(20 << 14)]
    process = subprocess.Popen(
        [sys.executable, "-m", "ntc", *command, "--threads", "1"],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
    os.close(ours)
    assert process.wait() == 0
    assert b" dB" in shown
    assert b"\x1b[2Kwarning: " in shown  # on a line of its own
    assert bool(COLORS.search(shown)) != no_color


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # the other end was closed
        return b""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_leaves_nothing(bricks: Path, number: signal.Signals) -> None:
    program = (
        "from ntc.cli import console, main; console._LOG_SECONDS = 0; raise SystemExit(main())"
    )
    options = ["-o", bricks.parent, "--effort", "exhaustive", "--threads", "1"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, "compress", bricks, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # The tests may run where SIGINT is ignored, which a child would inherit.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert process.stderr is not None
    assert "left" in process.stderr.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130
    assert out == ""
    assert err.rstrip().splitlines()[-1] == "error: interrupted; no half-written file is left"
    assert "Traceback" not in err
    assert sorted(bricks.parent.iterdir()) == [bricks]


@pytest.mark.parametrize("debug", ["", "1"])
def test_a_bug_of_ours_is_one_line(
    commands: Commands, small_file: Path, monkeypatch: pytest.MonkeyPatch, debug: str
) -> None:
    def broken(*_: Any) -> None:
        raise KeyError("a\nb")

    monkeypatch.setattr("ntc.api.info", broken)
    monkeypatch.setenv("NTC_DEBUG", debug)
    ended = commands("info", small_file)
    assert ended.code == 4
    assert ("Traceback" in ended.err) == bool(debug)
    one_error(ended.err.splitlines()[-1], "internal", "KeyError", "report", "NTC_DEBUG")


def test_out_of_memory(
    commands: Commands, small_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hungry(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr("ntc.api.info", hungry)
    ended = commands("info", small_file)
    assert ended.code == 4
    one_error(ended.err, "memory")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_stdout_on_a_full_disk(small_file: Path) -> None:
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "ntc", "info", small_file], stdout=full, stderr=subprocess.PIPE
        )
    assert ended.returncode == 2
    assert b"Traceback" not in ended.stderr
