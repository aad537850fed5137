"""What `ntc compress` makes of a material, as contenders: its encodings and its profiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Final

from ntc import native
from ntc.bench.rd.contender import Coded, Contender, source_digest
from ntc.bench.rd.subject import Subject
from ntc.compression import compress
from ntc.fit.backends import load_backend
from ntc.format.model import video_memory_bytes
from ntc.material import Material
from ntc.settings import Budget, Settings
from ntc.texture import as_written

_SUFFIX: Final[dict[Budget, str]] = {"memory": "", "file": " for files"}
_PACKAGE: Final = Path(__file__).parents[2]
_MODULES: Final = ("fit", "format", "decode", "texture", "control")
_SOURCES: Final = (*_MODULES, "compression.py", "planning.py", "metrics.py")


@dataclass(frozen=True)
class Fits:
    """How all neural contenders are fitted."""

    bpp: tuple[float, ...]
    effort: str
    texels: int = 0  # to fit; 0: as the effort says
    threads: int = 0
    budgets: tuple[Budget, ...] = ("memory",)  # what the bits of `bpp` are counted of

    def settings(self, encoding: str, profile: str, budget: Budget = "memory") -> Settings:
        """Those of `ntc compress`, at some rate."""
        return Settings(
            effort=self.effort,
            texels=self.texels,
            threads=self.threads,
            encoding=encoding,
            profile=profile,
            budget=budget,
        )

    @property
    def amount(self) -> str:
        """How much is fitted, for people."""
        return f"{self.texels} texels" if self.texels else self.effort


def our_contenders(
    fits: Fits, encodings: Sequence[str], profiles: Sequence[str]
) -> list[Contender]:
    """Each encoding with each profile and budget. Raises UsageError for an unknown name."""
    return [
        our_contender(f"ntc {encoding} {profile}{_SUFFIX[budget]}", fits, encoding, profile, budget)
        for encoding in encodings
        for profile in profiles
        for budget in fits.budgets
    ]


def leaders(names: Sequence[str]) -> tuple[str, str]:
    """Of our curves the one that counts in files, and the one that counts in video memory."""
    files = [name for name in names if name.endswith(_SUFFIX["file"])]
    memory = [name for name in names if name not in files]
    return (files or memory)[0], (memory or files)[0]


def our_contender(
    name: str, fits: Fits, encoding: str, profile: str, budget: Budget = "memory"
) -> Contender:
    """`ntc compress` at each rate."""
    settings = fits.settings(encoding, profile, budget)

    def run(subject: Subject, setting: str) -> Coded:
        bpp = replace(settings, bpp=float(setting))
        return coded(subject, compress(subject.path, bpp))

    about = f"ntc, {encoding}, {profile} profile, budget of {budget}, {fits.amount}"
    return Contender(name, about, rates(fits), run, fit_identity(settings, Path(__file__)))


def rates(fits: Fits) -> tuple[str, ...]:
    """The settings of a contender that is asked for a rate."""
    return tuple(f"{bpp:g}" for bpp in sorted(fits.bpp))


def coded(subject: Subject, material: Material) -> Coded:
    """A compressed material, decoded to what is written into images."""
    outputs = as_written(material.decode_outputs(), material.maps)
    decoded = subject.reference.completed(outputs[:, :, : subject.reference.varying])
    return Coded(decoded, len(material.data), video_memory_bytes(material.file.model))


def fit_identity(settings: Settings, *sources: Path) -> dict[str, str]:
    """All that the result of a fit depends on beside images and rate.

    Fits on other instruction sets may differ in their last bits.
    """
    _, backend = load_backend(settings.backend)
    fixed = {name: str(value) for name, value in asdict(settings).items()}
    del fixed["bpp"], fixed["threads"]
    return fixed | {
        "backend": backend,
        "isa": native.isa() if backend == "native" else "",
        "source": source_digest(*sources),
        "ntc": _ntc_digest(),
    }


@cache
def _ntc_digest() -> str:
    """Of the fit, the format and the decoders, the compiled core among them."""
    core = [Path(str(native.core().__file__))] if native.available() else []
    return source_digest(*(_PACKAGE / name for name in _SOURCES), *core)
