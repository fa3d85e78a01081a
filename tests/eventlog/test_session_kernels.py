"""The compiled passes over rows, beside plain loops, for any lengths and any values."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from abbotify.eventlog.session_kernels import IntArray, distinct, starts_of, totals

# Values that collide in any table of few bits, and the largest there are.
VALUES = st.one_of(
    st.integers(0, 5), st.integers(0, 2**63 - 1), st.integers(0, 5).map(lambda i: i << 58)
)
SESSIONS = st.lists(st.lists(VALUES, min_size=1, max_size=30), max_size=8)


def flat(sessions: list[list[int]]) -> tuple[IntArray, IntArray]:
    lengths = np.array([len(rows) for rows in sessions], np.int64)
    values = np.array([value for rows in sessions for value in rows], np.int64)
    return np.cumsum(lengths) - lengths, values


@given(SESSIONS)
def test_distinct_values_are_those_of_a_set(sessions: list[list[int]]) -> None:
    assert distinct(*flat(sessions)).tolist() == [len(set(rows)) for rows in sessions]


@given(st.lists(st.lists(st.integers(-9, 9), min_size=1), max_size=8))
def test_totals_are_sums(sessions: list[list[int]]) -> None:
    assert totals(*flat(sessions)).tolist() == [sum(rows) for rows in sessions]


def test_a_session_as_long_as_a_log_takes_no_longer() -> None:
    rows = 300_000  # every one beside every other would take minutes
    values = np.arange(rows) // 2
    starts = np.array([0, rows - 2])
    assert distinct(starts, values).tolist() == [(rows - 2) // 2, 1]


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), max_size=30))
def test_a_session_starts_where_the_user_or_the_number_changes(
    pairs: list[tuple[int, int]],
) -> None:
    user = np.array([pair[0] for pair in pairs], np.int64)
    session = np.array([pair[1] for pair in pairs], np.int32)
    changes = [i for i, pair in enumerate(pairs) if i == 0 or pair != pairs[i - 1]]
    assert starts_of(user, session).tolist() == changes
