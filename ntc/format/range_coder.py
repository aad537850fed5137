"""A binary adaptive range coder: chapter 14.1 of docs/format.md.

Range coding after Martin, "Range encoding: an algorithm for removing redundancy from a digitised
message" (1979), with the carry kept back in the encoder as Schindler and LZMA do; probabilities
adapt as in Howard and Vitter, "Practical implementations of arithmetic coding" (1992), faster while
they are young.
"""

from __future__ import annotations

from typing import Final, Protocol

from ntc.errors import FormatError

_LOWEST_RANGE: Final = 1 << 24  # below it another byte follows
_FULL_RANGE: Final = (1 << 32) - 1
_AGE_BITS: Final = 6
_ADULT: Final = 32  # decisions after which a probability has its last speed

Model = list[int]  # probabilities of 1 in 1/65536 with, in the lowest six bits, their age


def new_model(count: int) -> Model:
    """Probabilities of one half that have seen nothing."""
    return [1 << 15 + _AGE_BITS] * count


class Coder(Protocol):
    """Either direction: an encoder returns what it is given, a decoder what was encoded."""

    def decide(self, model: Model, index: int, one: bool) -> bool:
        """A decision, with the probability `model[index]`, which learns from it."""
        ...

    def raw(self, count: int, value: int) -> int:
        """`count` bits, highest first, each as likely 0 as 1."""
        ...

    def check(self) -> None:
        """Raises FormatError (E1) if a decoder has no bytes left."""
        ...


def _adapted(state: int, one: bool) -> int:
    age = state & (1 << _AGE_BITS) - 1
    probability = state >> _AGE_BITS
    shift = 3 + (age >> 3)
    if one:
        probability += (65536 - probability) >> shift
    else:
        probability -= probability >> shift
    return probability << _AGE_BITS | min(age + 1, _ADULT)


class Encoder:
    """Decisions to bytes."""

    def __init__(self) -> None:
        self._low = 0  # 33 bits
        self._range = _FULL_RANGE
        self._bytes = bytearray()
        self._held = 1  # bytes that a carry may still change: one of any value, then those of 255
        self._first_held = 0

    def decide(self, model: Model, index: int, one: bool) -> bool:
        """Encodes a decision and returns it."""
        state = model[index]
        bound = (self._range >> 15) * (state >> _AGE_BITS + 1)
        if one:
            self._range = bound
        else:
            self._low += bound
            self._range -= bound
        model[index] = _adapted(state, one)
        self._normalize()
        return one

    def raw(self, count: int, value: int) -> int:
        """Encodes the lowest `count` bits of `value` and returns it."""
        for i in range(count - 1, -1, -1):
            self._range >>= 1
            if value >> i & 1:
                self._low += self._range
            self._normalize()
        return value

    def check(self) -> None:
        """An encoder never runs out of bytes."""

    def finish(self) -> bytes:
        """All bytes. The first that was held is always 0 and left out."""
        for _ in range(5):
            self._emit()
        return bytes(self._bytes[1:])

    def _normalize(self) -> None:
        while self._range < _LOWEST_RANGE:
            self._range <<= 8
            self._emit()

    def _emit(self) -> None:
        """Moves the highest byte of `_low` out, and those before it that no carry can reach."""
        if 0xFF000000 <= self._low <= _FULL_RANGE:
            self._held += 1
        else:
            carry = self._low >> 32
            self._bytes.append((self._first_held + carry) & 255)
            self._bytes += bytes([(255 + carry) & 255]) * (self._held - 1)
            self._first_held, self._held = self._low >> 24 & 255, 1
        self._low = (self._low & 0x00FFFFFF) << 8


class Decoder:
    """Bytes to decisions. After the last byte it reads zeros: `check` and `finish` see to that."""

    def __init__(self, stored: bytes) -> None:
        self._bytes = stored
        self._range = _FULL_RANGE
        self._code = int.from_bytes(stored[:4].ljust(4, b"\0"), "big")
        self._next = 4

    def decide(self, model: Model, index: int, one: bool = False) -> bool:
        """The next decision."""
        state = model[index]
        bound = (self._range >> 15) * (state >> _AGE_BITS + 1)
        one = self._code < bound
        if one:
            self._range = bound
        else:
            self._code -= bound
            self._range -= bound
        model[index] = _adapted(state, one)
        if self._range < _LOWEST_RANGE:
            self._normalize()
        return one

    def raw(self, count: int, value: int = 0) -> int:
        """The next `count` bits."""
        value = 0
        for _ in range(count):
            self._range >>= 1
            one = self._code >= self._range
            if one:
                self._code -= self._range
            value = value << 1 | one
            self._normalize()
        return value

    def check(self) -> None:
        """Raises FormatError (E1) if the bytes did not last."""
        if self._next > len(self._bytes):
            raise FormatError("E1", len(self._bytes), "the last byte", "more, for all decisions")

    def finish(self) -> None:
        """Raises FormatError (E1) unless every byte was read, and they end as an encoder ends."""
        self.check()
        if self._next < len(self._bytes) or self._code:
            raise FormatError("E1", self._next, "bytes or a rest that nothing needs", "the end")

    def _normalize(self) -> None:
        while self._range < _LOWEST_RANGE:
            self._range <<= 8
            byte = self._bytes[self._next] if self._next < len(self._bytes) else 0
            self._code = (self._code << 8 | byte) & _FULL_RANGE
            self._next += 1
