"""Sessions on disk: in Parquet, where a log keeps them in place of events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from abbotify.eventlog.arrow import array
from abbotify.eventlog.schema import (
    ARMS_KEY,
    DAY,
    LATENCY_MS,
    LEVEL_KEY,
    SESSION,
    SESSIONS_LEVEL,
    TIME,
    USER,
    to_strings,
)
from abbotify.eventlog.sessions import SessionTable
from abbotify.files.folders import replacing

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
