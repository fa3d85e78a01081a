"""One Parquet file of the event log, read in pieces."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from abbotify.errors import DataError
from abbotify.eventlog.arrow_table import (
    DERIVABLE,
    REQUIRED,
    Names,
    Piece,
    check_columns,
    check_order,
    events_of,
    is_string,
)
from abbotify.eventlog.botify_lines import is_name
from abbotify.eventlog.schema import (
    ARM,
    ARMS_KEY,
    DAY,
    EXPERIMENT_PHASE,
    LEVEL_KEY,
    MESSAGE,
    PHASE_KEY,
    RECOMMENDATION,
    SESSIONS_LEVEL,
    USER,
    Events,
    arm_column,
)
from abbotify.files.folders import check_regular

ROW_GROUP: Final = 1_000_000  # small row groups: twice the time and size (DEPENDENCIES, event log)


_ROW: Final = 60  # bytes of a row in memory
_LARGE: Final = 2**30  # bytes
_PACKED: Final = 1000  # times smaller on disk; a run's log is six times smaller
_FOREIGN: Final = frozenset({b"pandas", b"ARROW:schema"})  # metadata of other programs


@dataclass(frozen=True)
class LogFile:
    """A Parquet file of the event log, known by its footer.

    Attributes:
        path: the file.
        rows: how many.
        columns: the names of its columns.
        metadata: the key-value pairs it was written with.
        lowest_user: no user of the file is smaller.
        days: from the first to the last one, where the footer tells.
    """

    path: Path
    rows: int
    columns: tuple[str, ...]
    metadata: Mapping[str, str]
    lowest_user: int
    days: range | None

    @property
    def numbered(self) -> bool:
        """Whether day, session and step are in the file and need not be derived."""
        return all(name in self.columns for name in DERIVABLE)

    @property
    def of_experiment(self) -> bool:
        """Whether its arms count: so they do unless its metadata names another phase."""
        return self.metadata.get(PHASE_KEY, EXPERIMENT_PHASE) == EXPERIMENT_PHASE

    @property
    def arm_columns(self) -> tuple[str, ...]:
        """The columns of arms, `arm` first."""
        return tuple(filter(_is_arm, self.columns))

    @cached_property
    def names(self) -> Names:
        """The arms' names per column, in the order written, else in order of name."""
        if ARMS_KEY in self.metadata:
            return _named_arms(self.metadata[ARMS_KEY], self.arm_columns, self.path)
        return {column: _distinct(self.path, column) for column in self.arm_columns}


def open_file(path: str | Path) -> LogFile:
    """Reads the footer of a Parquet file of the event log.

    Raises:
        DataError: the file is missing, not Parquet, holds sessions, or has not the columns of an
            event log.
    """
    path = Path(path)
    check_regular(path)
    with _parquet(path) as file:
        _refuse_bombs(file, path)
        fields = file.schema_arrow
        metadata = _metadata(fields, path)
        twice = [name for name, count in Counter(fields.names).items() if count > 1]
        if twice:
            raise DataError("the file has this column twice", file=path, key=twice[0])
        if metadata.get(LEVEL_KEY) == SESSIONS_LEVEL:
            what = "the log holds sessions, not events: a run with `log.level: events` is needed"
            raise DataError(what, file=path)
        check_columns(fields.names, path, REQUIRED)
        for name in fields.names:
            kind = fields.field(name).type
            if (name == MESSAGE or _is_arm(name)) and not is_string(kind):
                raise DataError(f"the column's type is {kind}, not a string", file=path, key=name)
        users, days = _bounds(file, USER), _bounds(file, DAY)
        return LogFile(
            path=path,
            rows=file.metadata.num_rows,
            columns=tuple(fields.names),
            metadata=metadata,
            lowest_user=users[0] if users else 0,
            days=range(days[0], days[1] + 1) if days else None,
        )


def _refuse_bombs(file: pq.ParquetFile, path: Path) -> None:
    """Refuses a file that is next to nothing on disk and fills the memory."""
    whole, size = file.metadata.num_rows * _ROW, max(path.stat().st_size, 1)
    groups = map(file.metadata.row_group, range(file.num_row_groups))
    whole = max(whole, sum(group.total_byte_size for group in groups))
    if whole > _LARGE and whole > _PACKED * size:
        what = f"its {size:,} bytes would unpack to {whole / 2**30:,.1f} GiB: this is no event log"
        raise DataError(what, file=path)


