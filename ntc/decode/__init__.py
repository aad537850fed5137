"""Decoders: from a `QuantizedModel` to storage values. All of them return the same integers."""

from __future__ import annotations

from typing import Final

from ntc.decode.decoder import Decoder, ReferenceDecoder
from ntc.errors import UsageError
from ntc.native import available

NAMES: Final = ("native", "reference")


def open_decoder(name: str = "auto") -> Decoder:
    """The decoder of this name; `auto` takes the fastest that is installed.

    Raises UsageError for an unknown name, RuntimeFailure if what it needs is not installed.
    """
    if name == "auto":
        name = "native" if available() else "reference"
    if name not in NAMES:
        raise UsageError(f"decoder `{name}`: use auto, {', '.join(NAMES)}")
    if name == "reference":
        return ReferenceDecoder()
    from ntc.decode.native import NativeDecoder

    return NativeDecoder()
