"""`Settings`: how to compress."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from ntc.errors import UsageError
from ntc.fit.encodings import ENCODINGS
from ntc.fit.presets import EFFORTS, PROFILES
from ntc.format.metadata import Filtering

AUTO: Final = "auto"

Budget = Literal["memory", "file"]
Match = Literal["", "bc7"]
Normals = Literal["components", "angle"]

_USUAL_BPP: Final = 5.0
_LARGEST_WEIGHT: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How to compress. The same settings, images and backend give the same bytes.

    One target at most: `bpp`, `max_size`, `target_psnr` and `floors`, `match`, or `quality`.
    """

    bpp: float | None = None  # bits a texel of mip 0, of what the budget says; None: 5
    budget: Budget = "memory"  # of a GPU, or the file: then latents cost what they take in it
    max_size: int = 0  # bytes that the file may have; 0: no such bound
    target_psnr: float | None = None  # dB of all maps together
    floors: Mapping[str, float] = field(default_factory=dict)  # least dB of maps: name or semantic
    match: Match = ""  # bc7: the PSNR that block compression of each map reaches
    quality: float | None = None  # 0 to 100; 10 more halve the error that a bit has to take away
    weights: Mapping[str, float] = field(default_factory=dict)  # of maps' errors; others have 1
    normals: Normals = "components"  # angle: of a normal map's error, what turns the normal
    effort: str = "medium"
    encoding: str = AUTO  # or one of ENCODINGS
    profile: str = "standard"
    mips: Literal["all", "none"] = "all"
    wrap: tuple[bool, bool] = (True, True)
    seed: int = 0
    threads: int = 0  # 0: one per core
    backend: str = "auto"
    texels: int = 0  # to fit; 0: as the effort says
    max_memory: int = 0  # bytes; 0: no limit
    keep: float = 1.0  # part of the entries that pruning keeps; 1: no pruning
    filtering: Filtering = "texel"  # filtered: one decode stands for a trilinear filter

    def __post_init__(self) -> None:
        if self.effort not in EFFORTS:
            raise UsageError(f"effort `{self.effort}`: use one of {', '.join(EFFORTS)}")
        if self.encoding not in (AUTO, *ENCODINGS):
            names = ", ".join((AUTO, *ENCODINGS))
            raise UsageError(f"encoding `{self.encoding}`: use one of {names}")
        if self.profile not in PROFILES:
            raise UsageError(f"profile `{self.profile}`: use one of {', '.join(PROFILES)}")
        if self.mips not in ("all", "none"):
            raise UsageError(f"mips `{self.mips}`: use all or none")
        self._check_target()
        if self.fits_to_file and self.keep < 1:
            raise UsageError("keep: a plan for a budget of the file is not pruned; use memory")
        if self.normals not in ("components", "angle"):
            raise UsageError(f"normals `{self.normals}`: use components or angle")
        if self.filtering not in ("texel", "filtered"):
            raise UsageError(f"filtering `{self.filtering}`: use texel or filtered")
        if min(self.threads, self.texels, self.seed, self.max_memory) < 0:
            raise UsageError("threads, texels, seed and max_memory are 0 or more")
        if self.seed >= 1 << 64:
            raise UsageError(f"seed {self.seed}: use a number below 2^64")
        if not 0.1 <= self.keep <= 1:
            raise UsageError(f"keep {self.keep:g}: use 0.1 to 1")
        if not self.encodings:
            raise UsageError(
                f"keep {self.keep:g}: encoding `{self.encoding}` is not pruned; use hash or simplex"
            )

    def _check_target(self) -> None:
        if len(self.targets) > 1:
            raise UsageError(f"{' and '.join(self.targets)}: ask for one target")
        if self.budget not in ("memory", "file"):
            raise UsageError(f"budget `{self.budget}`: use memory or file")
        if not 0.05 <= self.rate <= 64:
            raise UsageError(f"bpp {self.rate:g}: use 0.05 to 64")
        if self.max_size < 0:
            raise UsageError(f"max_size {self.max_size}: use a number of bytes above 0")
        demands = {"": self.target_psnr} if self.target_psnr is not None else {}
        for name, psnr in (demands | dict(self.floors)).items():
            if not 5 <= psnr <= 100:
                where = f" of `{name}`" if name else ""
                raise UsageError(f"target_psnr {psnr:g}{where}: use 5 to 100 dB")
        if self.match not in ("", "bc7"):
            raise UsageError(f"match `{self.match}`: use bc7")
        if self.quality is not None and not 0 <= self.quality <= 100:
            raise UsageError(f"quality {self.quality:g}: use 0 to 100")
        for name, weight in self.weights.items():
            if not (math.isfinite(weight) and 1 / _LARGEST_WEIGHT <= weight <= _LARGEST_WEIGHT):
                raise UsageError(f"weight {weight:g} of `{name}`: use 0.001 to 1000")

    @property
    def targets(self) -> tuple[str, ...]:
        """What is asked for, by the names of the settings."""
        asked = {
            "bpp": self.bpp is not None,
            "max_size": self.max_size != 0,
            "target_psnr": self.target_psnr is not None or bool(self.floors),
            "match": self.match != "",
            "quality": self.quality is not None,
        }
        return tuple(name for name, there in asked.items() if there)

    @property
    def rate(self) -> float:
        """Bits a texel of mip 0, where nothing else is asked for."""
        return _USUAL_BPP if self.bpp is None else self.bpp

    @property
    def rounds(self) -> bool:
        """Whether a target may take more than one fit."""
        return self.targets not in ((), ("bpp",), ("quality",))

    @property
    def fits_to_file(self) -> bool:
        """Whether bits count as they do in the file: all targets but `bpp` are met by the file."""
        return self.budget == "file" or self.targets not in ((), ("bpp",))

    @property
    def encodings(self) -> tuple[str, ...]:
        """The encodings that may be used; `grid` keeps every cell."""
        names = ("grid", "hash") if self.encoding == AUTO else (self.encoding,)
        return names if self.keep == 1 else tuple(name for name in names if name != "grid")

    def record(self) -> dict[str, int | float | str | bool]:
        """What a file says about them, beside the effort, the seed and what was fitted."""
        said: dict[str, int | float | str | bool] = {
            "profile": self.profile,
            "keep": self.keep,
            "budget": "file" if self.fits_to_file else "memory",
        }
        if self.targets in ((), ("bpp",)):
            said["bpp"] = self.rate
        if self.max_size:
            said["max_size"] = self.max_size
        if self.target_psnr is not None:
            said["target_psnr"] = self.target_psnr
        said |= {f"target_psnr.{name}": psnr for name, psnr in self.floors.items()}
        if self.match:
            said["match"] = self.match
        if self.quality is not None:
            said["quality"] = self.quality
        if self.normals != "components":
            said["normals"] = self.normals
        return said | {f"weight.{name}": weight for name, weight in self.weights.items()}
