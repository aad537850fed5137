"""Fits that a page watches, cancels and starts again, and `ntc compress --view`."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from small_materials import make_bricks
from viewing import Browser, Got, browsing

import ntc
from ntc.options import changed
from ntc.settings import Settings
from ntc.viewer import documents
from ntc.viewer.fits import options_of


def start(ask: Browser, **request: Any) -> Got:
    body = json.dumps({"source": 1} | request)
    return ask("/api/fit/start", method="POST", body=body, Content_Type="application/json")


def events(ask: Browser) -> Iterator[documents.FitEvent]:
    connection = http.client.HTTPConnection("127.0.0.1", ask.server.guard.port, timeout=30)
    connection.request("GET", "/api/fit/events", None, {"Ntc-Token": ask.server.guard.token})
    answer = connection.getresponse()
    assert answer.headers["Content-Type"] == "text/event-stream"
    with closing(connection), closing(answer):
        while line := answer.readline():
            if line.startswith(b"data: "):
                yield documents.FitEvent.model_validate_json(line[6:])


def test_a_fit_is_watched_cancelled_and_started_again(small_file: Path, tmp_path: Path) -> None:
    options = {"texels": 1 << 15, "threads": 1, "bpp": 40, "weight.normal": 2}
    with browsing(tmp_path, small_file, small_file.parent / "bricks") as ask:
        assert start(ask, options=options, exclude=["ao"]).json["state"] == "running"
        seen = []
        for event in events(ask):
            seen.append(event)
            if event.run.state != "running":
                break
        last = seen[-1]
        assert (last.run.state, last.run.item, last.texels) == ("done", 2, last.total)
        assert any(event.psnr > 5 for event in seen)
        assert last.preview
        assert ask("/api/fit/preview?map=albedo").samples.shape == (16, 24, 4)
        ask.refused(404, "/api/fit/preview?map=ao")
        result = ask("/api/item/2/info").json
        assert (result["psnr"], result["bytes"]) == (last.run.psnr, last.run.bytes)
        assert result["fit"]["settings"]["weight.normal"] == 2

        (logged,) = ask("/api/fit/runs").json["runs"]
        again = {name: logged[name] for name in documents.FitRequest.model_fields}
        again["options"] |= {"effort": "exhaustive", "texels": 0}
        assert start(ask, **again).status == 200
        ask.refused(400, "/api/fit/start", "under way", method="POST", body='{"source": 1}',
                    Content_Type="application/json")  # fmt: skip
        assert next(event for event in events(ask) if event.texels).run.run == 1
        post = {"method": "POST", "body": "{}", "Content_Type": "application/json"}
        assert ask("/api/fit/cancel", **post).status == 200
        until = time.monotonic() + 20
        while ask("/api/fit/runs").json["runs"][1]["state"] == "running":
            assert time.monotonic() < until
            time.sleep(0.02)
        assert [run["state"] for run in ask("/api/fit/runs").json["runs"]] == ["done", "cancelled"]

        assert start(ask, only=["nothing"]).status == 200
        failed = next(event for event in events(ask) if event.run.state == "failed")
        assert "leave no map" in (failed.run.error or "")

        assert start(ask, options=options | {"seed": 1}).status == 200
        other = next(event for event in events(ask) if event.run.state == "done")
        assert other.run.item == 3
        assert ask("/api/item/3/file").body != ask("/api/item/2/file").body
        assert ask("/api/item/2/info").json == result


@contextmanager
def compressing(bricks: Path, target: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "ntc", "compress", bricks, "-o", target, "--view", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={name: value for name, value in os.environ.items() if "DISPLAY" not in name},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        yield process
    finally:
        process.kill()


def test_compress_with_a_view(tmp_path: Path) -> None:
    bricks, target = make_bricks(tmp_path / "bricks"), tmp_path / "b.ntc"
    with compressing(bricks, target, "--texels", str(1 << 15), "--threads", "1") as process:
        assert process.stdout is not None
        url = urlsplit(process.stdout.readline().strip())
        assert url.fragment == "mode=fit"
        headers = {"Ntc-Token": parse_qs(url.query)["token"][0]}
        assert "Ctrl-C" in process.stdout.readline()
        assert process.stdout.readline().startswith(f"{target}: ")  # the fit has ended
        connection = http.client.HTTPConnection(url.netloc, timeout=30)
        connection.request("GET", "/api/fit/runs", None, headers)
        (run,) = json.loads(connection.getresponse().read())["runs"]
        connection.close()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert (process.returncode, err.strip()) == (0, "")
    assert run["options"] == {"texels": 1 << 15, "threads": 1}
    assert (run["state"], run["item"], run["source"]) == ("done", 1, 0)
    plain = ntc.compress(bricks, Settings(texels=1 << 15, threads=1))
    assert target.read_bytes() == plain.data  # looking on changes nothing


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_a_fit_with_a_view(tmp_path: Path, number: signal.Signals) -> None:
    bricks, target = make_bricks(tmp_path / "bricks"), tmp_path / "b.ntc"
    with compressing(bricks, target, "--effort", "exhaustive", "--threads", "1") as process:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(0.2)
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130
        assert err.strip() == "error: interrupted; no half-written file is left"
    assert [path.name for path in tmp_path.iterdir()] == ["bricks"]


def test_settings_become_options_and_back() -> None:
    settings = Settings(
        target_psnr=38, floors={"normal": 42.0}, weights={"ao": 0.5}, effort="fast",
        wrap=(False, False), seed=7, max_memory=1 << 30, normals="angle",
    )  # fmt: skip
    assert changed(Settings(), options_of(settings)) == settings
    assert options_of(Settings()) == {}
