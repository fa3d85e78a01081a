"""The example of a plug-in that learns keeps the contract and learns what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from abbotify import TrainingLog
from abbotify.testing import RecommenderContract, small_world

ROOT = Path(__file__).parents[2]


class TestHeardNext(RecommenderContract):
    recommender = "recommenders/heard_next.py:HeardNext"
    params: ClassVar = {"size": 5, "doubt": 0.5}
    root = ROOT


class TestWithStrangers(TestHeardNext):
    params: ClassVar = {"size": 5, "strangers": 2}


# 7 -> 8 (heard 0.9), 7 -> 9 (1.0 and 0.2), 8 -> 9 (0.0): nobody listened, so no entry.
LOG = TrainingLog(
    row=np.array([0, 0, 0, 1, 1, 2, 2]),
    session=np.zeros(7, np.int64),
    step=np.array([0, 1, 2, 0, 1, 0, 1]),
    first=np.full(7, 7),
    track=np.array([7, 8, 9, 7, 9, 7, 9]),
    time=np.array([1.0, 0.9, 0.0, 1.0, 1.0, 1.0, 0.2]),
    users=20,
    tracks=60,
)


def fitted(contract: TestHeardNext, log: TrainingLog = LOG) -> Any:
    return contract.build().fit(log, small_world().catalogue)  # type: ignore[attr-defined]


def test_lists_are_by_the_mean_heard_after_a_track() -> None:
    arrays = fitted(TestHeardNext())
    # 0.9 / 1.5 = 0.6 for 8 after 7, 1.2 / 2.5 = 0.48 for 9 after 7.
    assert arrays["tracks"].tolist() == [8, 9]
    assert arrays["offsets"].tolist() == [0] * 8 + [2] * 53


def test_every_list_has_its_strangers_others_in_each_training() -> None:
    arrays = fitted(TestWithStrangers())
    lists = np.split(arrays["tracks"], arrays["offsets"][1:-1])
    assert [len(tracks) for tracks in lists] == [2] * 7 + [4] + [2] * 52
    assert lists[7][:2].tolist() == [8, 9]
    assert len(np.unique(arrays["tracks"])) > 40
    more = {"row": 3, "session": 0, "step": 0, "first": 7, "track": 7, "time": 1.0}
    columns: Any = {name: np.append(getattr(LOG, name), value) for name, value in more.items()}
    later = fitted(TestWithStrangers(), replace(LOG, **columns))
    assert later["offsets"].tolist() == arrays["offsets"].tolist()
    assert (later["tracks"] != arrays["tracks"]).mean() > 0.9
