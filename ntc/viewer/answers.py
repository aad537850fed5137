"""What the server answers, and the errors of ntc as such answers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from ntc.errors import FileError, FormatError, InputError, RuntimeFailure, UsageError, reason_of
from ntc.viewer.documents import ErrorReport
from ntc.viewer.session import Missing

_PIECE: Final = 1 << 20
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_BYTES: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Answer:
    """Status, headers and the body: piece by piece, of `length` bytes, or endless if it is None."""

    pieces: Iterator[bytes]
    length: int | None
    kind: str
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)


def data_answer(
    data: bytes | memoryview, kind: str, headers: Mapping[str, str] | None = None
) -> Answer:
    """Bytes of some media type."""
    pieces = (bytes(data[at : at + _PIECE]) for at in range(0, len(data), _PIECE))
    return Answer(pieces, len(data), kind, headers=headers or {})


def json_answer(document: BaseModel, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """A document."""
    data = document.model_dump_json().encode("utf-8", "backslashreplace")
    return Answer(iter([data]), len(data), "application/json", status)


def samples_answer(samples: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> Answer:
    """`[h, w, c]` as it lies in memory, low bytes first, its shape and type in the headers."""
    height, width, channels = samples.shape
    headers = {
        "Ntc-Width": str(width),
        "Ntc-Height": str(height),
        "Ntc-Channels": str(channels),
        "Ntc-Sample": samples.dtype.name,
    }
    ordered = np.ascontiguousarray(samples, samples.dtype.newbyteorder("<"))
    return data_answer(memoryview(ordered.tobytes()), _BYTES, headers)


def file_answer(path: Path, asked: str | None) -> Answer:
    """A file, or the one range of it that was asked for. Raises FileError."""
    try:
        size = path.stat().st_size
        first, end = _span(asked, size)
        if first >= end and size:
            headers = {"Content-Range": f"bytes */{size}"}
            return Answer(iter(()), 0, _BYTES, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers)
        with path.open("rb") as file:
            file.seek(first)
            data = file.read(end - first)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from error
    headers = {"Accept-Ranges": "bytes"}
    if end - first == size:
        return data_answer(data, _BYTES, headers)
    headers["Content-Range"] = f"bytes {first}-{end - 1}/{size}"
    part = data_answer(data, _BYTES, headers)
    return Answer(part.pieces, part.length, part.kind, HTTPStatus.PARTIAL_CONTENT, headers)


def _span(asked: str | None, size: int) -> tuple[int, int]:
    """First byte and end; all of it if no range is asked for, or one that is not understood."""
    match = _RANGE.fullmatch(asked or "")
    if match is None or match.group(1) == match.group(2) == "":
        return 0, size
    first, last = match.groups()
    if not first:
        return max(size - int(last), 0), size if int(last) else 0
    end = int(last) + 1 if last else size
    if end <= int(first) < size and last:  # backwards: not a range
        return 0, size
    return int(first), min(end, size)


def error_answer(error: Exception) -> Answer:
    """Why something could not be done."""
    reason, _ = reason_of(error)
    if isinstance(error, FormatError):
        report = ErrorReport(error=reason, rule=error.rule, offset=error.offset)
    else:
        report = ErrorReport(error=reason)
    return json_answer(report, _status(error))


def refusal_answer(reason: str, status: HTTPStatus) -> Answer:
    """Why something is not even tried."""
    return json_answer(ErrorReport(error=reason), status)


def _status(error: Exception) -> HTTPStatus:
    match error:
        case Missing() | FileError():
            return HTTPStatus.NOT_FOUND
        case UsageError():
            return HTTPStatus.BAD_REQUEST
        case InputError():
            return HTTPStatus.UNPROCESSABLE_ENTITY
        case RuntimeFailure():
            return HTTPStatus.NOT_IMPLEMENTED
        case _:
            return HTTPStatus.INTERNAL_SERVER_ERROR
