"""A server of folders, and of bytes in memory of which the rest comes when a test wants it."""

import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

KINDS = {".html": "text/html", ".js": "text/javascript"}
PIECE = 4096


class Held(NamedTuple):
    """Bytes of which those from `free` on wait for `gate`; whether a client may ask for a part."""

    data: bytes
    free: int = sys.maxsize
    gate: threading.Event = threading.Event()
    ranges: bool = True


class Site:
    """What is served, and how many bytes of each path have been sent."""

    def __init__(self, folders: dict[str, Path]) -> None:
        self.folders = folders
        self.held: dict[str, Held] = {}
        self.sent: dict[str, int] = {}
        self.url = ""

    def find(self, path: str) -> Held | None:
        if path in self.held:
            return self.held[path]
        for prefix, folder in self.folders.items():
            file = folder / path.removeprefix(prefix)
            if path.startswith(prefix) and file.is_file():
                return Held(file.read_bytes())
        return None


@contextmanager
def serving(site: Site) -> Iterator[Site]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            found = site.find(path)
            if found is None:
                self.send_error(404)
                return
            data, span = found.data, re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers["Range"] or "")
            partial, first = span is not None and found.ranges, 0
            self.send_response(206 if partial else 200)
            if partial:
                first, last = int(span[1]), min(int(span[2]), len(data) - 1)
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(data)}")
                data = data[first : last + 1]
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Content-Type", KINDS.get(Path(path).suffix, "application/x-ntc"))
            self.end_headers()
            for at in range(0, len(data), PIECE):
                piece = data[at : at + PIECE]
                if first + at + len(piece) > found.free:
                    found.gate.wait()
                self.wfile.write(piece)
                site.sent[path] = site.sent.get(path, 0) + len(piece)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """A browser that goes away in the middle of an answer."""

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    yield site
    server.shutdown()
    server.server_close()
