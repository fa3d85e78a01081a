"""users.parquet: one row per user, unexposed ones included, written whole and read by column."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from abbotify.errors import DataError
from abbotify.events import ARM, NO_ARM, USER, IntArray, Labels
from abbotify.metrics.definitions import COLUMNS, PRE
from abbotify.metrics.sessions import FloatArray
from abbotify.metrics.users import UserTable

EXPOSED: Final = "exposed"
ROW_GROUP: Final = 1 << 17
_NAMES: Final = "arms"  # the metadata key that keeps the order of the arms' names


def write_users(
    path: str | Path,
    tables: UserTable | Iterable[UserTable],
    metadata: Mapping[str, str] | None = None,
) -> int:
    """Writes users.parquet, which appears whole or not at all.

    Columns: user, the arms, exposed, all of `COLUMNS` in order, then `pre_<name>` of each when
    there were days before. Values that are not there, undetermined metrics included, are nulls.
    Equal rows and metadata give equal bytes, however they are spread over tables.

    Args:
        path: the file; an existing one is replaced.
        tables: at least one; ids ascending from one to the next, equal columns.
        metadata: what the file is, kept in its schema.

    Returns:
        the number of rows.

    Raises:
        ValueError: there is no table, or ids do not ascend.
    """
    parts = iter([tables] if isinstance(tables, UserTable) else tables)
    first = next(parts, None)
    if first is None:
        raise ValueError("there is no table of users to write")
    fields = _schema(first, metadata or {})
    rows, encodings = 0, {f.name: "BYTE_STREAM_SPLIT" for f in fields if f.type == pa.float64()}
    with (
        _replacing(Path(path)) as temporary,
        pq.ParquetWriter(
            temporary,
            fields,
            compression="zstd",
            use_dictionary=list(first.arms),
            column_encoding={**encodings, USER: "DELTA_BINARY_PACKED"},
        ) as writer,
    ):
        for group in _groups(_arrow(table, fields) for table in _ascending(first, parts)):
            writer.write_table(group, row_group_size=ROW_GROUP)
            rows += len(group)
    return rows


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _schema(table: UserTable, metadata: Mapping[str, str]) -> pa.Schema:
    before = [PRE + name for name in COLUMNS]
    names = [*COLUMNS, *(before if any(name in table.values for name in before) else [])]
    kept = {**metadata, _NAMES: json.dumps({c: list(a.names) for c, a in table.arms.items()})}
    return pa.schema(
        [
            pa.field(USER, pa.int64(), nullable=False),
            *(pa.field(column, pa.string()) for column in table.arms),
            pa.field(EXPOSED, pa.bool_(), nullable=False),
            *(pa.field(name, pa.float64()) for name in names),
        ],
        metadata=dict(sorted(kept.items())),
    )


def _arrow(table: UserTable, fields: pa.Schema) -> pa.Table:
    arrays = {USER: pa.array(table.users, pa.int64()), EXPOSED: pa.array(table.exposed)}
    for column, label in table.arms.items():
        indices = pa.array(label.codes, pa.int16(), mask=label.codes < 0)
        names = pa.array(label.names, pa.string())
        arrays[column] = pa.DictionaryArray.from_arrays(indices, names).cast(pa.string())
    for name, values in table.values.items():
        arrays[name] = pa.array(values, pa.float64(), mask=np.isnan(values))
    absent = pa.nulls(len(table), pa.float64())
    return pa.table([arrays.get(field.name, absent) for field in fields], schema=fields)


def _ascending(first: UserTable, others: Iterator[UserTable]) -> Iterator[UserTable]:
    previous = -1
    for table in chain([first], others):
        ids = np.r_[previous, table.users]
        if (ids[1:] <= ids[:-1]).any():
            raise ValueError("the users' ids do not ascend")
        previous = int(ids[-1])
        yield table


def _groups(tables: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in row groups of one size, so that the file does not show the shards."""
    held: list[pa.Table] = []
    for table in tables:
        held.append(table)
        if sum(map(len, held)) >= ROW_GROUP:
            joined = pa.concat_tables(held)
            full = len(joined) // ROW_GROUP * ROW_GROUP
            yield joined.slice(0, full)
            held = [joined.slice(full)]
    if any(map(len, held)):
        yield pa.concat_tables(held)


@dataclass(frozen=True)
class UsersFile:
    """users.parquet, read one column at a time.

    Attributes:
        path: the file.
        rows: how many users.
        columns: the names of the columns, in order.
        metadata: the key-value pairs it was written with.
    """

    path: Path
    rows: int
    columns: tuple[str, ...]
    metadata: Mapping[str, str]

    @cached_property
    def names(self) -> Mapping[str, tuple[str, ...]]:
        """The arms' names per column of arms, the column `arm` first."""
        kept = json.loads(self.metadata.get(_NAMES, "{}"))
        return {column: tuple(names) for column, names in kept.items()}

    def users(self) -> IntArray:
        """int64 (rows,) ids."""
        return np.asarray(self._read(USER))

    def exposed(self) -> npt.NDArray[np.bool_]:
        """Bool (rows,)."""
        return np.asarray(self._read(EXPOSED))

    def arm(self, column: str = ARM) -> Labels:
        """The arms of a column: codes (rows,) and names."""
        names = self.names[column]
        codes = pc.index_in(self._read(column), pa.array(names, pa.string()), skip_nulls=True)
        return Labels(np.asarray(codes.fill_null(NO_ARM)).astype(np.int16), names)

    def values(self, name: str) -> FloatArray:
        """A metric or a sum: float64 (rows,), NaN where the file has a null."""
        return np.asarray(self._read(name).cast(pa.float64()).fill_null(np.nan))

    def table(self) -> UserTable:
        """All columns that have a value, in memory."""
        names = [n for n in self.columns if n not in (USER, EXPOSED, *self.names)]
        values = {name: self.values(name) for name in names}
        return UserTable(
            users=self.users(),
            arms={column: self.arm(column) for column in self.names},
            exposed=self.exposed(),
            values={name: v for name, v in values.items() if not np.isnan(v).all()},
        )

    def _read(self, column: str) -> pa.ChunkedArray:
        if column not in self.columns:
            raise DataError("the file has no such column", file=self.path, key=column)
        try:
            return pq.read_table(self.path, columns=[column], partitioning=None).column(0)
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"the file cannot be read ({error})", file=self.path) from error


def open_users(path: str | Path) -> UsersFile:
    """Reads the footer of users.parquet.

    Raises:
        DataError: the file is missing, no Parquet, or not a table of users.
    """
    path = Path(path)
    try:
        with pq.ParquetFile(path) as file:
            fields, rows = file.schema_arrow, file.metadata.num_rows
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"this is no readable Parquet file ({error})", file=path) from error
    for name in (USER, EXPOSED):
        if name not in fields.names:
            raise DataError("the file has no such column", file=path, key=name)
    metadata = {key.decode(): value.decode() for key, value in (fields.metadata or {}).items()}
    return UsersFile(path, rows, tuple(fields.names), metadata)
