"""What shaders need of a device, and which of it a device has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

_MAGIC: Final = 0x07230203
_HEADER_WORDS: Final = 5
_OP_CAPABILITY: Final = 17
_API_1_3: Final = 1 << 22 | 3 << 12

# Enabled where the device has them: by the structure of Vulkan that holds them.
_OPTIONAL: Final = {
    "": ("robustBufferAccess", "textureCompressionBC", "shaderInt16", "shaderInt64"),
    "Vulkan11": ("storageBuffer16BitAccess",),
    "Vulkan12": ("shaderInt8", "shaderFloat16", "storageBuffer8BitAccess", "vulkanMemoryModel"),
    "Vulkan13": ("shaderIntegerDotProduct",),
}
# Capability of SPIR-V (section 3.31 of its specification) -> the feature that it stands for.
_FEATURE_OF: Final = {
    9: "shaderFloat16",
    11: "shaderInt64",
    22: "shaderInt16",
    39: "shaderInt8",
    4433: "storageBuffer16BitAccess",
    4448: "storageBuffer8BitAccess",
    5345: "vulkanMemoryModel",
    6016: "shaderIntegerDotProduct",
    6017: "shaderIntegerDotProduct",
    6018: "shaderIntegerDotProduct",
    6019: "shaderIntegerDotProduct",
}


@dataclass(frozen=True)
class Features:
    """Those of `_OPTIONAL` that a device has. `chain` is what vkCreateDevice takes to enable
    them; `kept` are the structures that it points to."""

    names: frozenset[str]
    chain: Any
    kept: tuple[Any, ...]


def enabled_features(vk: Any, physical: Any, api_version: int) -> Features:
    """The optional features that the device has."""
    there, there_parts = _chain(vk, api_version)
    vk.vkGetPhysicalDeviceFeatures2(physical, there)
    chain, parts = _chain(vk, api_version)
    names = []
    for struct, part in parts.items():
        for name in _OPTIONAL[struct]:
            if getattr(there_parts[struct], name):
                setattr(part, name, 1)
                names.append(name)
    return Features(frozenset(names), chain, tuple(parts.values()))


def missing_features(features: Features, spirv: bytes) -> list[str]:
    """Names of features that the shader needs and the device lacks."""
    needed = {_FEATURE_OF[code] for code in _capabilities(spirv) if code in _FEATURE_OF}
    return sorted(needed - features.names)


def _chain(vk: Any, api_version: int) -> tuple[Any, dict[str, Any]]:
    """VkPhysicalDeviceFeatures2 with what hangs on it, and the parts by their name above."""
    parts: dict[str, Any] = {}
    after = None
    for name in ("Vulkan13", "Vulkan12", "Vulkan11"):
        if name != "Vulkan13" or api_version >= _API_1_3:
            after = getattr(vk, f"VkPhysicalDevice{name}Features")(pNext=after)
            parts[name] = after
    head = vk.VkPhysicalDeviceFeatures2(pNext=after)
    parts[""] = head.features
    return head, parts


def _capabilities(spirv: bytes) -> Iterator[int]:
    words = np.frombuffer(spirv, "<u4")
    if words.size <= _HEADER_WORDS or words[0] != _MAGIC:
        raise ValueError("not SPIR-V")
    at = _HEADER_WORDS
    while at < words.size and words[at] & 0xFFFF == _OP_CAPABILITY:
        yield int(words[at + 1])
        at += int(words[at] >> 16)
