"""Logs that cannot be what they say: rows given twice, odd clocks, users in two arms."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from abbotify.eventlog.log import SessionTwiceError
from abbotify.eventlog.schema import ARM, Events, Labels
from abbotify.eventlog.sessions import session_table
from abbotify.eventlog.soundness import (
    Claims,
    Clock,
    Repeats,
    in_order,
    refuse_both,
    repeated_rows,
    users_in_two_arms,
    users_of,
)


def events(user: list[int], timestamp: list[int], codes: list[int] | None = None) -> Events:
    """Sessions of two rows each."""
    n = len(user)
    steps = np.arange(n, dtype=np.int32) % 2
    return Events(
        timestamp=np.array(timestamp, np.int64),
        day=np.zeros(n, np.int32),
        user=np.array(user, np.int64),
        session=np.arange(n, dtype=np.int32) // 2,
        step=steps,
        last=steps == 1,
        track=np.arange(n, dtype=np.int64),
        time=np.full(n, 0.5),
        recommendation=np.where(steps == 1, -1, 3).astype(np.int64),
        latency_ms=np.ones(n),
        arms={ARM: Labels(np.array(codes or [0] * n, np.int16), ("C", "T1"))},
    )


def test_rows_given_twice_are_counted_beyond_the_first() -> None:
    single = events([1, 1, 1, 1], [10, 20, 30, 40])
    twice = single.take(np.repeat(np.arange(4), 2))
    assert repeated_rows(single) == Repeats()
    assert repeated_rows(twice) == Repeats(4, 4, 1, 10)
    assert Repeats() + Repeats(2, 1, 7, 9) == Repeats(2, 1, 7, 9)


def test_a_clock_in_seconds_is_doubted_and_one_in_milliseconds_is_not() -> None:
    for unit, count in ((1, 1), (1000, 0)):
        clock = Clock()
        clock.add(events([1, 1, 2, 2], [unit * (1_700_000_000 + at) for at in (0, 9, 5, 8)]))
        assert sum("seconds" in doubt for doubt in clock.doubts()) == count


def test_equal_timestamps_are_doubted() -> None:
    clock = Clock()
    clock.add(events([1, 1], [5, 5]))
    assert clock.doubts() == ["all are equal, so rows are in the order of the log"]


def test_users_in_two_arms_by_their_sessions_or_by_rows_inside_one() -> None:
    rows = events([1, 1, 1, 1, 2, 2, 3, 3], list(range(8)), [0, 0, 1, 1, 0, 1, 1, 1])
    table, claims = session_table(rows), Claims()
    claims.add(rows.user, rows.arms[ARM].codes, np.cumsum(table.tracks) - table.tracks)
    assert users_in_two_arms(table, claims).tolist() == [1, 2]
    outside = replace(table, arms={ARM: Labels(np.full(len(table), -1, np.int16), ("C", "T1"))})
    assert users_in_two_arms(outside, Claims()).tolist() == []


def test_sessions_are_put_in_order_and_none_is_there_twice() -> None:
    first, second = (session_table(events([user] * 4, [1, 2, 3, 4])) for user in (7, 3))
    ordered = in_order([first, second])
    assert ordered is not None
    assert ordered.user.tolist() == [3, 3, 7, 7]
    assert ordered.session.tolist() == [0, 1, 0, 1]
    assert in_order([]) is None
    assert users_of([ordered, second]).tolist() == [3, 7]
    with pytest.raises(SessionTwiceError):
        in_order([first, first])


def test_a_session_before_the_experiment_is_not_one_of_it() -> None:
    whole = session_table(events([7] * 6, [1, 2, 3, 4, 5, 6]))
    refuse_both(whole.take(slice(0, 2)), whole.take(slice(2, 3)))
    with pytest.raises(SessionTwiceError):
        refuse_both(whole.take(slice(0, 2)), whole.take(slice(1, 3)))
