"""The viewer's page in a browser without a window, for pictures of it."""

from __future__ import annotations

import os
from pathlib import Path
from shutil import which
from typing import Any, Final

from ntc.errors import RuntimeFailure
from ntc.files import write_bytes

_PROGRAMS: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
# WebGPU without a GPU, drawn to a canvas.
FLAGS: Final = (
    "--enable-unsafe-webgpu",
    "--use-angle=swiftshader",
    "--enable-features=Vulkan",
    "--use-vulkan=swiftshader",
)
_READY_MILLISECONDS: Final = 120_000
_ENDED: Final = """() => {
  const said = document.documentElement.dataset;
  return said.error ? "error: " + said.error : said.ready === "1" && "ready";
}"""


def shoot(url: str, picture: Path, width: int, height: int) -> None:
    """Writes a PNG of the page once it says that its picture stands.

    Raises RuntimeFailure if there is no browser, or if the page cannot show what it is asked for.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise RuntimeFailure(
            "pictures of the page need playwright: pip install 'ntc[viewer]'"
        ) from error
    program = next((path for path in map(which, _PROGRAMS) if path), None)
    if program is None:
        names = ", ".join(_PROGRAMS)
        raise RuntimeFailure(f"no browser found: looked for {names}; install Debian's `chromium`")
    # Root has no sandbox.
    flags = [*FLAGS, "--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else [*FLAGS]
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=program, args=flags)
            page = browser.new_page(viewport={"width": width, "height": height})
            data = _picture(page, url)
            browser.close()
    except Error as error:
        reason = str(error).strip().partition("\n")[0]
        raise RuntimeFailure(f"{program}: {reason}") from error
    write_bytes(picture, data)


def _picture(page: Any, url: str) -> bytes:
    page.goto(url)
    said = page.wait_for_function(_ENDED, timeout=_READY_MILLISECONDS).json_value()
    if said != "ready":
        raise RuntimeFailure(f"the page says {said}")
    return bytes(page.screenshot())
