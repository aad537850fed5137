"""What takes long to make is kept while there is room for it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, TypeVar, cast

Made = TypeVar("Made")


class Cache:
    """Values by key, made once however many threads ask; the least recently used go first.

    `room` bounds the bytes of all values together; one that is larger alone is not kept.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._values: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._making: dict[Hashable, Lock] = {}
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Made], size: Callable[[Made], int]) -> Made:
        """The value of a key, made if it is not there; `size` is what it takes, in bytes."""
        with self._lock:
            making = self._making.setdefault(key, Lock())
        with making:
            with self._lock:
                if key in self._values:
                    self._values.move_to_end(key)
                    return cast(Made, self._values[key][0])
            try:
                value = make()
                self._keep(key, value, size(value))
            finally:
                with self._lock:
                    self._making.pop(key, None)
        return value

    def _keep(self, key: Hashable, value: object, size: int) -> None:
        with self._lock:
            self._values[key] = value, size
            while sum(size for _, size in self._values.values()) > self._room:
                self._values.popitem(last=False)
