"""Neighbours against a dense computation of the formula, for any chunk and any order of plays."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from abbotify.errors import UserError
from abbotify.files.folders import Arrays
from abbotify.recommenders.candidate_table import Key, Pick
from abbotify.recommenders.shipped.item2item import Item2Item, fit, lowered
from abbotify.recommenders.training_log import TrainingLog
from abbotify.testing import small_world
from abbotify.world.base import World
from tests.conftest import assert_same_arrays

WORLD: World = small_world()
TRACKS, USERS = len(WORLD.catalogue), len(WORLD.users)


def told(done: int, of: int, loss: float | None) -> None:
    assert 0 < done <= of
    assert loss is None


def plays(seed: int = 1, count: int = 600) -> TrainingLog:
    """Random plays; the last ten tracks are never played, a tenth is skipped at once."""
    random = np.random.default_rng(seed)
    row = np.sort(random.integers(0, USERS, count))
    session = np.sort(random.integers(0, 8, count)) + 0 * row
    order = np.lexsort((session, row))
    row, session = row[order], session[order]
    time = random.integers(-10, 101, count).clip(0) / 100
    track = random.integers(0, TRACKS - 10, count)
    zero = np.zeros(count, np.int64)
    return TrainingLog(row, session, zero, zero, track, time, USERS, TRACKS)


def of(**given: Any) -> Item2Item:
    return Item2Item.model_validate({"recommender": "item2item", **given})


def trained(params: Item2Item, log: TrainingLog, **given: Any) -> Arrays:
    return fit(params, log, 5, told, **given).arrays


def dense(params: Item2Item, log: TrainingLog) -> npt.NDArray[np.float64]:
    """All scores, (tracks, tracks); -1 where a pair was never met."""
    groups = log.row * 1000 + (log.session if params.together == "session" else 0)
    times = np.zeros((TRACKS, len(np.unique(groups))))
    np.add.at(times, (log.track, np.unique(groups, return_inverse=True)[1]), log.time)
    both = (times > 0).astype(float) @ (times > 0).T
    lengths = np.sqrt((times**2).sum(axis=1))
    scores = times @ times.T / np.maximum(np.outer(lengths, lengths), 1e-9)
    scores *= both / np.maximum(both + params.shrinkage, 1e-9)
    scores[both == 0] = -1
    np.fill_diagonal(scores, -1)
    return scores


@pytest.mark.parametrize("together", ["session", "user"])
@pytest.mark.parametrize("shrinkage", [0.0, 10.0])
@pytest.mark.parametrize("size", [1, 7, 100])
def test_lists_are_the_formulas(together: str, shrinkage: float, size: int) -> None:
    params, log = of(together=together, shrinkage=shrinkage, size=size), plays()
    model, scores = trained(params, log), dense(params, log)
    assert len(model["offsets"]) == TRACKS + 1
    assert model["offsets"][-1] == len(model["tracks"]) == len(model["scores"])
    for track in range(TRACKS):
        part = slice(model["offsets"][track], model["offsets"][track + 1])
        found, got = model["tracks"][part], model["scores"][part]
        assert len(found) == min(size, int((scores[track] > -1).sum()))
        assert track not in found
        np.testing.assert_allclose(got, scores[track][found], rtol=1e-12)
        np.testing.assert_allclose(got, np.sort(scores[track])[::-1][: len(found)], rtol=1e-12)


@pytest.mark.parametrize("chunk", [1, 500, 10**9])
def test_chunks_change_nothing(chunk: int) -> None:
    for together in ("session", "user"):
        params, log = of(together=together), plays()
        assert_same_arrays(trained(params, log, chunk=chunk), trained(params, log))


def test_the_order_within_a_session_changes_nothing() -> None:
    log = plays()
    back = np.lexsort((-np.arange(len(log)), log.session, log.row))
    turned = replace(log, track=log.track[back], time=log.time[back])
    assert_same_arrays(trained(of(), turned), trained(of(), log))


def test_ties_go_by_id_and_skipped_tracks_count_for_nothing() -> None:
    track, time = np.array([9, 4, 7, 2, 1]), np.array([1.0, 1.0, 1.0, 1.0, 0.0])
    zero = np.zeros(5, np.int64)
    model = trained(of(size=2), TrainingLog(zero, zero, zero, zero, track, time, USERS, TRACKS))
    lists = np.split(model["tracks"], model["offsets"][1:-1])
    assert {t: row.tolist() for t, row in enumerate(lists) if len(row)} == {
        2: [4, 7],
        4: [2, 7],
        7: [2, 4],
        9: [2, 4],
    }
    np.testing.assert_array_equal(model["scores"], 1.0 / 11.0)  # cosine 1, met once of 1 + 10


def test_time_in_one_session_is_summed() -> None:
    """Track 0 heard twice by half, with track 1: as if heard once in full."""
    zero = np.zeros(3, np.int64)
    log = TrainingLog(
        zero, zero, zero, zero, np.array([0, 1, 0]), np.array([0.5, 1.0, 0.5]), USERS, TRACKS
    )
    assert trained(of(shrinkage=0), log)["scores"].tolist() == [1.0, 1.0]


def test_nobody_listened() -> None:
    log = plays()
    for silent in (replace(log, time=0.0 * log.time), plays(count=0)):
        with pytest.raises(UserError, match="nothing to learn from"):
            trained(of(), silent)


@pytest.mark.parametrize(
    ("given", "key", "pick"),
    [
        ({}, Key.PREVIOUS, Pick.ANCHORED),
        ({"key": "previous"}, Key.PREVIOUS, Pick.UNIFORM),
        ({"key": "first", "pick": "rank"}, Key.FIRST, Pick.RANK),
        ({"key": "first", "pick": "first_unseen"}, Key.FIRST, Pick.FIRST_UNSEEN),
    ],
)
def test_the_table(given: dict[str, Any], key: Key, pick: Pick) -> None:
    params = of(**given)
    table = lowered(params, trained(params, plays()), WORLD)
    table.check(WORLD)
    assert (table.key, table.pick) == (key, pick)
