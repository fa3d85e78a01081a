"""Sessions on disk: their columns, and what the file says of itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from abbotify.eventlog.parquet_writer import sessions_schema, write_sessions
from abbotify.eventlog.schema import Labels
from abbotify.eventlog.sessions import SessionTable


def sessions() -> SessionTable:
    """Two of one user, the second one outside the experiment."""
    return SessionTable(
        user=np.array([7, 7]),
        session=np.array([0, 1], np.int32),
        day=np.array([0, 0], np.int32),
        start=np.array([100, 9000]),
        closed=np.array([True, False]),
        tracks=np.array([3, 1]),
        hundredths=np.array([150, 100]),
        residual=np.array([0.0, 0.005]),
        latency_ms=np.array([60.0, 0.5]),
        recommended=np.array([2, 0]),
        skips=np.array([1, 0]),
        repeats=np.array([0, 0]),
        arms={"arm": Labels(np.array([1, -1], np.int16), ("sticky", "neural"))},
    )


def test_the_file_is_the_table(tmp_path: Path) -> None:
    write_sessions(tmp_path / "a.parquet", sessions(), {"phase": "experiment"})
    read = pq.read_table(tmp_path / "a.parquet")
    assert read.schema.equals(sessions_schema(("arm",)))
    assert read.to_pydict() == {
        "user": [7, 7],
        "session": [0, 1],
        "day": [0, 0],
        "start": [100, 9000],
        "tracks": [3, 1],
        "time": [1.5, 1.005],
        "latency_ms": [60.0, 0.5],
        "skips": [1, 0],
        "arm": ["neural", None],
    }


def test_the_file_says_what_it_is(tmp_path: Path) -> None:
    write_sessions(tmp_path / "a.parquet", sessions(), {"phase": "experiment"})
    assert pq.read_schema(tmp_path / "a.parquet").metadata == {
        b"arms": b'{"arm": ["sticky", "neural"]}',
        b"level": b"sessions",
        b"phase": b"experiment",
    }
