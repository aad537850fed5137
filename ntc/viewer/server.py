"""The viewer's server: loopback, one token, addresses that are numbers and never paths."""

from __future__ import annotations

import re
import secrets
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Thread
from typing import Any, Final

from pydantic import ValidationError

from ntc.errors import FileError, UsageError
from ntc.viewer.answers import Answer, error_answer, refusal_answer
from ntc.viewer.fits import Fits
from ntc.viewer.guard import HEADERS, Guard
from ntc.viewer.routes import Call, find, tag_of
from ntc.viewer.session import Session

LOOPBACK: Final = "127.0.0.1"

_MOST_BODY: Final = 1 << 16  # bytes of what a page sends
_IDLE_SECONDS: Final = 60.0  # of a connection without a request


class Server(ThreadingHTTPServer):
    """Serves one session. Raises FileError if the port or the host cannot be had."""

    daemon_threads = False  # the end of a process breaks off those, in the native core too
    allow_reuse_address = True

    def __init__(self, session: Session, fits: Fits, host: str = LOOPBACK, port: int = 0) -> None:
        self.session, self.fits = session, fits
        self._connections: set[socket.socket] = set()
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            reason = getattr(error, "strerror", None) or error
            raise FileError(f"{host}, port {port}: cannot be served ({reason})") from error
        self.guard = Guard(host, self.server_address[1], secrets.token_urlsafe(24))

    @property
    def url(self) -> str:
        """The address of the page, token included."""
        host = {"0.0.0.0": LOOPBACK, "::": "::1"}.get(self.guard.host, self.guard.host)
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{self.guard.port}/?token={self.guard.token}"

    def server_bind(self) -> None:
        """As the library does, without asking the network for the name of this machine."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answers a connection in a thread of its own."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Ends a connection."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Ends all connections, and waits for the answers that are being made."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        super().server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A page that went away in the middle of an answer is no news; all else is."""
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


@contextmanager
def serving(session: Session, fits: Fits, host: str = LOOPBACK, port: int = 0) -> Iterator[Server]:
    """A server that answers while the block runs; a fit under way ends with it."""
    with Server(session, fits, host, port) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        ahead = Thread(target=session.prepare)
        ahead.start()
        try:
            yield server
        finally:
            fits.close()
            server.shutdown()
            ahead.join()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "ntc", ""
    timeout = _IDLE_SECONDS
    disable_nagle_algorithm = True  # or a short body waits 40 ms for its headers to be confirmed

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def _respond(self) -> None:
        guard = self.server.guard
        refused = guard.refusal(self.path, self.headers)
        if refused is not None:
            self.close_connection = True  # there may be a body, which nobody reads
            self._send(refusal_answer(refused, HTTPStatus.FORBIDDEN))
            return
        try:
            answer = self._answer()
        except ValidationError as error:
            answer = error_answer(UsageError(f"body: {error.errors()[0]['msg']}"))
        except Exception as error:  # whatever a file brings about, the server goes on
            answer = error_answer(error)
        cookie = guard.cookie(self.path)
        self._send(answer, {} if cookie is None else {"Set-Cookie": cookie})

    def _answer(self) -> Answer:
        body = self._body()
        route, parts, query = find(self.command, self.path)
        call = Call(self.server.session, self.server.fits, parts, query, self._wanted_range(), body)
        tag = tag_of(call)
        if tag is None:
            return _with_header(route.answer(call), "Cache-Control", "no-store")
        if self.headers.get("If-None-Match") == tag:
            answer = Answer(iter(()), None, "", HTTPStatus.NOT_MODIFIED)
        else:
            answer = route.answer(call)
        # Kept by browsers, which ask each time whether it still holds.
        return _with_header(_with_header(answer, "Cache-Control", "private, no-cache"), "ETag", tag)

    def _wanted_range(self) -> str | None:
        return None if "If-Range" in self.headers else self.headers.get("Range")

    def _body(self) -> bytes:
        text = self.headers.get("Content-Length", "0")
        length = int(text) if re.fullmatch("[0-9]{1,9}", text) else _MOST_BODY + 1
        if length > _MOST_BODY or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise UsageError(f"a body of at most {_MOST_BODY} bytes, with its length, is read")
        if self.command == "POST" and self.headers.get_content_type() != "application/json":
            # A form on another site can send other types without being asked.
            self.close_connection = True
            raise UsageError("Content-Type: use application/json")
        return self.rfile.read(length)

    def _send(self, answer: Answer, more: dict[str, str] | None = None) -> None:
        self.send_response(answer.status)
        bodiless = answer.status == HTTPStatus.NOT_MODIFIED
        headers = {**HEADERS, **answer.headers, **(more or {})}
        if not bodiless:
            headers["Content-Type"] = answer.kind
            if answer.length is None:
                self.close_connection = True
            else:
                headers["Content-Length"] = str(answer.length)
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        for piece in answer.pieces:
            self.wfile.write(piece)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the library itself refuses, in the form of all other errors."""
        self.close_connection = True
        status = HTTPStatus(code)
        if status is HTTPStatus.NOT_IMPLEMENTED:  # of a method
            status = HTTPStatus.METHOD_NOT_ALLOWED
        if self.request_version == "HTTP/0.9":  # of a line that is no request: headers need a name
            self.request_version = "HTTP/1.1"
        self._send(refusal_answer(message or status.phrase, status))

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: what a page asks for is of no interest."""


def _with_header(answer: Answer, name: str, value: str) -> Answer:
    headers = {**answer.headers, name: value}
    return Answer(answer.pieces, answer.length, answer.kind, answer.status, headers)
