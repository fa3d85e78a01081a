"""Blocks of tracks: none lies upon another, they are moved whole, and serve again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from abbotify.simulation.compiled.arrays import empty_memory
from abbotify.simulation.compiled.track_blocks import (
    SMALLEST,
    give_back,
    move_up,
    no_blocks,
    take,
)


@given(st.lists(st.tuples(st.sampled_from(["take", "move", "give"]), st.integers(0, 99))))
def test_blocks_keep_what_is_theirs(steps: list[tuple[str, int]]) -> None:
    blocks, memory = no_blocks(), empty_memory(SMALLEST * 300)
    live: list[tuple[int, int, int]] = []  # start, size, what its tracks say
    for number, (what, which) in enumerate(steps):
        if what == "take" or not live:
            start, size = take(blocks, memory, 0), 0
            if start < 0:
                continue
            memory.tracks[start : start + SMALLEST] = number
            live.append((start, size, number))
            continue
        start, size, mark = live.pop(which % len(live))
        assert (memory.tracks[start : start + (SMALLEST << size)] == mark).all()
        if what == "give":
            give_back(blocks, memory, start, size)
            continue
        larger = move_up(blocks, memory, start, size)
        if larger < 0:  # no room: all is as it was
            live.append((start, size, mark))
            continue
        assert (memory.tracks[larger : larger + (SMALLEST << size)] == mark).all()
        memory.tracks[larger : larger + (SMALLEST << size + 1)] = mark
        live.append((larger, size + 1, mark))
    for start, size, mark in live:
        assert (memory.tracks[start : start + (SMALLEST << size)] == mark).all()


def test_a_block_that_is_given_back_serves_again() -> None:
    blocks, memory = no_blocks(), empty_memory(3 * SMALLEST)
    start = take(blocks, memory, 0)
    larger = move_up(blocks, memory, start, 0)
    assert take(blocks, memory, 0) == start
    assert take(blocks, memory, 0) == -1
    give_back(blocks, memory, larger, 1)
    assert take(blocks, memory, 1) == larger
