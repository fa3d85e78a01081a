"""Sessions derived from users, timestamps and "last" rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from abbotify.eventlog.schema import ARM, MS_PER_DAY, Events, Labels
from abbotify.eventlog.sessionise import sessionised


def derived(user: list[int], timestamp: list[int], last: list[bool], **more: Any) -> Events:
    n = len(user)
    unnumbered = np.zeros(n, np.int32)
    rows = Events(
        timestamp=np.array(timestamp, np.int64),
        user=np.array(user, np.int64),
        last=np.array(last, np.bool_),
        track=np.arange(n, dtype=np.int64),
        time=np.full(n, 0.5),
        recommendation=np.full(n, 9, np.int64),
        latency_ms=np.ones(n),
        arms={ARM: Labels(np.zeros(n, np.int16), ("C",))},
        **{"day": unnumbered, "session": unnumbered, "step": unnumbered, **more},
    )
    return sessionised(rows, numbered=bool(more))


def test_a_session_runs_up_to_each_last() -> None:
    events = derived([2, 1, 2, 1, 1], [5, 7, 6, 8, 9], [False, False, True, True, False])
    assert events.user.tolist() == [1, 1, 1, 2, 2]
    assert events.session.tolist() == [0, 0, 1, 0, 0]
    assert events.step.tolist() == [0, 1, 0, 0, 1]
    assert events.recommendation.tolist() == [9, -1, 9, 9, -1]


def test_ties_keep_the_order_of_the_log() -> None:
    assert derived([1, 1, 1], [4, 4, 4], [False] * 3).track.tolist() == [0, 1, 2]


def test_days_are_counted_from_the_earliest_timestamp() -> None:
    start = 10 * MS_PER_DAY + 5
    later = [start, start + MS_PER_DAY, start + 2 * MS_PER_DAY - 1]
    assert derived([1, 1, 1], later, [True] * 3).day.tolist() == [0, 1, 1]


def test_numbers_of_the_log_are_taken_before_timestamps() -> None:
    numbers = {"session": np.array([1, 0, 0]), "step": np.array([0, 1, 0])}
    events = derived([1, 1, 1], [1, 2, 3], [True, True, False], **numbers)
    assert events.track.tolist() == [2, 1, 0]


def test_no_rows_are_no_sessions() -> None:
    assert len(derived([], [], [])) == 0
