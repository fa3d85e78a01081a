"""users.parquet: one row per user, unexposed ones included, written whole and read by column."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from abbotify.errors import DataError
from abbotify.events import ARM, ARMS_KEY, USER, IntArray, Labels, from_strings, to_strings
from abbotify.metrics.definitions import COLUMNS, PRE
from abbotify.metrics.sessions import FloatArray
from abbotify.metrics.users import UserTable
from abbotify.outfolder import replacing

EXPOSED: Final = "exposed"
ROW_GROUP: Final = 1 << 17


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
    rows = 0
    with (
        replacing(Path(path)) as temporary,
        _writer(temporary, fields, list(first.arms)) as writer,
    ):
        for group in _groups(_arrow(table, fields) for table in _ascending(first, parts)):
            writer.write_table(group, row_group_size=ROW_GROUP)
            rows += len(group)
    return rows


def _writer(path: Path, fields: pa.Schema, arms: list[str]) -> pq.ParquetWriter:
    encodings = {f.name: "BYTE_STREAM_SPLIT" for f in fields if f.type == pa.float64()}
    return pq.ParquetWriter(
        path,
        fields,
        compression="zstd",
        use_dictionary=arms,
        column_encoding={**encodings, USER: "DELTA_BINARY_PACKED"},
    )


def _schema(table: UserTable, metadata: Mapping[str, str]) -> pa.Schema:
    before = [PRE + name for name in COLUMNS]
    names = [*COLUMNS, *(before if any(name in table.values for name in before) else [])]
    kept = {**metadata, ARMS_KEY: json.dumps({c: list(a.names) for c, a in table.arms.items()})}
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
        arrays[column] = to_strings(label)
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
    """users.parquet, read one column at a time; a DataError tells what cannot be read."""

    path: Path

    def users(self) -> IntArray:
        """int64 (n,) ids."""
        return np.asarray(self._read(USER).column(0))

    def exposed(self) -> npt.NDArray[np.bool_]:
        """Bool (n,)."""
        return np.asarray(self._read(EXPOSED).column(0))

    def arm(self, column: str = ARM) -> Labels:
        """The arms of a column: codes (n,) and names."""
        table = self._read(column)
        names = json.loads(table.schema.metadata[ARMS_KEY.encode()])[column]
        return from_strings(table.column(0), tuple(names))

    def values(self, name: str) -> FloatArray:
        """A metric or a sum: float64 (n,), NaN where the file has a null."""
        return np.asarray(self._read(name).column(0).cast(pa.float64()).fill_null(np.nan))

    def _read(self, column: str) -> pa.Table:
        try:
            with pq.ParquetFile(self.path) as file:
                table = file.read([column])  # leaves out what is not there
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"the file cannot be read ({error})", file=self.path) from error
        if column not in table.column_names:
            raise DataError("the file has no such column", file=self.path, key=column)
        return table
