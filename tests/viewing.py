"""A server of the viewer, and what asks it what a page would."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ntc.viewer import documents
from ntc.viewer.fits import Fits
from ntc.viewer.server import Server, serving
from ntc.viewer.session import Session


class Got(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"] == "application/json"
        return json.loads(self.body)

    @property
    def samples(self) -> np.ndarray:
        shape = [int(self.headers[f"Ntc-{name}"]) for name in ("Height", "Width", "Channels")]
        dtype = np.dtype(self.headers["Ntc-Sample"]).newbyteorder("<")
        return np.frombuffer(self.body, dtype).reshape(shape)


class Browser:
    """Asks a server what a page would."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def __call__(
        self, path: str, method: str = "GET", body: str | None = None, **headers: str
    ) -> Got:
        given = {"Ntc-Token": self.server.guard.token} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        connection = http.client.HTTPConnection("127.0.0.1", self.server.guard.port, timeout=30)
        connection.request(method, path, body, {k: v for k, v in given.items() if v})
        answer = connection.getresponse()
        got = Got(answer.status, answer.headers, answer.read())
        connection.close()
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src")
        return got

    def refused(self, status: int, path: str, *words: str, **options: Any) -> None:
        got = self(path, **options)
        assert got.status == status, got
        error = documents.ErrorReport.model_validate(got.json).error
        assert "Traceback" not in error
        assert "internal" not in error
        for word in words:
            assert word in error


@contextmanager
def browsing(folder: Path, *paths: Path) -> Iterator[Browser]:
    session = Session(paths)
    with serving(session, Fits(session, folder)) as server:
        yield Browser(server)
