"""The page of `engines/three` in Chromium, with WebGPU and with WebGL2, as a fixture for its tests.

`NTC_EXPECT_BROWSER=1` promises Chromium and node, `NTC_EXPECT_VITE=1` three and the compiler.
"""

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import missing
from serving import Held, Site, serving
from three_files import worn_file

from ntc.decode import reference
from ntc.format import container, spec
from ntc.format.container import NtcFile
from ntc.format.model import QuantizedModel
from ntc.viewer.samples import as_bytes, map_planes

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "engines" / "three"
MODULES = ROOT / "viewer" / "node_modules"


@pytest.fixture(scope="session")
def three_package(node: str) -> str:
    """node, with the package compiled."""
    if not (MODULES / "three").exists() or not (MODULES / "typescript").exists():
        missing("needs `npm install` in viewer/", "NTC_EXPECT_VITE")
    run(node, PACKAGE / "build.mjs")
    return node


def run(*command: object, folder: Path = ROOT) -> str:
    called = [str(word) for word in command]
    ended = subprocess.run(called, capture_output=True, text=True, cwd=folder)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


@pytest.fixture(scope="module")
def three_site(three_package: str) -> Iterator[Site]:
    folders = {"/tests/": ROOT / "tests", "/engines/": ROOT / "engines"}
    folders["/three/"] = MODULES / "three"
    with serving(Site(folders)) as found:
        put_file(found, "worn", worn_file())
        yield found


class Three:
    """Calls functions of tests/browser/three.html; what goes wrong there is kept."""

    def __init__(self, browser: Any, site: Site, size: int = 96) -> None:
        self.site = site
        self.complaints: list[str] = []
        self.tab = browser.new_page(viewport={"width": size, "height": size})
        self.tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.tab.on("console", self._hear)

    def _hear(self, said: Any) -> None:
        # three warns of its own property when it clones a material.
        if said.type in ("error", "warning") and "iridescenceThicknessRange" not in said.text:
            self.complaints.append(said.text)

    def open(self, forced: bool) -> str:
        self.tab.goto(f"{self.site.url}/tests/browser/three.html")
        self.tab.wait_for_function("window.ready")
        return str(self.tab.evaluate("start", forced))

    def __call__(self, function: str, given: Any = None) -> Any:
        return self.tab.evaluate(function, given)

    def texels(self, url: str, model: QuantizedModel, mip: int, filter_: str) -> np.ndarray:
        """`[h, w, channels]` as bytes, of a plane that has as many pixels."""
        width, height = spec.mip_size(model.width, model.height, mip)
        count = -(-model.channels // 3)
        numbers = [min(i, model.channels - 1) for i in range(3 * count)]
        triples = [numbers[3 * i : 3 * i + 3] for i in range(count)]
        given = {"url": url, "filter": filter_, "triples": triples, "size": [width, height]}
        found = [rgba(data, width, height)[..., :3] for data in self("outputs", given)]
        return np.concatenate(found, axis=2)[..., : model.channels]


@pytest.fixture(scope="module", params=["webgpu", "webgl"])
def three(request: pytest.FixtureRequest, browser: Any, three_site: Site) -> Iterator[Three]:
    found = Three(browser, three_site)
    if found.open(request.param == "webgl") != request.param:
        missing("no browser with WebGPU", "NTC_EXPECT_BROWSER")
    yield found
    found.tab.close()
    assert found.complaints == []


def rgba(data: str, width: int, height: int) -> np.ndarray:
    return np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)


def put_file(site: Site, name: str, file: NtcFile, **how: Any) -> str:
    site.held[f"/{name}.ntc"] = Held(container.write(file), **how)
    return f"/{name}.ntc"


def close(found: np.ndarray, wanted: np.ndarray, most: int) -> None:
    assert np.abs(found - np.rint(wanted)).max() <= most


def alike(found: np.ndarray, wanted: np.ndarray) -> None:
    """Up to what highlights make of the 8 bits that images have of roughness and normals."""
    error = np.abs(found.astype(int) - wanted.astype(int))
    assert (error > 2).mean() < 0.02
    assert error.max() < 16


@pytest.fixture(scope="session")
def worn_images() -> dict[str, np.ndarray]:
    """Map -> bytes of mip 0 of `worn_file` as the reference has them."""
    file = worn_file()
    stack = reference.decode(file.model)
    return {record.name: as_bytes(map_planes(record, stack)) for record in file.metadata.maps}
