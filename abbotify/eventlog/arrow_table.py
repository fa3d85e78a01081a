"""Columns of `Events` from Arrow tables: types, nulls and the rules every value keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from abbotify.errors import DataError
from abbotify.eventlog.schema import (
    DAY,
    LAST,
    LATENCY_MS,
    MESSAGE,
    NEXT,
    NO_ARM,
    NO_RECOMMENDATION,
    RECOMMENDATION,
    SESSION,
    STEP,
    TIME,
    TIMESTAMP,
    TRACK,
    USER,
    Events,
    IntArray,
    Labels,
    from_strings,
)
from abbotify.eventlog.sessionise import LATEST
from abbotify.jit import kernel

Names = Mapping[str, tuple[str, ...]]  # column of arms -> the arms' names in the order of codes

REQUIRED: Final = (TIMESTAMP, USER, MESSAGE, TRACK, TIME, LATENCY_MS)
MOST_ARMS: Final = 2**15 - 1  # codes have 16 bits
DERIVABLE: Final = (DAY, SESSION, STEP)
_INTEGERS: Final = {
    TIMESTAMP: np.int64,
    DAY: np.int32,
    USER: np.int64,
    SESSION: np.int32,
    STEP: np.int32,
    TRACK: np.int64,
}
_MOST: Final = {TIMESTAMP: LATEST, LATENCY_MS: 10**12}  # 32 years: as much as a line may say


class Piece(NamedTuple):
    """Some rows of a file, and how many rows of the file come before them."""

    rows: pa.RecordBatch | pa.Table
    file: Path
    before: int

    def error(self, key: str, rule: str, wrong: npt.NDArray[np.bool_] | None = None) -> DataError:
        """The error of a column, naming the first row (counted from 0) and value that are wrong."""
        if wrong is None:
            return DataError(rule, file=self.file, key=key)
        row = int(np.flatnonzero(wrong)[0])
        value = self.rows.column(key)[row].as_py()
        return DataError(f"{value!r} in row {self.before + row} {rule}", file=self.file, key=key)


def check_columns(names: Sequence[str], file: Path, required: Sequence[str] = REQUIRED) -> None:
    """Refuses a file without a required column.

    Raises:
        DataError: names the first column that is missing.
    """
    for name in required:
        if name not in names:
            raise DataError("the file has no such column", file=file, key=name)


def events_of(piece: Piece, names: Names) -> Events:
    """The checked events of some rows.

    Args:
        piece: the rows.
        names: the columns of arms and the order of the arms' names; a column that the file does
            not have is null everywhere.

    Returns:
        the rows in their order; `day`, `session` and `step` are 0 where the file has them not.

    Raises:
        DataError: a wrong type, a forbidden null, a value that breaks a rule.
    """
    numbers = {name: _integers(piece, name) for name in _INTEGERS}
    last = _lasts(piece)
    return Events(
        **numbers,
        last=last,
        time=_times(piece),
        recommendation=_recommendations(piece, last),
        latency_ms=_latencies(piece),
        arms={name: _labels(piece, name, order) for name, order in names.items()},
    )


def _column(
    piece: Piece,
    name: str,
    accepts: Callable[[pa.DataType], bool],
    kind: str,
    *,
    nullable: bool = False,
) -> pa.Array:
    column = piece.rows.column(name)
    if not accepts(column.type):
        raise piece.error(name, f"the column's type is {column.type}, not {kind}")
    if column.null_count and not nullable:
        wrong = np.asarray(column.is_null())
        raise piece.error(name, "is a null, which this column must not hold", wrong)
    return column


def _integers(piece: Piece, name: str) -> npt.NDArray[Any]:
    if name in DERIVABLE and name not in piece.rows.schema.names:
        return np.zeros(piece.rows.num_rows, _INTEGERS[name])
    column = _column(piece, name, pa.types.is_integer, "an integer")
    try:
        values = np.asarray(column.cast(pa.from_numpy_dtype(_INTEGERS[name])))
    except pa.ArrowInvalid as error:
        bits = np.dtype(_INTEGERS[name]).itemsize * 8
        raise piece.error(name, f"a value does not fit in {bits} bits") from error
    return _bounded(piece, name, values)


def _bounded(piece: Piece, name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if values.min(initial=0) < 0:
        raise piece.error(name, "is negative", values < 0)
    if name in _MOST and values.max(initial=0) > _MOST[name]:
        raise piece.error(name, f"is above {_MOST[name]} ms", values > _MOST[name])
    return values


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _times(piece: Piece) -> npt.NDArray[np.float64]:
    values = np.asarray(_column(piece, TIME, _is_number, "a number").cast(pa.float64()))
    if not (values.min(initial=0.0) >= 0.0 and values.max(initial=0.0) <= 1.0):  # NaN is neither
        wrong = ~((values >= 0.0) & (values <= 1.0))
        raise piece.error(TIME, "is not between 0 and 1", wrong)
    return values


def _latencies(piece: Piece) -> npt.NDArray[Any]:
    column = _column(piece, LATENCY_MS, _is_number, "a number")
    whole = pa.types.is_integer(column.type)
    values = np.asarray(column.cast(pa.int64() if whole else pa.float64()))
    if not whole and (wrong := ~np.isfinite(values)).any():
        raise piece.error(LATENCY_MS, "is not a finite number", wrong)
    return _bounded(piece, LATENCY_MS, values)


def is_string(kind: pa.DataType) -> bool:
    """Whether a column's type is text, as it is or by dictionary."""
    if pa.types.is_dictionary(kind):
        return is_string(kind.value_type)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _lasts(piece: Piece) -> npt.NDArray[np.bool_]:
    codes = _codes(_column(piece, MESSAGE, is_string, "a string"), (NEXT, LAST))
    if codes.min(initial=0) < 0:
        raise piece.error(MESSAGE, f'is neither "{NEXT}" nor "{LAST}"', codes < 0)
    return codes != 0


