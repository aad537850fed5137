"""The viewer's page: what each mode shows, by its pixels; keys, mouse, numbers, hostile files.

`NTC_EXPECT_BROWSER=1` promises Chromium.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from shutil import which
from typing import Any

import numpy as np
import pytest
from conftest import Commands, missing
from small_materials import make_bricks
from test_golden import BROKEN, RULE
from viewing import Browser, browsing

from ntc.decode import reference
from ntc.material import open_material
from ntc.viewer.samples import as_bytes, map_planes

try:
    from page import NO_GPU, Page, launch
    from playwright.sync_api import sync_playwright
except ImportError as error:
    missing(f"no driver of browsers: {error}", "NTC_EXPECT_BROWSER")

MAPS = ("albedo", "normal", "height", "ao")
INK = """() => {
  const marks = document.getElementById("marks")
  return marks.getContext("2d").getImageData(0, 0, marks.width, marks.height).data.some(v => v)
}"""


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    if which("chromium") is None:
        missing("chromium is not installed", "NTC_EXPECT_BROWSER")
    with sync_playwright() as found:
        yield found


@pytest.fixture(scope="module")
def browser(driver: Any) -> Iterator[Any]:
    found = launch(driver, str(which("chromium")))
    yield found
    found.close()


@pytest.fixture(scope="module")
def ask(small_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Item 0 is a `.ntc`, item 1 the images that it was made from."""
    with browsing(tmp_path_factory.mktemp("fits"), small_file, small_file.parent / "bricks") as ask:
        yield ask


