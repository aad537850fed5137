"""Where the cells of a level keep their latents: one by one, in a hash table, or some of them only.

A level of any layout is stored as a grid of cells, `stored_size`, that is cut into tiles and packed
as if it were dense. `stored_cells` says which of them a cell of the level reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

# Spreads rows of blocks over a table: Mueller et al., "Instant Neural Graphics Primitives", eq. 4.
HASH_PRIME: Final = 2654435761
SKIPPED: Final = -1


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """How a level lays its cells out and stores them; the default is a dense square grid.

    With `table_log2`, blocks of cells are hashed into a table of 2**table_log2 cells, and share
    what they find there. With `mask`, blocks it leaves out have no latents: theirs are zero.
    """

    simplex: bool = False  # odd rows lie half a cell to the left; texels read three cells
    table_log2: int = 0  # 0: no table
    block_log2: int = 0  # blocks are squares of 2**block_log2 cells a side
    mask: Mask | None = None  # [rows, columns] of blocks


DENSE: Final = Layout()


def block_grid(width: int, height: int, block_log2: int) -> tuple[int, int]:
    """Rows and columns of blocks that cover a level."""
    side = 1 << block_log2
    return -(-height // side), -(-width // side)


def stored_size(width: int, height: int, layout: Layout) -> tuple[int, int]:
    """Width and height of the stored grid (rule 6.1)."""
    if layout.mask is not None:
        return masked_size(int(np.count_nonzero(layout.mask)), layout.block_log2)
    if layout.table_log2:
        rows_log2 = layout.table_log2 // 2
        return 1 << (layout.table_log2 - rows_log2), 1 << rows_log2
    return width, height


def mask_words(blocks: int) -> int:
    """32-bit words of a mask: a bit for each block of the level."""
    return -(-blocks // 32)


def masked_size(blocks: int, block_log2: int) -> tuple[int, int]:
    """Width and height of the stored grid that `blocks` blocks are stacked to."""
    return 1 << block_log2, blocks << block_log2


def stored_cells(width: int, height: int, layout: Layout, y: Ints, x: Ints) -> tuple[Ints, Ints]:
    """Rows and columns in the stored grid of the cells (x, y), which lie within the level.

    Rows are `SKIPPED` where the mask leaves a cell out.
    """
    if layout.mask is None and not layout.table_log2:
        return y, x
    bits = layout.block_log2
    inner = (1 << bits) - 1
    if layout.mask is not None:
        slot = block_slots(layout.mask)[y >> bits, x >> bits]
        return np.where(slot < 0, SKIPPED, (slot << bits) | (y & inner)), x & inner
    stored_width, stored_height = stored_size(width, height, layout)
    columns_log2 = stored_width.bit_length() - 1 - bits
    blocks = (stored_width * stored_height) >> (2 * bits)
    block = ((x >> bits) ^ ((y >> bits) * HASH_PRIME)) & (blocks - 1)
    row, column = block >> columns_log2, block & ((1 << columns_log2) - 1)
    return (row << bits) | (y & inner), (column << bits) | (x & inner)


def block_slots(mask: Mask) -> Ints:
    """`[rows, columns]` place of each block among those that the mask keeps, or `SKIPPED`."""
    places = np.cumsum(mask, dtype=np.int64).reshape(mask.shape) - 1
    return np.where(mask, places, SKIPPED)
