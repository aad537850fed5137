"""What every test gets: numpy that raises, one seed, and the real materials where they are."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn

import hypothesis
import numpy as np
import pytest

if TYPE_CHECKING:
    from gpu_browser import Chromium
    from gpu_webgpu import WebGpu

SEED = 20251120

pytest_plugins = ["page", "three_page"]

# No deadline: machines are shared. CI draws the same examples each time: a red run can be repeated.
hypothesis.settings.register_profile("ntc", deadline=None, derandomize=bool(os.environ.get("CI")))
hypothesis.settings.load_profile("ntc")


@pytest.fixture(autouse=True)
def _numpy_raises() -> Iterator[None]:
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        yield


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(SEED)


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Commands:
    """Runs `ntc` in this process: `commands("info", path).code`."""

    def __init__(self, capsys: pytest.CaptureFixture[str], patch: pytest.MonkeyPatch) -> None:
        self.capsys, self.patch = capsys, patch

    def __call__(self, *arguments: object) -> Ended:
        from ntc.cli import main

        self.patch.setattr("sys.argv", ["ntc", *map(str, arguments)])
        self.capsys.readouterr()
        code = main()
        return Ended(code, *self.capsys.readouterr())


@pytest.fixture
def commands(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(capsys, monkeypatch)


@pytest.fixture(scope="session")
def small_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A compressed material of 24x16; its originals lie in the folder `bricks` beside it."""
    from small_materials import make_bricks

    import ntc

    folder = make_bricks(tmp_path_factory.mktemp("small") / "bricks")
    target = folder.parent / "bricks.ntc"
    ntc.compress(folder, ntc.Settings(bpp=64, texels=1 << 16, threads=1)).save(target)
    return target


@pytest.fixture(scope="session")
def materials() -> dict[str, Path]:
    """Name -> folder of each real set: in $NTC_MATERIALS, else in shared/ beside the checkout."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "materials"
    root = Path(os.environ.get("NTC_MATERIALS", beside))
    found = {path.parent.name: path.parent for path in sorted(root.glob("*/manifest.json"))}
    if not found:
        promised = "NTC_MATERIALS" in os.environ or os.environ.get("NTC_EXPECT_MATERIALS") == "1"
        (pytest.fail if promised else pytest.skip)(f"no material sets in {root}")
    return found


def missing(why: str, promise: str) -> NoReturn:
    """Fails if this variable of the environment promises what is missing, skips otherwise."""
    (pytest.fail if os.environ.get(promise) == "1" else pytest.skip)(why)


@pytest.fixture(scope="session")
def webgpu() -> "WebGpu":
    """Runs the shader in WGSL through wgpu-py."""
    try:
        from gpu_webgpu import WebGpu

        return WebGpu()
    except (ImportError, RuntimeError) as error:
        missing(f"no WebGPU: {error}", "NTC_EXPECT_VULKAN")


@pytest.fixture(scope="session")
def chromium() -> "Iterator[Chromium]":
    """Runs the shader in WGSL in a browser; one for all tests."""
    try:
        from gpu_browser import Chromium, StartFailed
    except ImportError as error:
        missing(f"no driver of browsers: {error}", "NTC_EXPECT_BROWSER")
    try:
        browser = Chromium()
    except StartFailed as error:
        missing(f"no browser with WebGPU: {error}", "NTC_EXPECT_BROWSER")
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def node() -> str:
    """The program node, with the package in `engines/web` compiled."""
    root = Path(__file__).resolve().parents[1]
    program, compiler = shutil.which("node"), root / "node_modules" / "typescript"
    if program is None or not compiler.exists():
        missing("needs node and `npm install typescript @types/node`", "NTC_EXPECT_BROWSER")
    command = [program, root / "engines" / "web" / "build.mjs"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return program
