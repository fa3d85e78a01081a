"""Lists made on demand answer as the table of all pairs does, foreseen or not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from abbotify.recommenders.base import Request
from abbotify.recommenders.candidate_table import CandidateTable, Key, Pick
from abbotify.recommenders.pick import TablePicker
from abbotify.recommenders.ranked_lists import Ranker, ranked
from abbotify.testing import generated_requests, small_world
from abbotify.world.base import IntArray, Lists

WORLD = small_world()
TRACKS = len(WORLD.catalogue)
Asked = list[tuple[int, int]]


def lists_of(asked: Asked) -> Callable[[IntArray, IntArray], Any]:
    def best(rows: IntArray, anchors: IntArray) -> Any:
        asked.extend(zip(rows.tolist(), anchors.tolist(), strict=True))
        first = (7 * rows + 3 * anchors) % TRACKS
        return ((first[:, None] + np.arange(12) * 5) % TRACKS).astype(np.int32)

    return best


def table_of(ranker: Ranker, rows: IntArray, anchors: IntArray) -> CandidateTable:
    """The lists of some pairs as a table."""
    pairs = np.unique(rows * TRACKS + anchors)
    lists = ranker.best(pairs // TRACKS, pairs % TRACKS)
    offsets = np.arange(len(pairs) + 1, dtype=np.int64) * lists.shape[1]
    row = Lists(offsets, lists.ravel())
    return CandidateTable(Key.USER_FIRST, row, ranker.pick, pairs=pairs)


def requests() -> list[Request]:
    return generated_requests(WORLD, sessions=60)


@pytest.mark.parametrize("pick", [Pick.UNIFORM, Pick.RANK, Pick.FIRST_UNSEEN])
@pytest.mark.parametrize("purpose", [2, 3])
def test_it_answers_as_its_table(pick: Pick, purpose: int) -> None:
    ranker = Ranker(lists_of([]), pick, Key.FIRST, TRACKS)
    asked = requests()
    rows, firsts = (np.array([getattr(r, n) for r in asked]) for n in ("row", "first"))
    table = table_of(ranker, rows, firsts)
    table.check(WORLD)
    by_table = TablePicker(table, WORLD.catalogue.artist, purpose).pick
    answers = [ranked(ranker, purpose)(request) for request in asked]
    assert answers == [by_table(request) for request in asked]
    assert pick != Pick.RANK or None in answers


def test_foreseen_pairs_are_made_at_once_and_others_when_asked() -> None:
    asked: Asked = []
    ranker = Ranker(lists_of(asked), Pick.UNIFORM, Key.FIRST, TRACKS)
    ranker.foresee(np.array([1, 1, 2, 1]), np.array([5, 6, 5, 5]))
    assert asked == [(1, 5), (1, 6), (2, 5)]
    assert ranker.list_of(2, 5)[0] == 29
    assert ranker.list_of(3, 5)[0] == 36
    assert ranker.list_of(3, 5)[1] == 41
    assert asked == [(1, 5), (1, 6), (2, 5), (3, 5)]
    ranker.foresee(np.array([3]), np.array([5]))  # yesterday's pairs are forgotten
    assert asked[4:] == [(3, 5)]
    ranker.foresee(np.array([], np.int64), np.array([], np.int64))
    assert len(asked) == 5


def test_the_anchor_may_be_the_previous_track() -> None:
    ranker = Ranker(lists_of([]), Pick.RANK, Key.PREVIOUS, TRACKS)
    request = requests()[5]._replace(step=1)
    assert request.previous != request.first
    assert ranked(ranker, 2)(request) == (7 * request.row + 3 * request.previous) % TRACKS
    assert not ranker._known  # there would be one for every track ever played


@pytest.mark.parametrize(
    ("pick", "anchor"),
    [(Pick.ANCHORED, Key.FIRST), (Pick.WEIGHTED, Key.FIRST), (Pick.UNIFORM, Key.USER)],
)
def test_what_cannot_be_ranked_is_refused(pick: Pick, anchor: Key) -> None:
    with pytest.raises(ValueError, match=r"anchor must be|cannot be picked"):
        Ranker(lists_of([]), pick, anchor, TRACKS)
