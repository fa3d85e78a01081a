"""Whatever events there are, the log gives them back, and shows no trace of how it was cut."""

from __future__ import annotations

import json
import tempfile
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abbotify.eventlog.botify_reader import read_botify
from abbotify.eventlog.botify_writer import LoggedExperiment, write_botify
from abbotify.eventlog.log import open_log
from abbotify.eventlog.merge import Run, merged, sort_rows
from abbotify.eventlog.parquet_writer import write_events
from abbotify.eventlog.schema import MS_PER_DAY, Events, Labels

NAMES = ("sticky", "neural", "née")
NUMBERS = ("timestamp", "day", "user", "session", "step", "last", "track", "time")
COLUMNS = (*NUMBERS, "recommendation", "latency_ms")

Row = tuple[Any, ...]


@st.composite
def rows_of_events(draw: st.DrawFn) -> list[Row]:
    """Rows in the order of `COLUMNS` and the arm's code; only a user's last session may be open."""
    rows: list[Row] = []
    users = draw(st.lists(st.integers(0, 2**40), unique=True, min_size=1, max_size=6))
    for user in sorted(users):
        now, arm = draw(st.integers(0, 2 * MS_PER_DAY)), draw(st.integers(-1, 2))
        lengths = draw(st.lists(st.integers(1, 4), min_size=1, max_size=4))
        for session, length in enumerate(lengths):
            start = None
            for step in range(length):
                now += draw(st.sampled_from([0, 0, 1, 180_000, MS_PER_DAY]))
                start = now if start is None else start
                ends = step == length - 1
                last = ends and (session < len(lengths) - 1 or draw(st.booleans()))
                answer = -1 if last else draw(st.integers(0, 50))
                time, latency = draw(st.integers(0, 100)) / 100, draw(st.integers(0, 5_000))
                track = draw(st.integers(0, 50))
                place = (now, start // MS_PER_DAY, user, session, step)
                rows.append((*place, last, track, time, answer, latency, arm))
    return rows


def events_of(rows: list[Row]) -> Events:
    types = ["i8", "i4", "i8", "i4", "i4", "?", "i8", "f8", "i8", "i8", "i2"]
    columns = zip(*rows, strict=True) if rows else [()] * len(types)
    arrays = [np.array(c, dtype) for c, dtype in zip(columns, types, strict=True)]
    named: dict[str, Any] = dict(zip(COLUMNS, arrays, strict=False))
    return Events(**named, arms={"arm": Labels(arrays[-1], NAMES)})


def rows_in(events: Events) -> list[Row]:
    columns = [getattr(events, name).tolist() for name in COLUMNS]
    return list(zip(*columns, events.arms["arm"].codes.tolist(), strict=True))


@given(rows_of_events())
@settings(max_examples=40)
def test_parquet_gives_events_back(rows: list[Row]) -> None:
    events = events_of(rows)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.parquet"
        write_events(path, events)
        back = Events.concat(list(open_log(path).pieces()))
    assert rows_in(back) == rows
    assert back.arms["arm"].names == NAMES
    for name in COLUMNS:
        assert getattr(back, name).dtype == getattr(events, name).dtype


@given(rows_of_events(), st.integers(1, 5), st.integers(1, 8))
@settings(max_examples=40)
def test_files_by_day_and_shard_are_one_log(rows: list[Row], shards: int, at_once: int) -> None:
    users = sorted({row[2] for row in rows})
    parts: dict[tuple[int, int], list[Row]] = {}
    for row in rows:
        key = (row[1], users.index(row[2]) * shards // len(users))
        parts.setdefault(key, []).append(row)
    with tempfile.TemporaryDirectory() as folder:
        for (day, shard), part in parts.items():
            write_events(Path(folder) / f"{day}-{shard}.parquet", events_of(part))
        pieces = list(open_log(folder).pieces(rows=at_once))
    assert [row for piece in pieces for row in rows_in(piece)] == rows
    seen = [set(piece.user.tolist()) for piece in pieces]
    assert sum(map(len, seen)) == len(set.union(*seen))
    assert all(len(piece) >= at_once for piece in pieces[:-1])


@given(rows_of_events(), st.permutations(range(4)))
@settings(max_examples=40)
def test_botify_lines_give_events_back(rows: list[Row], order: list[int]) -> None:
    parts = [[row for row in rows if row[2] % 4 == shard] for shard in order]
    layer = LoggedExperiment("arm", "NEURAL", NAMES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "botify.jsonl"
        write_botify(path, map(events_of, parts), [layer], rows=3)
        written = path.read_bytes()
        write_botify(path, [events_of(rows)], [layer])
        assert path.read_bytes() == written
        assert [f.name for f in Path(folder).iterdir()] == ["botify.jsonl"]
        log = read_botify(path)
    assert len(written.splitlines()) == len(rows)
    assert (log.lines, log.broken) == (len(rows), 0)
    assert keys_of(written) == sorted((row[0], row[2], row[3], row[4]) for row in rows)
    first = min(row[0] for row in rows)
    starts = {(row[2], row[3]): row[0] for row in reversed(rows)}
    expected = [
        (row[0], (starts[row[2], row[3]] - first) // MS_PER_DAY, *row[2:10]) for row in rows
    ]
    columns = [getattr(log.events, name).tolist() for name in COLUMNS]
    assert list(zip(*columns, strict=True)) == expected
    assert arms_of(log.events) == [label_of(row[10]) for row in rows]


def keys_of(lines: bytes) -> list[tuple[int, int, int, int]]:
    """(timestamp, user, session, step), counted along the lines without the package."""
    place: dict[int, tuple[int, int]] = {}
    keys = []
    for document in map(json.loads, lines.splitlines()):
        user = document["user"]
        session, step = place.get(user, (0, 0))
        keys.append((document["timestamp"], user, session, step))
        place[user] = (session + 1, 0) if document["message"] == "last" else (session, step + 1)
    return keys


def label_of(code: int) -> str | None:
    return None if code < 0 else ["C", "T1", "T2"][code]


def arms_of(events: Events) -> list[str | None]:
    if "arm" not in events.arms:
        return [None] * len(events)
    codes, names = events.arms["arm"]
    return [None if code < 0 else names[code] for code in codes.tolist()]


@given(st.lists(st.lists(st.integers(0, 9), max_size=12), max_size=5), st.integers(1, 4))
def test_merging_is_sorting(keys: list[list[int]], at_once: int) -> None:
    runs, rows = [], []
    for number, run in enumerate(keys):
        part = [(k, 0, number, 0, i, False, 0, 0.0, -1, 0, -1) for i, k in enumerate(sorted(run))]
        pieces = [events_of(part[i : i + at_once]) for i in range(0, len(part), at_once)]
        runs.append(Run(min(run, default=0), partial(iter, pieces)))
        rows += part
    merged_rows = list(merged(runs, ("timestamp", "user", "step")))
    assert [row for piece in merged_rows for row in rows_in(piece)] == sorted(
        rows, key=lambda row: (row[0], row[2], row[4])
    )
    assert all(a.timestamp[-1] < b.timestamp[0] for a, b in pairwise(merged_rows))


def test_a_run_is_not_read_before_its_lowest_key() -> None:
    opened: list[int] = []

    def run(key: int) -> Run[Events]:
        def read() -> list[Events]:
            opened.append(key)
            return [events_of([(key, 0, 0, 0, 0, True, 0, 0.0, -1, 0, -1)])]

        return Run(key, read)

    pieces = merged([run(30), run(10), run(20)], ("timestamp",))
    assert next(pieces).timestamp.tolist() == [10]
    assert opened == [10]
    assert next(pieces).timestamp.tolist() == [20]
    assert opened == [10, 20]


def test_rows_are_sorted_by_the_first_column_first() -> None:
    events = events_of([(t, 0, u, 0, 0, True, 0, 0.0, -1, 0, -1) for t, u in [(2, 1), (1, 9)]])
    assert sort_rows(events, ("timestamp", "user")).user.tolist() == [9, 1]
    assert sort_rows(events, ("user", "timestamp")).user.tolist() == [1, 9]


@pytest.mark.parametrize("rows", [1, 1000])
def test_a_log_without_sessions_is_cut_into_whole_users_too(tmp_path: Path, rows: int) -> None:
    import pyarrow.parquet as pq

    part = [(i, 0, i % 3, 0, i // 3, i > 5, i, 0.5, -1 if i > 5 else 1, 0, 0) for i in range(9)]
    write_events(tmp_path / "a.parquet", sort_rows(events_of(part), ("timestamp",)))
    table = pq.read_table(tmp_path / "a.parquet").drop_columns(["day", "session", "step"])
    pq.write_table(table, tmp_path / "a.parquet")
    pieces = list(open_log(tmp_path).pieces(rows=rows))
    assert len(pieces) == (3 if rows == 1 else 1)
    found = [row for piece in pieces for row in rows_in(piece)]
    assert found == sorted(part, key=lambda row: (row[2], row[0]))
