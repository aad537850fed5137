"""Every error a user of ntc can meet, and the exit code each one ends a command with.

NtcError
├── UsageError      1   the request contradicts itself
├── FileError       2   a file cannot be read or written
├── InputError      3   an image, a name or a manifest is not usable
│   └── FormatError 3   the bytes of a `.ntc` break a rule of docs/format.md
└── RuntimeFailure  4   the machine could not finish: memory, device, missing package
"""

from __future__ import annotations


class NtcError(Exception):
    """Base of all errors that are the caller's business; the message is one line."""

    exit_code = 4


class UsageError(NtcError):
    """Options contradict each other or lie outside their range."""

    exit_code = 1


class FileError(NtcError):
    """A file or folder cannot be read, written or replaced."""

    exit_code = 2


class InputError(NtcError):
    """An image, a file name or a manifest cannot be used as part of a material."""

    exit_code = 3


class FormatError(InputError):
    """The bytes break a rule of docs/format.md; `rule` names it, `offset` is where.

    `offset` counts bytes from the start of the file, or of the unpacked section for rules
    about what a section holds.
    """

    def __init__(self, rule: str, offset: int, found: object, allowed: object) -> None:
        super().__init__(f"{rule} at byte {offset}: found {found}, allowed {allowed}")
        self.rule = rule
        self.offset = offset
        self.found = found
        self.allowed = allowed

    def __reduce__(self) -> tuple[type[FormatError], tuple[str, int, object, object]]:
        # The default would call the class with the message alone, and a worker could not send it.
        return type(self), (self.rule, self.offset, self.found, self.allowed)


class RuntimeFailure(NtcError):
    """The machine could not finish the work: out of memory, no device, a missing package."""

    exit_code = 4


def reason_of(error: Exception, about: object = None) -> tuple[str, int]:
    """What went wrong in one line, and the exit code that it deserves."""
    where = f"{about}: " if about else ""
    match error:
        case NtcError():  # which says itself what it is about
            text, code = str(error), error.exit_code
        case OSError():  # of stdout: ntc's own files raise FileError
            text, code = f"{where}{error}", FileError.exit_code
        case MemoryError():
            text, code = f"{where}out of memory; use a smaller material", RuntimeFailure.exit_code
        case _:
            text = f"{where}internal: {type(error).__name__}: {error}"
            code = RuntimeFailure.exit_code
            text += "; please report, NTC_DEBUG=1 shows where"
    return " ".join(line.strip() for line in text.splitlines()), code
