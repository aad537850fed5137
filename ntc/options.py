"""`Settings` by the names of the options of `ntc compress`, and in their words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from ntc.errors import UsageError
from ntc.settings import Settings

Value = bool | float | str

_UNITS: Final = {"": 1, "KB": 1e3, "MB": 1e6, "GB": 1e9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
# What asks for a target: one that is named anew takes the place of all that were.
_TARGETS: Final[dict[str, Any]] = {
    "bpp": None,
    "max_size": 0,
    "target_psnr": None,
    "floors": {},
    "match": "",
    "quality": None,
}


def changed(settings: Settings, options: Mapping[str, Value]) -> Settings:
    """The settings with these options instead: `quality`, `max-size`, `weight.normal`, ...

    A target takes the place of whatever was the target; weights are added to those there are.
    Raises UsageError, naming the option, for one that there is not and for bad values.
    """
    fields: dict[str, Any] = {"floors": {}, "weights": dict(settings.weights)}
    for option, value in options.items():
        name, dot, part = option.partition(".")
        name = name.replace("_", "-")
        if dot and part and name in _OF_MAPS:
            fields[_OF_MAPS[name]][part] = _number(name, str(value), f"{part}=")
        elif not dot and name in _OPTIONS:
            field, read = _OPTIONS[name]
            fields[field] = read(option, str(value))
        else:
            known = ", ".join([*_OPTIONS, *(f"{name}.MAP" for name in _OF_MAPS)])
            raise UsageError(f"`{option}`: no option of this name; there are {known}")
    if not fields["floors"]:
        del fields["floors"]
    targets = _TARGETS if _TARGETS.keys() & fields.keys() else {}
    return replace(settings, **(targets | fields))


def number_of_bytes(option: str, text: str) -> int:
    """`1500MB` or `4GB` or plain bytes as a number. Raises UsageError."""
    number = text.rstrip("KMGIBkmgib")
    try:
        count = int(float(number) * _UNITS[text[len(number) :].strip().upper()])
    except (KeyError, ValueError, OverflowError):
        count = 0
    if count <= 0:
        raise UsageError(f"--{option} {text}: use a number with KB, MB, GB or GiB")
    return count


def _number(option: str, text: str, of: str = "") -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"--{option} {of}{text}: use a number") from None


def _count(option: str, text: str) -> int:
    number = _number(option, text)
    if number < 0 or number != number // 1:
        raise UsageError(f"--{option} {text}: use a whole number, 0 or more")
    return int(text) if text.isdecimal() else int(number)


def _word(option: str, text: str) -> str:
    return text


def _address(option: str, text: str) -> tuple[bool, bool]:
    if text not in ("wrap", "clamp"):
        raise UsageError(f"--{option} {text}: use wrap or clamp")
    return text == "wrap", text == "wrap"


_OPTIONS: Final[dict[str, tuple[str, Callable[[str, str], Any]]]] = {
    "bpp": ("bpp", _number),
    "budget": ("budget", _word),
    "max-size": ("max_size", number_of_bytes),
    "target-psnr": ("target_psnr", _number),
    "match": ("match", _word),
    "quality": ("quality", _number),
    "normals": ("normals", _word),
    "effort": ("effort", _word),
    "texels": ("texels", _count),
    "encoding": ("encoding", _word),
    "keep": ("keep", _number),
    "profile": ("profile", _word),
    "filtering": ("filtering", _word),
    "mips": ("mips", _word),
    "address": ("wrap", _address),
    "seed": ("seed", _count),
    "threads": ("threads", _count),
    "max-memory": ("max_memory", number_of_bytes),
    "backend": ("backend", _word),
}
_OF_MAPS: Final = {"target-psnr": "floors", "weight": "weights"}
