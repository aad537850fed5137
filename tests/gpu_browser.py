"""Runs the shader in WGSL in Chromium's WebGPU, which needs no GPU: it brings SwiftShader."""

from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
from batches import JOB_STRIDE, Batch, Words
from gpu_webgpu import SHADER
from playwright.sync_api import Error as StartFailed
from playwright.sync_api import sync_playwright

from ntc.decode import words

PAGE = Path(__file__).resolve().parent / "browser" / "decode.html"
FLAGS = (
    "--no-sandbox",  # root has none
    "--enable-unsafe-webgpu",
    "--use-angle=swiftshader",
    "--enable-features=Vulkan",
    "--use-vulkan=swiftshader",
)


class Chromium:
    """One page of one browser, driven from a thread of its own: the driver keeps its event loop.

    Raises StartFailed without Chromium, or if it has no WebGPU. To be closed.
    """

    def __init__(self) -> None:
        program = which("chromium")
        if program is None:
            raise StartFailed("chromium is not installed")
        self._thread = ThreadPoolExecutor(1)
        self._thread.submit(self._open, program).result()

    def _open(self, program: str) -> None:
        self._driver = sync_playwright().start()
        self._browser = self._driver.chromium.launch(executable_path=program, args=FLAGS)
        self._page = self._browser.new_page()
        self._page.goto(PAGE.as_uri())
        self.about = self._evaluate("start", [SHADER.read_text("utf-8"), words.DECODE_ENTRY])
        self.name = f"Chromium {self._browser.version}, {self.about['name']}"

    def close(self) -> None:
        self._thread.submit(self._close).result()
        self._thread.shutdown()

    def _close(self) -> None:
        self._browser.close()
        self._driver.stop()

    def __call__(self, batch: Batch) -> Words:
        """The output after all jobs, `[words]`."""
        arguments = {
            name: b64encode(getattr(batch, name)).decode()
            for name in ("words", "jobs", "points", "out")
        }
        sizes = {"jobStride": 4 * JOB_STRIDE, "jobSize": 4 * words.JOB_WORDS}
        whole = arguments | sizes | {"groups": batch.groups}
        result = self._thread.submit(self._evaluate, "run", [whole]).result()
        return np.frombuffer(b64decode(result), np.uint32)

    def _evaluate(self, function: str, arguments: list[Any]) -> Any:
        return self._page.evaluate(f"arguments => {function}(...arguments)", arguments)
