"""The viewer's page: what each mode shows, by its pixels; keys, mouse, numbers."""

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import Commands, missing
from page import Page, original, shown, unit
from viewing import Browser

COLUMNS = """() => {
  const bars = document.getElementById("histogram")
  const {data} = bars.getContext("2d").getImageData(0, 0, bars.width, bars.height)
  return [...Array(bars.width).keys()].filter(x => {
    for (let y = 0; y < bars.height; y++) if (data[4 * (y * bars.width + x) + 3]) return true
  })
}"""
MAPS = ("albedo", "normal", "height", "ao")
INK = """() => {
  const marks = document.getElementById("marks")
  return marks.getContext("2d").getImageData(0, 0, marks.width, marks.height).data.some(v => v)
}"""


@pytest.mark.parametrize("decoder", ["webgpu", "server", "browser"])
def test_b_is_what_the_reference_decodes(
    page: Page, decoded: dict[tuple[str, int], np.ndarray], decoder: str
) -> None:
    words = {"webgpu": "WebGPU", "server": "server", "browser": "processor"}
    for (name, mip), samples in decoded.items():
        fragment = f"map={name}&mip={mip}&zoom={1 / (1 << mip)}&decoder={decoder}"
        said = page.see(fragment)
        if decoder == "webgpu" and "no WebGPU" in said:
            missing(said, "NTC_EXPECT_BROWSER")
        assert said == "ready"
        assert words[decoder] in page.text("#device")
        np.testing.assert_array_equal(page.picture(), shown(samples), f"{name}, mip {mip}")


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
        shares = {
            "diff": 20 * np.abs(b - a),
            "signed": (1 + 20 * (b - a)) / 2,
            "relative": 20 * np.abs(b - a) / np.maximum(a, 1 / 255),
        }
        for mode, share in shares.items():
            assert page.see(f"mode={mode}&map={name}&gain=20&zoom=1") == "ready"
            bytes_ = np.clip(np.floor(255 * share + 0.5), 0, 255).astype(np.int64)
            found = page.picture().astype(np.int64)
            exact = bytes_[:, :, :3] if bytes_.shape[2] > 2 else bytes_[:, :, [0, 0, 0]]
            assert np.abs(found - exact).max() <= 1  # ties
    assert page.picture().any() or name == "ao"
    assert page.see("a=1&b=1&mode=signed&map=normal&gain=64") == "ready"
    assert (page.picture() == 128).all()


def test_split_and_side_show_both(
    page: Page, ask: Browser, decoded: dict[tuple[str, int], np.ndarray]
) -> None:
    a, b = shown(original(ask, "albedo")), shown(decoded["albedo", 0])
    large = [np.repeat(np.repeat(half, 8, axis=0), 8, axis=1) for half in (a, b)]
    page.see("mode=split&map=albedo&zoom=8")
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

    page.see("mode=side&map=albedo&zoom=8")
    pixels = page.canvas()
    half = pixels.shape[1] // 2
    for part, wanted in zip((pixels[:, :half], pixels[:, half:]), large, strict=True):
        covered = part[part[:, :, 3] > 0][:, :3]
        np.testing.assert_array_equal(covered.reshape(wanted.shape), wanted)


def test_flip_and_angles_grow_with_the_error(
    page: Page, ask: Browser, decoded: dict[tuple[str, int], np.ndarray]
) -> None:
    assert page.see("mode=flip&map=albedo&zoom=1") == "ready"
    brightness = page.picture().astype(int).sum(axis=2)
    errors = ask("/api/compare/1/0/flip?map=albedo").samples[:, :, 0].astype(int)
    assert (np.diff(brightness.ravel()[np.argsort(errors.ravel())]) >= -2).all()

    assert page.see("mode=angle&map=normal&zoom=1&gain=64") == "ready"
    brightness = page.picture().astype(int).sum(axis=2)
    a, b = (2 * unit(s) - 1 for s in (original(ask, "normal"), decoded["normal", 0]))
    cross = np.linalg.norm(np.cross(a, b), axis=-1)
    degrees = np.degrees(np.arctan2(cross, (a * b).sum(axis=-1)))
    assert (np.diff(brightness.ravel()[np.argsort(degrees.ravel())]) >= -2).all()
    assert "angles are of normal maps" in page.see("mode=angle&map=albedo")

    assert page.see("mode=tiles&map=albedo&zoom=1") == "ready"  # one tile, below 60 dB
    assert page.picture().any()
    assert (page.picture() == page.picture()[0, 0]).all()


