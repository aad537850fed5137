"""The viewer's page in Chromium, and the pixels of its picture."""

import base64
from pathlib import Path
from typing import Any

import numpy as np
from gpu_browser import FLAGS
from viewing import Browser

NO_GPU = ("--no-sandbox",)
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

    def ended(self) -> str:
        return str(self.tab.wait_for_function(ENDED, timeout=60_000).json_value())

    def press(self, key: str) -> None:
        self.tab.keyboard.press(key)
        self.tab.wait_for_timeout(50)
        assert self.ended() == "ready"

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
        """The fragment of the address."""
        return str(self.tab.evaluate("location.hash"))

    def text(self, selector: str) -> str:
        return str(self.tab.inner_text(selector))


def launch(driver: Any, program: str, flags: tuple[str, ...] = FLAGS) -> Any:
    return driver.chromium.launch(executable_path=program, args=flags)


def screenshot(page: Page, path: Path) -> None:
    page.tab.screenshot(path=path)
