"""Timestamps that are no milliseconds of a going clock: a log is read, and a check says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.eventlog.botify_reader import read_botify
from abbotify.eventlog.log import open_log
from abbotify.eventlog.schema import Events
from abbotify.eventlog.sessionise import sessionised
from abbotify.report.result import Check
from tests.analysis.logs import Lines, analysed, made, stored
from tests.eventlog.rows import whole

DATE = 1_700_000_000_000


def spaced(lines: Lines) -> Lines:
    """The lines with half a minute between the tracks of a session, on dates."""
    at, out = DATE, []
    for line in lines:
        at += 30_000 + 1_000 * (line["track"] % 7)
        out.append({**line, "timestamp": at})
    return out


def _changed(factor: float) -> Callable[[Lines], Lines]:
    return lambda lines: [{**line, "timestamp": int(line["timestamp"] * factor)} for line in lines]


def _equal(lines: Lines) -> Lines:
    return [{**line, "timestamp": DATE} for line in lines]


def _nothing(lines: Lines) -> Lines:
    return [{**line, "timestamp": 0} for line in lines]


def _zero_inside(lines: Lines) -> Lines:
    return [{**line, "timestamp": 0} if at % 7 == 3 else line for at, line in enumerate(lines)]


def _at_once(lines: Lines) -> Lines:
    """Each session in one moment."""
    out, at = [], DATE
    for line in lines:
        out.append({**line, "timestamp": at})
        at += 60_000 if line["message"] == "last" else 0
    return out


CASES: dict[str, tuple[Callable[[Lines], Lines], str, str]] = {
    "milliseconds": (list, "pass", "look like milliseconds"),
    "seconds": (_changed(1e-3), "warn", "look like seconds"),
    "microseconds": (_changed(1e3), "warn", "look like microseconds"),
    "all equal": (_equal, "warn", "all are equal"),
    "all zero": (_nothing, "warn", "all are equal"),
    "zero inside": (_zero_inside, "warn", "are 0"),
    "sessions at once": (_at_once, "warn", "no time at all"),
}


def _check(log: Path, out: Path) -> tuple[Check, list[tuple[int | None, int | None]]]:
    result = analysed(log, out)
    check = next(check for check in result.checks if check.name == "timestamps")
    return check, [(arm.sessions, arm.tracks) for arm in result.arms]


@pytest.mark.parametrize("form", ["lines", "run"])
@pytest.mark.parametrize(("change", "status", "words"), CASES.values(), ids=CASES)
def test_odd_timestamps_are_a_warning_and_lose_no_session(
    change: Callable[[Lines], Lines], status: str, words: str, form: str, tmp_path: Path
) -> None:
    lines = spaced(made())
    _, sound = _check(stored(tmp_path / "sound.jsonl", lines), tmp_path / "sound")
    log = stored(tmp_path / "log.jsonl", change(lines))
    if form == "run":
        events = read_botify(tmp_path / "sound.jsonl").events
        stamps = {(line["user"], line["latency"]): line["timestamp"] for line in change(lines)}
        seconds = {
            (line["user"], round(1000 * line["latency"], 9)): (line["user"], line["latency"])
            for line in lines
        }
        keys = zip(events.user.tolist(), events.latency_ms.tolist(), strict=True)
        moved = [stamps[seconds[user, round(ms, 9)]] for user, ms in keys]
        log = tmp_path / "log"
        log.mkdir()
        _write(log / "a.parquet", events, moved)
    check, counts = _check(log, tmp_path / "out")
    if form == "run":  # its days, sessions and steps are numbered
        status, words = "pass", "are not used"
    assert (check.status, words in check.summary) == (status, True), check.summary
    assert counts == sound


def _write(path: Path, events: Any, timestamps: list[int]) -> None:
    columns = {name: getattr(events, name) for name in ("user", "session", "step", "track", "time")}
    rows = pa.table(
        {
            **columns,
            "day": pa.array(events.day),
            "timestamp": pa.array(timestamps, pa.int64()),
            "message": ["last" if last else "next" for last in events.last],
            "recommendation": [None if r < 0 else r for r in events.recommendation.tolist()],
            "latency_ms": events.latency_ms,
            "arm": [("C", "T1")[code] for code in events.arms["arm"].codes],
        }
    )
    pq.write_table(rows, path)


@given(order=st.permutations(range(12)), stamp=st.sampled_from([0, 5, DATE]))
def test_session_and_step_order_rows_whose_timestamps_do_not(order: list[int], stamp: int) -> None:
    user = np.repeat([3, 8], 6)[order]
    session = np.tile(np.repeat([0, 1], 3), 2)[order].astype(np.int32)
    step = np.tile(np.arange(3, dtype=np.int32), 4)[order]
    rows = Events(
        timestamp=np.full(12, stamp),
        day=np.zeros(12, np.int32),
        user=user,
        last=step == 2,
        track=np.arange(12)[order],
        time=np.ones(12),
        recommendation=np.zeros(12, np.int64),
        latency_ms=np.zeros(12),
        session=session,
        step=step,
    )
    events = sessionised(rows, numbered=True)
    assert events.track.tolist() == list(range(12))
    assert events.session.tolist() == [0, 0, 0, 1, 1, 1] * 2
    assert events.step.tolist() == [0, 1, 2] * 4


def test_files_that_count_sessions_afresh_are_ordered_by_time(tmp_path: Path) -> None:
    rows = {
        "user": [1, 1],
        "session": [0, 0],
        "step": [0, 1],
        "message": ["next", "last"],
        "time": [1.0, 0.5],
        "latency_ms": [1, 2],
    }
    for name, day in (("a", 0), ("b", 1)):
        stamps = [day * 86_400_000, day * 86_400_000 + 30_000]
        tracks = [2 * day, 2 * day + 1]
        table = pa.table({**rows, "timestamp": stamps, "track": tracks})
        pq.write_table(table, tmp_path / f"{name}.parquet")
    events = whole(open_log(tmp_path))
    assert events.track.tolist() == [0, 1, 2, 3]
    assert events.session.tolist() == [0, 0, 1, 1]
    assert events.day.tolist() == [0, 0, 1, 1]


@given(
    lost=st.sets(st.integers(0, 19)),
    users=st.lists(st.integers(0, 3), min_size=20, max_size=20),
)
def test_rows_without_a_timestamp_stay_where_the_log_has_them(
    lost: set[int], users: list[int]
) -> None:
    stamps = np.array([0 if at in lost else DATE + 1_000 * at for at in range(20)])
    rows = Events(
        timestamp=stamps,
        day=np.zeros(20, np.int32),
        session=np.zeros(20, np.int32),
        step=np.zeros(20, np.int32),
        user=np.array(users),
        last=np.zeros(20, np.bool_),
        track=np.arange(20),
        time=np.ones(20),
        recommendation=np.zeros(20, np.int64),
        latency_ms=np.zeros(20),
    )
    events = sessionised(rows)
    assert events.track.tolist() == np.argsort(users, kind="stable").tolist()
    assert set(events.day.tolist()) == {0}
