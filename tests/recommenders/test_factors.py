"""What factors are fitted to, and their lists against a plain computation; no extra is needed."""

from __future__ import annotations

import re
import sys
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from abbotify.errors import UserError
from abbotify.recommenders.candidate_table import Key, Pick
from abbotify.recommenders.extras import install_command
from abbotify.recommenders.factors import as_arrays, listened, lowered
from abbotify.recommenders.shipped import implicit, lightgcn
from abbotify.recommenders.shipped.implicit import ALS, BPR
from abbotify.recommenders.shipped.lightgcn import LightGCN
from abbotify.recommenders.training_log import TrainingLog
from abbotify.testing import small_world
from abbotify.world.base import Lists, World

WORLD: World = small_world()
TRACKS, USERS = len(WORLD.catalogue), len(WORLD.users)


def log_of(row: Any, track: Any, time: Any) -> TrainingLog:
    zero = np.zeros(len(row), np.int64)
    rows, tracks = np.array(row, np.int64), np.array(track, np.int64)
    return TrainingLog(rows, zero, zero, zero, tracks, np.array(time, float), USERS, TRACKS)


LOG = log_of([2, 2, 2, 5, 7, 7], [40, 8, 40, 8, 3, 11], [0.29, 1.0, 0.57, 0.0, 0.07, 0.0])
EVERY_THIRD = log_of(
    np.repeat(np.arange(0, USERS, 3), TRACKS // 3), [*range(0, TRACKS, 3)] * 7, [1] * 140
)


def rows(lists: Lists) -> list[npt.NDArray[np.int32]]:
    return np.split(lists.tracks, lists.offsets[1:-1])


def factors(count: int, dims: int = 5) -> npt.NDArray[np.float32]:
    random = np.random.default_rng(count)
    # Whole numbers: products are exact, and there are ties.
    return random.integers(-2, 3, (count, dims)).astype(np.float32)


def test_time_is_summed_in_hundredths_and_silence_is_left_out() -> None:
    heard = listened(LOG)
    assert heard.users.tolist() == [2, 7]
    assert heard.tracks.tolist() == [3, 8, 40]
    assert heard.hundredths.toarray().tolist() == [[0, 100, 86], [7, 0, 0]]


@pytest.mark.parametrize("silent", [log_of([], [], []), log_of([1], [1], [0.0])])
def test_nobody_listened(silent: TrainingLog) -> None:
    with pytest.raises(UserError, match=rf"no time listened in {len(silent)} plays"):
        listened(silent)


@pytest.mark.parametrize("size", [1, 6, 1000])
@pytest.mark.parametrize("pick", ["uniform", "rank", "first_unseen"])
def test_a_users_list_is_exact(size: int, pick: str) -> None:
    heard = listened(EVERY_THIRD)
    params = ALS.model_validate({"recommender": "als", "factors": 5, "size": size, "pick": pick})
    users, tracks = factors(len(heard.users)), factors(len(heard.tracks))
    table = lowered(params, as_arrays(params, heard, users, tracks), WORLD)
    table.check(WORLD)
    assert (table.key, table.pick) == (Key.USER, Pick[pick.upper()])
    for row, got in enumerate(rows(table.lists)):
        if row % 3:
            assert len(got) == 0  # not seen in training
        else:
            order = np.argsort(-(tracks @ users[row // 3]), kind="stable")
            assert got.tolist() == heard.tracks[order[:size]].tolist()


@pytest.mark.parametrize("size", [1, 6, 1000])
@pytest.mark.parametrize("key", ["previous", "first"])
def test_a_tracks_list_is_exact(size: int, key: str) -> None:
    """By cosine without the last column, bpr's bias."""
    heard = listened(EVERY_THIRD)
    given = {"recommender": "bpr", "factors": 4, "size": size, "key": key}
    params = BPR.model_validate(given)
    random = np.random.default_rng(3)
    tracks = random.standard_normal((len(heard.tracks), 5)).astype(np.float32)
    table = lowered(params, as_arrays(params, heard, factors(len(heard.users)), tracks), WORLD)
    table.check(WORLD)
    assert table.key == Key[key.upper()]
    unit = tracks[:, :4] / np.linalg.norm(tracks[:, :4], axis=1, keepdims=True)
    for track, got in enumerate(rows(table.lists)):
        if track % 3:
            assert len(got) == 0
        else:
            order = np.argsort(-(unit @ unit[track // 3]), kind="stable")
            order = order[order != track // 3]
            assert got.tolist() == heard.tracks[order[:size]].tolist()


def test_equal_and_zero_vectors_have_lists_without_themselves() -> None:
    heard = listened(EVERY_THIRD)
    params = ALS.model_validate({"recommender": "als", "factors": 5, "size": 2, "key": "first"})
    for value in (0.0, 1.0):
        tracks = np.full((len(heard.tracks), 5), value, np.float32)
        arrays = as_arrays(params, heard, factors(len(heard.users)), tracks)
        assert arrays["lists"].tolist() == [[3, 6], [0, 6], *[[0, 3]] * (len(tracks) - 2)]


def test_one_track_has_no_neighbour() -> None:
    params = ALS.model_validate({"recommender": "als", "key": "previous"})
    arrays = as_arrays(params, listened(log_of([1], [4], [1.0])), factors(1), factors(1))
    assert len(lowered(params, arrays, WORLD).lists.tracks) == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_factors_that_are_not_finite(bad: float) -> None:
    heard = listened(EVERY_THIRD)
    users = np.full((len(heard.users), 5), bad)
    with pytest.raises(UserError, match="not finite: lower learning_rate"):
        as_arrays(ALS(recommender="als"), heard, users, factors(len(heard.tracks)))


@pytest.mark.parametrize(
    ("missing", "name", "extra"),
    [("implicit", "als", "als"), ("implicit", "bpr", "als"), ("torch", "lightgcn", "lightgcn")],
)
def test_a_missing_extra(
    missing: str, name: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, missing, None)
    kinds: dict[str, Any] = {"als": ALS, "bpr": BPR, "lightgcn": LightGCN}
    module: Any = lightgcn if name == "lightgcn" else implicit
    command = re.escape(install_command(extra))
    message = rf"recommender {name} needs the extra {extra}: {command}"
    with pytest.raises(UserError, match=message):
        module.fit(kinds[name](recommender=name), LOG, 1, lambda *_: None)
