"""A log of three blocks of users and tracks, and whether lists keep to them."""

from __future__ import annotations

import numpy as np

from abbotify.recommenders.candidate_table import CandidateTable
from abbotify.recommenders.training_log import TrainingLog
from abbotify.testing import small_world
from abbotify.world.base import World

WORLD: World = small_world()
TRACKS, USERS, BLOCKS = len(WORLD.catalogue), len(WORLD.users), 3


def blocks() -> TrainingLog:
    """Users 0 .. 17 hear half of the tracks of their own block; tracks 54 .. 59 nobody."""
    random = np.random.default_rng(1)
    row = np.repeat(np.arange(USERS - 2), 9)
    places = [random.permutation(18)[:9] for _ in range(USERS - 2)]
    track = BLOCKS * np.concatenate(places) + row % BLOCKS
    zero = np.zeros(len(row), np.int64)
    time = random.integers(50, 101, len(row)) / 100
    return TrainingLog(row, zero, zero, track, track, time, USERS, TRACKS)


def shares_within(table: CandidateTable, size: int) -> list[float]:
    """The share of each list within its row's block; lists have `size` tracks that were heard.

    Rows of users or tracks that are not in the log have no list and no share.
    """
    known = USERS - 2 if table.rows == USERS else TRACKS - 6
    shares = []
    for row in range(table.rows):
        got = table.lists.tracks[table.lists.offsets[row] : table.lists.offsets[row + 1]]
        assert len(got) == (size if row < known else 0)
        assert got.max(initial=0) < TRACKS - 6
        if row < known:
            shares.append(float((got % BLOCKS == row % BLOCKS).mean()))
    return shares
