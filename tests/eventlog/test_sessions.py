"""Sessions: tables made by hand, and plain loops over any log."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.eventlog.schema import Events, IntArray, Labels
from abbotify.eventlog.sessions import distinct, session_table

NAMES = (
    *("timestamp", "day", "user", "session", "step", "last", "track", "time"),
    *("recommendation", "latency_ms"),
)

Play = tuple[int, float, int]  # track, listened fraction, latency


def log_of(sessions: Sequence[tuple[int, int, Sequence[Play]]], closed: bool = True) -> Events:
    """(user, session, plays): the day is the session's number, an hour between rows."""
    rows: list[tuple[Any, ...]] = []
    for user, session, plays in sessions:
        for step, (track, time, latency) in enumerate(plays):
            at = session * 86_400_000 + step * 3_600_000
            ends = closed and step == len(plays) - 1
            rows.append((at, session, user, session, step, ends, track, time, -1, latency))
    types = ["i8", "i4", "i8", "i4", "i4", "?", "i8", "f8", "i8", "i8"]
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    arrays = [np.array(c, dtype) for c, dtype in zip(columns, types, strict=True)]
    named: dict[str, Any] = dict(zip(NAMES, arrays, strict=True))
    codes = (arrays[2] % 2).astype(np.int16)
    return Events(**named, arms={"arm": Labels(codes, ("C", "T1"))})


# By hand. Session 1: track 7 is played three times, so two repeats; of the three recommended
# tracks .29 and 0 are below .3, .3 is not.
HAND = log_of(
    [
        (1, 0, [(7, 1.0, 10), (8, 0.29, 20), (7, 0.0, 30), (7, 0.3, 40)]),
        (1, 1, [(5, 0.1, 5)]),
        (4, 1, [(5, 1.0, 0), (6, 0.7, 0), (9, 0.1, 0), (6, 0.2, 1)]),
    ]
)


def test_a_table_made_by_hand() -> None:
    found = session_table(HAND)
    assert found.user.tolist() == [1, 1, 4]
    assert found.session.tolist() == [0, 1, 1]
    assert found.day.tolist() == [0, 1, 1]
    assert found.start.tolist() == [0, 86_400_000, 86_400_000]
    assert found.closed.tolist() == [True, True, True]
    assert found.tracks.tolist() == [4, 1, 4]
    assert found.time.tolist() == [1.59, 0.1, 2.0]
    assert found.latency_ms.tolist() == [100.0, 5.0, 1.0]
    assert found.recommended.tolist() == [3, 0, 3]
    assert found.skips.tolist() == [2, 0, 2]
    assert found.repeats.tolist() == [2, 0, 1]
    assert found.arms["arm"].codes.tolist() == [1, 1, 0]
    assert (found.diversity, found.play_ms, found.timeouts) == (None, None, None)


def test_what_is_known_beside_the_log() -> None:
    artist = np.array([0, 1, 0, 0, 3, 3, 4, 4, 4])
    found = session_table(HAND, artist=artist, play_ms=np.arange(9), timeouts=np.array([2, 0, 1]))
    assert found.diversity is not None
    assert found.diversity.tolist() == [0.5, 1.0, 0.5]
    assert found.play_ms is not None
    assert found.play_ms.tolist() == [6, 4, 26]
    assert found.timeouts is not None
    assert found.timeouts.tolist() == [2, 0, 1]


@pytest.mark.parametrize(("threshold", "skips"), [(0.0, 0), (0.29, 1), (0.3, 2), (0.31, 3)])
def test_a_skip_is_below_the_threshold(threshold: float, skips: int) -> None:
    assert session_table(HAND, skip_below=threshold).skips.tolist()[0] == skips


@pytest.mark.parametrize("hundredths", range(101))
def test_a_fraction_at_the_threshold_is_no_skip(hundredths: int) -> None:
    plays = [(0, 1.0, 0), (1, hundredths / 100, 0)]
    table = session_table(log_of([(0, 0, plays)]), skip_below=float(f"{hundredths / 100:.2f}"))
    assert table.skips.tolist() == [0]


def test_sums_of_hundredths_are_exact() -> None:
    found = session_table(log_of([(0, 0, [(i, 0.1, 0) for i in range(1000)])]))
    assert found.time.tolist() == [100.0]
    assert found.residual.tolist() == [0.0]


def test_fractions_of_hundredths_are_kept() -> None:
    found = session_table(log_of([(0, 0, [(0, 1.0, 0), (1, 0.1234, 0), (2, 0.9999, 0)])]))
    assert found.time.tolist() == [pytest.approx(2.1233, abs=1e-15)]


def test_large_ids_of_a_foreign_log_do_not_overflow() -> None:
    top = 2**63 - 1
    sessions = [(i, 0, [(top, 1.0, 0), (top - 1, 1.0, 0), (top, 0.0, 0)]) for i in range(3)]
    assert session_table(log_of(sessions)).repeats.tolist() == [1, 1, 1]


def test_a_session_without_a_last_is_open() -> None:
    assert session_table(log_of([(0, 0, [(0, 1.0, 0)])], closed=False)).closed.tolist() == [False]


def test_no_events_make_no_sessions() -> None:
    found = session_table(log_of([]), artist=np.empty(0, int), play_ms=np.empty(0, int))
    assert len(found) == 0
    assert len(found.time) == len(found.repeats) == 0


@pytest.mark.parametrize("rows", [slice(0, 1), np.array([2, 1]), np.array([True, False, True])])
def test_rows_taken_are_those_of_the_whole(rows: Any) -> None:
    whole = session_table(HAND, play_ms=np.arange(9))
    part = whole.take(rows)
    for name, column in vars(whole).items():
        if name == "arms":
            assert part.arms["arm"].codes.tolist() == column["arm"].codes[rows].tolist()
            assert part.arms["arm"].names == column["arm"].names
        else:
            other = getattr(part, name)
            assert (other is None) if column is None else (other.tolist() == column[rows].tolist())


PLAYS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 100).map(lambda h: h / 100), st.integers(0, 99)),
    min_size=1,
    max_size=6,
)


@given(st.lists(st.lists(PLAYS, min_size=1, max_size=3), max_size=4))
def test_a_plain_loop_finds_the_same(users: list[list[list[Play]]]) -> None:
    sessions = [
        (user, number, plays) for user, own in enumerate(users) for number, plays in enumerate(own)
    ]
    tracks = log_of(sessions).track
    found = session_table(log_of(sessions), artist=tracks // 2, play_ms=tracks * 7)
    for row, (_, _, plays) in enumerate(sessions):
        heard: set[int] = set()
        skips = repeats = 0
        for step, (track, time, _) in enumerate(plays):
            skips += step > 0 and time < 0.3
            repeats += track in heard
            heard.add(track)
        assert found.tracks[row] == len(plays)
        assert found.recommended[row] == len(plays) - 1
        assert (found.skips[row], found.repeats[row]) == (skips, repeats)
        assert found.latency_ms[row] == sum(latency for _, _, latency in plays)
        assert found.time[row] == sum(round(100 * time) for _, time, _ in plays) / 100
        assert found.play_ms is not None
        assert found.play_ms[row] == sum(7 * track for track, _, _ in plays)
        assert found.artists is not None
        assert found.artists[row] == len({track // 2 for track in heard})


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


def test_a_session_as_long_as_a_log_takes_no_longer() -> None:
    rows = 300_000  # every one beside every other would take minutes
    values = np.arange(rows) // 2
    starts = np.array([0, rows - 2])
    assert distinct(starts, values).tolist() == [(rows - 2) // 2, 1]
