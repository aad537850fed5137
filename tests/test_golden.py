"""Golden files decode to what they always did; broken ones are refused by the rule they break."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import scalar_decoder

from ntc.decode import reference
from ntc.errors import FormatError
from ntc.format import container

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "data"
GOLDEN = sorted((DATA / "golden").glob("*/*.ntc"))
BROKEN = sorted((DATA / "broken").glob("*.ntc"))
RULE = re.compile(r"[HCEMLNDRJ][1-9]")
NO_BROKEN_FILE = {"J2": "it asks readers to ignore something, so nothing breaks it"}


def rules_of_the_specification() -> set[str]:
    """The ids that head a row of a table in docs/format.md."""
    text = (ROOT / "docs" / "format.md").read_text("utf-8")
    return set(re.findall(rf"^\| ({RULE.pattern}) \|", text, re.MULTILINE))


def rules_of_the_code() -> set[str]:
    text = "".join(path.read_text("utf-8") for path in (ROOT / "ntc" / "format").glob("*.py"))
    return set(re.findall(rf'"({RULE.pattern})"', text))


def table(data: bytes) -> list[bytes]:
    """The entries of the chunk table, 40 bytes each."""
    count = int.from_bytes(data[20:24], "little")
    return [data[40 + 40 * i :][:40] for i in range(count)]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden_file(path):
    file = container.read(path.read_bytes())
    with np.load(path.with_suffix(".npz")) as expected:
        assert len(expected.files) == file.model.mips
        for key in expected.files:
            mip, *rect = (int(n) for n in key.split("_"))
            values = reference.decode(file.model, mip, tuple(rect))
            assert values.dtype == expected[key].dtype
            np.testing.assert_array_equal(values, expected[key])


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_golden_file_by_the_scalar_decoder(rng, path):
    material = scalar_decoder.parse(path.read_bytes())
    with np.load(path.with_suffix(".npz")) as expected:
        for key in expected.files:
            mip, left, top, width, height = (int(n) for n in key.split("_"))
            for x, y in zip(rng.integers(0, width, 6), rng.integers(0, height, 6), strict=True):
                values = scalar_decoder.decode_texel(material, mip, left + int(x), top + int(y))
                assert values == expected[key][y, x].tolist()


def test_golden_files_have_every_layout():
    kinds, wraps = set(), set()
    for path in GOLDEN:
        model = container.read(path.read_bytes()).model
        for layout in (level.layout for level in model.levels):
            blocks = layout.block_log2 > 0
            kinds.add((layout.simplex, layout.table_log2 > 0, blocks, layout.mask is not None))
            wraps.add((layout.simplex, *model.wrap))
    stored = {(False, False, False), (True, False, False), (True, True, False), (False, True, True)}
    assert kinds == {(simplex, *way) for simplex in (False, True) for way in stored}
    assert wraps >= {(True, True, True), (True, True, False), (True, False, False)}


def test_golden_files_have_every_codec():
    codecs = {chunk[32] for path in GOLDEN for chunk in table(path.read_bytes())}
    assert codecs == {0, 1, 2}


def test_golden_files_are_there():
    assert len(GOLDEN) >= 8
    assert {path.stem for path in (DATA / "golden").glob("*/*.npz")} == {p.stem for p in GOLDEN}


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_broken_file(path):
    with pytest.raises(FormatError) as caught:
        container.read(path.read_bytes())
    assert caught.value.rule == path.stem.partition("-")[0]
    assert caught.value.offset >= 0
    assert "\n" not in str(caught.value)


def test_the_peer_is_named():
    with pytest.raises(FormatError, match="NVIDIA RTXNTC"):
        container.read((DATA / "broken" / "H1-ntex.ntc").read_bytes())


def test_every_rule_is_specified_checked_and_has_a_broken_file():
    specified = rules_of_the_specification()
    assert len(specified) > 30
    assert rules_of_the_code() == specified - NO_BROKEN_FILE.keys()
    broken = {path.stem.partition("-")[0] for path in BROKEN}
    assert broken == specified - NO_BROKEN_FILE.keys()


def test_the_fuzzer_runs(tmp_path):
    search = os.pathsep.join(str(ROOT / part) for part in ("tests", "."))
    done = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "tools" / "fuzz_container.py", "1"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": search},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "accepted" in done.stdout


def test_schemas_are_fresh():
    tool = ROOT / "tools" / "make_schemas.py"
    done = subprocess.run([sys.executable, tool, "--check"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
