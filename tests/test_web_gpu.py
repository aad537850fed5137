"""`GpuDecoder` of `engines/web` in a browser gives what the reference gives, in every type.

`NTC_EXPECT_BROWSER=1` promises node, the compiler, and Chromium with WebGPU.
"""

import base64
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pytest
from batches import expected
from conftest import missing
from models import every_value_model, plain_file, random_file

from ntc.decode import reference
from ntc.decode.gpu import jobs
from ntc.format import container, spec
from ntc.format.container import NtcFile

DIST = Path(__file__).resolve().parents[1] / "engines" / "web" / "dist"
PAGE = "http://localhost/"  # never reached: its requests are answered here
TYPES = {"u8": np.uint8, "u16": np.uint16, "half": np.float16, "float": np.float32}

START = """
async () => {
  const ntc = await import("/index.js")
  const adapter = await navigator.gpu?.requestAdapter()
  if (!adapter) throw new Error("no WebGPU adapter")
  const device = await adapter.requestDevice()
  window.failures = []
  device.addEventListener("uncapturederror", event => failures.push(event.error.message))
  Object.assign(window, {ntc, device, decoder: await ntc.GpuDecoder.create(device)})
}"""
DECODE = """
async ({file, requests}) => {
  const opened = ntc.openNtc(Uint8Array.fromBase64(file))
  const material = decoder.upload(opened)
  const found = []
  for (const request of requests) {
    const texels = decoder.decode(material, request)
    found.push(new Uint8Array(await decoder.read(texels)).toBase64())
    texels.buffer.destroy()
  }
  const whole = await decoder.decodeRectangle(material, 0)
  material.words.destroy()
  return {found, whole: new Uint8Array(whole.buffer).toBase64(), failures}
}"""
NARROW = """
async ({file, limit}) => {
  const limits = {maxStorageBufferBindingSize: limit, maxBufferSize: limit}
  let outputs = 0
  const narrow = {limits, queue: device.queue}
  for (const name of ["createShaderModule", "createComputePipelineAsync", "createCommandEncoder",
      "createBindGroup"])
    narrow[name] = (...given) => device[name](...given)
  narrow.createBuffer = given => {
    if (given.size > limit) throw new Error("too large a buffer")
    outputs += given.usage === (GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC)
    return device.createBuffer(given)
  }
  const own = await ntc.GpuDecoder.create(narrow)
  const material = own.upload(ntc.openNtc(Uint8Array.fromBase64(file)))
  const whole = await own.decodeRectangle(material, 0)
  let refused = ""
  try { own.decode(material, {mip: 0}) } catch (error) { refused = error.message }
  return {whole: new Uint8Array(whole.buffer).toBase64(), outputs, refused, failures}
}"""
REFUSE = """
({file, request}) => {
  const material = decoder.upload(ntc.openNtc(Uint8Array.fromBase64(file)))
  try { decoder.decode(material, request) } catch (error) { return `${error}` }
}"""

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def page(node: str) -> Iterator[Any]:
    try:
        from gpu_browser import FLAGS
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        missing(f"no driver of browsers: {error}", "NTC_EXPECT_BROWSER")
    program = which("chromium")
    if program is None:
        missing("chromium is not installed", "NTC_EXPECT_BROWSER")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        found = browser.new_page()
        found.route(f"{PAGE}**", answer)
        found.goto(PAGE)
        try:
            found.evaluate(START)
        except Error as error:
            missing(f"no browser with WebGPU: {error}", "NTC_EXPECT_BROWSER")
        yield found
        browser.close()


def answer(route: Any) -> None:
    name = route.request.url.removeprefix(PAGE)
    if name:
        body = (DIST / name).read_text("utf-8")
        route.fulfill(body=body, content_type="text/javascript; charset=utf-8")
    else:
        route.fulfill(body="<!doctype html>", content_type="text/html")


def encoded(file: NtcFile) -> str:
    return base64.b64encode(container.write(file)).decode()


@pytest.mark.parametrize("seed", range(12))
def test_rectangles_in_every_type(page: Any, seed: int, rng: np.random.Generator) -> None:
    file = random_file(seed)
    model = file.model
    requests, wanted = [], []
    for kind, dtype in TYPES.items():
        mip = int(rng.integers(model.mips))
        width, height = spec.mip_size(model.width, model.height, mip)
        x, y = int(rng.integers(width)), int(rng.integers(height))
        chosen = rng.integers(0, model.channels, rng.integers(1, 33)).tolist()
        place = {"x": x, "y": y, "width": width - x, "height": height - y}
        requests.append({"mip": mip, "rectangle": place, "channels": chosen, "type": kind})
        rect = (x, y, width - x, height - y)
        wanted.append(expected(jobs.rectangle(model, mip, rect, channels=chosen, dtype=dtype)))
    given = page.evaluate(DECODE, {"file": encoded(file), "requests": requests})
    assert given["failures"] == []
    for found, texels in zip(given["found"], wanted, strict=True):
        np.testing.assert_array_equal(words_of(found), texels.ravel())
    whole = np.frombuffer(base64.b64decode(given["whole"]), np.uint16)
    np.testing.assert_array_equal(whole, reference.decode(model).ravel())


def words_of(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.uint32)


def test_what_one_buffer_cannot_hold_is_decoded_in_bands(page: Any) -> None:
    file = NtcFile(every_value_model(), plain_file().metadata)
    given = page.evaluate(NARROW, {"file": encoded(file), "limit": 20_000})
    assert given["failures"] == []
    assert given["outputs"] == -(-192 // (20_000 // 1024))
    assert "196608 bytes" in given["refused"]
    whole = np.frombuffer(base64.b64decode(given["whole"]), np.uint16)
    np.testing.assert_array_equal(whole, reference.decode(file.model).ravel())


@pytest.mark.parametrize(
    ("request_", "told"),
    [
        ({"mip": 4}, "mip 4"),
        ({"mip": 0, "channels": [3]}, "channels 3"),
        ({"mip": 0, "channels": []}, "1..32"),
        ({"mip": 1, "rectangle": {"x": 0, "y": 0, "width": 9, "height": 1}}, "mip 1 of 8x6"),
    ],
)
def test_what_does_not_exist_is_refused(page: Any, request_: dict[str, Any], told: str) -> None:
    refused = page.evaluate(REFUSE, {"file": encoded(plain_file()), "request": request_})
    assert refused.startswith("RangeError")
    assert told in refused
