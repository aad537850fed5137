"""The viewer's server: who may ask, what it answers, and that no file can harm it."""

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conftest import Commands
from material_files import put
from small_materials import make_bricks, waves
from test_golden import BROKEN, GOLDEN
from viewing import Browser, browsing

from ntc.decode import open_decoder, reference
from ntc.errors import FileError
from ntc.format import container
from ntc.material import Material, open_material
from ntc.texture import load_material
from ntc.viewer import documents, routes
from ntc.viewer.session import Session


@pytest.fixture(scope="module")
def ask(small_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Item 0 is a `.ntc`, item 1 the images that it was made from."""
    with browsing(tmp_path_factory.mktemp("fits"), small_file, small_file.parent / "bricks") as ask:
        yield ask


@pytest.mark.parametrize(
    ("headers", "word"),
    [
        ({"Ntc_Token": ""}, "token"),
        ({"Ntc_Token": "x" * 32}, "token"),
        ({"Ntc_Token": "", "Cookie": "ntc_viewer_1=x"}, "token"),
        ({"Ntc_Token": "", "Cookie": "\u00e4;=;;"}, "token"),
        ({"Host": "example.org"}, "Host"),
        ({"Host": "127.0.0.1.example.org:80"}, "Host"),
        ({"Host": "[::1"}, "Host"),
        ({"Origin": "http://example.org"}, "Origin"),
        ({"Origin": "null"}, "Origin"),
        ({"Origin": "http://127.0.0.1:1"}, "Origin"),
    ],
)
@pytest.mark.parametrize("path", ["/", "/api/session", "/api/item/0/file", "/main.js"])
def test_strangers_are_refused(ask: Browser, path: str, headers: dict[str, str], word: str) -> None:
    ask.refused(403, path, word, **headers)


def test_the_token_becomes_a_cookie(ask: Browser) -> None:
    page = ask("/?token=" + ask.server.guard.token, Ntc_Token="")
    assert page.status == 200
    assert page.headers["Content-Type"].startswith("text/html")
    cookie = page.headers["Set-Cookie"]
    assert "HttpOnly; SameSite=Strict" in cookie
    alone = {"Ntc_Token": "", "Cookie": cookie.partition(";")[0]}
    assert ask("/api/session", **alone).status == 200
    assert ask("/", **alone).headers["Set-Cookie"] is None
    assert ask("/api/session", Host="localhost:9999", **alone).status == 200  # a tunnel
    assert ask("/?token=nothing", Ntc_Token="").status == 403


@pytest.mark.parametrize(
    "path",
    [
        "/../pyproject.toml",
        "/..%2f..%2fetc/passwd",
        "/%2e%2e/session.py",
        "//etc/passwd",
        "/api/item/0/../../session.py",
        "/api/item/0/map/..%2f..%2fetc%2fpasswd/mip/0",
        "/web/",
        "/nothing",
        "/api/",
        "/api/item/2/info",
        "/api/item/999999999/file",
        "/api/item/-1/file",
        "/api/item/0x0/file",
        "/api/item/1/info",  # images
        "/api/item/1/file",
        "/api/item/0/map/nothing/mip/0",
        "/api/compare/0/2",
        "/api/compare/1/0/tiles?map=nothing",
        "/api/fit/preview?map=albedo",
    ],
)
def test_what_is_not_there(ask: Browser, path: str) -> None:
    ask.refused(404, path)


@pytest.mark.parametrize(
    "path",
    [
        "/api/item/0/map/albedo/mip/5",
        "/api/item/1/map/albedo/mip/5",
        "/api/item/1/map/ao/mip/999999999",
        "/api/item/0/outputs/mip/0?rect=0,0,25,1",
        "/api/item/1/outputs/mip/0?rect=0,0,0,1",
        "/api/item/0/outputs/mip/0?rect=1,2",
        "/api/compare/1/0/tiles?map=albedo&size=7",
        "/api/compare/1/0/tiles?map=albedo&size=x",
        "/api/compare/1/0/tiles",
    ],
)
def test_what_makes_no_sense(ask: Browser, path: str) -> None:
    ask.refused(400, path)


def test_other_methods_and_bodies(ask: Browser) -> None:
    for method in ("HEAD", "PUT", "DELETE", "OPTIONS"):
        assert ask("/api/session", method=method).status == 405
    ask.refused(404, "/api/session", method="POST", body="{}", Content_Type="application/json")
    start = {"path": "/api/fit/start", "method": "POST"}
    ask.refused(400, body="source=1", Content_Type="text/plain", **start)
    ask.refused(400, body="x" * 70000, Content_Type="application/json", **start)
    ask.refused(400, Content_Length="9" * 5000, Content_Type="application/json", **start)
    ask.refused(400, body="[", Content_Type="application/json", **start)
    ask.refused(400, body='{"source": 1, "path": "/"}', Content_Type="application/json", **start)
    ask.refused(400, body='{"source": 0}', Content_Type="application/json", **start)
    loud = '{"source": 1, "options": {"effort": "heroic"}}'
    ask.refused(400, "/api/fit/start", "heroic", method="POST", body=loud,
                Content_Type="application/json")  # fmt: skip


def test_lines_that_are_no_requests_end_in_an_error(ask: Browser) -> None:
    for line in (b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 70000):
        with socket.create_connection(("127.0.0.1", ask.server.guard.port), timeout=10) as raw:
            raw.sendall(line)
            raw.shutdown(socket.SHUT_WR)
            raw.recv(1 << 16)
    assert ask("/api/session").status == 200


def test_the_session_knows_which_images_belong_to_a_file(ask: Browser, small_file: Path) -> None:
    report = documents.SessionReport.model_validate(ask("/api/session").json)
    compressed, images = report.items
    assert (compressed.kind, compressed.reference, compressed.error) == ("ntc", 1, None)
    assert (images.kind, images.reference, images.error) == ("images", None, None)
    assert compressed.bytes == small_file.stat().st_size
    assert compressed.maps == images.maps == ["albedo", "ao", "height", "normal"]
    assert (images.width, images.height, images.mips) == (24, 16, 5)
    assert compressed.raw_bytes > compressed.block_bytes > 0
    assert report.fits


def test_references_are_found_by_files_names_and_order(small_file: Path, tmp_path: Path) -> None:
    renamed = tmp_path / "other.ntc"
    renamed.write_bytes(small_file.read_bytes())
    bricks = small_file.parent / "bricks"
    other = make_bricks(tmp_path / "other")  # with the same files: its name decides
    alone = tmp_path / "alone"
    for name in ("albedo", "normal_gl", "height"):
        put(alone / f"stone_{name}.png", waves(24, 16, 3))
    put(alone / "stone_ao.png", waves(24, 16, 1))
    large = make_bricks(tmp_path / "large", 48, 32)

    def found(*paths: Path) -> list[int | None]:
        return [item.reference for item in Session(paths).report(fits=False).items]

    assert found(small_file, other, bricks) == [2, None, None]
    assert found(renamed, alone, other) == [2, None, None]
    assert found(small_file, large) == [None, None]
    assert found(alone, small_file) == [None, 0]


def test_numbers_are_those_of_the_commands(
    ask: Browser, commands: Commands, small_file: Path
) -> None:
    bricks = small_file.parent / "bricks"
    assert ask("/api/item/0/info").json == json.loads(commands("info", small_file, "--json").out)
    told = json.loads(commands("compare", bricks, small_file, "--json").out)
    assert ask("/api/compare/1/0").json == told
    assert ask("/api/compare/0/0").json["equal"] is True
    # One tile that holds all is the whole map.
    for name, psnr in told["maps"].items():
        tiles = ask(f"/api/compare/1/0/tiles?map={name}&size=64").json
        assert tiles["psnr"] == [psnr if psnr is None else pytest.approx(psnr, abs=1e-9)]


def test_tiles_are_those_of_the_samples(ask: Browser) -> None:
    a, b = (ask(f"/api/item/{n}/map/albedo/mip/0").samples / 255.0 for n in (1, 0))
    tiles = ask("/api/compare/1/0/tiles?map=albedo&size=16").json
    assert (tiles["columns"], tiles["rows"]) == (2, 1)
    errors = [np.mean((a - b)[:, x : x + 16] ** 2) for x in (0, 16)]
    assert tiles["psnr"] == pytest.approx([-10 * np.log10(error) for error in errors], abs=1e-4)
    assert tiles["worst"] == list(np.argsort(tiles["psnr"]))


def test_maps_are_those_of_the_reference_decoder(ask: Browser, small_file: Path) -> None:
    material = open_material(small_file)
    for mip in range(material.file.model.mips):
        outputs = reference.decode(material.file.model, mip)
        np.testing.assert_array_equal(ask(f"/api/item/0/outputs/mip/{mip}").samples, outputs)
        albedo, height = (r for r in material.maps if r.name in ("albedo", "height"))
        expected = outputs[:, :, [c.output for c in albedo.channels]].astype(np.uint32)
        found = ask(f"/api/item/0/map/albedo/mip/{mip}").samples
        np.testing.assert_array_equal(found, (expected + 128) // 257)
        found = ask(f"/api/item/0/map/height/mip/{mip}").samples
        np.testing.assert_array_equal(found[:, :, 0], outputs[:, :, height.channels[0].output])
        assert (ask(f"/api/item/0/map/ao/mip/{mip}").samples == 200).all()
    part = ask("/api/item/0/outputs/mip/0?rect=3,4,7,5").samples
    np.testing.assert_array_equal(part, reference.decode(material.file.model, 0, (3, 4, 7, 5)))


def test_a_map_is_decoded_alone_of_a_file_that_is_opened_once(
    small_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened, decoded = [], []
    decoder = open_decoder()

    def decode(*arguments: Any, **options: Any) -> np.ndarray:
        decoded.append(options["channels"])
        return decoder.decode(*arguments, **options)

    def opening(path: Path) -> Material:
        opened.append(path)
        return open_material(path)

    watched = SimpleNamespace(decode=decode)
    monkeypatch.setattr("ntc.viewer.session.open_material", opening)
    monkeypatch.setattr("ntc.viewer.samples.open_decoder", lambda: watched)
    with browsing(tmp_path, small_file) as ask:
        for address in ("item/0/info", "session", "item/0/maps", *2 * ["item/0/map/normal/mip/1"]):
            assert ask(f"/api/{address}").status == 200
    normal = next(r for r in open_material(small_file).maps if r.name == "normal")
    assert opened == [small_file]
    assert decoded == [[channel.output for channel in normal.channels]]


def test_golden_files_come_as_they_decode(tmp_path: Path) -> None:
    with browsing(tmp_path, *GOLDEN) as ask:
        for number, path in enumerate(GOLDEN):
            for name, expected in np.load(path.with_suffix(".npz")).items():
                mip, *rect = name.split("_")[1:] if name.startswith("mip") else name.split("_")
                found = ask(f"/api/item/{number}/outputs/mip/{mip}?rect={','.join(rect)}")
                np.testing.assert_array_equal(found.samples, expected)


def test_images_come_in_storage_space(ask: Browser, small_file: Path) -> None:
    chain = load_material(small_file.parent / "bricks").mip_chain()
    for mip, stack in enumerate(chain):
        np.testing.assert_array_equal(ask(f"/api/item/1/outputs/mip/{mip}").samples, stack)
    records = documents.MapsReport.model_validate(ask("/api/item/1/maps").json).maps
    assert [record.name for record in records] == ["albedo", "ao", "height", "normal"]
    np.testing.assert_array_equal(ask("/api/item/1/map/albedo/mip/0").samples, waves(24, 16, 4))
    height = ask("/api/item/1/map/height/mip/0").samples
    np.testing.assert_array_equal(height, waves(24, 16, 1, 65535))


def test_flip_is_zero_of_what_is_equal(ask: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("flip_evaluator")
    assert not ask("/api/compare/0/0/flip?map=albedo").samples.any()
    assert ask("/api/compare/1/0/flip?map=albedo").samples.shape == (16, 24, 1)
    assert ask("/api/compare/1/0/flip?map=height").samples.any()
    monkeypatch.setitem(sys.modules, "flip_evaluator", None)
    ask.refused(501, "/api/compare/1/0/flip?map=albedo", "flip-evaluator", "pip install")


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-7", 206, slice(0, 8)),
        ("bytes=100-", 206, slice(100, None)),
        ("bytes=-10", 206, slice(-10, None)),
        ("bytes=5-99999999", 206, slice(5, None)),
        ("bytes=0-99999999", 200, slice(None)),
        ("bytes=-99999999", 200, slice(None)),
        ("bytes=9-3", 200, slice(None)),
        ("bytes=0-1,5-6", 200, slice(None)),
        ("bytes=-", 200, slice(None)),
        ("lines=1-2", 200, slice(None)),
        ("bytes=99999999-", 416, slice(0, 0)),
        ("bytes=-0", 416, slice(0, 0)),
    ],
)
def test_ranges(ask: Browser, small_file: Path, asked: str, status: int, part: slice) -> None:
    data = small_file.read_bytes()
    got = ask("/api/item/0/file", Range=asked)
    assert (got.status, got.body) == (status, data[part])
    if status == 206:
        first, last, _ = part.indices(len(data))
        assert got.headers["Content-Range"] == f"bytes {first}-{last - 1}/{len(data)}"


def test_browsers_keep_what_did_not_change(small_file: Path, tmp_path: Path) -> None:
    path = tmp_path / "b.ntc"
    path.write_bytes(small_file.read_bytes())
    with browsing(tmp_path, path, small_file.parent / "bricks") as ask:
        for address in ("/api/item/0/file", "/api/item/0/map/ao/mip/0", "/api/compare/1/0", "/"):
            tag = ask(address).headers["ETag"]
            again = ask(address, If_None_Match=tag)
            assert (again.status, again.body) == (304, b"")
        before = ask("/api/item/0/file").headers["ETag"]
        path.write_bytes(GOLDEN[0].read_bytes())
        changed_file = ask("/api/item/0/file", If_None_Match=before)
        assert (changed_file.status, changed_file.body) == (200, GOLDEN[0].read_bytes())
        assert ask("/api/item/0/info").json["bytes"] == len(GOLDEN[0].read_bytes())
        path.unlink()
        ask.refused(404, "/api/item/0/file", "b.ntc")
        assert ask("/api/session").json["items"][0]["error"]


def test_broken_files_are_errors_and_nothing_else(tmp_path: Path, small_file: Path) -> None:
    text = tmp_path / "text"
    text.mkdir()
    (text / "x_albedo.png").write_text("text")
    with browsing(tmp_path, small_file, text, *BROKEN) as ask:
        items = ask("/api/session").json["items"]
        assert [bool(item["error"]) for item in items] == [False, True] + [True] * len(BROKEN)
        ask.refused(422, "/api/item/1/maps", "x_albedo.png")
        for number, path in enumerate(BROKEN, 2):
            rule = path.stem.partition("-")[0]
            got = ask(f"/api/item/{number}/info")
            assert (got.status, got.json["rule"]) == (422, rule), path.stem
            for address in ("maps", "outputs/mip/0", "map/albedo/mip/0"):
                ask.refused(422, f"/api/item/{number}/{address}", path.name)
            ask.refused(422, f"/api/compare/0/{number}", path.name)
            assert ask(f"/api/item/{number}/file").body == path.read_bytes()
        assert ask("/api/item/0/info").status == 200


def test_what_cannot_be_shown_at_all(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such file"):
        Session([tmp_path / "gone.ntc"])
    (tmp_path / "a.dds").write_bytes(b"DDS ")
    with browsing(tmp_path, tmp_path / "a.dds") as ask:
        assert "is no DDS file" in ask("/api/session").json["items"][0]["error"]
        ask.refused(422, "/api/item/0/maps", "a.dds", "is no DDS file")


@pytest.mark.parametrize("kind", ["dds", "ktx2"])
def test_exported_textures_are_items(
    commands: Commands, small_file: Path, tmp_path: Path, kind: str
) -> None:
    out = tmp_path / "out"
    assert commands("export", small_file, "-o", out, "--to", kind).code == 0
    with browsing(tmp_path, small_file, out, out / f"bricks_albedo.{kind}") as ask:
        material, folder, alone = ask("/api/session").json["items"]
        assert material["reference"] is None  # textures are what came of it
        assert (folder["kind"], folder["name"], folder["width"]) == ("textures", "out", 24)
        assert set(folder["maps"]) == set(material["maps"])
        assert (alone["name"], alone["maps"]) == ("bricks_albedo", ["albedo"])
        assert not ask("/api/session").json["fits"]
        told = json.loads(commands("compare", small_file, out, "--json").out)
        assert ask("/api/compare/0/1").json == told
        a, b = (ask(f"/api/item/{n}/map/albedo/mip/0").samples for n in (1, 2))
        np.testing.assert_array_equal(a, b)


def test_many_at_once(ask: Browser) -> None:
    found: list[int] = []

    def look() -> None:
        found.extend(ask(f"/api/item/{n}/map/albedo/mip/1").status for n in (0, 1))

    threads = [threading.Thread(target=look) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert found == [200] * 32


def test_the_page_is_served_with_all_its_files(ask: Browser) -> None:
    for path in routes.page_files():
        assert ask(path).status == 200
    assert container.read(ask("/api/item/0/file").body).model.width == 24


def test_no_thread_outlives_the_server(
    small_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, ended = threading.Event(), threading.Event()

    def slow(*_: object) -> None:
        begun.set()
        time.sleep(0.5)
        ended.set()

    monkeypatch.setattr(Session, "compare", slow)
    before = set(threading.enumerate())
    with browsing(tmp_path, small_file) as ask:
        address = "127.0.0.1", ask.server.guard.port
        idle, busy = (socket.create_connection(address, timeout=10) for _ in range(2))
        asked = f"GET /api/compare/0/0?token={ask.server.guard.token} HTTP/1.1"
        busy.sendall(f"{asked}\r\nHost: localhost\r\n\r\n".encode())
        assert begun.wait(timeout=10)
        closing = time.monotonic()
    assert ended.is_set()
    assert set(threading.enumerate()) <= before
    assert time.monotonic() - closing < 20  # nobody waits for the idle one, which has a minute
    idle.close()
    busy.close()
