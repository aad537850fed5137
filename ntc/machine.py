"""What the operating system says of this process, and of the machine."""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from pathlib import Path


def peak_memory() -> int:
    """Most bytes of memory this process has held; 0 where the system does not say."""
    # On Linux, getrusage also counts what the parent held when it started this process.
    with suppress(OSError):
        status = Path("/proc/self/status").read_text("utf-8")
        if found := re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE):
            return 1024 * int(found[1])
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def forget_peak_memory() -> None:
    """`peak_memory` counts from now on, where the system can do that."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def data_memory() -> int:
    """Bytes that this process may write to and shares with no other; 0 where it is not said."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[5])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def resident_memory() -> int:
    """Bytes of memory this process holds now; 0 where the system does not say."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def physical_memory() -> int:
    """Bytes of memory this process may use at all; 0 where the system does not say."""
    try:
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows
        return 0
    with suppress(OSError, ValueError):  # "max" is no number, and no limit
        return min(physical, int(Path("/sys/fs/cgroup/memory.max").read_text("ascii")))
    return physical
