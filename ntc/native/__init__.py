"""The C++ core: kernels for each instruction set, chosen when they run.

It may be missing: an installation without a compiler has the rest of ntc alone. Whoever needs it
calls `core()`.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from ntc.errors import RuntimeFailure, UsageError

if TYPE_CHECKING:
    from types import ModuleType


def available() -> bool:
    """Whether the compiled module was installed."""
    try:
        return importlib.util.find_spec("ntc.native._core") is not None
    except ValueError:  # sys.modules has None in its place: the import is blocked
        return False


def core() -> ModuleType:
    """The compiled module. Raises RuntimeFailure if it is not there."""
    try:
        from ntc.native import _core
    except ImportError as error:
        raise RuntimeFailure(
            "the native core was not built: reinstall ntc with a C++20 compiler and CMake, "
            f"and without NTC_NATIVE=0 ({error})"
        ) from error
    return _core


def isa() -> str:
    """The instruction set in use: that of $NTC_ISA, else the best one of this machine.

    Raises UsageError if $NTC_ISA names none that this machine has.
    """
    try:
        name: str = core().isa()
    except ValueError as error:
        raise UsageError(f"NTC_ISA: {error}") from error
    return name


def isas() -> list[str]:
    """The instruction sets that this machine and this build have, in rising order."""
    names: list[str] = core().isas()
    return names


def thread_count(threads: int = 0) -> int:
    """The threads that a call with `threads` uses; 0 stands for one for each processor."""
    count: int = core().thread_count(threads)
    return count
