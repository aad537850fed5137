"""`ntc view` from the command line: pictures of its page, and requests that make no sense."""

from pathlib import Path

import pytest
from conftest import Commands, missing
from small_materials import make_bricks
from test_golden import BROKEN

from ntc.texture import read_image


def test_the_page_says_when_its_picture_stands(
    commands: Commands, small_file: Path, tmp_path: Path
) -> None:
    try:
        import playwright  # noqa: F401
    except ImportError as error:
        missing(f"no driver of browsers: {error}", "NTC_EXPECT_BROWSER")
    picture = tmp_path / "shot.png"
    size = ("--width", 640, "--height", 480)
    ended = commands("view", small_file, small_file.parent / "bricks", "--shot", picture, *size)
    if "no browser found" in ended.err:
        missing(ended.err, "NTC_EXPECT_BROWSER")
    assert ended.code == 0, ended.err

    assert read_image(picture).shape[:2] == (480, 640)
    bad = commands("view", BROKEN[0], "--shot", tmp_path / "bad.png")
    assert bad.code == 4
    assert "the page says" in bad.err
    assert not (tmp_path / "bad.png").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (["gone.ntc"], 2, "gone.ntc"),
        ([__file__, "--state", "gain"], 1, "NAME=VALUE"),
        ([__file__, "--port", "70000"], 1, "--port"),
        ([__file__, "--host", "no such host"], 2, "no such host"),
    ],
)
def test_bad_requests_end_at_once(
    commands: Commands, arguments: list[str], code: int, word: str
) -> None:
    ended = commands("view", "--no-open", *arguments)
    assert ended.code == code
    assert word in ended.err


def test_a_view_needs_one_material(commands: Commands, tmp_path: Path) -> None:
    bricks = make_bricks(tmp_path / "bricks")
    ended = commands("compress", bricks, "-o", tmp_path / "b.ntc", "--view", "--json")
    assert ended.code == 1
    assert "--view" in ended.err


def test_no_browser_is_one_line(
    commands: Commands, small_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ntc.viewer.browser.which", lambda name: None)
    ended = commands("view", small_file, "--shot", tmp_path / "x.png")
    assert ended.code == 4
    assert ended.err.startswith("error: ")
    assert "chromium" in ended.err or "playwright" in ended.err
    assert ended.err.count("\n") == 1
