"""A few rows of a log: as a table, as events, and read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from abbotify.eventlog.arrow_table import Names
from abbotify.eventlog.log import Log
from abbotify.eventlog.schema import Events, Labels, schema

# Two users; the second one's session is open. Sorted by (user, session, step).
ROWS: Mapping[str, list[Any]] = {
    "timestamp": [100, 200, 300, 150, 250],
    "day": [0, 0, 0, 0, 0],
    "user": [4, 4, 4, 9, 9],
    "session": [0, 0, 1, 0, 0],
    "step": [0, 1, 0, 0, 1],
    "message": ["next", "last", "last", "next", "next"],
    "track": [7, 8, 7, 1, 2],
    "time": [1.0, 0.3, 1.0, 1.0, 0.25],
    "recommendation": [8, None, None, 2, 3],
    "latency_ms": [40, 41, 42, 0, 1],
    "arm": ["neural", "neural", "neural", None, None],
}


def table(**changed: Any) -> pa.Table:
    columns = {**ROWS, **changed}
    fields = schema(["arm"])
    plain = pa.schema([f for f in fields if f.name not in changed])
    made = {name: pa.array(columns[name], plain.field(name).type) for name in plain.names}
    made |= {
        name: values if isinstance(values, pa.Array) else pa.array(values)
        for name, values in changed.items()
    }
    return pa.table({name: made[name] for name in columns if name in made})


def events(names: tuple[str, ...] = ("sticky", "neural")) -> Events:
    last = [message == "last" for message in ROWS["message"]]
    answer = [-1 if value is None else value for value in ROWS["recommendation"]]
    codes = [-1 if value is None else names.index(value) for value in ROWS["arm"]]
    return Events(
        timestamp=np.array(ROWS["timestamp"]),
        day=np.array(ROWS["day"], np.int32),
        user=np.array(ROWS["user"]),
        session=np.array(ROWS["session"], np.int32),
        step=np.array(ROWS["step"], np.int32),
        last=np.array(last),
        track=np.array(ROWS["track"]),
        time=np.array(ROWS["time"]),
        recommendation=np.array(answer),
        latency_ms=np.array(ROWS["latency_ms"]),
        arms={"arm": Labels(np.array(codes, np.int16), names)},
    )


def whole(log: Log, names: Names | None = None) -> Events:
    return Events.concat(list(log.pieces(names)))