def test_channels_and_normals(page: Page, decoded: dict[tuple[str, int], np.ndarray]) -> None:
    for channel in range(4):
        page.see(f"map=albedo&channel={channel}&zoom=1")
        grey = decoded["albedo", 0][:, :, [channel] * 3]
        np.testing.assert_array_equal(page.picture(), grey)
    normal = 2 * unit(decoded["normal", 0]) - 1
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    page.see("map=normal&show=xyz&zoom=1")
    wanted = np.floor(127.5 * (normal + 1) + 0.5)
    assert np.abs(page.picture() - wanted).max() <= 1
    page.see("map=normal&show=lit&zoom=1&light=90")
    light = np.array([0, 1, 1]) / np.sqrt(2)
    lambert = np.maximum(normal @ light, 0)
    order = np.argsort(lambert.ravel())
    grey = page.picture()
    assert (grey == grey[:, :, :1]).all()
    assert (np.diff(grey[:, :, 0].ravel()[order].astype(int)) >= 0).all()
    assert len(np.unique(grey)) > 10


def test_exposure_range_and_tiling(page: Page, decoded: dict[tuple[str, int], np.ndarray]) -> None:
    page.see("map=height&low=0.25&high=0.75&zoom=1")
    stretched = np.clip((unit(decoded["height", 0]) - 0.25) / 0.5, 0, 1)
    assert np.abs(page.picture()[:, :, :1] - np.floor(255 * stretched + 0.5)).max() <= 1
    page.see("map=albedo&exposure=1&zoom=1")
    found, plain = page.picture(), shown(decoded["albedo", 0])
    assert (found >= plain).all()
    assert (found > plain).mean() > 0.5
    page.see("map=albedo&tiling=3&zoom=1")
    np.testing.assert_array_equal(page.picture(), np.tile(shown(decoded["albedo", 0]), (3, 3, 1)))


def test_the_numbers_are_those_of_the_command_line(
    page: Page, commands: Commands, small_file: Path
) -> None:
    compared = commands("compare", small_file.parent / "bricks", small_file, "--json").out
    told = commands("info", small_file, "--json").out
    report, info = json.loads(compared), json.loads(told)
    assert page.show() == "ready"
    assert page.psnr() == {"all": report["psnr"], **report["maps"]}
    costs = page.tab.evaluate(
        "() => [...document.querySelectorAll('#costs [data-bytes]')].map(s => +s.dataset.bytes)"
    )
    assert costs[:2] == [info["bytes"], info["video_memory_bytes"]]
    assert float(page.text("#bpp")) == info["bpp"]
    for word in (info["encoding"], info["fit"]["filtering"], "24\u00d716"):
        assert word in page.text("#costs")


def test_the_histogram_has_bars_where_there_are_values(
    page: Page, decoded: dict[tuple[str, int], np.ndarray]
) -> None:
    for name in ("ao", "albedo"):
        page.see(f"a=0&b=0&map={name}")
        bins = np.unique(decoded[name, 0] // 2)  # two columns for two values of 256
        assert page.tab.evaluate(COLUMNS) == sorted([*(2 * bins), *(2 * bins + 1)])


def test_keys(page: Page) -> None:
    page.show("")
    for key, word in (("D", "mode=signed"), ("d", "mode=diff"), ("]", "gain=16"),
                      ("]", "gain=32"), ("[", "gain=16"),
                      ("4", "map=normal"),
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
    before = page.state()
    page.tab.keyboard.press("ArrowDown")  # scrolls the list
    assert page.state() == before
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
    page.press("d")  # the pointer rests, and so does what it is told
    assert "texel 12, 8" in page.text("#inspector")
    page.press("b")
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
