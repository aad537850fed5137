"""Efforts and decoder profiles, as data. An effort differs from another in texels fitted alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class Profile:
    """A named cost of decoding one texel."""

    hidden: tuple[int, ...]  # units of the hidden layers; narrowed until `max_macs` holds
    max_macs: int | None  # multiply-accumulates of one texel


@dataclass(frozen=True, slots=True)
class Recipe:
    """The optimiser's settings; docs/decisions/0005-recipe.md says how they were found."""

    batch_texels: int = 2048
    latent_rate: float = 0.1  # Adam step in units of half the latent range
    decoder_rate: float = 0.007
    # A longer fit's decoder takes smaller steps, by the root of their number: 0019-steps.md
    steady_steps: int = 5_000
    decoder_decay: float = 0.1  # of weights, times the rate, a step
    # Weights of hidden layers take orthogonal steps, whose elements have a root mean square of
    # this part of the rate; 0: they take Adam's. docs/decisions/0024-steps.md
    hidden_step: float = 0.5
    latent_moments: tuple[float, float] = (0.5, 0.85)  # decays of Adam's, by visits
    # Adam's epsilon for latents, in units of the root mean square of all gradients of a feature:
    # where nothing is left to learn, latents come to rest. docs/decisions/0024-steps.md
    latent_floor: float = 0.03
    decoder_moments: tuple[float, float] = (0.95, 0.99)
    # Of rounding, when latents freeze; at first it is 1, a whole step, and where tiles are to lose
    # bits it stays 1. docs/decisions/0025-few-visits.md
    last_noise: float = 0.5
    frozen_part: float = 0.1  # last part of the fit, with latents rounded and only the decoder live
    frozen_rate: float = 0.05  # the decoder's rate then, as a part of `decoder_rate`
    shifted: float = 0.2  # part of a filtered fit's tiles that move off texels, and off their mip


MEGATEXEL: Final = 1 << 20

# Millions of texels fitted to a material of 1024 x 1024.
EFFORTS: Final[Mapping[str, int]] = MappingProxyType(
    {"fast": 40, "medium": 160, "thorough": 640, "exhaustive": 2560}
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        "bilinear": Profile((), 432),
        "light": Profile((32, 32), 2048),
        "standard": Profile((64, 64), 8192),
        "quality": Profile((96, 96), None),
    }
)


def texels_to_fit(effort: str, width: int, height: int) -> int:
    """Texels fitted over all mips: grows with the square root of the area.

    A larger material has more latents to fit, but their decoder is shared.
    """
    area = width * height / MEGATEXEL
    return int(EFFORTS[effort] * 1_000_000 * area**0.5)
