"""What a worker may meet, as requests: in a module that its process imports quickly."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ntc.batch.worker import Failed, Reply
from ntc.errors import InputError
from ntc.fit.problem import OnProgress, Progress


@dataclass(frozen=True)
class Says:
    """Answers, after some progress, with who it is."""

    text: str

    def __call__(self, threads: int, on_progress: OnProgress) -> Reply:
        os.write(1, b"what a library prints")
        on_progress(Progress(1, 2, 30.0))
        return Failed(f"{self.text} {threads} {os.getpid()}", 0)


@dataclass(frozen=True)
class Takes:
    """Takes memory, and writes to all of it."""

    bytes: int

    def __call__(self, threads: int, on_progress: OnProgress) -> Reply:
        return Failed(f"took {np.ones(self.bytes, np.uint8).sum()}", 0)


@dataclass(frozen=True)
class Dies:
    """Ends as a decoder with a fault does."""

    signal: signal.Signals

    def __call__(self, threads: int, on_progress: OnProgress) -> Reply:
        os.kill(os.getpid(), self.signal)
        raise AssertionError


@dataclass(frozen=True)
class Hangs:
    """Never answers."""

    def __call__(self, threads: int, on_progress: OnProgress) -> Reply:
        if notes := os.environ.get("NTC_TEST_NOTES"):
            Path(notes).write_text("start hanging\n")
        time.sleep(600)
        raise AssertionError


@dataclass(frozen=True)
class Raises:
    """Meets bad input."""

    def __call__(self, threads: int, on_progress: OnProgress) -> Reply:
        raise InputError("two\nlines")
