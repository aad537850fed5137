"""Addresses of the viewer and what each of them answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final
from urllib.parse import parse_qs, unquote

from ntc.errors import UsageError
from ntc.viewer.answers import Answer, data_answer, file_answer, json_answer, samples_answer
from ntc.viewer.documents import FitRequest
from ntc.viewer.fits import Fits
from ntc.viewer.session import Missing, Session

_PARTS: Final = {"number": "[0-9]{1,9}", "text": "[^/]+"}
_KINDS: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".json": "application/json",
    ".wasm": "application/wasm",
    ".wgsl": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class Call:
    """What was asked: the parts of the address by name, the query, and a body or a range."""

    session: Session
    fits: Fits
    parts: Mapping[str, str]
    query: Mapping[str, str]
    range: str | None = None
    body: bytes = b""

    def number(self, name: str) -> int:
        """A part that its pattern holds to digits."""
        return int(self.parts[name])

    def wanted(self, name: str) -> str:
        """A parameter of the query. Raises UsageError if it is missing."""
        if name not in self.query:
            raise UsageError(f"`{name}` is missing in the address")
        return self.query[name]


@dataclass(frozen=True, slots=True)
class Route:
    """Answers addresses of one form. Those with items in them are kept by browsers (ETag)."""

    method: str
    pattern: re.Pattern[str]
    answer: Callable[[Call], Answer]


def _route(method: str, form: str, answer: Callable[[Call], Answer]) -> Route:
    """`{a:number}` stands for digits, `{map:text}` for anything without a slash."""
    pattern = re.sub(r"\{(\w+):(\w+)\}", lambda part: f"(?P<{part[1]}>{_PARTS[part[2]]})", form)
    return Route(method, re.compile(pattern), answer)


def _session(call: Call) -> Answer:
    return json_answer(call.session.report(fits=call.fits.possible))


def _info(call: Call) -> Answer:
    return json_answer(call.session.info(call.number("item")))


def _maps(call: Call) -> Answer:
    return json_answer(call.session.maps(call.number("item")))


def _file(call: Call) -> Answer:
    return file_answer(call.session.compressed(call.number("item")).path, call.range)


def _map(call: Call) -> Answer:
    item, name, mip = call.number("item"), unquote(call.parts["map"]), call.number("mip")
    return samples_answer(call.session.samples(item, name, mip))


def _outputs(call: Call) -> Answer:
    text = call.query.get("rect")
    rect = None
    if text is not None:
        if not re.fullmatch(r"\d{1,5}(,\d{1,5}){3}", text):
            raise UsageError(f"rect {text}: use x,y,width,height")
        x, y, width, height = map(int, text.split(","))
        rect = x, y, width, height
    return samples_answer(call.session.outputs(call.number("item"), call.number("mip"), rect))


def _compare(call: Call) -> Answer:
    return json_answer(call.session.compare(call.number("a"), call.number("b")))


def _tiles(call: Call) -> Answer:
    side = call.query.get("size", "64")
    if not re.fullmatch(r"\d{1,5}", side):
        raise UsageError(f"size {side}: use a number of texels")
    a, b, name = call.number("a"), call.number("b"), call.wanted("map")
    return json_answer(call.session.tiles(a, b, name, int(side)))


def _flip(call: Call) -> Answer:
    a, b, name = call.number("a"), call.number("b"), call.wanted("map")
    return samples_answer(call.session.flip(a, b, name))


def _runs(call: Call) -> Answer:
    return json_answer(call.fits.log())


def _events(call: Call) -> Answer:
    return Answer(call.fits.events(), None, "text/event-stream")


def _preview(call: Call) -> Answer:
    return samples_answer(call.fits.preview(call.wanted("map")))


def _start(call: Call) -> Answer:
    return json_answer(call.fits.start(FitRequest.model_validate_json(call.body)))


def _cancel(call: Call) -> Answer:
    return json_answer(call.fits.cancel())


_ROUTES: Final = (
    _route("GET", "/api/session", _session),
    _route("GET", "/api/item/{item:number}/info", _info),
    _route("GET", "/api/item/{item:number}/maps", _maps),
    _route("GET", "/api/item/{item:number}/file", _file),
    _route("GET", "/api/item/{item:number}/map/{map:text}/mip/{mip:number}", _map),
    _route("GET", "/api/item/{item:number}/outputs/mip/{mip:number}", _outputs),
    _route("GET", "/api/compare/{a:number}/{b:number}", _compare),
    _route("GET", "/api/compare/{a:number}/{b:number}/tiles", _tiles),
    _route("GET", "/api/compare/{a:number}/{b:number}/flip", _flip),
    _route("GET", "/api/fit/runs", _runs),
    _route("GET", "/api/fit/events", _events),
    _route("GET", "/api/fit/preview", _preview),
    _route("POST", "/api/fit/start", _start),
    _route("POST", "/api/fit/cancel", _cancel),
)


def find(method: str, target: str) -> tuple[Route, dict[str, str], dict[str, str]]:
    """The route of an address, the parts of it and its query. Raises Missing."""
    path, _, query = target.partition("?")
    for route in _ROUTES:
        match = route.pattern.fullmatch(path)
        if match and route.method == method:
            given = parse_qs(query, keep_blank_values=True, max_num_fields=16)
            return route, match.groupdict(), {name: values[-1] for name, values in given.items()}
    if method == "GET" and path in page_files():
        return Route("GET", re.compile(""), _page_file), {"path": path}, {}
    raise Missing(f"{method} {path}: no such address")


def _page_file(call: Call) -> Answer:
    path = call.parts["path"]
    kind = _KINDS.get("." + path.rpartition(".")[2], "application/octet-stream")
    return data_answer(page_files()[path], "text/html; charset=utf-8" if path == "/" else kind)


def tag_of(call: Call) -> str | None:
    """Changes when the answer does; None of answers that are not to be kept."""
    if "path" in call.parts:
        return f'"{blake2b(page_files()[call.parts["path"]], digest_size=12).hexdigest()}"'
    numbers = [int(call.parts[name]) for name in ("item", "a", "b") if name in call.parts]
    if not numbers:
        return None
    stamps = " ".join(call.session.item(number).stamp for number in numbers)
    return f'"{blake2b(stamps.encode(), digest_size=12).hexdigest()}"'


@cache
def page_files() -> dict[str, bytes]:
    """Address -> bytes of all that belongs to the page. Nothing else is ever read for it."""
    found: dict[str, bytes] = {}

    def gather(folder: Traversable, address: str) -> None:
        for entry in folder.iterdir():
            if entry.is_dir():
                gather(entry, f"{address}{entry.name}/")
            else:
                found[f"{address}{entry.name}"] = entry.read_bytes()

    gather(files("ntc.viewer").joinpath("web"), "/")
    return found | {"/": found["/index.html"]}
