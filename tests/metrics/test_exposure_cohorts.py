"""Users by the day they came: counts and moments of frozen windows, added up over shards."""

from __future__ import annotations

import numpy as np

from abbotify.eventlog.schema import ARM, Labels
from abbotify.metrics.exposure_cohorts import MonitoringSpec, watched, watching
from abbotify.metrics.user_sums import NEVER, Course
from abbotify.metrics.users import UserTable
from abbotify.stats.moments import merged

SPEC = MonitoringSpec("sessions", 2, range(3))


def users(first: list[int], sessions: list[list[int]], codes: list[int]) -> UserTable:
    counts = np.array(sessions, np.int32)
    start = np.array(first, np.int32)
    course = Course(start, counts.astype(np.float64), counts, counts)
    arms = {ARM: Labels(np.array(codes, np.int16), ("C", "T1"))}
    return UserTable(np.arange(len(first)), arms, start != NEVER, {}, course=course)


TABLE = users([0, 0, 1, 2, NEVER], [[1, 1, 0], [2, 0, 1], [1, 0, 0], [4, 0, 0], [0] * 3], [0] * 5)


def test_users_enter_when_their_window_is_complete() -> None:
    control, treatment = watched(TABLE, 2, SPEC)
    assert control.came == {0: 2, 1: 1, 2: 1}
    assert {day: moments.n for day, moments in control.entered.items()} == {0: 2, 1: 1}
    assert control.until(1).mean.tolist() == [5 / 3]
    assert control.active.tolist() == [[4, 4], [3, 1], [2, 1]]
    assert control.back.tolist() == [[0, 1], [1, 1], [1, 0]]
    assert (treatment.came, treatment.trend.n) == ({}, 0)


def test_shards_add_up() -> None:
    parts = [
        users([0, 0], [[1, 1, 0], [2, 0, 1]], [0, 0]),
        users([1, 2, NEVER], [[1, 0, 0], [4, 0, 0], [0, 0, 0]], [0, 0, 0]),
    ]
    first, second = (watched(part, 2, SPEC) for part in parts)
    both, whole = merged(first, second)[0], watched(TABLE, 2, SPEC)[0]
    assert both.came == whole.came
    assert both.active.tolist() == whole.active.tolist()
    assert both.back.tolist() == whole.back.tolist()
    assert both.trend.n == whole.trend.n


def test_the_first_metric_that_days_add_up_to_is_watched() -> None:
    spec = watching(["retained", "time"], 7, range(3))
    assert spec is not None
    assert (spec.metric, spec.window_days, spec.followed, spec.trend_days) == ("time", 3, 3, 2)
    assert watching(["retained"], 7, range(3)) is None