def _metadata(fields: pa.Schema, path: Path) -> dict[str, str]:
    """The key-value pairs of a file, those of other programs left out."""
    try:
        return {
            key.decode(): value.decode()
            for key, value in (fields.metadata or {}).items()
            if key not in _FOREIGN
        }
    except UnicodeDecodeError as error:
        raise DataError(f"its metadata is not UTF-8 ({error.reason})", file=path) from error


def read_pieces(
    file: LogFile, names: Names, rows: int = ROW_GROUP, *, ordered: bool = True
) -> Iterator[Events]:
    """The rows of a file, a few at a time, in the file's order.

    Args:
        file: what `open_file` returned.
        names: the columns of arms to read and the order of the arms' names.
        rows: how many rows at a time.
        ordered: refuse a file without day, session and step, and rows that are not sorted by
            (user, session, step).

    Yields:
        the next rows; a session may go on in the next ones.

    Raises:
        DataError: the first row that breaks a rule.
    """
    if ordered:
        check_columns(file.columns, file.path, DERIVABLE)
    wanted = {*REQUIRED, *DERIVABLE, RECOMMENDATION, *names}  # no column that nobody asked for
    columns = [name for name in file.columns if name in wanted]
    previous: Events | None = None
    before = 0
    with _parquet(file.path, [name for name in columns if name in {MESSAGE, *names}]) as source:
        for batch in _batches(source, file.path, rows, columns):
            if not batch.num_rows:
                continue
            piece = Piece(batch, file.path, before)
            before += batch.num_rows
            events = events_of(piece, names)
            if ordered:
                check_order(events, previous, piece)
                previous = events.take(slice(-1, None))
            yield events


def _parquet(path: Path, named: Sequence[str] = ()) -> pq.ParquetFile:
    # Names are read as numbers with a dictionary: half the time of reading the whole row.
    try:
        return pq.ParquetFile(path, read_dictionary=list(named))
    except OSError as error:
        raise DataError(
            f"the file cannot be read ({error.strerror or error})", file=path
        ) from error
    except pa.ArrowException as error:
        raise DataError(f"this is no Parquet file ({error})", file=path) from error


def _batches(
    source: pq.ParquetFile, path: Path, rows: int, columns: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    # One thread: with dictionaries a row takes it 25 ns, and several 30 (and twice the processors).
    try:
        yield from source.iter_batches(batch_size=rows, columns=list(columns), use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"the file is damaged ({error})", file=path) from error


def _bounds(file: pq.ParquetFile, column: str) -> tuple[int, int] | None:
    """The least and the greatest whole number of a column, where the footer tells."""
    # A nested column has several places in the footer, so one in the schema is none there.
    places = {file.schema.column(i).path: i for i in range(len(file.schema))}
    if column not in places:
        return None
    place = places[column]
    groups = [file.metadata.row_group(i).column(place) for i in range(file.num_row_groups)]
    if not all(group.is_stats_set and group.statistics.has_min_max for group in groups):
        return None
    ends: list[Any] = [end for g in groups for end in (g.statistics.min, g.statistics.max)]
    return (min(ends), max(ends)) if ends and all(isinstance(e, int) for e in ends) else None


def _is_arm(column: str) -> bool:
    return column == ARM or column.startswith(arm_column(""))


def _named_arms(text: str, columns: Sequence[str], path: Path) -> Names:
    """The arms' names per column, as the metadata has them."""
    try:
        named = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"is broken metadata ({error})", file=path, key=ARMS_KEY) from error
    lists = list(named.values()) if isinstance(named, dict) else [None]
    if not all(isinstance(names, list) for names in lists):
        raise DataError("is broken metadata (no lists of names by column)", file=path, key=ARMS_KEY)
    for column, names in named.items():
        if column not in columns:
            raise DataError(f"names arms of {column!r:.80}, no column", file=path, key=ARMS_KEY)
        _refuse_names(names, column, path)
    return {column: tuple(names) for column, names in named.items()}


def _refuse_names(names: Sequence[Any], column: str, path: Path) -> None:
    for place, name in enumerate(names):
        if not is_name(name):
            raise DataError(f"{name!r:.80} cannot name an arm", file=path, key=column)
        if name in names[:place]:
            raise DataError(f"{name!r} names two arms", file=path, key=column)


def _distinct(path: Path, column: str) -> tuple[str, ...]:
    names: set[str] = set()
    with _parquet(path, [column]) as source:  # a long name is not written out in each row
        for batch in _batches(source, path, ROW_GROUP, [column]):
            values = batch.column(0).unique().cast(pa.string()).to_pylist()
            names.update(name for name in values if name is not None)
    _refuse_names(sorted(names), column, path)
    return tuple(sorted(names))
