"""Sessions on disk: in Parquet, where a log keeps them in place of events, and as they are.

The second form holds every column of a `SessionTable`: what a run judges its users by.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from abbotify.arrays import load_arrays, save_arrays
from abbotify.arrow import array
from abbotify.errors import DataError
from abbotify.events import (
    ARMS_KEY,
    DAY,
    LATENCY_MS,
    LEVEL_KEY,
    SESSION,
    SESSIONS_LEVEL,
    TIME,
    USER,
    Labels,
    to_strings,
)
from abbotify.outfolder import replacing
from abbotify.sessions import SessionTable

START: Final = "start"  # ms, the timestamp of the first row
TRACKS: Final = "tracks"
SKIPS: Final = "skips"


def schema(arm_columns: tuple[str, ...]) -> pa.Schema:
    """The Arrow schema of the file; `time` is the sum of the listened fractions."""
    return pa.schema(
        [
            pa.field(USER, pa.int64(), nullable=False),
            pa.field(SESSION, pa.int32(), nullable=False),
            pa.field(DAY, pa.int32(), nullable=False),
            pa.field(START, pa.int64(), nullable=False),
            pa.field(TRACKS, pa.int64(), nullable=False),
            pa.field(TIME, pa.float64(), nullable=False),
            pa.field(LATENCY_MS, pa.float64(), nullable=False),
            pa.field(SKIPS, pa.int64(), nullable=False),
            *(pa.field(name, pa.string()) for name in arm_columns),
        ]
    )


def write_sessions(
    path: str | Path, table: SessionTable, metadata: Mapping[str, str] | None = None
) -> None:
    """Writes sessions to a Parquet file, which appears whole or not at all.

    Args:
        path: the file; an existing one is replaced.
        table: the sessions.
        metadata: what the file is, kept in its schema beside the level and the arms' names.
    """
    fields = schema(tuple(table.arms))
    names = {column: list(label.names) for column, label in table.arms.items()}
    kept = {**(metadata or {}), LEVEL_KEY: SESSIONS_LEVEL, ARMS_KEY: json.dumps(names)}
    arms = {column: to_strings(label) for column, label in table.arms.items()}
    columns = [arms[f.name] if f.name in arms else getattr(table, f.name) for f in fields]
    rows = pa.table(
        [array(column, f.type) for column, f in zip(columns, fields, strict=True)],
        schema=fields.with_metadata(dict(sorted(kept.items()))),
    )
    with replacing(Path(path)) as temporary:
        pq.write_table(rows, temporary, compression="zstd")


def save_table(path: Path, table: SessionTable) -> None:
    """Writes all columns of some sessions to an `.npz` file, without pickle."""
    columns = {f.name: getattr(table, f.name) for f in fields(table) if f.name != "arms"}
    known = {name: column for name, column in columns.items() if column is not None}
    names = {column: list(label.names) for column, label in table.arms.items()}
    # As bytes of their own: numpy's strings would lose zeros at the end of a name.
    known[ARMS_KEY] = np.frombuffer(json.dumps(names).encode(), np.uint8)
    codes = {f"{ARMS_KEY}.{place}": label.codes for place, label in enumerate(table.arms.values())}
    save_arrays(path, {**known, **codes})


def load_table(path: Path) -> SessionTable:
    """Reads what `save_table` wrote.

    Raises:
        DataError: the file is missing or broken.
    """
    arrays = load_arrays(path, "a table of sessions")
    try:
        names = json.loads(arrays[ARMS_KEY].tobytes())
        arms = {
            column: Labels(arrays[f"{ARMS_KEY}.{place}"], tuple(of))
            for place, (column, of) in enumerate(names.items())
        }
        columns = {f.name for f in fields(SessionTable)} & set(arrays)
        return SessionTable(**{name: arrays[name] for name in columns - {"arms"}}, arms=arms)
    except (KeyError, ValueError, TypeError) as error:
        raise DataError(f"is not a table of sessions: {error}", file=path) from None
