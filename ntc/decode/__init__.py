"""Decoders: from a `QuantizedModel` to storage values. All of them return the same integers."""

from __future__ import annotations

from typing import Final

from ntc.decode.decoder import Decoder, ReferenceDecoder
from ntc.errors import UsageError
from ntc.native import available

NAMES: Final = ("cpu", "native", "reference", "vulkan", "vulkan:N")


def open_decoder(name: str = "cpu") -> Decoder:
    """The decoder of this name; `cpu` takes the fastest of the processor that is installed.

    `vulkan` is the best device, `vulkan:N` the one of this index (`ntc.decode.gpu.device.devices`).
    Raises UsageError for an unknown name, RuntimeFailure if what it needs is not installed.
    """
    kind, _, index = name.partition(":")
    if kind == "vulkan" and (index.isdecimal() or name == kind):
        from ntc.decode.vulkan import VulkanDecoder

        return VulkanDecoder(int(index) if index else None)
    if name == "cpu":
        name = "native" if available() else "reference"
    if name == "reference":
        return ReferenceDecoder()
    if name != "native":
        raise UsageError(f"decoder `{name}`: use {', '.join(NAMES)}")
    from ntc.decode.native import NativeDecoder

    return NativeDecoder()
