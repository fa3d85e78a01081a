"""Plays are counted alike in a table and by sorting, in one part or several."""

from __future__ import annotations

import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.metrics import session_totals
from abbotify.metrics.session_totals import PlayCounts

ARMS = 2
ROWS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 9), st.integers(60, 70), st.integers(0, 2**63 - 2)),
        st.integers(-1, ARMS),
    ),
    max_size=40,
)


def add(counts: PlayCounts, rows: list[tuple[int, int]]) -> None:
    tracks, codes = ([row[i] for row in rows] for i in range(2))
    counts.add(np.array(tracks, np.int64), np.array(codes, np.int16))


def expected(rows: list[tuple[int, int]]) -> list[dict[int, int]]:
    return [dict(Counter(track for track, code in rows if code == arm)) for arm in range(ARMS)]


def found(counts: PlayCounts) -> list[dict[int, int]]:
    both = [counts.of(arm) for arm in range(ARMS)]
    assert all((np.diff(tracks) > 0).all() for tracks, _ in both)
    return [dict(zip(t.tolist(), n.tolist(), strict=True)) for t, n in both]


@pytest.mark.parametrize("small", [8, 1 << 16])
@given(st.lists(ROWS, max_size=4))
def test_plays_are_counted(small: int, parts: list[list[tuple[int, int]]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session_totals, "_SMALL", small)
        one, merged = PlayCounts(ARMS), PlayCounts(ARMS)
        for rows in parts:
            add(one, rows)
            other = PlayCounts(ARMS)
            add(other, rows)
            merged = merged.merge(pickle.loads(pickle.dumps(other)))
            add(merged, rows)
    rows = [row for part in parts for row in part]
    assert found(one) == expected(rows)
    assert found(merged) == expected([*rows, *rows])


def test_the_table_is_no_larger_than_what_it_counts() -> None:
    counts = PlayCounts(ARMS)
    add(counts, [(10**6, 0)])
    assert len(pickle.dumps(counts)) < 1000
    assert found(counts) == [{10**6: 1}, {}]
