"""Neural compression of material textures: `ntc.compress`, `ntc.open`, `Material.decode`.

Importing this package is light; the work is imported when a name is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ntc.api import Settings, compare, compress, convert, decompress, export, info, validate
    from ntc.errors import FileError, FormatError, InputError, NtcError, RuntimeFailure, UsageError
    from ntc.material import Material
    from ntc.material import open_material as open

_HOMES = {
    "ntc.api": (
        "Settings",
        "compare",
        "compress",
        "convert",
        "decompress",
        "export",
        "info",
        "validate",
    ),
    "ntc.errors": (
        "FileError",
        "FormatError",
        "InputError",
        "NtcError",
        "RuntimeFailure",
        "UsageError",
    ),
    "ntc.material": ("Material", "open"),
}

__all__ = [
    "FileError",
    "FormatError",
    "InputError",
    "Material",
    "NtcError",
    "RuntimeFailure",
    "Settings",
    "UsageError",
    "compare",
    "compress",
    "convert",
    "decompress",
    "export",
    "info",
    "open",
    "validate",
]


def __getattr__(name: str) -> Any:
    import importlib

    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), {"open": "open_material"}.get(name, name))
    raise AttributeError(f"module `ntc` has no attribute `{name}`")


def __dir__() -> list[str]:
    return __all__
