"""Backends that fit: one recipe, one interface. `load_backend` chooses one."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from typing import cast

from ntc.errors import RuntimeFailure, UsageError
from ntc.fit.loop import Stepper
from ntc.fit.problem import Problem

Backend = Callable[[Problem], Stepper]

# In the order that `auto` prefers.
_PACKAGES = {"native": "ntc.native._core", "torch": "torch"}


def load_backend(name: str) -> tuple[Backend, str]:
    """The backend and its name; `auto` takes the first one that is installed.

    Raises UsageError for an unknown name, RuntimeFailure if what it needs is not installed.
    """
    if name != "auto" and name not in _PACKAGES:
        raise UsageError(f"backend `{name}`: use auto, {', '.join(_PACKAGES)}")
    wanted = list(_PACKAGES) if name == "auto" else [name]
    for candidate in installed_backends():
        if candidate in wanted:
            module = importlib.import_module(f"ntc.fit.backends.{candidate}")
            return cast(Backend, module.Fit), candidate
    raise RuntimeFailure(
        f"the {' or '.join(wanted)} backend is not installed: reinstall ntc with a C++ compiler "
        "for `native`, or pip install 'ntc[torch]'"
    )


def installed_backends() -> list[str]:
    """Names of the backends whose package is here, the one that `auto` takes first."""
    return [name for name, package in _PACKAGES.items() if importlib.util.find_spec(package)]
