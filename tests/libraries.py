"""Libraries of tiny materials, and `ntc batch` over them as a process of its own."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from material_files import put
from small_materials import waves

QUICK = ("--texels", 4096, "--threads", 1)

# Notes the beginning and the end of each fit, and on which node of Ray it is.
_COUNTING = """
import os
from ntc import api
compress, notes = api.compress, os.environ["NTC_TEST_NOTES"]
def noted(listing, *arguments, **options):
    note("start", listing.name)
    material = compress(listing, *arguments, **options)
    note("end", listing.name)
    return material
def note(*words):
    with open(notes, "a") as file:
        file.write(" ".join([*words, os.environ.get("RAY_RAYLET_PID", "")]) + "\\n")
api.compress = noted
"""


def make_library(root: Path, count: int, size: int = 32) -> Path:
    """Materials `m00`, `m01`, ... of two maps, each in its folder, half of them one level down."""
    for index in range(count):
        folder = root / ("deep" if index % 2 else "") / f"m{index:02}"
        rng = np.random.default_rng(index)
        for name, channels in (("albedo", 3), ("roughness", 1)):
            image = waves(size, size, channels) + rng.integers(-9, 9, (size, size, channels))
            put(folder / f"m{index:02}_{name}.png", image.clip(0, 255).astype(np.uint8))
    return root


def outputs(folder: Path) -> dict[str, bytes]:
    """The bytes of each `.ntc`, by the last part of its name."""
    return {path.stem: path.read_bytes() for path in folder.rglob("*.ntc")}


def leftovers(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name.endswith(".part")]


class Batches:
    """`ntc batch` in processes whose temporary files, cache and counted fits lie in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.notes = folder / "notes"
        scratch, site = folder / "tmp", folder / "site"
        scratch.mkdir()
        site.mkdir()
        (site / "sitecustomize.py").write_text(_COUNTING)
        self.environment = {
            **os.environ,
            "NTC_TEST_NOTES": str(self.notes),
            "PYTHONPATH": str(site),
            "TMPDIR": str(scratch),
            "XDG_CACHE_HOME": str(folder / "cache"),
        }

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "ntc", "batch", *map(str, arguments)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __call__(self, *arguments: object) -> "subprocess.CompletedProcess[str]":
        process = self.start(*arguments)
        out, err = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def noted(self, what: str, node: int | str = "") -> list[str]:
        """Names of materials whose fits started or ended, of all nodes or of one."""
        lines = self.notes.read_text().splitlines() if self.notes.exists() else []
        words = [line.split() for line in lines]
        return [w[1] for w in words if w[0] == what and (not node or w[2] == str(node))]

    def wait_for(self, what: str, count: int, node: int | str = "") -> None:
        end = time.monotonic() + 180  # a cluster starts slowly on a busy machine
        while len(self.noted(what, node)) < count:
            assert time.monotonic() < end, f"not {count} times {what}"
            time.sleep(0.01)

    def workers(self) -> list[int]:
        """Processes that work here: what one started has a temporary folder of its own."""
        return processes_with(f"TMPDIR={self.folder}/tmp/.ntc-")

    def wait_until_alone(self) -> None:
        end = time.monotonic() + 20
        while self.workers():
            assert time.monotonic() < end, "workers are left"
            time.sleep(0.01)


def processes_with(variable: str) -> list[int]:
    """Those whose environment has this in it."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if variable.encode() in environ.read_bytes():
                found.append(int(environ.parent.name))
        except OSError:
            continue
    return found


def stop(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str, str]:
    """As a terminal does it: all processes of the group get the signal."""
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err
