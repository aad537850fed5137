"""Constants and limits of format version 1; docs/format.md is normative and names the rules."""

from __future__ import annotations

from typing import Final

MAGIC: Final = b"\x89NTC\r\n\x1a\n"
NTEX_MAGIC: Final = b"NTEX"
VERSION: Final = 1

# Required-feature bits: a reader that does not know a set bit must refuse the file (H3).
FEATURE_HASH: Final = 1 << 0
FEATURE_SIMPLEX: Final = 1 << 1
FEATURE_FILTERED: Final = 1 << 2
FEATURE_ENTROPY: Final = 1 << 3
KNOWN_REQUIRED: Final = FEATURE_HASH | FEATURE_SIMPLEX | FEATURE_ENTROPY

MAX_SIDE: Final = 16384
MAX_CHANNELS: Final = 32
MAX_MIPS: Final = 15  # 16384 down to 1
MAX_LEVELS: Final = 16
MAX_FEATURES: Final = 32
MAX_LAYERS: Final = 4
MAX_WIDTH: Final = 128  # units of a decoder layer; keeps int32 accumulators from overflowing
MAX_METADATA: Final = 1 << 20
MAX_CHUNKS: Final = 64
TILE_LOG2_RANGE: Final = (2, 6)
TABLE_LOG2_RANGE: Final = (4, 24)  # cells of a hash table
MAX_BLOCK_LOG2: Final = 6
MAX_BLOCKS: Final = 1 << 22  # of a masked level: 16384 x 16384 cells in blocks of 8 x 8

# A file cannot make its reader allocate more than this, whatever it claims (L4, C8).
MAX_TILES: Final = 1 << 20  # per level: 16384 x 16384 in tiles of 16 x 16
MAX_LEVEL_BYTES: Final = 2 * MAX_SIDE**2  # of all levels: 16 bits a texel of the largest texture

# Fixed point: latents carry 7 fraction bits of an int8 step, interpolation weights 8.
LATENT_ONE: Final = 128
LATENT_LIMIT: Final = 127 * LATENT_ONE
POSITION_BITS: Final = 24
LOD_STEP: Final = 8  # value of the lod input for mip 1

# Hidden units: int8 codes in steps of 1/64, so that the knee of the activation lies at 64.
ACTIVATION_KNEE: Final = 64
ACTIVATION_MAX: Final = 127
OUTPUT_GAIN: Final = 256
OUTPUT_MAX: Final = 65535
WEIGHT_MAX: Final = 127
BIAS_MAX: Final = 1 << 30
SHIFT_MAX: Final = 24

NOT_READ: Final = 255  # role of a level that a mip does not read

CODEC_RAW: Final = 0
CODEC_ZSTD: Final = 1
CODEC_ENTROPY: Final = 2  # of levels alone


def mip_size(width: int, height: int, mip: int) -> tuple[int, int]:
    """Width and height of a mip: halved and rounded down, at least 1 (rule M3)."""
    return max(width >> mip, 1), max(height >> mip, 1)


def full_mip_count(width: int, height: int) -> int:
    """Number of mips from full size to 1x1."""
    return max(width, height).bit_length()
