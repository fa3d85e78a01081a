"""The example of a plug-in that learns keeps the contract and learns what it says."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import numpy as np

from abbotify import TrainingLog
from abbotify.testing import RecommenderContract, small_world

ROOT = Path(__file__).parents[2]


class TestHeardNext(RecommenderContract):
    recommender = "recommenders/heard_next.py:HeardNext"
    params: ClassVar = {"size": 5, "doubt": 0.5}
    root = ROOT


def test_lists_are_by_the_mean_heard_after_a_track() -> None:
    # 7 -> 8 (heard 0.9), 7 -> 9 (1.0 and 0.2), 8 -> 9 (0.0): nobody listened, so no entry.
    log = TrainingLog(
        row=np.array([0, 0, 0, 1, 1, 2, 2]),
        session=np.zeros(7, np.int64),
        step=np.array([0, 1, 2, 0, 1, 0, 1]),
        first=np.full(7, 7),
        track=np.array([7, 8, 9, 7, 9, 7, 9]),
        time=np.array([1.0, 0.9, 0.0, 1.0, 1.0, 1.0, 0.2]),
        users=20,
        tracks=60,
    )
    contract = TestHeardNext()
    recommender = contract.build()
    arrays = recommender.fit(log, small_world().catalogue)  # type: ignore[attr-defined]
    # 0.9 / 1.5 = 0.6 for 8 after 7, 1.2 / 2.5 = 0.48 for 9 after 7.
    assert arrays["tracks"].tolist() == [8, 9]
    assert arrays["offsets"].tolist() == [0] * 8 + [2] * 53
