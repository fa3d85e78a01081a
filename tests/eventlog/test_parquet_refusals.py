"""What no log can hold is refused, told in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abbotify.errors import DataError
from abbotify.eventlog.log import open_log
from abbotify.eventlog.parquet_writer import write_events
from tests.eventlog.rows import events, table, whole


def test_an_arm_that_nobody_named_is_refused(tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", events())
    with pytest.raises(DataError, match="arm: 'neural' in row 0 is none of the arms sticky, new"):
        whole(open_log(tmp_path), {"arm": ("sticky", "new")})


def test_more_arms_than_codes_are_refused(tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", events())
    with pytest.raises(DataError, match="names 32768 arms, more than 32767"):
        whole(open_log(tmp_path), {"arm": tuple(map(str, range(2**15)))})


REFUSED: list[tuple[str, list[Any] | pa.Array, str]] = [
    ("time", [1.0, 0.3, float("nan"), 1.0, 0.2], "time: nan in row 2 is not between 0 and 1"),
    ("time", [1.0, 0.3, 1.0, 1.0, 1.01], "time: 1.01 in row 4 is not between 0 and 1"),
    ("time", [-0.1, 0.3, 1.0, 1.0, 1.0], "time: -0.1 in row 0 is not between 0 and 1"),
    ("time", [1.0, None, 1.0, 1.0, 1.0], "time: None in row 1 is a null"),
    ("time", ["1"] * 5, "time: the column's type is string, not a number"),
    ("user", [4, 4, None, 9, 9], "user: None in row 2 is a null"),
    ("user", [-4, -4, -4, 9, 9], "user: -4 in row 0 is negative"),
    ("user", [4.0, 4.0, 4.0, 9.0, 9.0], "user: the column's type is double, not an integer"),
    ("user", [True] * 5, "user: the column's type is bool, not an integer"),
    ("user", pa.array([2**63] * 5, pa.uint64()), "user: a value does not fit in 64 bits"),
    ("session", [2**31] * 5, "session: a value does not fit in 32 bits"),
    ("timestamp", [-1, 0, 1, 2, 3], "timestamp: -1 in row 0 is negative"),
    ("timestamp", [1, 10**18, 1, 2, 3], "timestamp: 1000000000000000000 in row 1 is above"),
    ("track", [7, 8, 7, 1, -2], "track: -2 in row 4 is negative"),
    ("latency_ms", [1.0, float("inf"), 1, 1, 1], "latency_ms: inf in row 1 is not a finite"),
    ("latency_ms", [1.0, 1, 1e308, 1, 1], "latency_ms: 1e+308 in row 2 is above"),
    ("latency_ms", [1, 1, 1, 1, -1], "latency_ms: -1 in row 4 is negative"),
    ("message", ["next", "last", "last", "next", "skip"], "message: 'skip' in row 4 is neither"),
    ("message", [1] * 5, "message: the column's type is int64, not a string"),
    ("recommendation", [8, 9, None, 2, 3], 'recommendation: 9 in row 1 is not null on a "last"'),
    ("recommendation", [None, None, None, 2, 3], 'None in row 0 is a null on a "next" row'),
    ("recommendation", [8, None, None, -2, 3], "recommendation: -2 in row 3 is negative"),
    ("recommendation", [8.0, None, None, 2.0, 3.0], "the column's type is double, not an integer"),
    ("arm", [1, 1, 1, None, None], "arm: the column's type is int64, not a string"),
    ("step", [0, 2, 0, 0, 1], "row 1 (user 4, session 0, step 2) breaks the order"),
    ("step", [1, 2, 0, 0, 1], "row 0 (user 4, session 0, step 1) breaks the order"),
    ("user", [9, 9, 9, 4, 4], "row 3 (user 4, session 0, step 0) breaks the order"),
    ("session", [0, 0, 0, 0, 0], "row 2 (user 4, session 0, step 0) breaks the order"),
    ("session", [1, 1, 0, 0, 0], "row 2 (user 4, session 0, step 0) breaks the order"),
]


@pytest.mark.parametrize(("column", "values", "message"), REFUSED, ids=lambda v: str(v)[:40])
def test_a_bad_value_is_refused(
    tmp_path: Path, column: str, values: list[Any] | pa.Array, message: str
) -> None:
    pq.write_table(table(**{column: values}), tmp_path / "a.parquet")
    with pytest.raises(DataError) as caught:
        whole(open_log(tmp_path / "a.parquet"))
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "a.parquet"))
    assert "\n" not in str(caught.value)


def test_rows_are_counted_over_pieces_of_a_file(tmp_path: Path) -> None:
    pq.write_table(table(time=[1.0, 1.0, 1.0, 1.0, 2.0]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="row 4 is not between"):
        list(open_log(tmp_path).pieces(rows=2))
    pq.write_table(table(step=[0, 1, 0, 0, 3]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="session 0, step 3"):
        list(open_log(tmp_path).pieces(rows=1))


@pytest.mark.parametrize("column", ["timestamp", "user", "message", "track", "time", "latency_ms"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    pq.write_table(table().drop_columns([column]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=f"a.parquet: {column}: the file has no such column"):
        open_log(tmp_path)


def test_one_session_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_events(tmp_path / f"{name}.parquet", events())
    with pytest.raises(DataError, match="user 4, session 0, step 0 is in the log twice"):
        whole(open_log(tmp_path))


def nothing(_: Path) -> None:
    """The file is not there."""


def text(path: Path) -> None:
    path.write_text("timestamp,user\n1,2\n")


def truncated(path: Path) -> None:
    write_events(path, events())
    path.write_bytes(path.read_bytes()[:-20])


def damaged(path: Path) -> None:
    write_events(path, events())
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)


def empty_and_foreign(path: Path) -> None:
    pq.write_table(table().slice(0, 0).drop_columns(["day"]), path)


MAKERS = [nothing, text, truncated, damaged, empty_and_foreign]


@pytest.mark.parametrize("make", MAKERS)
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet: "):
        whole(open_log(tmp_path / "a.parquet"))


def test_nothing_to_open_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no"):
        open_log(tmp_path)
    with pytest.raises(DataError, match="no file"):
        open_log([])