def tab(browser: Any, ask: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = Page(context.new_page(), ask)
    yield page
    context.close()
    assert page.complaints == []
    origin = f"http://127.0.0.1:{ask.server.guard.port}/"
    strange = [u for u in page.requests if not u.startswith((origin, "about:", "blob:"))]
    assert strange == []


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


@pytest.mark.parametrize("decoder", ["webgpu", "server", "browser"])
def test_b_is_what_the_reference_decodes(
    page: Page, decoded: dict[tuple[str, int], np.ndarray], decoder: str
) -> None:
    words = {"webgpu": "WebGPU", "server": "server", "browser": "processor"}
    for (name, mip), samples in decoded.items():
        fragment = f"map={name}&mip={mip}&zoom={1 / (1 << mip)}&decoder={decoder}"
        said = page.show(fragment)
        if decoder == "webgpu" and "no WebGPU" in said:
            missing(said, "NTC_EXPECT_BROWSER")
        assert said == "ready"
        assert words[decoder] in page.text("#device")
        np.testing.assert_array_equal(page.picture(), shown(samples), f"{name}, mip {mip}")


def test_without_webgpu_the_server_decodes(
    driver: Any, ask: Browser, decoded: dict[tuple[str, int], np.ndarray]
) -> None:
    alone = launch(driver, str(which("chromium")), NO_GPU)
    for page in tab(alone, ask):
        assert page.show("map=albedo&zoom=1") == "ready"
        assert "no WebGPU" in page.text("#device")
        np.testing.assert_array_equal(page.picture(), shown(decoded["albedo", 0]))
        assert "no WebGPU" in page.show("decoder=webgpu")
    alone.close()


def test_space_flips_while_it_is_held(
    page: Page, ask: Browser, decoded: dict[tuple[str, int], np.ndarray]
) -> None:
    page.show("map=albedo&zoom=1")
    page.tab.keyboard.down(" ")
    np.testing.assert_array_equal(page.picture(), shown(original(ask, "albedo")))
    page.tab.keyboard.up(" ")
    np.testing.assert_array_equal(page.picture(), shown(decoded["albedo", 0]))
    page.press("a")
    np.testing.assert_array_equal(page.picture(), shown(original(ask, "albedo")))
    assert "mode=a" in page.state()


@pytest.mark.parametrize("mode", ["diff", "relative", "flip", "tiles", "angle"])
def test_a_differs_from_a_nowhere(page: Page, mode: str) -> None:
    assert page.show(f"a=1&b=1&mode={mode}&map=normal&gain=64") == "ready"
    assert not page.picture().any()


def test_differences(page: Page, ask: Browser, decoded: dict[tuple[str, int], np.ndarray]) -> None:
    for name in MAPS:
        a, b = unit(original(ask, name)), unit(decoded[name, 0])
        error = np.abs(a - b)
        for mode, wanted in (("diff", error), ("relative", error / np.maximum(a, 1 / 255))):
            assert page.show(f"mode={mode}&map={name}&gain=20&zoom=1") == "ready"
            bytes_ = np.minimum(np.floor(255 * 20 * wanted + 0.5), 255).astype(np.int64)
            found = page.picture().astype(np.int64)
            exact = bytes_[:, :, :3] if bytes_.shape[2] > 2 else bytes_[:, :, [0, 0, 0]]
            assert np.abs(found - exact).max() <= 1  # ties
    assert page.picture().any() or name == "ao"


def test_split_and_side_show_both(
    page: Page, ask: Browser, decoded: dict[tuple[str, int], np.ndarray]
) -> None:
    a, b = shown(original(ask, "albedo")), shown(decoded["albedo", 0])
    large = [np.repeat(np.repeat(half, 8, axis=0), 8, axis=1) for half in (a, b)]
    page.show("mode=split&map=albedo&zoom=8")
    found = page.picture()
    np.testing.assert_array_equal(found[:, :96], large[0][:, :96])
    np.testing.assert_array_equal(found[:, 96:], large[1][:, 96:])

    box = page.tab.locator("#divider").bounding_box()
    x, y = box["x"] + (box["width"] - 1) / 2, box["y"] + 100
    page.tab.mouse.move(x, y)
    page.tab.mouse.down()
    page.tab.mouse.move(x + 40, y + 5)
    page.tab.mouse.up()
    assert "split=" in page.state()
    found = page.picture()
    np.testing.assert_array_equal(found[:, :136], large[0][:, :136])
    np.testing.assert_array_equal(found[:, 136:], large[1][:, 136:])

    page.show("mode=side&map=albedo&zoom=8")
    pixels = page.canvas()
    half = pixels.shape[1] // 2
    for part, wanted in zip((pixels[:, :half], pixels[:, half:]), large, strict=True):
        covered = part[part[:, :, 3] > 0][:, :3]
        np.testing.assert_array_equal(covered.reshape(wanted.shape), wanted)


def test_flip_and_angles_grow_with_the_error(
    page: Page, ask: Browser, decoded: dict[tuple[str, int], np.ndarray]
) -> None:
    assert page.show("mode=flip&map=albedo&zoom=1") == "ready"
    brightness = page.picture().astype(int).sum(axis=2)
    errors = ask("/api/compare/1/0/flip?map=albedo").samples[:, :, 0].astype(int)
    assert (np.diff(brightness.ravel()[np.argsort(errors.ravel())]) >= -2).all()

    assert page.show("mode=angle&map=normal&zoom=1&gain=64") == "ready"
    brightness = page.picture().astype(int).sum(axis=2)
    a, b = (2 * unit(s) - 1 for s in (original(ask, "normal"), decoded["normal", 0]))
    cross = np.linalg.norm(np.cross(a, b), axis=-1)
    degrees = np.degrees(np.arctan2(cross, (a * b).sum(axis=-1)))
    assert (np.diff(brightness.ravel()[np.argsort(degrees.ravel())]) >= -2).all()
    assert "angles are of normal maps" in page.show("mode=angle&map=albedo")


def test_channels_and_normals(page: Page, decoded: dict[tuple[str, int], np.ndarray]) -> None:
    for channel in range(4):
        page.show(f"map=albedo&channel={channel}&zoom=1")
        grey = decoded["albedo", 0][:, :, [channel] * 3]
        np.testing.assert_array_equal(page.picture(), grey)
    normal = 2 * unit(decoded["normal", 0]) - 1
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    page.show("map=normal&show=xyz&zoom=1")
    wanted = np.floor(127.5 * (normal + 1) + 0.5)
    assert np.abs(page.picture() - wanted).max() <= 1
    page.show("map=normal&show=lit&zoom=1&light=90")
    light = np.array([0, 1, 1]) / np.sqrt(2)
    lambert = np.maximum(normal @ light, 0)
    order = np.argsort(lambert.ravel())
    grey = page.picture()
    assert (grey == grey[:, :, :1]).all()
    assert (np.diff(grey[:, :, 0].ravel()[order].astype(int)) >= 0).all()
    assert len(np.unique(grey)) > 10


def test_exposure_range_and_tiling(page: Page, decoded: dict[tuple[str, int], np.ndarray]) -> None:
    page.show("map=height&low=0.25&high=0.75&zoom=1")
    stretched = np.clip((unit(decoded["height", 0]) - 0.25) / 0.5, 0, 1)
    assert np.abs(page.picture()[:, :, :1] - np.floor(255 * stretched + 0.5)).max() <= 1
    page.show("map=albedo&exposure=1&zoom=1")
    assert (page.picture() >= shown(decoded["albedo", 0])).all()
    page.show("map=albedo&tiling=3&zoom=1")
    np.testing.assert_array_equal(page.picture(), np.tile(shown(decoded["albedo", 0]), (3, 3, 1)))


def test_the_numbers_are_those_of_the_command_line(
    page: Page, commands: Commands, small_file: Path
) -> None:
    compared = commands("compare", small_file.parent / "bricks", small_file, "--json").out
    told = commands("info", small_file, "--json").out
    report, info = json.loads(compared), json.loads(told)
    assert page.show() == "ready"
    rows = page.tab.evaluate(
        """() => [...document.querySelectorAll("#psnr tr")].slice(1).map(row =>
            [row.cells[0].textContent, row.querySelector("[data-psnr]")?.dataset.psnr])"""
    )
    found = {name: json.loads(psnr) for name, psnr in rows if psnr is not None}
    assert found == {"all": report["psnr"], **report["maps"]}
    costs = page.tab.evaluate(
        "() => [...document.querySelectorAll('#costs [data-bytes]')].map(s => +s.dataset.bytes)"
    )
    assert costs[:2] == [info["bytes"], info["video_memory_bytes"]]
    assert float(page.text("#bpp")) == info["bpp"]
    for word in (info["encoding"], info["fit"]["filtering"], "24\u00d716"):
        assert word in page.text("#costs")


def test_keys(page: Page) -> None:
    page.show("")
    for key, word in (("d", "mode=diff"), ("]", "gain=16"), ("[", "mode=diff"), ("4", "map=normal"),
                      ("m", "mip=1"), ("M", "mip=0"), ("c", "channel=0"), ("o", "show=xyz"),
                      ("x", "tiling=3"), ("e", "exposure=0.5"), ("+", "zoom="), ("s", "mode=split"),
                      ("ArrowRight", "x=0."), ("z", "zoom=1")):  # fmt: skip
        page.press(key)
        assert word in page.state(), key
    page.press("n")
    page.tab.wait_for_function(
        "() => document.getElementById('message').textContent.startsWith('tile 1 of 1')"
    )
    page.tab.wait_for_timeout(50)
    assert page.tab.evaluate(INK)
    before = page.tab.evaluate("getComputedStyle(document.body).backgroundColor")
    page.tab.keyboard.press("k")
    assert page.tab.evaluate("getComputedStyle(document.body).backgroundColor") != before
    page.tab.keyboard.press("?")
    assert "next worst tile" in page.text("#help")
    page.tab.keyboard.press("Escape")
    assert not page.tab.is_visible("#help")


def test_the_mouse_moves_enlarges_and_inspects(
    page: Page, ask: Browser, decoded: dict[tuple[str, int], np.ndarray]
) -> None:
    page.show("map=albedo&zoom=16")
    box = page.tab.locator("#picture").bounding_box()
    x, y = box["x"] + round(box["width"] / 2), box["y"] + round(box["height"] / 2)
    page.tab.mouse.move(x + 8, y + 8)  # the texel right below the middle
    rows = page.tab.evaluate(
        """() => [...document.querySelectorAll("#texel tr")].map(row =>
            [...row.cells].map(cell => cell.textContent))"""
    )
    assert "texel 12, 8" in page.text("#inspector")
    for channel, row in enumerate(rows[1:]):
        a = int(original(ask, "albedo")[8, 12, channel])
        b = int(decoded["albedo", 0][8, 12, channel])
        assert [int(cell) for cell in row[1:4]] == [a, b, b - a]
    page.tab.mouse.wheel(0, -460)
    page.tab.wait_for_timeout(100)
    assert "zoom=3" in page.state()
    still = page.text("#inspector")
    page.tab.mouse.move(x + 9, y + 8)
    assert "texel 12, 8" in page.text("#inspector"), still
    before = page.state()
    page.tab.mouse.down()
    page.tab.mouse.move(x - 60, y - 30)
    page.tab.mouse.up()
    assert page.state() != before
    page.tab.mouse.dblclick(x, y)
    assert "zoom" not in page.state()


def test_numbers_stand_in_large_texels(page: Page) -> None:
    page.show("map=albedo&zoom=16")
    assert not page.tab.evaluate(INK)
    page.show("map=albedo&zoom=96")
    assert page.tab.evaluate(INK)


@pytest.mark.parametrize(
    ("fragment", "word"),
    [
        ("mode=nothing", "use one of"),
        ("gain=65", "1 to 64"),
        ("gain=x", "1 to 64"),
        ("map=nothing", "albedo"),
        ("mip=12", "mip"),
        ("b=7", "no such item"),
        ("nothing=1", "nothing"),
    ],
)
def test_states_that_make_no_sense(page: Page, fragment: str, word: str) -> None:
    said = page.show(fragment)
    assert said.startswith("error: ")
    assert word in said
    assert word in page.text("#message")


def test_what_cannot_be_compared_is_shown(browser: Any, small_file: Path, tmp_path: Path) -> None:
    other = make_bricks(tmp_path / "other", width=32)
    with browsing(tmp_path, small_file, other) as ask:
        for page in tab(browser, ask):
            assert page.show("a=1&b=0&zoom=1") == "ready"
            assert "32x16" in page.text("#panel .error")
            assert page.picture().shape == (16, 24, 3)
            assert "only maps of one size" in page.show("a=1&b=0&mode=diff")


def test_broken_files_are_a_message(browser: Any, small_file: Path, tmp_path: Path) -> None:
    with browsing(tmp_path, small_file, *BROKEN) as ask:
        for page in tab(browser, ask):
            assert page.show() == "ready"
            for path in BROKEN:  # opened in the browser
                page.tab.set_input_files("#files", path)
                page.tab.wait_for_function(
                    "name => document.getElementById('message').textContent.startsWith(name)",
                    arg=path.name,
                )
                said = page.text("#message")
                assert RULE.search(said.removeprefix(path.name)), said
            for number in (1, len(BROKEN) // 2, len(BROKEN)):  # opened by the server
                said = page.show(f"b={number}")
                assert said.startswith("error: ")
                assert RULE.search(said)
            assert page.show() == "ready"
            page.tab.set_input_files("#files", small_file)
            page.tab.wait_for_function("() => location.hash.includes('b=file0')")
            assert page.ended() == "ready"
            assert "bpp" in page.tab.inner_html("#costs")


def test_a_fit_from_the_page(browser: Any, small_file: Path, tmp_path: Path) -> None:
    with browsing(tmp_path, small_file.parent / "bricks") as ask:
        for page in tab(browser, ask):
            assert page.show("mode=fit") == "ready"
            page.tab.fill("#fit textarea", "texels=32768\nthreads=1\nbpp=40")
            page.tab.click("#fit >> text=Start")
            page.tab.wait_for_function(
                "() => document.getElementById('fit-status').textContent.startsWith('done')"
            )
            curve = """() => { const c = document.getElementById("curve")
              return c.getContext("2d").getImageData(0, 0, c.width, c.height).data.some(v => v) }"""
            assert page.tab.evaluate(curve)
            page.tab.fill("#fit textarea", "effort=exhaustive")
            page.tab.click("#fit >> text=Start")
            page.tab.wait_for_function(
                "() => document.getElementById('fit-status').textContent.startsWith('running')"
            )
            page.tab.focus("#fit textarea")
            page.tab.wait_for_function(
                "() => document.getElementById('labels').textContent.includes('preview')"
            )
            assert page.tab.evaluate("document.activeElement.name") == "options"
            source = shown(ask("/api/item/0/map/albedo/mip/0").samples)
            large = np.repeat(np.repeat(source, 40, axis=0), 40, axis=1)
            assert page.picture().shape == large.shape
            assert (page.picture() != large).any()
            page.tab.click("#fit >> text=Cancel")
            page.tab.wait_for_function(
                "() => document.getElementById('fit-status').textContent === 'cancelled'"
            )
            page.tab.click("#runs li:first-child >> text=Restore")
            assert "bpp=40" in page.tab.input_value("#fit textarea")
            page.tab.click("#runs li:first-child >> text=Show")
            page.tab.wait_for_function("() => location.hash.includes('mode=split')")
            assert page.ended() == "ready"
            assert "b=1" in page.state()
            run = ask("/api/fit/runs").json["runs"][0]
            assert run["state"] == "done"
            assert run["options"] == {"texels": 32768, "threads": 1, "bpp": 40}


def test_a_body_wears_both(page: Page, small_file: Path) -> None:
    read = """() => {
      const from = document.getElementById("surface")
      const copy = new OffscreenCanvas(from.width, from.height).getContext("2d")
      copy.drawImage(from, 0, 0)
      const {data} = copy.getImageData(0, 0, from.width, from.height)
      return [from.width, from.height, new Uint8Array(data.buffer).toBase64()]
    }"""

    def body(fragment: str) -> np.ndarray:
        said = page.show(f"mode=3d&shape=plane&{fragment}")
        if "WebGL" in said:
            missing(said, "NTC_EXPECT_BROWSER")
        assert said == "ready"
        page.tab.evaluate("() => new Promise(done => requestAnimationFrame(done))")
        width, height, data = page.tab.evaluate(read)
        pixels = np.frombuffer(base64.b64decode(data), np.uint8).reshape(height, width, 4)
        return pixels[:, :, :3].astype(int)

    both, a, b = body("split=0.5"), body("split=1"), body("split=0")
    middle = both.shape[1] // 2
    np.testing.assert_array_equal(both[:, : middle - 1], a[:, : middle - 1])
    np.testing.assert_array_equal(both[:, middle + 1 :], b[:, middle + 1 :])
    assert len(np.unique(a[a.shape[0] // 2, middle - 100 : middle + 100], axis=0)) > 10
    for other in ("shape=cube", "light=300", "filter=texel", "shape=cloth", "tilt=60"):
        assert np.abs(body(f"split=1&{other}") - a).max() > 8, other
    assert "MiB of textures" in page.text("#labels")
    page.show("mode=3d")
    box = page.tab.locator("#surface").bounding_box()
    page.tab.mouse.move(box["x"] + 100, box["y"] + 100)
    page.tab.mouse.down()
    page.tab.mouse.move(box["x"] + 200, box["y"] + 150)
    page.tab.mouse.up()
    assert "turn=40" in page.state()
