"""How a scenario is played, and its log read back by pandas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from abbotify import pipeline
from abbotify.scenario import load

Plain = dict[str, Any]

# The metrics of the specification, not of the code.
METRICS = [
    "time",
    "sessions",
    "tracks",
    "mean_time_per_session",
    "mean_tracks_per_session",
    "mean_request_latency",
    "minutes",
    "skip_rate",
    "repeat_rate",
    "artist_diversity",
    "retained",
    "timeouts",
]


def write(path: Path, scenario: Plain) -> Path:
    path.write_text(yaml.safe_dump(scenario, sort_keys=False, allow_unicode=True))
    return path


def play(folder: Path, scenario: Plain) -> Path:
    pipeline.run(load(write(folder / "scenario.yaml", scenario)), folder / "out")
    return folder / "out"


def read_log(out: Path) -> pd.DataFrame:
    log = pd.concat([pd.read_parquet(path) for path in sorted((out / "log").glob("*.parquet"))])
    return log.sort_values(["user", "session", "step"]).reset_index(drop=True)


def rows_of(table: pd.DataFrame) -> Iterator[Any]:
    """Its rows, as tuples with names."""
    yield from table.itertuples()
