"""Vulkan devices: which there are, and one of them opened for compute."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from ntc.decode.gpu.needs import Features, enabled_features
from ntc.errors import RuntimeFailure, UsageError

# The kinds by their number in Vulkan, and the order in which they are preferred.
KINDS: Final = ("other", "integrated", "discrete", "virtual", "cpu")
_PREFERRED: Final = ("discrete", "integrated", "virtual", "other", "cpu")
_API_VERSION: Final = 1 << 22 | 3 << 12  # 1.3: what ntc knows of; devices may have less
_LEAST_API: Final = 1 << 22 | 2 << 12  # 1.2, for the shaders are SPIR-V 1.5


@dataclass(frozen=True)
class DeviceInfo:
    """A device as the driver presents it."""

    index: int
    name: str
    kind: str  # one of KINDS
    driver: str
    api: str  # version of Vulkan


def load() -> Any:
    """The package `vulkan`. Raises RuntimeFailure without it, or without the Vulkan loader."""
    try:
        import vulkan
    except ImportError as error:
        raise RuntimeFailure(
            "the package `vulkan` is not installed: pip install 'ntc[gpu]'"
        ) from error
    except OSError as error:
        raise RuntimeFailure(
            "the Vulkan loader was not found: install the graphics driver, or libvulkan1"
        ) from error
    return vulkan


def devices() -> list[DeviceInfo]:
    """All devices, at least one. Raises RuntimeFailure without package, loader or driver."""
    vk = load()
    instance = _make_instance(vk)
    try:
        return _infos(vk, instance)
    finally:
        vk.vkDestroyInstance(instance, None)


class Device:
    """An open device with one compute queue; `index` counts as in `devices()`, None is the best.

    Owns all that is made on it and destroys it, last made first, in `close()`, at the end of a
    `with`, or when nothing refers to the device any more. For one thread at a time.
    """

    def __init__(self, index: int | None = None) -> None:
        """Raises RuntimeFailure without a usable device, UsageError if `index` does not exist."""
        self.vk = vk = load()
        self._live: dict[int, tuple[object, Callable[[], None]]] = {}
        self._finalizer = weakref.finalize(self, _destroy, vk, self._live)
        instance = _make_instance(vk)
        self._own(instance, lambda: vk.vkDestroyInstance(instance, None))
        infos = _infos(vk, instance)
        self.info = _choose(infos, index)
        self.physical = vk.vkEnumeratePhysicalDevices(instance)[self.info.index]
        # Bound to the device: a structure inside another does not keep that one alive.
        self._properties = properties = vk.vkGetPhysicalDeviceProperties(self.physical)
        if properties.apiVersion < _LEAST_API:
            raise RuntimeFailure(f"{self.info.name}: has Vulkan {self.info.api}, 1.2 is needed")
        self.limits: Any = properties.limits
        self.family, bits = self._compute_family()
        self.timestamp_mask = (1 << bits) - 1
        self.features: Features = enabled_features(vk, self.physical, properties.apiVersion)
        with self.failures():
            self.handle = self._make_device()
            self.queue = vk.vkGetDeviceQueue(self.handle, self.family, 0)

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Destroys all that was made, the device itself last. May be called twice."""
        self._finalizer()

    def own(self, kind: str, handle: Any) -> Any:
        """The handle back; it will be destroyed by `vkDestroy<kind>`, or `vkFreeMemory`."""
        vk, device = self.vk, self.handle
        destroy = vk.vkFreeMemory if kind == "Memory" else getattr(vk, f"vkDestroy{kind}")
        return self._own(handle, lambda: destroy(device, handle, None))

    def release(self, handle: Any) -> None:
        """Destroys now what `own` was told of, unless it is gone already."""
        if id(handle) in self._live:
            self._live.pop(id(handle))[1]()

    @property
    def has_timestamps(self) -> bool:
        """Whether the queue can tell how long work took."""
        return self.timestamp_mask > 0

    def memory_type(self, allowed: int, *wanted: int) -> int:
        """Index of a memory type: of the first flags in `wanted` that one of `allowed` has."""
        memory = self.vk.vkGetPhysicalDeviceMemoryProperties(self.physical)
        for flags in wanted:
            for i in range(memory.memoryTypeCount):
                if allowed >> i & 1 and memory.memoryTypes[i].propertyFlags & flags == flags:
                    return i
        raise RuntimeFailure(f"{self.info.name}: has no memory of the kind that is needed")

    @contextmanager
    def failures(self, about: str = "") -> Iterator[None]:
        """Errors of Vulkan in this block become RuntimeFailure; `about` says what was done.

        So does the use of a device that was closed.
        """
        if not self._finalizer.alive:
            raise RuntimeFailure("the Vulkan device was closed")
        vk, where = self.vk, f"{about}: {self.info.name}" if about else self.info.name
        try:
            yield
        except vk.VkErrorDeviceLost as error:
            what = "the device was lost: its driver failed, or stopped work that took too long"
            raise RuntimeFailure(f"{where}: {what}; try again, or --device cpu") from error
        except (vk.VkErrorOutOfDeviceMemory, vk.VkErrorOutOfHostMemory) as error:
            raise RuntimeFailure(f"{where}: out of memory; use --device cpu") from error
        except (vk.VkError, vk.VkException) as error:
            raise RuntimeFailure(f"{where}: {type(error).__name__}; use --device cpu") from error

    def _own(self, handle: Any, destroy: Callable[[], None]) -> Any:
        self._live[id(handle)] = handle, destroy
        return handle

    def _compute_family(self) -> tuple[int, int]:
        """Index of the queue family, and how many bits its timestamps have."""
        families = self.vk.vkGetPhysicalDeviceQueueFamilyProperties(self.physical)
        for i in range(len(families)):
            if families[i].queueFlags & self.vk.VK_QUEUE_COMPUTE_BIT:
                return i, families[i].timestampValidBits
        raise RuntimeFailure(f"{self.info.name}: has no queue for compute; choose another device")

    def _make_device(self) -> Any:
        vk = self.vk
        queue = vk.VkDeviceQueueCreateInfo(
            queueFamilyIndex=self.family, queueCount=1, pQueuePriorities=[1.0]
        )
        create = vk.VkDeviceCreateInfo(
            pNext=self.features.chain, queueCreateInfoCount=1, pQueueCreateInfos=[queue]
        )
        device = vk.vkCreateDevice(self.physical, create, None)
        return self._own(device, lambda: vk.vkDestroyDevice(device, None))


