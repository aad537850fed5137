"""The commands that read a `.ntc`: decompress, info, validate, compare."""

from pathlib import Path

from conftest import Commands
from small_materials import NAMES
from test_cli import one_error

from ntc import reports


def test_decompress_writes_every_map(commands: Commands, small_file: Path, tmp_path: Path) -> None:
    ended = commands("decompress", small_file, "-o", tmp_path / "out", "--json")
    assert ended.code == 0
    report = reports.DecompressReport.model_validate_json(ended.out)
    assert {Path(file).name for file in report.written} == NAMES
    assert {path.name for path in (tmp_path / "out").iterdir()} == NAMES
    ended = commands("decompress", small_file, "-o", tmp_path / "out")
    assert ended.code == 2
    one_error(ended.err, "exists")
    ended = commands("decompress", small_file, "-o", tmp_path / "out", "--mip", 9)
    assert ended.code == 1
    one_error(ended.err, "mip 9")
    (tmp_path / "out" / "bricks_ao.tif").unlink()
    ended = commands("decompress", small_file, "-o", tmp_path / "out", "--on-existing", "skip")
    assert ended.out.split() == [str(tmp_path / "out" / "bricks_ao.tif")]
    assert ended.err.count("kept as it was") == 3


def test_decompress_only_some(commands: Commands, small_file: Path, tmp_path: Path) -> None:
    ended = commands("decompress", small_file, "-o", tmp_path, "--only", "a*", "--mip", 2)
    assert {Path(file).name for file in ended.out.split()} == {"bricks_albedo.png", "bricks_ao.tif"}
    ended = commands("decompress", small_file, "-o", tmp_path / "new", "--only", "sheen")
    assert ended.code == 1
    one_error(ended.err, "sheen", "albedo, ao, height, normal")
    ended = commands("decompress", small_file, "-o", tmp_path / "new", "--mip", 9)
    assert ended.code == 1
    assert not (tmp_path / "new").exists()


def test_info(commands: Commands, small_file: Path) -> None:
    report = reports.InfoReport.model_validate_json(commands("info", small_file, "--json").out)
    assert (report.width, report.height, report.mips, report.channels) == (24, 16, 5, 8)
    assert report.decoder[-1] == 8
    text = commands("info", small_file).out
    for word in ("video memory", f"{report.macs} MAC", "bytes read per texel", "bricks_ao.tif"):
        assert word in text


def test_info_of_the_machine(commands: Commands) -> None:
    assert "backends" in commands("info", "--system").out
    report = reports.SystemReport.model_validate_json(commands("info", "--system", "--json").out)
    assert "torch" in report.backends


def test_validate_many(commands: Commands, small_file: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.ntc"
    bad.write_bytes(small_file.read_bytes()[:-1])
    assert commands("validate", small_file) == (0, f"{small_file}: valid\n", "")
    ended = commands("validate", bad, small_file)
    assert ended.code == 3
    one_error(ended.err, "bad.ntc", "H6")
    assert "valid" in ended.out
    ended = commands("validate", tmp_path, tmp_path / "gone", bad, small_file)
    assert ended.code == 2
    assert ended.err.count("error: ") == 3
    assert "valid" in ended.out
    ended = commands("validate", bad, small_file, "--json")
    found = [reports.ValidateReport.model_validate_json(line) for line in ended.out.splitlines()]
    assert [(report.valid, report.rule) for report in found] == [(False, "H6"), (True, None)]
    assert ended.code == 3


def test_compare_gates(commands: Commands, small_file: Path) -> None:
    originals = small_file.parent / "bricks"
    ended = commands("compare", originals, small_file, "--json")
    assert ended.code == 0
    report = reports.CompareReport.model_validate_json(ended.out)
    assert commands("compare", originals, small_file, "--min-psnr", report.psnr).code == 0
    ended = commands("compare", originals, small_file, "--min-psnr", 90)
    assert ended.code == 6
    one_error(ended.err, "90 dB")
    assert commands("compare", originals, small_file, "--exact").code == 7
    ended = commands("compare", originals, originals, "--exact", "--min-psnr", 90)
    assert ended.code == 0
    assert "exact" in ended.out
