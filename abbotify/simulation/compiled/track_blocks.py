"""Room for the tracks of sessions that are played at the same time.

A session's tracks lie one after the other. It begins with a small block and moves to one of twice
the size when that is full; blocks that are left serve again.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from abbotify.jit import unmanaged
from abbotify.simulation.compiled.arrays import Int, IntArray, Memory
from abbotify.simulation.compiled.users import copy_tracks

# compiled into kernels
SMALLEST: Final = 8  # tracks of a block of size 0
_SIZES: Final = 20  # the largest has room for more than the longest session there is
_NONE: Final = -1


class Blocks(NamedTuple):
    """Which parts of a `Memory` are free.

    Attributes:
        free: int64 (sizes), where a free block of each size starts, or -1; where the next one
            does stands in the block's first stamp.
        used: int64 (1), tracks from the start of the memory that belong to some block.
    """

    free: IntArray
    used: IntArray


def no_blocks() -> Blocks:
    """The blocks of a memory that nobody uses."""
    return Blocks(np.full(_SIZES, _NONE, np.int64), np.zeros(1, np.int64))


@unmanaged
def take(blocks: Blocks, memory: Memory, size: Int) -> Int:
    """Where a block of SMALLEST << size tracks starts, or -1 when there is no room for it."""
    start = blocks.free[size]
    if start >= 0:
        blocks.free[size] = memory.stamps[start]
        return start
    start, tracks = blocks.used[0], SMALLEST << size
    if start + tracks > len(memory.tracks):
        return _NONE
    blocks.used[0] = start + tracks
    return start


@unmanaged
def give_back(blocks: Blocks, memory: Memory, start: Int, size: Int) -> None:
    """Makes a block free."""
    memory.stamps[start] = blocks.free[size]
    blocks.free[size] = start


@unmanaged
def move_up(blocks: Blocks, memory: Memory, start: Int, size: Int) -> Int:
    """Moves a block that is full to one of twice the size; where that starts, or -1."""
    larger = take(blocks, memory, size + 1)
    if larger >= 0:
        copy_tracks(memory, start, memory, larger, SMALLEST << size)
        give_back(blocks, memory, start, size)
    return larger
