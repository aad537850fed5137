"""The viewer's page: materials in three dimensions, decoded by their shader."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import missing
from page import Page, launch, original, tab
from viewing import Browser

from ntc.texture import read_image
from ntc.viewer.browser import FLAGS

SMALL = {"width": 720, "height": 460}  # a processor draws it
BARE = """() => {
  for (const name of ["labels", "divider"]) document.getElementById(name).style.opacity = 0
}"""


def body(page: Page, folder: Path, fragment: str) -> np.ndarray:
    """`[h, w, 3]` of what stands on the stage."""
    said = page.see(f"mode=3d&shape=plane&{fragment}")
    if "gives neither" in said:
        missing(said, "NTC_EXPECT_BROWSER")
    assert said == "ready"
    page.tab.evaluate(BARE)
    page.tab.locator("#stage").screenshot(path=folder / "body.png")
    return read_image(folder / "body.png")[4:-4, :, :3].astype(int)  # without its frame


def spread(there: np.ndarray) -> tuple[int, int]:
    """Width and height of what is there."""
    rows, columns = (np.flatnonzero(there.any(axis=axis)) for axis in (1, 0))
    return int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1


def test_a_body_wears_both(browser: Any, ask: Browser, tmp_path: Path) -> None:
    for page in tab(browser, ask, viewport=SMALL):
        both, a, b = (body(page, tmp_path, f"split={split}") for split in (0.5, 1, 0))
        middle = both.shape[1] // 2
        np.testing.assert_array_equal(both[:, : middle - 1], a[:, : middle - 1])
        np.testing.assert_array_equal(both[:, middle + 1 :], b[:, middle + 1 :])
        assert (a != b).any()
        texels = body(page, tmp_path, "split=1&filter=texel")
        width, height = spread((texels != texels[0, 0]).any(axis=2))
        columns, rows = spread(original(ask, "albedo")[:, :, 3] >= 128)  # the rest is cut out
        assert width / height == pytest.approx(columns / rows, rel=0.03)
        for other in ("shape=cube", "light=300", "filter=texel", "shape=cloth", "tilt=60"):
            assert np.abs(body(page, tmp_path, f"split=1&{other}") - a).max() > 8, other
        assert "WebGPU" in page.text("#labels")
        box = page.tab.locator("#surface").bounding_box()
        page.tab.mouse.move(box["x"] + 100, box["y"] + 100)
        page.tab.mouse.down()
        page.tab.mouse.move(box["x"] + 200, box["y"] + 150)
        page.tab.mouse.up()
        assert "turn=40" in page.state()


@pytest.mark.parametrize(
    ("backend", "flags", "decoder"), [("WebGPU", FLAGS, "webgpu"), ("WebGL2", (), "browser")]
)
def test_the_shader_decodes_what_the_server_does(
    driver: Any, ask: Browser, tmp_path: Path, backend: str, flags: tuple[str, ...], decoder: str
) -> None:
    alone = launch(driver, *flags)
    for page in tab(alone, ask, viewport=SMALL):
        served = body(page, tmp_path, "split=0&filter=texel&decoder=server")
        assert f"textures, texel \u00b7 {backend}, " in page.text("#labels")
        drawn = body(page, tmp_path, f"split=0&filter=texel&decoder={decoder}")
        assert f"decoded as it is drawn, texel \u00b7 {backend}, " in page.text("#labels")
        differences = np.abs(drawn - served).max(axis=2)
        assert (differences <= 2).mean() > 0.995  # steps of 8 bits, and edges of texels
        assert (drawn != drawn[0, 0]).any(axis=2).mean() > 0.1

        smooth = body(page, tmp_path, f"split=0&filter=exact&decoder={decoder}")
        served = body(page, tmp_path, "split=0&filter=filtered&decoder=server")
        assert np.abs(smooth - served).mean() < np.abs(smooth - drawn).mean() / 4
        noisy = body(page, tmp_path, f"split=0&filter=stochastic&decoder={decoder}")
        assert "stochastic" in page.text("#labels")
        assert np.abs(noisy - smooth).max() > 8
        assert np.abs(noisy.mean(axis=(0, 1)) - smooth.mean(axis=(0, 1))).max() < 2
        said = page.text("#labels")
        assert "ms on the device" in said or "ms a frame" in said
    alone.close()


def test_without_webgl_it_says_so(driver: Any, ask: Browser) -> None:
    alone = launch(driver, "--disable-3d-apis")
    for page in tab(alone, ask):
        assert "bodies need WebGPU or WebGL2" in page.show("mode=3d")
        assert page.see("mode=b") == "ready"
    alone.close()
