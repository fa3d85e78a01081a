"""A table refuses arrays that do not fit together, or not its world."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abbotify.recommenders.candidate_table import CandidateTable, Key, Pick
from abbotify.world.base import Lists, World

ROW = Lists(np.array([0, 2]), np.array([1, 5], np.int32))


def lists(offsets: Any, tracks: Any) -> Lists:
    return Lists(np.array(offsets), np.array(tracks))


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"lists": lists([1, 2], [1, 5])}, "offsets must start at 0"),
        ({"lists": lists([], [])}, "offsets must start at 0"),
        ({"lists": lists([0, 2, 1, 2], [1, 5])}, "offsets must not fall"),
        ({"lists": lists([0, 3], [1, 5])}, "offsets must end at the number of tracks, 2, got 3"),
        ({"lists": lists([0, 2], [1.0, 5.0])}, "tracks must be integers"),
        ({"lists": lists([0, 2], [[1, 5]])}, "tracks must have one dimension, got 2"),
        ({"lists": lists([0, 2], [1, 2**40])}, "tracks must fit in 32 bits"),
        ({"pick": Pick.WEIGHTED}, "weights belong to WEIGHTED"),
        ({"weights": np.ones(2)}, "weights belong to WEIGHTED"),
        ({"pick": Pick.WEIGHTED, "weights": np.ones(3)}, "one weight a track, 2, got 3"),
        ({"pick": Pick.WEIGHTED, "weights": np.array([2.0, 1.0])}, "must not fall within a row"),
        ({"pick": Pick.WEIGHTED, "weights": np.array([0.0, np.nan])}, "must be finite"),
        ({"pick": Pick.WEIGHTED, "weights": np.array([-1.0, 0.0])}, "not negative"),
        ({"pick": Pick.ANCHORED}, "ANCHORED needs the key PREVIOUS"),
        ({"pick": Pick.RANK, "exclude_previous": True}, "exclude_previous needs the pick UNIFORM"),
        ({"lists": lists([0, 2], [5, 1]), "exclude_previous": True}, "ascending rows"),
        ({"lists": lists([0, 2], [5, 5]), "exclude_previous": True}, "ascending rows"),
        ({"below": 30}, "below needs a table"),
        ({"below": 101}, "below must be whole hundredths"),
        ({"below": 0.3}, "below must be whole hundredths"),
        ({"key": Key.USER_FIRST}, "pairs belong to USER_FIRST"),
        ({"key": Key.USER_FIRST, "pairs": np.array([3, 3])}, "pairs must be strictly ascending"),
        ({"key": 17}, "17 is not a valid Key"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(given: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        CandidateTable(**{"key": Key.NOTHING, "lists": ROW, "pick": Pick.UNIFORM, **given})


def test_rows_are_apart_for_ascent_and_weights() -> None:
    two = lists([0, 0, 2, 4, 4], [1, 5, 0, 3])
    weights = np.array([1.0, 9.0, 0.5, 0.5])  # cumulative within each row, falling between them
    assert CandidateTable(Key.USER, two, Pick.UNIFORM, exclude_previous=True).rows == 4
    assert CandidateTable(Key.USER, two, Pick.WEIGHTED, weights=weights).rows == 4


def test_any_integers_become_the_arrays_of_the_kernels() -> None:
    table = CandidateTable(Key.NOTHING, lists([0, 1], np.array([7], np.uint8)), Pick.UNIFORM)
    assert table.lists.tracks.dtype == np.int32
    assert table.lists.offsets.dtype == np.int64
    assert CandidateTable(Key.NOTHING, lists([0, 0], []), Pick.UNIFORM).rows == 1


@pytest.mark.parametrize(
    ("key", "rows"),
    [(Key.NOTHING, 1), (Key.USER, 20), (Key.ARTIST, 12), (Key.PREVIOUS, 60), (Key.FIRST, 60)],
)
def test_a_world_needs_a_row_for_every_key(key: Key, rows: int, world: World) -> None:
    CandidateTable(key, lists([0] * (rows + 1), []), Pick.UNIFORM).check(world)
    with pytest.raises(ValueError, match=f"needs {rows} rows, got {rows + 1}"):
        CandidateTable(key, lists([0] * (rows + 2), []), Pick.UNIFORM).check(world)


@pytest.mark.parametrize("track", [-1, 60])
def test_tracks_lie_in_the_catalogue(track: int, world: World) -> None:
    bad = CandidateTable(Key.NOTHING, lists([0, 2], [5, track]), Pick.UNIFORM)
    with pytest.raises(ValueError, match=f"track {track} is not between 0 and 59"):
        bad.check(world)
    with pytest.raises(ValueError, match=f"track {track} is not between 0 and 59"):
        CandidateTable(Key.NOTHING, ROW, Pick.UNIFORM, below=1, otherwise=bad).check(world)


def test_what_never_misses() -> None:
    assert CandidateTable(Key.NOTHING, ROW, Pick.UNIFORM).never_misses
    assert not CandidateTable(Key.NOTHING, lists([0, 0], []), Pick.UNIFORM).never_misses
    assert not CandidateTable(Key.USER, ROW, Pick.UNIFORM).never_misses
    assert not CandidateTable(Key.NOTHING, ROW, Pick.RANK).never_misses
    assert not CandidateTable(Key.NOTHING, ROW, Pick.UNIFORM, exclude_previous=True).never_misses
