"""Columns read from Arrow: the first value that breaks a rule, or a row out of order, is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from abbotify.errors import DataError
from abbotify.eventlog.arrow_table import Piece, check_columns, events_of, first_misplaced

ROWS = {
    "timestamp": [1, 2],
    "user": [4, 4],
    "message": ["next", "last"],
    "track": [7, 8],
    "time": [1.0, 0.25],
    "latency_ms": [3, 4],
    "recommendation": [8, None],
    "arm": ["C", None],
}


def piece(**changed: object) -> Piece:
    return Piece(pa.record_batch({**ROWS, **changed}), Path("log.parquet"), 10)


def test_columns_have_the_types_of_events() -> None:
    events = events_of(piece(), {"arm": ("T1", "C")})
    assert events.last.tolist() == [False, True]
    assert events.recommendation.tolist() == [8, -1]
    assert events.arms["arm"].codes.tolist() == [1, -1]


@pytest.mark.parametrize(
    ("column", "values", "rule"),
    [
        ("time", [0.5, 1.5], "1.5 in row 11 is not between 0 and 1"),
        ("user", [4, -4], "-4 in row 11 is negative"),
        ("message", ["next", "end"], "'end' in row 11 is neither"),
        ("recommendation", [None, 5], '5 in row 11 is not null on a "last" row'),
        ("track", [1.0, 2.0], "the column's type is double, not an integer"),
    ],
)
def test_the_first_wrong_value_is_named(column: str, values: list[object], rule: str) -> None:
    with pytest.raises(DataError) as error:
        events_of(piece(**{column: values}), {"arm": ("C",)})
    assert rule in str(error.value)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="no such column"):
        check_columns(["user"], Path("log.parquet"))


@pytest.mark.parametrize(
    ("rows", "before", "place"),
    [
        ([(1, 0, 0, 0), (1, 0, 1, 1), (1, 1, 0, 0), (2, 0, 0, 0)], (-1, -1, -1, False), -1),
        ([(1, 0, 1, 0)], (-1, -1, -1, False), 0),
        ([(1, 0, 1, 0)], (1, 0, 0, False), -1),
        ([(1, 0, 1, 0)], (1, 0, 0, True), 0),
        ([(2, 0, 0, 0), (1, 0, 0, 0)], (1, 0, 0, False), 1),
        ([(1, 1, 0, 0), (1, 0, 0, 0)], (-1, -1, -1, False), 1),
        ([(1, 0, 0, 0), (1, 0, 2, 0)], (-1, -1, -1, False), 1),
    ],
)
def test_the_first_row_out_of_order(
    rows: list[tuple[int, ...]], before: tuple[int, int, int, bool], place: int
) -> None:
    user, session, step, last = np.array(rows).T
    columns = (user, session.astype(np.int32), step.astype(np.int32), last.astype(np.bool_))
    assert first_misplaced(*columns, before) == place