def _destroy(vk: Any, live: dict[int, tuple[object, Callable[[], None]]]) -> None:
    for handle, _ in live.values():
        if vk.ffi.typeof(handle) is vk.ffi.typeof("VkDevice"):
            try:
                vk.vkDeviceWaitIdle(handle)
            except vk.VkError:  # lost: all the same, what was made is to be destroyed
                pass
    while live:
        live.popitem()[1][1]()


def _make_instance(vk: Any) -> Any:
    about = vk.VkApplicationInfo(pApplicationName="ntc", apiVersion=_API_VERSION)
    try:
        return vk.vkCreateInstance(vk.VkInstanceCreateInfo(pApplicationInfo=about), None)
    except vk.VkErrorIncompatibleDriver as error:
        raise RuntimeFailure(_NO_DRIVER) from error
    except vk.VkError as error:
        raise RuntimeFailure(f"Vulkan did not start: {type(error).__name__}") from error


_NO_DRIVER: Final = (
    "no Vulkan driver was found: install that of the graphics card, or mesa-vulkan-drivers, "
    "which runs on the processor"
)


def _infos(vk: Any, instance: Any) -> list[DeviceInfo]:
    try:
        found = vk.vkEnumeratePhysicalDevices(instance)
    except vk.VkError as error:
        raise RuntimeFailure(_NO_DRIVER) from error
    if not len(found):
        raise RuntimeFailure(_NO_DRIVER)
    return [_info(vk, i, found[i]) for i in range(len(found))]


def _info(vk: Any, index: int, physical: Any) -> DeviceInfo:
    driver = vk.VkPhysicalDeviceDriverProperties()
    both = vk.VkPhysicalDeviceProperties2(pNext=driver)
    vk.vkGetPhysicalDeviceProperties2(physical, both)
    properties = both.properties
    names = vk.ffi.string(driver.driverName), vk.ffi.string(driver.driverInfo)
    return DeviceInfo(
        index,
        vk.ffi.string(properties.deviceName).decode("utf-8", "replace"),
        KINDS[properties.deviceType] if properties.deviceType < len(KINDS) else "other",
        b" ".join(names).decode("utf-8", "replace").strip(),
        ".".join(str(properties.apiVersion >> at & 0x3FF) for at in (22, 12))
        + f".{properties.apiVersion & 0xFFF}",
    )


def _choose(infos: list[DeviceInfo], index: int | None) -> DeviceInfo:
    if index is None:
        return min(infos, key=lambda info: _PREFERRED.index(info.kind))
    if not 0 <= index < len(infos):
        there = ", ".join(f"{info.index} {info.name}" for info in infos)
        raise UsageError(f"vulkan:{index} does not exist; devices: {there}")
    return infos[index]
