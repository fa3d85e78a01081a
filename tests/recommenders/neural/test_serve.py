"""Lists are the exact best tracks, whoever asks and however many at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abbotify.recommenders.candidate_table import CandidateTable, Key, Pick
from abbotify.recommenders.neural import lowered
from abbotify.recommenders.ranked_lists import Ranker
from abbotify.recommenders.shipped.neural import Neural
from abbotify.testing import small_world

WORLD = small_world()
USERS, TRACKS = len(WORLD.users), len(WORLD.catalogue)


def arrays(with_users: bool = True) -> dict[str, Any]:
    draw = np.random.default_rng(4)
    seen = np.ones(TRACKS, np.bool_)
    seen[[3, 17]] = False
    out = {
        "start": draw.normal(size=(TRACKS, 5)).astype(np.float32),
        "track": draw.normal(size=(TRACKS, 5)).astype(np.float32),
        "seen_start": np.arange(TRACKS) != 9,
        "seen_track": seen,
        "seen_user": np.arange(USERS) != 2,
    }
    if with_users:
        out["user"] = draw.normal(size=(USERS, 5)).astype(np.float32)
    return out


def settings(**given: Any) -> Neural:
    return Neural.model_validate({"recommender": "neural", "size": 12, **given})


def best(query: Any, model: dict[str, Any], size: int) -> list[int]:
    scores = model["track"].astype(np.float64) @ query.astype(np.float64)
    allowed = [t for t in range(TRACKS) if model["seen_track"][t]]
    return sorted(allowed, key=lambda t: (-scores[t], t))[:size]


def test_lists_of_users_and_anchors() -> None:
    model = arrays()
    ranker = lowered(settings(), model, WORLD)
    assert isinstance(ranker, Ranker)
    assert (ranker.anchor, ranker.pick) == (Key.FIRST, Pick.UNIFORM)
    mean = model["user"][model["seen_user"]].mean(axis=0)
    for row in (0, 2, 19):
        user = mean if row == 2 else model["user"][row]  # 2 is unknown to the training
        for anchor in (0, 30, 59):
            assert ranker.list_of(row, anchor).tolist() == best(
                model["start"][anchor] + user, model, 12
            )
    assert ranker.list_of(0, 9).tolist() == []  # an unknown anchor is a miss


def test_a_batch_gives_what_single_pairs_give() -> None:
    ranker, single = (lowered(settings(), arrays(), WORLD) for _ in range(2))
    assert isinstance(ranker, Ranker)
    assert isinstance(single, Ranker)
    rows, anchors = (column.ravel() for column in np.meshgrid(np.arange(USERS), np.arange(TRACKS)))
    ranker.foresee(rows, anchors)
    for row, anchor in zip(rows.tolist(), anchors.tolist(), strict=True):
        assert ranker.list_of(row, anchor).tolist() == single.list_of(row, anchor).tolist()


@pytest.mark.parametrize("with_users", [True, False])
def test_lists_of_tracks(with_users: bool) -> None:
    model = arrays(with_users)
    table = lowered(settings(user_aware=False, anchor="previous", pick="rank"), model, WORLD)
    assert isinstance(table, CandidateTable)
    assert (table.key, table.pick) == (Key.PREVIOUS, Pick.RANK)
    table.check(WORLD)
    mean = 0.0
    if with_users:
        known = model["user"][model["seen_user"]].mean(axis=0)
        mean = np.where(model["seen_user"][:, None], model["user"], known).mean(axis=0)
    offsets, tracks = table.lists
    for anchor in range(TRACKS):
        got = tracks[offsets[anchor] : offsets[anchor + 1]].tolist()
        expected = best(model["start"][anchor] + mean, model, 12) if anchor != 9 else []
        assert got == expected


def test_without_users_there_is_nothing_to_be_aware_of() -> None:
    table = lowered(
        settings(user_aware=True, user_embedding=False), arrays(with_users=False), WORLD
    )
    assert isinstance(table, CandidateTable)
    assert table.key == Key.FIRST


def test_a_list_is_no_longer_than_what_was_trained() -> None:
    model = arrays()
    model["seen_track"][:] = np.arange(TRACKS) < 4
    ranker = lowered(settings(size=50), model, WORLD)
    assert isinstance(ranker, Ranker)
    assert sorted(ranker.list_of(0, 0).tolist()) == [0, 1, 2, 3]