def _recommendations(piece: Piece, last: npt.NDArray[np.bool_]) -> IntArray:
    if RECOMMENDATION not in piece.rows.schema.names:
        return np.full(len(last), NO_RECOMMENDATION, np.int64)
    column = _column(piece, RECOMMENDATION, pa.types.is_integer, "an integer", nullable=True)
    values: IntArray = np.asarray(column.cast(pa.int64()).fill_null(NO_RECOMMENDATION))
    if column.null_count == np.count_nonzero(last) and np.array_equal(values < 0, last):
        return values  # as many nulls as rows that are to have one, and nothing else is negative
    known = np.asarray(column.is_valid())
    if (wrong := known & (values < 0)).any():
        raise piece.error(RECOMMENDATION, "is negative", wrong)
    if (wrong := known & last).any():
        raise piece.error(RECOMMENDATION, f'is not null on a "{LAST}" row', wrong)
    if (wrong := ~known & ~last).any():
        raise piece.error(RECOMMENDATION, f'is a null on a "{NEXT}" row', wrong)
    return values


def _labels(piece: Piece, name: str, names: tuple[str, ...]) -> Labels:
    if name not in piece.rows.schema.names:
        return Labels(np.full(piece.rows.num_rows, NO_ARM, np.int16), names)
    column = _column(piece, name, is_string, "a string", nullable=True)
    if len(names) > MOST_ARMS:
        raise piece.error(name, f"the log names {len(names)} arms, more than {MOST_ARMS}")
    codes = _codes(column, names)
    if codes.min(initial=0) < 0:
        unknown = (codes == NO_ARM) & np.asarray(column.is_valid())
        if unknown.any():
            raise piece.error(name, f"is none of the arms {', '.join(names)}", unknown)
    return Labels(codes, names)


def _codes(column: pa.Array, names: tuple[str, ...]) -> npt.NDArray[np.int16]:
    """Which of the names each row holds, -1 for none: int16 (n,)."""
    column = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    # A name is looked up once, not in each row; nulls come after all of them.
    table = np.append(from_strings(column.dictionary, names).codes, np.int16(NO_ARM))
    places = column.indices.cast(pa.int32())
    if places.null_count:
        places = places.fill_null(len(table) - 1)
    return table.take(np.asarray(places), mode="clip")


def check_order(events: Events, previous: Events | None, piece: Piece) -> None:
    """Refuses rows that are not sorted by (user, session, step).

    Args:
        events: the rows of the piece.
        previous: the row before them; None at the start of the file.
        piece: where they are from.

    Raises:
        DataError: names the first row that breaks the order.
    """
    before = (-1, -1, -1, False)
    if previous is not None:
        user, session, step = previous.user[0], previous.session[0], previous.step[0]
        before = (int(user), int(session), int(step), bool(previous.last[0]))
    row = first_misplaced(events.user, events.session, events.step, events.last, before)
    if row >= 0:
        place = f"user {events.user[row]}, session {events.session[row]}, step {events.step[row]}"
        raise DataError(
            f"row {piece.before + row} ({place}) breaks the order by {USER}, {SESSION}, {STEP}, "
            "with steps from 0 and nothing after a last",
            file=piece.file,
        )


@kernel
def first_misplaced(users: Any, sessions: Any, steps: Any, lasts: Any, before: Any) -> int:
    """The first row that breaks the order by user, session and step, -1 if none does.

    Steps count from 0 in each session, and nothing comes after a session's last.

    Args:
        users: int64 (n,).
        sessions: int32 (n,).
        steps: int32 (n,).
        lasts: bool (n,).
        before: user, session and step of the row before these, -1 at the start of a file, and
            whether it was a last.
    """
    user, session, step, last = before
    for row in range(len(users)):
        if users[row] == user and sessions[row] == session:
            follows = steps[row] == step + 1 and not last
        else:
            later = users[row] > user or (users[row] == user and sessions[row] > session)
            follows = later and steps[row] == 0
        if not follows:
            return row
        user, session = users[row], np.int64(sessions[row])
        step, last = np.int64(steps[row]), lasts[row]
    return -1
