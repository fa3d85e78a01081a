"""However a log is cut into files and pieces, the same is read of it, in one pass or two."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from abbotify.eventlog.log import open_log, whole_sessions
from abbotify.eventlog.parquet import open_file
from abbotify.eventlog.parquet_writer import write_events
from abbotify.eventlog.schema import ARM, NO_ARM, Events, Labels
from abbotify.eventlog.source import open_source
from abbotify.metrics import from_log
from abbotify.metrics.from_log import Read, read
from abbotify.metrics.users import UserTable
from tests.analysis.logs import made, run_folder

ORDER = ("base", "neural")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return run_folder(tmp_path, made()) / "log"


def found(log: Path) -> Read:
    return read(open_source([log], "NEURAL"), (*ORDER, "unused"), (*ORDER, "unused"), 0.3)


def told(of: Read) -> dict[str, Any]:
    users = UserTable.concat(of.users)
    plays = [[column.tolist() for column in counts] for counts in of.tally.plays]
    values = {name: np.nan_to_num(column, nan=-1).tolist() for name, column in users.values.items()}
    return {
        "days": list(of.tally.days),
        "plays": plays,
        "heard": of.tally.step_plays.tolist(),
        "ended": [[c.tolist() for c in counts] for counts in of.tally.ended],
        "users": users.users.tolist(),
        "arms": users.arms[ARM].codes.tolist(),
        "values": values,
        "sessions": of.sessions,
    }


def rewritten(log: Path, change: Any, **layout: Any) -> None:
    for path in sorted(log.glob("*.parquet")):
        events, file = Events.concat(list(open_log(path).pieces())), open_file(path)
        write_events(path, change(events), file.metadata)
        if layout:
            pq.write_table(pq.read_table(path), path, **layout)


def test_a_log_without_statistics_is_read_twice_for_the_same(log: Path) -> None:
    known = told(found(log))
    assert known["days"] == [1, 2]
    rewritten(log, lambda events: events, write_statistics=False)
    assert open_file(log / "day-1.parquet").days is None
    assert told(found(log)) == known


def test_few_at_a_time_are_as_good_as_all(log: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = told(found(log))
    monkeypatch.setattr(from_log, "_AT_ONCE", 1)
    few = found(log)
    assert len(few.users) > 1
    assert len(few.users) > 1
    assert told(few) == known


@pytest.mark.parametrize("rows", [1, 7, 10**6])
def test_sessions_are_read_whole(log: Path, rows: int) -> None:
    file = open_file(log / "day-1.parquet")
    pieces = list(whole_sessions(file, file.names, rows))
    assert all(piece.step[0] == 0 and piece.last[-1] for piece in pieces)
    whole, expected = Events.concat(pieces), Events.concat(list(open_log(file.path).pieces()))
    assert whole.timestamp.tolist() == expected.timestamp.tolist()
    assert whole.arms[ARM].codes.tolist() == expected.arms[ARM].codes.tolist()


def with_arm(events: Events, rows: Any, code: int) -> Events:
    codes = events.arms[ARM].codes.copy()
    codes[rows] = code
    return replace(events, arms={ARM: Labels(codes, events.arms[ARM].names)})


@pytest.mark.parametrize("inside", [True, False])
def test_nothing_of_a_user_in_two_arms_counts(log: Path, inside: bool, tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    other = run_folder(tmp_path / "b", made()) / "log"
    events = open_rows(log, 2)
    # In mid-session, or from one day to the next.
    users = events.user[events.step > 0]
    days = [set(open_rows(log, day).user.tolist()) for day in (1, 2)]
    user = int(users[0]) if inside else min(days[0] & days[1])
    before = int(events.arms[ARM].codes[events.user == user][0])

    def second_arm(rows: Events) -> Events:
        mine = rows.user == user
        return with_arm(rows, mine & (rows.day == 2) & (rows.step >= inside), 1 - before)

    rewritten(log, second_arm)
    rewritten(other, lambda rows: with_arm(rows, rows.user == user, NO_ARM))
    mixed, nobody = found(log), found(other)
    assert mixed.known.mixed == (user,)
    assert nobody.known.mixed == ()
    assert told(mixed) == told(nobody)


def open_rows(log: Path, day: int) -> Events:
    return Events.concat(list(open_log(log / f"day-{day}.parquet").pieces()))
