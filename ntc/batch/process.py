"""A process that answers requests: what an image does to it stays in it.

It has a memory limit, is ended when a request takes too long, and is replaced when it dies. It
ends itself as soon as the process that started it is gone.
"""

from __future__ import annotations

import os
import pickle
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from ntc.batch.worker import Failed, Reply, Request, answer
from ntc.errors import RuntimeFailure
from ntc.files import temporary_name
from ntc.fit.problem import OnProgress, Progress
from ntc.machine import data_memory, forget_peak_memory

_PROGRESS_SECONDS: Final = 0.2
# Data of a process, beyond what it has before its first request and what a material is expected
# to take at most: libraries that are loaded late, and stacks of threads, of which some start one
# for each core.
_SPARE_BYTES: Final = 256 << 20
_STACKS_BYTES: Final = 16 << 20  # for each core


class WorkerProcess:
    """Starts its process at the first request, and again after that died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._scratch: Path | None = None

    def ask(
        self,
        request: Request,
        *,
        memory: int,
        threads: int,
        timeout: float,
        on_progress: OnProgress,
    ) -> Reply:
        """The answer; `Failed` if the process died over it, or took more than `timeout` seconds.

        `memory` is what the request is expected to take; 0 seconds are no limit.
        """
        try:
            if self._process is None or self._process.poll() is not None:
                self._start()
        except OSError as error:
            return Failed(f"no process could be started ({error})", RuntimeFailure.exit_code)
        late = threading.Event()
        timer = threading.Timer(timeout, self._end_late, [late])
        if timeout:
            timer.start()
        try:
            return self._exchange((request, memory, threads), on_progress)
        except (EOFError, OSError, pickle.UnpicklingError):
            return self._dead(f"took more than {timeout:g} s" if late.is_set() else "")
        finally:
            timer.cancel()
            if timeout:
                timer.join()
            if late.is_set():
                self.close()

    def _end_late(self, late: threading.Event) -> None:
        late.set()
        self.kill()

    def kill(self) -> None:
        """Ends the process at once; a request under way fails."""
        if self._process:
            with suppress(OSError):
                self._process.kill()

    def close(self) -> None:
        """No process is left, nor what it kept in files."""
        if self._process:
            self.kill()
            self._process.wait()
            for pipe in (self._process.stdin, self._process.stdout):
                with suppress(OSError):
                    assert pipe
                    pipe.close()
            self._process = None
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def _start(self) -> None:
        self.close()
        self._scratch = Path(tempfile.gettempdir()) / temporary_name()
        self._scratch.mkdir(mode=0o700)
        # Not by `-m`, which would import from the current folder, and that may be a library.
        code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import serve; serve()"
        debug = os.environ.get("NTC_DEBUG") == "1"
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if debug else subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": str(self._scratch)},
            start_new_session=True,  # Ctrl-C is for the process that started it
        )

    def _exchange(self, message: tuple[Request, int, int], on_progress: OnProgress) -> Reply:
        assert self._process
        assert self._process.stdin
        assert self._process.stdout
        pickle.dump(message, self._process.stdin)
        self._process.stdin.flush()
        while True:
            reply = pickle.load(self._process.stdout)
            if not isinstance(reply, Progress):
                return reply  # type: ignore[no-any-return]
            with suppress(OSError):  # of who shows it, say a closed pipe: the process is well
                on_progress(reply)

    def _dead(self, reason: str) -> Failed:
        assert self._process
        code = self._process.wait()
        self.close()
        if not reason and code < 0:
            name = signal.Signals(-code).name
            why = " (the system may be out of memory)" if name == "SIGKILL" else ""
            reason = f"its process was ended by {name}{why}"
        return Failed(reason or f"its process ended with {code}", RuntimeFailure.exit_code)


def serve() -> None:
    """Answers what comes on stdin until that ends, then ends the process whatever it is at."""
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no reply
    requests: queue.SimpleQueue[tuple[Request, int, int]] = queue.SimpleQueue()
    spare = data_memory() + _SPARE_BYTES + _STACKS_BYTES * (os.cpu_count() or 1)
    threading.Thread(target=_receive, args=(sys.stdin.buffer, requests), daemon=True).start()
    while True:
        request, memory, threads = requests.get()
        _limit_memory(memory + memory // 2 + spare)
        forget_peak_memory()
        _send(replies, answer(request, threads, _Reporter(replies)))


def _receive(pipe: IO[bytes], requests: queue.SimpleQueue[Any]) -> None:
    with suppress(EOFError, OSError, pickle.UnpicklingError):
        while True:
            requests.put(pickle.load(pipe))
    os._exit(0)


def _send(pipe: IO[bytes], message: object) -> None:
    pickle.dump(message, pipe)
    pipe.flush()


class _Reporter:
    """Sends progress now and then."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self.pipe = pipe
        self.last = 0.0

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() - self.last > _PROGRESS_SECONDS:
            self.last = time.monotonic()
            _send(self.pipe, progress)


def _limit_memory(limit: int) -> None:
    """Of what is written to: scratch files that are mapped do not count."""
    try:
        import resource
    except ImportError:  # Windows
        return
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    with suppress(OSError, ValueError):  # macOS
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
