"""What docs/integration.md shows is true: its blocks run, in their order, in an empty folder.

A block whose first line names a file is that file, the others are for the shell.
"""

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compute import Compute, run_tool
from conftest import missing

import ntc
from ntc.decode import words
from ntc.fit.presets import PROFILES
from ntc.texture import read_image

ROOT = Path(__file__).resolve().parents[1]
TEXT = (ROOT / "docs" / "integration.md").read_text("utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w+)\n(.*?)^```$", TEXT, re.DOTALL | re.MULTILINE)
SHADERS = "glslangValidator"  # begins the blocks that compile shaders
# The commands as the reader has them, but all warnings are errors, and a fit sees fewer texels: the
# guide is not about quality.
WARNINGS = "-std=c99 -Wall -Wextra -pedantic -Werror"
LITTLE_EFFORT = """
import sys
from ntc.cli import main
from ntc.fit import presets

presets.EFFORTS = {**presets.EFFORTS, "fast": 4}
sys.exit(main())
"""


def test_every_block_is_understood() -> None:
    assert TEXT.count("```") == 2 * len(BLOCKS)
    assert {language for language, _ in BLOCKS} == {"sh", "c", "glsl"}
    files = [name_of(code) for language, code in BLOCKS if language != "sh"]
    assert len(files) == len(set(files)) == 8


def test_links_exist() -> None:
    targets = re.findall(r"\]\(([^)#:]+)\)", TEXT)
    assert len(targets) >= 8
    for target in targets:
        assert (ROOT / "docs" / target).exists(), target


def name_of(code: str) -> str:
    """The file that a block is."""
    named = re.match(r"// ([a-z]+\.(?:c|h|frag))(?::|\n)", code)
    assert named is not None, code.partition("\n")[0]
    return named[1]


def command(folder: Path, name: str, code: str) -> None:
    """Goes before the command of this name."""
    (folder / "bin" / name).write_text(code)
    (folder / "bin" / name).chmod(0o755)


def shell(code: str, folder: Path) -> str:
    """What the lines print. They end at the first that fails, and the test with them."""
    bin = Path(sys.executable).parent
    environment = os.environ | {
        "NTC": str(ROOT),
        "PATH": f"{folder / 'bin'}{os.pathsep}{bin}{os.pathsep}{os.environ['PATH']}",
    }
    ended = subprocess.run(
        ["sh", "-eu", "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert ended.returncode == 0, code + ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder after all blocks; `out.txt` is what those for the shell printed."""
    if shutil.which("cc") is None:
        missing("needs a C compiler", "NTC_EXPECT_C")
    folder = tmp_path_factory.mktemp("guide")
    (folder / "bin").mkdir()
    command(folder, "cc", f'#!/bin/sh\nexec {shutil.which("cc")} {WARNINGS} "$@"\n')
    command(folder, "ntc", f"#!{sys.executable}\n{LITTLE_EFFORT}")
    printed = []
    for language, code in BLOCKS:
        if language != "sh":
            (folder / name_of(code)).write_text(code)
        elif not code.startswith(SHADERS):
            printed.append(shell(code, folder))
    (folder / "out.txt").write_text("".join(printed))
    return folder


def test_the_picture_is_that_of_the_reference(guide: Path) -> None:
    """`ntc compare` in the guide has said so; here another reader does."""
    picture = read_image(guide / "brick_wall_albedo.tga")
    decoded = ntc.open(guide / "bricks.ntc").decode()["albedo"]
    assert decoded.std() > 10
    np.testing.assert_array_equal(picture, decoded)


def test_streaming_and_pages(guide: Path) -> None:
    printed = (guide / "out.txt").read_text()
    steps = re.findall(r"^(\d+) of (\d+) bytes: mips from (\d+) on$", printed, re.MULTILINE)
    size = (guide / "bricks.ntc").stat().st_size
    assert len(steps) > 3
    assert steps[-1] == (str(size), str(size), "0")
    mips = [int(mip) for *_, mip in steps]
    assert mips == sorted(set(mips), reverse=True)
    assert "page of 136 x 136 texels, 9 channels" in printed


def test_masks(guide: Path) -> None:
    material = ntc.open(guide / "leaves.ntc")
    for mip in (0, 3):
        alpha = material.decode(mip)["albedo"][..., 3]
        mask = np.fromfile(guide / f"mask{mip}.bin", np.uint8)
        np.testing.assert_array_equal(mask.reshape(alpha.shape), alpha)
    shares = re.findall(r"^mip [0-3]: ([0-9.]+) of", (guide / "out.txt").read_text(), re.MULTILINE)
    assert len(shares) == 4
    assert max(map(float, shares)) - min(map(float, shares)) < 0.02


@pytest.mark.gpu
def test_shaders(guide: Path) -> None:
    """Both compile; the decoder without dot products and the one with them give the same mip."""
    run_tool(SHADERS, "--version")
    for language, code in BLOCKS:
        if language == "sh" and code.startswith(SHADERS):
            shell(code, guide)
    assert (guide / "material.spv").stat().st_size > 10_000
    plain = (guide / "decode.spv").read_bytes()
    dotted = (ROOT / "shaders" / "generated" / "ntc_decode.spv").read_bytes()
    assert not dot_products(plain)
    assert dot_products(dotted)
    expected = mip_two(guide / "bricks.ntc")
    for spirv, entry in ((plain, "main"), (dotted, words.DECODE_ENTRY)):
        np.testing.assert_array_equal(dispatched(guide, spirv, entry), expected)


def dot_products(spirv: bytes) -> bool:
    """Whether a module declares the capability, which is among its first instructions."""
    code = np.frombuffer(spirv, np.uint32)
    at, found = 5, []
    while code[at] & 0xFFFF in (10, 11, 17):  # OpExtension, OpExtInstImport, OpCapability
        found += [int(code[at + 1])] if code[at] & 0xFFFF == 17 else []
        at += int(code[at] >> 16)
    return bool({6016, 6017, 6018, 6019} & set(found))


def mip_two(path: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """`[texels, 4]` as load.c asks for them: albedo, and a byte that fills up the word."""
    albedo = ntc.open(path).decode(2)["albedo"].reshape(-1, 3)
    return np.pad(albedo, ((0, 0), (0, 1)))


def dispatched(guide: Path, spirv: bytes, entry: str) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The output of the dispatch that load.c has prepared."""
    said = re.search(r"^(\d+) groups, (\d+) bytes", (guide / "out.txt").read_text(), re.MULTILINE)
    assert said is not None
    buffers = [np.fromfile(guide / f"{name}.bin", np.uint32) for name in ("words", "job")]
    out = np.full(int(said[2]) // 4, 0xA5A5A5A5, np.uint32)
    compute = Compute(spirv, entry, len(words.BINDINGS))
    result = compute.run(int(said[1]), *buffers, np.zeros(2, np.uint32), out)
    return result.view(np.uint8).reshape(-1, 4)


def test_costs_add_up() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([\d,]+) \| ([\d -]+) \|", TEXT, re.MULTILINE)
    assert [profile for profile, *_ in rows] == list(PROFILES)
    for profile, macs, decoder in rows:
        sizes = [int(size) for size in decoder.split(" - ")]
        products = sum(a * b for a, b in pairwise(sizes))
        assert f"{products:,}" == macs
        assert products <= (PROFILES[profile].max_macs or products)
