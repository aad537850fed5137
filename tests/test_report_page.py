"""`ntc report`: one page, from which no request leaves, with the numbers of the commands."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from conftest import Commands
from small_materials import make_bricks
from test_golden import BROKEN

import ntc
from ntc.format import container
from ntc.material import open_material
from ntc.texture import read_image


class Page(HTMLParser):
    """Everything that a page names, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        self.words.append(data.strip())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def report(commands: Commands, tmp_path: Path, *arguments: object) -> tuple[str, Page]:
    target = tmp_path / "report.html"
    ended = commands("report", *arguments, "-o", target)
    assert ended.code == 0, ended.err
    assert str(target) in ended.out
    text = target.read_text("utf-8")
    return text, Page(text)


def test_the_page_needs_nothing_else(commands: Commands, small_file: Path, tmp_path: Path) -> None:
    bricks = small_file.parent / "bricks"
    text, page = report(commands, tmp_path, small_file, "--reference", bricks)
    assert "default-src 'none'" in text
    assert not re.search(r"https?:(?!//www\.w3\.org/2000/svg)|url\(|@import|fetch|<link", text)
    sources = [image["src"] or "" for image in page.all("img")]
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digests = re.findall(r"-src 'sha256-([^']+)'", text)
    from hashlib import sha256

    assert base64.b64encode(sha256(script.encode()).digest()).decode() == digests[1]


def test_numbers_and_pictures(commands: Commands, small_file: Path, tmp_path: Path) -> None:
    bricks = small_file.parent / "bricks"
    compared = json.loads(commands("compare", bricks, small_file, "--json").out)
    info = json.loads(commands("info", small_file, "--json").out)
    _, page = report(commands, tmp_path, small_file, "--reference", bricks)
    shown = " ".join(page.words)
    assert f"{compared['psnr']:.2f} dB" in shown
    for name, psnr in compared["maps"].items():
        assert name in shown
        assert ("exact" if psnr is None else f"{psnr:.2f} dB") in shown
    assert f"{info['bpp']:.2f}" in shown
    assert info["encoding"] in shown
    assert f"{compared['normal_degrees']['normal'][0]:.2f}° mean" in shown
    assert len(page.all("input")) == 3  # the constant map has no picture
    assert len(page.all("svg")) == 3
    originals = [image["src"] for image in page.all("img") if image["alt"] == "original"]
    scratch = tmp_path / "picture.png"
    scratch.write_bytes(base64.b64decode((originals[0] or "").partition(",")[2]))
    expected = read_image(bricks / "bricks_albedo.png")[:, :, :3]
    assert (read_image(scratch) == expected).all()
    decoded = [image["src"] for image in page.all("img") if image["alt"] == "decoded"]
    scratch.write_bytes(base64.b64decode((decoded[0] or "").partition(",")[2]))
    assert (read_image(scratch) == ntc.open(small_file).decode()["albedo"][:, :, :3]).all()


def test_without_images_and_of_several(
    commands: Commands, small_file: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other.ntc"
    ntc.convert(small_file, ntc.Settings(bpp=8, texels=1 << 14, threads=1)).save(other)
    text, page = report(commands, tmp_path, small_file, other)
    assert not page.all("input")
    assert len(page.all("svg")) == 1  # rates and dB of both
    assert text.count("<h2>bricks</h2>") == 2


def test_bad_files_are_left_out_and_said(
    commands: Commands, small_file: Path, tmp_path: Path
) -> None:
    target = tmp_path / "report.html"
    ended = commands("report", small_file, BROKEN[0], "-o", target)
    assert ended.code == 3
    assert ended.err.startswith("error: ")
    assert BROKEN[0].name in ended.err
    assert "<h2>bricks</h2>" in target.read_text("utf-8")
    large = make_bricks(tmp_path / "large", 48, 32)
    ended = commands("report", small_file, "--reference", large, "-o", target)
    assert ended.code == 3
    assert "none of the .ntc files was made from" in ended.err
    assert commands("report", tmp_path / "gone.ntc", "-o", target).code == 2
    assert commands("report", small_file, "-o", target, "--on-existing", "error").code == 2


@pytest.mark.parametrize("name", ["<script>alert(1)</script>", "a\nb", '"&<'])
def test_names_are_shown_and_do_nothing(
    commands: Commands, small_file: Path, tmp_path: Path, name: str
) -> None:
    file = open_material(small_file).file
    metadata = file.metadata.model_copy(update={"name": name})
    path = tmp_path / "named.ntc"
    path.write_bytes(container.write(container.NtcFile(file.model, metadata)))
    _, page = report(commands, tmp_path, path)
    assert len(page.all("script")) == 1
    assert "alert(1)" not in " ".join(page.words) or name in " ".join(page.words)
