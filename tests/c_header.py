"""What the tests of `engines/c` share: a program that answers questions about files.

It is engines/c/test/driver.c, watched by sanitizers.
`NTC_EXPECT_C=1` promises gcc, clang with libFuzzer, and libzstd.
"""

import atexit
import functools
import json
import shutil
import struct
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from conftest import missing

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "engines" / "c"
DATA = ROOT / "tests" / "data"
GOLDEN = sorted((DATA / "golden").glob("*/*.ntc"))
BROKEN = sorted((DATA / "broken").glob("*.ntc"))
OK, _, TOO_SHORT, NO_MEMORY, BAD_ARGUMENT = range(5)

Rng = np.random.Generator


class Opened(NamedTuple):
    """How `ntc_open` ended."""

    status: int
    offset: int
    rule: str
    message: str

    @property
    def fate(self) -> str:
        """The rule that refuses the file, or `valid`."""
        return self.rule if self.status else "valid"


class Driver:
    """The program, and the file that it has open."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    def close(self) -> None:
        _, told = self.process.communicate(timeout=60)
        assert self.process.returncode == 0, told.decode()[-4000:]

    def open(self, data: bytes, *, prefix: bool = False, failing: int = 0) -> Opened:
        """With the allocation number `failing` that gives no memory; 0 is none."""
        self.ask(b"O", [prefix, failing, len(data)], data)
        status, offset = self.number(), self.number()
        return Opened(status, offset, self.line(), self.line())

    def allocations(self) -> int:
        self.ask(b"A")
        return self.number()

    def describe(self) -> dict[str, Any]:
        self.ask(b"D")
        found: dict[str, Any] = json.loads(self.line())
        return found

    def words(self) -> npt.NDArray[np.uint32]:
        self.ask(b"W")
        return np.frombuffer(self.bytes(4 * self.number()), "<u4")

    def rectangle(self, mip: int, rect: tuple[int, int, int, int], channels: int) -> Any:
        self.ask(b"R", [mip, *rect])
        return self.values((rect[3], rect[2], channels))

    def texels(self, mip: int, x: Any, y: Any, channels: int) -> Any:
        self.ask(b"T", [mip, len(x)], as_bytes(x), as_bytes(y))
        return self.values((len(x), channels))

    def samples(self, lod: int, u: Any, v: Any, channels: int) -> Any:
        self.ask(b"S", [lod, len(u)], as_bytes(u), as_bytes(v))
        return self.values((len(u), channels))

    def unzstd(self, frame: bytes, size: int) -> bytes | None:
        """What the frame holds, if it is sound and holds so many bytes."""
        self.ask(b"Z", [size, len(frame)], frame)
        return self.bytes(size) if self.number() == OK else None

    def printable(self, character: int) -> bool:
        self.ask(b"U", [character])
        return self.number() == 1

    def map(self, index: int, values: npt.NDArray[np.uint16], dtype: Any, channels: int) -> Any:
        texels = values.size // values.shape[-1]
        self.ask(b"M", [index, texels], values.astype("<u2").tobytes())
        return self.values((texels, channels), dtype)

    def values(self, shape: tuple[int, ...], dtype: Any = np.uint16) -> Any:
        """None if there is no such thing."""
        status = self.number()
        if status != OK:
            assert status == BAD_ARGUMENT
            return None
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        return np.frombuffer(self.bytes(size), dtype).reshape(shape)

    def ask(self, letter: bytes, numbers: Any = (), *parts: bytes) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(letter + struct.pack(f"<{len(numbers)}I", *numbers))
            for part in parts:
                self.process.stdin.write(part)
            self.process.stdin.flush()
        except BrokenPipeError:
            self.fail()

    def bytes(self, size: int) -> bytes:
        assert self.process.stdout is not None
        found = self.process.stdout.read(size)
        return found if len(found) == size else self.fail()

    def number(self) -> int:
        return int.from_bytes(self.bytes(4), "little")

    def line(self) -> str:
        assert self.process.stdout is not None
        found = self.process.stdout.readline()
        return found[:-1].decode() if found else self.fail()

    def fail(self) -> Any:
        assert self.process.stderr is not None
        pytest.fail(self.process.stderr.read().decode()[-4000:] or "the program has ended")


def as_bytes(numbers: Any) -> bytes:
    return np.asarray(numbers).astype("<u4").tobytes()


def compiler(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        missing(f"no {name}", "NTC_EXPECT_C")
    return found


def build(command: list[Any]) -> None:
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr[-4000:]


@functools.cache
def program() -> Path:
    """Compiled once, and gone when the tests are."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    target = Path(folder.name) / "driver"
    sanitizers = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g"]
    source = PACKAGE / "test" / "driver.c"
    build([compiler("gcc"), "-std=c99", "-O2", *sanitizers, source, "-o", target, "-lm"])
    return target


def running_driver() -> Iterator[Driver]:
    """For fixtures: one driver, which has to end well."""
    driver = Driver(program())
    yield driver
    if driver.process.poll() is None:
        driver.close()
