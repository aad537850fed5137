"""The viewer's page in Chromium, the pixels of its picture, and fixtures of both for all tests.

`NTC_EXPECT_BROWSER=1` promises Chromium and what drives it.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pytest
from conftest import missing
from viewing import Browser, browsing

from ntc.decode import reference
from ntc.material import open_material
from ntc.viewer.browser import FLAGS
from ntc.viewer.samples import as_bytes, map_planes

NO_SANDBOX = "--no-sandbox"  # root has none
READ = """() => {
  const {width, height} = document.getElementById("picture")
  const context = document.getElementById("picture").getContext("2d")
  const {data} = context.getImageData(0, 0, width, height)
  return {width, height, data: new Uint8Array(data.buffer).toBase64()}
}"""
ENDED = """() => {
  const {ready, error} = document.documentElement.dataset
  return error ? "error: " + error : ready === "1" && "ready"
}"""
CARRY = """files => {
  const transfer = new DataTransfer()
  for (const [name, data] of files)
    transfer.items.add(new File([Uint8Array.fromBase64(data)], name))
  return transfer
}"""


class Page:
    """One tab, opened at states of the page; what goes wrong in it is kept in `complaints`."""

    def __init__(self, tab: Any, ask: Browser) -> None:
        self.tab, self.ask = tab, ask
        self.complaints: list[str] = []
        self.requests: list[str] = []
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("console", self._hear)
        tab.on("request", lambda request: self.requests.append(request.url))

    def _hear(self, said: Any) -> None:
        # A browser itself says so of an answer that is an error, which the page shows.
        if said.type == "error" and "status of 4" not in said.text:
            self.complaints.append(said.text)

    def show(self, fragment: str = "") -> str:
        """Opens a state of the page; what it says in the end: `ready`, or its error."""
        self.tab.goto("about:blank")
        self.tab.goto(f"{self.ask.server.url}#{fragment}")
        return self.ended()

    def see(self, fragment: str = "") -> str:
        """As `show`, without loading again a page that is open."""
        if not self.tab.url.startswith("http"):
            return self.show(fragment)
        self.tab.evaluate("state => { location.hash = state }", fragment)
        for _ in range(2):
            self.tab.evaluate("() => new Promise(done => requestAnimationFrame(done))")
        return self.ended()

    def ended(self) -> str:
        return str(self.tab.wait_for_function(ENDED, timeout=60_000).json_value())

    def press(self, key: str) -> None:
        self.tab.keyboard.press(key)
        self.tab.wait_for_timeout(50)
        assert self.ended() == "ready"

    def drop(self, *files: tuple[str, bytes]) -> None:
        """Holds files over the picture, sees that the page would take them, and lets them go."""
        given = [(name, base64.b64encode(data).decode()) for name, data in files]
        transfer = self.tab.evaluate_handle(CARRY, given)
        self.tab.dispatch_event("#picture", "dragover", {"dataTransfer": transfer})
        assert self.tab.get_attribute("html", "data-drop") == "1"
        self.tab.dispatch_event("#picture", "drop", {"dataTransfer": transfer})
        assert self.tab.get_attribute("html", "data-drop") is None

    def canvas(self) -> np.ndarray:
        """`[h, w, 4]` of the whole canvas."""
        self.tab.evaluate("() => new Promise(done => requestAnimationFrame(done))")
        found = self.tab.evaluate(READ)
        pixels = np.frombuffer(base64.b64decode(found["data"]), np.uint8)
        return pixels.reshape(found["height"], found["width"], 4)

    def picture(self) -> np.ndarray:
        """`[h, w, 3]` of what is covered by texels."""
        pixels = self.canvas()
        covered = pixels[:, :, 3] > 0
        rows, columns = np.flatnonzero(covered.any(axis=1)), np.flatnonzero(covered.any(axis=0))
        assert covered[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()
        return pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1, :3]

    def state(self) -> str:
        """The fragment of the address, which follows what moves after a pause."""
        self.tab.wait_for_timeout(150)
        return str(self.tab.evaluate("location.hash"))

    def psnr(self) -> dict[str, float | None]:
        """dB of all channels and of each map, as the panel tells them."""
        rows = self.tab.evaluate(
            """() => [...document.querySelectorAll("#psnr tr")].slice(1).map(row =>
                [row.cells[0].textContent, row.querySelector("[data-psnr]")?.dataset.psnr])"""
        )
        return {name: json.loads(psnr) for name, psnr in rows if psnr is not None}

    def text(self, selector: str) -> str:
        return str(self.tab.inner_text(selector))


def launch(driver: Any, *flags: str) -> Any:
    """A browser; without flags one that has no WebGPU."""
    return driver.chromium.launch(executable_path=which("chromium"), args=(NO_SANDBOX, *flags))


def tab(browser: Any, ask: Browser, **options: Any) -> Iterator[Page]:
    """A page of its own; at the end nothing went wrong in it, and nothing came from elsewhere."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}} | options)
    page = Page(context.new_page(), ask)
    yield page
    context.close()
    assert page.complaints == []
    origin = f"http://127.0.0.1:{ask.server.guard.port}/"
    strange = [u for u in page.requests if not u.startswith((origin, "about:", "blob:"))]
    assert strange == []


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        missing(f"no driver of browsers: {error}", "NTC_EXPECT_BROWSER")
    if which("chromium") is None:
        missing("chromium is not installed", "NTC_EXPECT_BROWSER")
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="module")
def browser(driver: Any) -> Iterator[Any]:
    found = launch(driver, *FLAGS)
    yield found
    found.close()


@pytest.fixture(scope="module")
def ask(small_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Item 0 is a `.ntc`, item 1 the images that it was made from."""
    with browsing(tmp_path_factory.mktemp("fits"), small_file, small_file.parent / "bricks") as ask:
        yield ask


@pytest.fixture
def page(browser: Any, ask: Browser) -> Iterator[Page]:
    yield from tab(browser, ask)


@pytest.fixture(scope="module")
def decoded(small_file: Path) -> dict[tuple[str, int], np.ndarray]:
    """(map, mip) -> samples by the reference decoder, 8 bits of maps that had them."""
    material = open_material(small_file)
    found = {}
    for mip in range(2):
        stack = reference.decode(material.file.model, mip)
        for record in material.maps:
            planes = map_planes(record, stack)
            found[record.name, mip] = as_bytes(planes) if record.sample == "uint8" else planes
    return found


def original(ask: Browser, name: str) -> np.ndarray:
    return ask(f"/api/item/1/map/{name}/mip/0").samples


def shown(samples: np.ndarray) -> np.ndarray:
    """`[h, w, 3]` bytes of the screen."""
    found = as_bytes(samples) if samples.dtype == np.uint16 else samples
    return found[:, :, :3] if found.shape[2] > 2 else np.repeat(found[:, :, :1], 3, axis=2)


def unit(samples: np.ndarray) -> np.ndarray:
    return samples / np.float64(np.iinfo(samples.dtype).max)
