"""Users: tables made by hand, and no trace of how the sessions were cut."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.eventlog.schema import Labels
from abbotify.eventlog.sessions import SessionTable
from abbotify.metrics.definitions import COLUMNS
from abbotify.metrics.users import UserTable, user_table

NAMES = ("C", "T1")


def sessions(*rows: dict[str, Any]) -> SessionTable:
    """Sessions from the few columns a test is about; `arm` is a code."""

    def column(name: str, default: Any, dtype: str = "i8") -> Any:
        return np.array([row.get(name, default) for row in rows], dtype)

    return SessionTable(
        user=column("user", 1),
        session=column("session", 0, "i4"),
        day=column("day", 0, "i4"),
        start=column("start", 0),
        closed=column("closed", True, "?"),
        tracks=column("tracks", 1),
        hundredths=column("hundredths", 100),
        residual=column("residual", 0.0, "f8"),
        latency_ms=column("latency_ms", 0.0, "f8"),
        recommended=column("recommended", 0),
        skips=column("skips", 0),
        repeats=column("repeats", 0),
        artists=column("artists", 1),
        play_ms=column("play_ms", 0),
        timeouts=column("timeouts", 0),
        arms={"arm": Labels(column("arm", 0, "i2"), NAMES)},
    )


# User 1: two sessions on days 2 and 3. User 2: one, of the first track alone. User 3: only before.
HAND = sessions(
    {"user": 3, "day": 0, "arm": 1, "tracks": 2, "hundredths": 150, "recommended": 1},
    {"user": 1, "day": 1, "arm": -1, "tracks": 4, "hundredths": 210, "latency_ms": 8.0},
    {"user": 1, "day": 2, "tracks": 4, "hundredths": 159, "latency_ms": 100.0}
    | {"recommended": 3, "skips": 2, "repeats": 1, "artists": 2, "play_ms": 90_000, "timeouts": 1},
    {"user": 1, "day": 3, "tracks": 2, "hundredths": 101, "latency_ms": 20.0, "recommended": 1},
    {"user": 2, "day": 2, "arm": 1, "latency_ms": 7.0, "play_ms": 180_000},
)


def numbers(table: UserTable, name: str) -> list[float | None]:
    return [None if np.isnan(value) else value for value in table.values[name].tolist()]


def test_a_table_made_by_hand() -> None:
    found = user_table([HAND], days=[2, 3], pre_days=[0, 1])
    assert found.users.tolist() == [1, 2, 3]
    assert found.exposed.tolist() == [True, True, False]
    assert found.arms["arm"].codes.tolist() == [0, 1, -1]
    expected = {
        "time": [2.6, 1.0, None],
        "sessions": [2.0, 1.0, None],
        "tracks": [6.0, 1.0, None],
        "mean_time_per_session": [1.3, 1.0, None],
        "mean_tracks_per_session": [3.0, 1.0, None],
        "mean_request_latency": [20.0, 7.0, None],
        "minutes": [1.5, 3.0, None],
        "skip_rate": [0.5, None, None],
        "repeat_rate": [0.25, None, None],
        "artist_diversity": [0.5, 1.0, None],
        "retained": [1.0, 0.0, None],
        "timeouts": [1.0, 0.0, None],
        "latency": [120.0, 7.0, None],
        "recommended": [4.0, 0.0, None],
        "skips": [2.0, 0.0, None],
        "repeats": [1.0, 0.0, None],
        "pre_time": [2.1, 0.0, 1.5],
        "pre_sessions": [1.0, 0.0, 1.0],
        "pre_mean_time_per_session": [2.1, None, 1.5],
        "pre_mean_request_latency": [2.0, None, 0.0],
        "pre_skip_rate": [None, None, 0.0],
        "pre_retained": [1.0, None, 0.0],
        "pre_latency": [8.0, 0.0, 0.0],
    }
    assert {name: numbers(found, name) for name in expected} == expected
    assert list(found.values) == [*COLUMNS, *(f"pre_{name}" for name in COLUMNS)]


def test_without_days_before_there_are_no_columns_of_them() -> None:
    assert list(user_table([HAND], days=[2, 3]).values) == list(COLUMNS)


def test_what_the_log_does_not_determine_has_no_column() -> None:
    bare = replace(HAND, artists=None, play_ms=None, timeouts=None)
    found = user_table([bare], days=[2, 3])
    assert set(COLUMNS) - set(found.values) == {"artist_diversity", "minutes", "timeouts"}


@pytest.mark.parametrize(("k", "retained"), [(1, [1.0, 0.0]), (2, [1.0, 1.0])])
def test_retained_users_have_a_session_in_the_last_days(k: int, retained: list[float]) -> None:
    found = user_table([HAND], days=[2, 3], retention_days=k)
    assert numbers(found, "retained")[:2] == retained


def test_a_session_outside_the_experiment_does_not_expose() -> None:
    # User 1 is let in by a ramp on day 1, user 2 never.
    log = sessions(
        {"user": 1, "day": 0, "arm": -1},
        {"user": 1, "day": 1, "arm": 1, "hundredths": 150},
        {"user": 2, "day": 1, "arm": -1},
    )
    found = user_table([log], days=range(2))
    assert found.exposed.tolist() == [True, False]
    assert found.arms["arm"].codes.tolist() == [1, -1]
    assert numbers(found, "time") == [1.5, None]


def test_a_user_in_two_arms_is_in_none_and_counted() -> None:
    log = sessions({"user": 1, "arm": 0}, {"user": 1, "arm": 1}, {"user": 2, "arm": 1})
    found = user_table([log], days=[0])
    assert found.in_two_arms == {"arm": 1}
    assert found.arms["arm"].codes.tolist() == [-1, 1]
    assert found.exposed.tolist() == [False, True]
    assert numbers(found, "sessions") == [None, 1.0]
    given_arms = {"arm": Labels(np.array([0, 1], np.int16), NAMES)}
    assert user_table([log], days=[0], assigned=given_arms).arms["arm"].codes.tolist() == [-1, 1]


def test_open_sessions_count_only_when_asked_for() -> None:
    log = sessions({"user": 1}, {"user": 1, "closed": False}, {"user": 2, "closed": False})
    assert numbers(user_table([log], days=[0]), "sessions") == [1.0, None]
    assert numbers(user_table([log], days=[0], open_sessions=True), "sessions") == [2.0, 1.0]


def test_assigned_users_without_sessions_are_zero_in_sums_and_have_no_means() -> None:
    users = np.array([1, 2, 3, 4])
    assigned = {"arm": Labels(np.array([0, 1, 1, -1], np.int16), NAMES)}
    found = user_table([HAND], days=[2, 3], users=users, assigned=assigned)
    assert found.members("exposed").tolist() == [True, True, False, False]
    assert found.members("assigned").tolist() == [True, True, True, False]
    assert found.column("time", "assigned").tolist() == [2.6, 1.0, 0.0, 0.0]
    assert found.column("latency", "assigned").tolist() == [120.0, 7.0, 0.0, 0.0]
    for name in ("mean_time_per_session", "skip_rate", "retained"):
        np.testing.assert_array_equal(found.column(name, "assigned"), found.column(name))
    np.testing.assert_array_equal(found.column("time"), found.values["time"])


def test_each_layer_has_its_arms() -> None:
    log = sessions({"user": 1, "arm": 0}, {"user": 2, "arm": -1}, {"user": 3, "arm": -1})
    other = Labels(np.array([-1, 1, -1], np.int16), ("off", "on"))
    layered = replace(log, arms={**log.arms, "arm_X": other})
    found = user_table([layered], days=[0])
    assert found.exposed.tolist() == [True, True, False]
    assert found.members("exposed").tolist() == [True, False, False]
    assert found.arms["arm_X"].codes.tolist() == [-1, 1, -1]


def test_a_log_without_arms_exposes_everybody() -> None:
    found = user_table([replace(HAND, arms={})], days=[2, 3])
    assert found.exposed.tolist() == [True, True, False]
    assert found.arms == {}


def test_an_unknown_user_is_refused() -> None:
    for users in ([1, 2], [0, 1, 2, 4]):
        with pytest.raises(ValueError, match="not among the users"):
            user_table([HAND], days=[2, 3], pre_days=[0], users=np.array(users))


def test_tables_must_name_their_arms_alike() -> None:
    other = replace(HAND, arms={"arm": Labels(HAND.arms["arm"].codes, ("T1", "C"))})
    with pytest.raises(ValueError, match="disagree about the names"):
        user_table([HAND, other], days=[2, 3])


def test_arms_of_a_layer_the_log_does_not_have_are_taken_as_assigned() -> None:
    other = {"arm_X": Labels(np.array([0, -1, 1], np.int16), ("off", "on"))}
    found = user_table([HAND], days=[2, 3], assigned=other)
    assert found.arms["arm_X"].codes.tolist() == [0, -1, 1]


def test_no_sessions_expose_nobody() -> None:
    assigned = {"arm": Labels(np.array([0, 1], np.int16), NAMES)}
    found = user_table([sessions()], days=[0], users=np.array([1, 2]), assigned=assigned)
    assert found.exposed.tolist() == [False, False]
    assert numbers(found, "time") == [None, None]


def row() -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {
            "user": st.integers(0, 3),
            "day": st.integers(0, 3),
            "tracks": st.integers(1, 7),
            "hundredths": st.integers(0, 700),
            # Sums of these depend on their order.
            "residual": st.floats(-0.005, 0.005),
            "latency_ms": st.floats(0, 1e6),
            "closed": st.booleans(),
            "artists": st.just(1),
        }
    )


@given(st.lists(row(), min_size=1, max_size=20), st.lists(st.integers(0, 20), max_size=4))
def test_how_sessions_are_cut_leaves_no_trace(rows: list[dict[str, Any]], cuts: list[int]) -> None:
    log, users = sessions(*rows), np.arange(4)
    bounds = [0, *sorted(cuts), len(rows)]
    pieces = [log.take(slice(a, b)) for a, b in pairwise(bounds)]
    whole = user_table([log], days=[2, 3], pre_days=[0, 1], users=users)
    cut = user_table(pieces, days=[2, 3], pre_days=[0, 1], users=users)
    shards = [
        user_table(
            [log.take((log.user >= low) & (log.user < low + 2))],
            days=[2, 3],
            pre_days=[0, 1],
            users=np.arange(low, low + 2),
        )
        for low in (0, 2)
    ]
    for other in (cut, UserTable.concat(shards)):
        assert list(other.values) == list(whole.values)
        for name, values in whole.values.items():
            assert other.values[name].tobytes() == values.tobytes(), name
        assert other.exposed.tolist() == whole.exposed.tolist()
        assert other.arms["arm"].codes.tolist() == whole.arms["arm"].codes.tolist()
