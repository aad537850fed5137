"""The front door stays light: what importing may load, and how fast help appears."""

import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout


def loaded_by(module: str) -> set[str]:
    """Top-level names of everything that a fresh interpreter holds after importing `module`."""
    modules = run("-c", f"import {module}, sys; print(*sys.modules)").split()
    return {name.partition(".")[0] for name in modules}


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("ntc", {"torch", "OpenImageIO", "typer", "rich", "pydantic"}),
        ("ntc.cli", {"torch", "OpenImageIO"}),
    ],
)
def test_importing_stays_light(module: str, heavy: set[str]) -> None:
    loaded = loaded_by(module)
    assert "ntc" in loaded
    assert not loaded & heavy


def test_help_appears_at_once() -> None:
    """Median of five below 0.3 s: about where a command stops feeling immediate.

    Counted in processor seconds of the child, which a busy machine hardly changes; on an idle one
    they equal the seconds that a user waits, to a hundredth or so.
    """

    def seconds() -> float:
        before = os.times()
        assert "Usage" in run("-m", "ntc", "--help")
        after = os.times()
        user = after.children_user - before.children_user
        return user + after.children_system - before.children_system

    assert statistics.median(seconds() for _ in range(5)) < 0.3
