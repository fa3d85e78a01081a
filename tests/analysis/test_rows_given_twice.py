"""Rows that are in a log twice are told, whatever way they came there; equal events are not."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abbotify.errors import UserError
from abbotify.report.result import Check, Result
from abbotify.report.text.headline import headline
from tests.analysis.logs import Lines, analysed, made, run_folder, stored


def check_of(result: Result, name: str = "rows_given_twice") -> Check:
    return next(check for check in result.checks if check.name == name)


def rows_of(check: Check) -> int:
    return int((check.details or {})["rows"])


def _whole(lines: Lines) -> Lines:
    return lines + lines


def _thrice(lines: Lines) -> Lines:
    return lines * 3


def _each(lines: Lines) -> Lines:
    return [line for line in lines for _ in range(2)]


def _shuffled(lines: Lines) -> Lines:
    again = lines + lines
    random.Random(3).shuffle(again)
    return again


def _first_day(lines: Lines) -> Lines:
    return [line for line in lines if line["timestamp"] < 86_400_000] + lines


WAYS = [_whole, _thrice, _each, _shuffled, _first_day]


def _lines(path: Path, lines: Lines) -> Path:
    return stored(path / "log.jsonl", lines)


def _table(lines: Lines) -> pa.Table:
    columns = {
        name: [line[name] for line in lines]
        for name in ("message", "timestamp", "user", "track", "time")
    }
    columns["latency_ms"] = [1000 * line["latency"] for line in lines]
    columns["arm"] = [line["experiments"]["NEURAL"] for line in lines]
    columns["recommendation"] = [line.get("recommendation") for line in lines]
    return pa.table(columns)


def _parquet(path: Path, lines: Lines) -> Path:
    pq.write_table(_table(lines), path / "log.parquet")
    return path / "log.parquet"


@pytest.mark.parametrize("form", [_lines, _parquet])
@pytest.mark.parametrize("way", WAYS)
def test_rows_that_are_there_twice_make_the_verdict_invalid(
    way: Callable[[Lines], Lines], form: Callable[[Path, Lines], Path], tmp_path: Path
) -> None:
    lines = made()
    again = way(lines)
    result = analysed(form(tmp_path, again), tmp_path / "out")
    check = check_of(result)
    assert check.status == "fail"
    assert rows_of(check) == len(again) - len(lines)
    assert "user 0 at timestamp " in check.summary
    assert "Ship" not in headline(result).split(":")[0]


@pytest.mark.parametrize("form", [_lines, _parquet])
def test_a_copy_beside_the_file_is_told(
    form: Callable[[Path, Lines], Path], tmp_path: Path
) -> None:
    (tmp_path / "logs").mkdir()
    file, lines = form(tmp_path / "logs", made()), made()
    copy = file.with_stem("copy")
    shutil.copy(file, copy)
    given = file.parent if file.suffix == ".parquet" else file
    if given == file:
        file.write_text(file.read_text() + copy.read_text())
    check = check_of(analysed(given, tmp_path / "out"))
    assert (check.status, rows_of(check)) == ("fail", len(lines))


@pytest.mark.parametrize("dropped", ["day", "session", "step"])
def test_a_copy_without_one_of_the_numbers_is_told(dropped: str, tmp_path: Path) -> None:
    folder = run_folder(tmp_path, made())
    rows = 0
    for file in sorted((folder / "log").iterdir()):
        table = pq.read_table(file).drop_columns([dropped])
        pq.write_table(table, file)
        pq.write_table(table, file.with_stem(f"{file.stem}-copy"))
        rows += table.num_rows
    check = check_of(analysed(folder, tmp_path / "out"))
    assert (check.status, rows_of(check)) == ("fail", rows)


@pytest.mark.parametrize("renamed", ["day-1-copy", "a", "z"])
def test_numbered_sessions_in_two_files_are_refused(renamed: str, tmp_path: Path) -> None:
    log = run_folder(tmp_path, made()) / "log"
    shutil.copy(log / "day-1.parquet", log / f"{renamed}.parquet")
    with pytest.raises(UserError) as caught:
        analysed(log, tmp_path / "out")
    assert "day-1.parquet" in str(caught.value)
    assert f"{renamed}.parquet" in str(caught.value)


def _tied(lines: Lines) -> Lines:
    """A burst: all of a user's events at one time, unlike in latency."""
    return [{**line, "timestamp": 1_700_000_000_000} for line in lines]


def _seconds(lines: Lines) -> Lines:
    return [{**line, "timestamp": line["timestamp"] // 1000} for line in lines]


def _one_track(lines: Lines) -> Lines:
    """The same track over and over, in one session."""
    return [{**line, "track": 5, "time": 1.0} for line in lines]


def _coarse_burst(lines: Lines) -> Lines:
    """Events that are often equal: one time, few tracks, a latency of none."""
    return [
        {**line, "timestamp": 7, "track": line["track"] % 5, "time": 1.0, "latency": 0.0}
        for line in lines
    ]


def _skips_within_a_tick(lines: Lines) -> Lines:
    """In each session the same track twice within a tick of the clock, skipped at once."""
    out: Lines = []
    for line in lines:
        skip = {**line, "time": 0.0, "latency": 0.0, "track": 1}
        out += [skip, skip, line] if line["message"] == "next" else [line]
    return out


@pytest.mark.parametrize("form", [_lines, _parquet])
@pytest.mark.parametrize(
    "change", [list, _tied, _seconds, _one_track, _coarse_burst, _skips_within_a_tick]
)
def test_events_that_are_alike_are_no_rows_given_twice(
    change: Callable[[Lines], Lines], form: Callable[[Path, Lines], Path], tmp_path: Path
) -> None:
    lines = change(made())
    check = check_of(analysed(form(tmp_path, lines), tmp_path / "out"))
    assert check.status in ("pass", "warn")
    if change is not _coarse_burst:
        assert check.status == "pass"


def test_bursts_given_twice_are_told(tmp_path: Path) -> None:
    for change in (_tied, _seconds, _one_track, _coarse_burst, _skips_within_a_tick):
        lines = change(made())
        check = check_of(analysed(stored(tmp_path / "l.jsonl", lines * 2), tmp_path / "out"))
        assert check.status == "fail", change
        # Rows that were alike already count too.
        assert len(lines) <= rows_of(check) <= 1.01 * len(lines), change
