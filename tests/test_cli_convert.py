"""`ntc convert` on the command line: what it keeps, writes, refuses and leaves behind."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import Commands
from material_files import put
from small_materials import waves
from test_cli import one_error

import ntc
from ntc import reports

QUICK = ("--texels", 1 << 14, "--threads", 1)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A grid of 40x30 without mips that wraps in no direction, in the light profile."""
    put(tmp_path / "w" / "w_albedo.png", waves(40, 30, 4))
    put(tmp_path / "w" / "w_height.png", waves(20, 15, 1, 65535))
    settings = ntc.Settings(
        bpp=25, texels=1 << 16, threads=1, encoding="grid", mips="none", wrap=(False, False)
    )
    ntc.compress(tmp_path / "w", settings).save(tmp_path / "old.ntc")
    return tmp_path / "old.ntc"


@pytest.fixture
def no_fit(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert old.is_file()

    def fit(*_: object, **__: object) -> None:
        pytest.fail("this must be refused before the fit")

    monkeypatch.setattr("ntc.fit.loop.fit", fit)


@pytest.mark.parametrize("encoding", ["hash", "simplex"])
def test_the_encoding_changes_and_the_material_does_not(
    commands: Commands, old: Path, encoding: str
) -> None:
    new = old.parent / "deep" / "new.ntc"
    options = ["--encoding", encoding, *QUICK]
    ended = commands("convert", old, "-o", new, *options, "--json")
    assert ended.code == 0
    report = reports.CompressReport.model_validate_json(ended.out)  # one document
    assert (report.encoding, report.file, report.bytes) == (encoding, str(new), new.stat().st_size)
    assert (report.mips, report.width, report.height) == (1, 40, 30)
    assert report.bpp <= 25.5
    before, after = ntc.open(old), ntc.open(new)
    assert after.maps == before.maps
    assert after.name == before.name == "w"
    assert after.file.model.wrap == (False, False)
    assert after.file.metadata.fit.settings["bpp"] == 25
    assert after.file.metadata.fit.settings["encoding"] == encoding
    assert commands("validate", new).code == 0
    report = ntc.compare(old, new)
    assert report.psnr is not None
    assert report.psnr > 15  # of hardly any texels
    again = old.parent / "again.ntc"
    assert commands("convert", old, "-o", again, *options).code == 0
    assert again.read_bytes() == new.read_bytes()


def test_what_is_not_said_stays_as_it_is(commands: Commands, old: Path) -> None:
    made = ntc.Settings(bpp=20, texels=4096, threads=1, encoding="simplex", profile="light")
    ntc.compress(old.parent / "w", made).save(old)
    new = old.parent / "new.ntc"
    ended = commands("convert", old, "-o", new, *QUICK, "-q")
    assert (ended.code, ended.out) == (0, "")
    before, after = (ntc.info(path) for path in (old, new))
    assert (after.encoding, after.decoder, after.macs) == ("simplex", before.decoder, before.macs)
    assert after.levels == before.levels
    assert after.fit.settings["profile"] == "light"
    assert after.mips == 6


def test_another_size(commands: Commands, old: Path) -> None:
    new = old.parent / "new.ntc"
    assert commands("convert", old, "-o", new, *QUICK, "--bpp", 14).code == 0
    assert ntc.open(new).bpp < 14.5 < ntc.open(old).bpp
    assert ntc.open(new).file.metadata.fit.settings["bpp"] == 14
    ended = commands("convert", old, "-o", new, *QUICK, "--bpp", "-3")
    assert ended.code == 1
    one_error(ended.err, "bpp -3")


@pytest.mark.usefixtures("no_fit")
def test_what_exists_is_kept_unless_told(commands: Commands, old: Path, small_file: Path) -> None:
    new = old.parent / "new.ntc"
    new.write_bytes(small_file.read_bytes())
    ended = commands("convert", old, "-o", new)
    assert ended.code == 2
    one_error(ended.err, "exists", "--on-existing")
    ended = commands("convert", old, "-o", new, "--on-existing", "skip", "--json")
    assert ended.code == 0
    assert json.loads(ended.out)["skipped"] is True
    assert new.read_bytes() == small_file.read_bytes()


def test_a_file_can_be_converted_in_place_if_told(commands: Commands, old: Path) -> None:
    data = old.read_bytes()
    ended = commands("convert", old, "-o", old, *QUICK)
    assert ended.code == 2
    one_error(ended.err, "exists")
    assert old.read_bytes() == data
    options = ["--encoding", "hash", "--on-existing", "overwrite"]
    assert commands("convert", old, "-o", old, *QUICK, *options).code == 0
    assert ntc.info(old).encoding == "hash"
    assert ntc.open(old).name == "w"


@pytest.mark.usefixtures("no_fit")
def test_what_cannot_be_converted(commands: Commands, old: Path) -> None:
    half, new = old.parent / "half.ntc", old.parent / "new.ntc"
    half.write_bytes(old.read_bytes()[:-1])
    (old.parent / "folder.ntc").mkdir()
    cases = [
        ((old.parent / "gone.ntc", "-o", new), 2, "gone.ntc"),
        ((old.parent / "w", "-o", new), 2, "w"),
        ((half, "-o", new), 3, "H6"),
        ((old.parent / "w" / "w_albedo.png", "-o", new), 3, "H1"),
        ((old, "-o", old.parent / "new.png"), 1, ".ntc"),
        ((old, "-o", old.parent), 1, ".ntc"),
        ((old, "-o", old.parent / "folder.ntc"), 2, "folder"),
        ((old, "-o", old / "new.ntc"), 2, "not writable"),
        ((old, "-o", new, "--encoding", "mesh"), 1, "mesh"),
        ((old, "-o", new, "--backend", "abacus"), 1, "abacus"),
        ((old,), 1, "-o"),
    ]
    before = sorted(old.parent.rglob("*"))
    for arguments, code, word in cases:
        ended = commands("convert", *arguments, "--json")
        assert (ended.code, ended.out) == (code, ""), ended
        one_error(ended.err, word)
    assert sorted(old.parent.rglob("*")) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_keeps_the_old_file(old: Path, number: signal.Signals) -> None:
    program = (
        "from ntc.cli import console, main; console._LOG_SECONDS = 0; raise SystemExit(main())"
    )
    command = ["convert", old, "-o", old, "--on-existing", "overwrite", "--effort", "exhaustive"]
    data, before = old.read_bytes(), sorted(old.parent.rglob("*"))
    process = subprocess.Popen(
        [sys.executable, "-c", program, *command, "--threads", "1"],
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
    assert (process.returncode, out) == (130, "")
    one_error(err.splitlines()[-1], "interrupted")
    assert old.read_bytes() == data
    assert sorted(old.parent.rglob("*")) == before
