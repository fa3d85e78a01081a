"""Users' days since their first session."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.metrics.user_sums import NEVER, Course
from abbotify.metrics.users import UserTable, UserTotals
from tests.metrics.test_users import row, sessions

USERS = np.arange(4)
DAYS = range(1, 5)
FOLLOWED = 3


def course_of(*rows: dict[str, Any]) -> Course:
    totals = UserTotals(USERS, DAYS, followed=FOLLOWED)
    totals.add(sessions(*rows))
    course = totals.table().course
    assert course is not None
    return course


def test_days_are_counted_from_the_first_session() -> None:
    course = course_of(
        {"user": 0, "session": 0, "day": 0, "hundredths": 999},  # before the experiment
        {"user": 0, "session": 1, "day": 2, "hundredths": 150, "tracks": 3},
        {"user": 0, "session": 2, "day": 2, "hundredths": 50, "tracks": 1},
        {"user": 0, "session": 3, "day": 4, "hundredths": 25, "tracks": 2},
        {"user": 2, "session": 0, "day": 1, "hundredths": 100, "tracks": 5},
        {"user": 2, "session": 1, "day": 4, "hundredths": 70, "tracks": 5},  # beyond what is kept
    )
    assert course.first.tolist() == [2, NEVER, 1, NEVER]
    assert course.time.tolist() == [[2.0, 0, 0.25], [0, 0, 0], [1.0, 0, 0], [0, 0, 0]]
    assert course.sessions.tolist() == [[2, 0, 1], [0, 0, 0], [1, 0, 0], [0, 0, 0]]
    assert course.tracks.tolist() == [[4, 0, 2], [0, 0, 0], [5, 0, 0], [0, 0, 0]]


@given(st.lists(row(), max_size=12), st.integers(0, 12))
def test_courses_go_on_from_their_arrays(rows: list[dict[str, Any]], cut: int) -> None:
    log = sessions(*rows)
    whole = UserTotals(USERS, DAYS, followed=FOLLOWED)
    whole.add(log)
    first = UserTotals(USERS, DAYS, followed=FOLLOWED)
    first.add(log.take(slice(0, cut)))
    second = UserTotals(USERS, DAYS, followed=FOLLOWED, arrays=first.arrays())
    second.add(log.take(slice(cut, None)))
    for name, column in vars(whole.table().course).items():
        assert column.tobytes() == getattr(second.table().course, name).tobytes()


def test_courses_of_other_users_are_refused() -> None:
    arrays = UserTotals(USERS, DAYS, followed=FOLLOWED).arrays()
    with pytest.raises(ValueError, match="courses of other than"):
        UserTotals(USERS, DAYS, followed=FOLLOWED + 1, arrays=arrays)


def test_tables_join_their_courses() -> None:
    tables = []
    for users in (USERS[:2], USERS[2:]):
        totals = UserTotals(users, DAYS, followed=FOLLOWED)
        totals.add(sessions({"user": int(users[0]), "day": 1}))
        tables.append(totals.table())
    joined = UserTable.concat(tables).course
    assert joined is not None
    assert joined.first.tolist() == [1, NEVER, 1, NEVER]
    plain = replace(tables[1], course=None)
    assert UserTable.concat([tables[0], plain]).course is None
