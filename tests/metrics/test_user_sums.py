"""Totals of users that are kept: taken up again, they are those that never stopped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.eventlog.schema import Labels
from abbotify.files.folders import load_arrays, save_arrays
from abbotify.metrics.users import UserTable, UserTotals
from tests.metrics.test_users import HAND, row, sessions

USERS = np.arange(4)
DAYS, BEFORE = range(2, 4), range(2)


def parts(table: UserTable) -> dict[str, Any]:
    """All of a table, by name, floats to the bit."""
    values = {name: column.tobytes() for name, column in table.values.items()}
    arms = {name: (label.codes.tolist(), label.names) for name, label in table.arms.items()}
    order = (list(values), list(arms))
    return {
        "values": values,
        "exposed": table.exposed.tolist(),
        "in two arms": table.in_two_arms,
        "arms": arms,
        "order": order,
    }


@given(st.lists(row(), max_size=12), st.integers(0, 12))
def test_totals_go_on_from_their_arrays(rows: list[dict[str, Any]], cut: int) -> None:
    log = sessions(*rows)
    whole = UserTotals(USERS, DAYS, BEFORE)
    first = UserTotals(USERS, DAYS, BEFORE)
    for part in (log.take(slice(0, cut)), log.take(slice(cut, None))):
        whole.add(part)
    first.add(log.take(slice(0, cut)))
    second = UserTotals(USERS, DAYS, BEFORE, arrays=first.arrays())
    second.add(log.take(slice(cut, None)))
    assert parts(whole.table()) == parts(second.table())


def test_the_arrays_survive_a_file(tmp_path: Path) -> None:
    # Two columns of arms, with names that text files are bad at.
    arms = {
        "arm": HAND.arms["arm"],
        "arm_X": Labels(np.array([0, 1, -1, 1, 0], np.int16), ("ø\0", "")),
    }
    totals = UserTotals(USERS, DAYS, BEFORE)
    totals.add(replace(HAND, arms=arms))
    save_arrays(tmp_path / "totals.npz", totals.arrays())
    arrays = load_arrays(tmp_path / "totals.npz", "totals")
    again = UserTotals(USERS, DAYS, BEFORE, arrays=arrays)
    assert parts(totals.table()) == parts(again.table())


def test_what_no_session_has_is_not_kept() -> None:
    bare = replace(HAND, artists=None, play_ms=None, timeouts=None)
    totals = UserTotals(USERS, DAYS, BEFORE)
    totals.add(bare)
    kept = set(totals.arrays())
    assert not {f"after.{name}" for name in ("residual", "diversity", "timeouts")} & kept
    totals.add(replace(bare, residual=np.full(len(bare), 0.001)))
    # User 1 has one session on each of the two days: 1.59 + 1.01, twice, and 0.001 twice.
    assert totals.table().values["time"][1] == 2 * 159 / 100 + 2 * 101 / 100 + 0.002


def test_ids_with_gaps_find_their_users() -> None:
    ids = np.array([3, 10, 11, 500])
    log = sessions(*({"user": int(user), "tracks": int(user)} for user in (10, 500, 3, 10)))
    totals = UserTotals(ids, [0])
    totals.add(log)
    assert totals.table().values["tracks"].tolist()[:2] == [3.0, 20.0]
    assert np.isnan(totals.table().values["tracks"][2])
    assert totals.table().values["tracks"][3] == 500.0
    for stranger in (4, 501, 0):
        with pytest.raises(ValueError, match="not among the users"):
            totals.add(sessions({"user": stranger}))


def test_a_session_of_another_day_may_be_anybodys() -> None:
    totals = UserTotals(USERS, [5])
    totals.add(sessions({"user": 77, "day": 4}))
    assert not totals.table({"arm": Labels(np.zeros(4, np.int16), ("C",))}).exposed.any()


def test_arrays_of_other_users_are_refused() -> None:
    totals = UserTotals(USERS, DAYS)
    with pytest.raises(ValueError, match="other than 3 users"):
        UserTotals(USERS[:3], DAYS, arrays=totals.arrays())
