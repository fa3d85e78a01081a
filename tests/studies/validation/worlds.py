"""Made-up potential outcomes, small scenarios, and experiments drawn the slow way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abbotify.eventlog.schema import Labels
from abbotify.metrics.users import UserTable
from abbotify.rng import Purpose, Stream
from abbotify.studies.validation.outcomes import Outcomes, stored

Floats = NDArray[np.float64]
METRICS = ("time", "mean_time_per_session", "retained", "mean_request_latency")


def user_table(values: Mapping[str, Any], exposed: Any) -> UserTable:
    """Users all in one arm, with NaN for what the unexposed did in the experiment."""
    came = np.asarray(exposed, bool)
    columns = {
        name: np.asarray(column, float)
        if name.startswith("pre_")
        else np.where(came, np.asarray(column, float), np.nan)
        for name, column in values.items()
    }
    labels = {"arm": Labels(np.zeros(len(came), np.int16), ("one", "two"))}
    return UserTable(np.arange(len(came)), labels, came, columns)


def made_up(users: int = 400, lift: float = 1.1, pre: bool = True) -> dict[str, UserTable]:
    """A control and a treatment that multiplies times; some users are absent, some are new."""
    generator = np.random.Generator(np.random.Philox(key=5))
    sessions = generator.poisson(1.5, users).astype(float)
    taste = generator.gamma(4, 0.25, users)
    time = taste * sessions * generator.gamma(8, 0.125, users)
    before = generator.poisson(1.5, users).astype(float)
    old = {
        "pre_time": before * taste,
        "pre_sessions": before,
        "pre_mean_time_per_session": np.where(before > 0, taste, np.nan),
    }
    tables = {}
    for arm, factor in (("one", 1.0), ("two", lift)):
        came = sessions > (0 if arm == "one" else generator.random(users) < 0.02)
        values = {
            "time": factor * time,
            "sessions": sessions,
            "mean_time_per_session": factor * time / np.maximum(sessions, 1),
            "retained": generator.random(users) < 0.4,
            "mean_request_latency": np.full(users, 40.0),
            "latency": 40.0 * sessions,
            "tracks": sessions,
            **(old if pre else {}),
        }
        tables[arm] = user_table(values, came)
    return tables


def outcomes(users: int = 400, lift: float = 1.1, pre: bool = True) -> Outcomes:
    """The columns of the made-up users."""
    return stored(("one", "two"), made_up(users, lift, pre), METRICS)


def drawn(pool: int, users: int, seed: int, replication: int, edge: float) -> list[tuple[int, int]]:
    """(row, arm) of each user of an experiment of two arms, by numpy's own generator."""
    out = []
    for position in range(users):
        counter = position << 64 | Purpose.REPLICATION << 128 | replication << 192
        before = (counter - 1) % 2**256  # numpy adds 1 before each block
        words = np.array([before >> (64 * i) & 2**64 - 1 for i in range(4)], np.uint64)
        key = np.array([seed, Stream.ESTIMATE], np.uint64)
        raw = np.random.Philox(key=key, counter=words).random_raw(2).tolist()
        out.append(((raw[0] * pool) >> 64, int((raw[1] >> 11) * 2.0**-53 >= edge)))
    return out


def scenario(**keys: Any) -> dict[str, Any]:
    """A world small enough for hundreds of experiments a second."""
    return {
        "name": "small",
        "world": {
            "catalogue": {"tracks": 300, "artists": 40, "genres": 5, "dims": 8},
            "users": {"count": 1500},
        },
        "arrivals": {"sessions": 3000},
        "timeline": [{"phase": "experiment", "days": 2}],
        "arms": {"random": {"recommender": "random"}, "sticky": {"recommender": "sticky_artist"}},
        "experiment": {"name": "SMALL", "control": "random"},
        "metrics": {"report": ["time", "sessions", "mean_time_per_session", "skip_rate"]},
        **keys,
    }
