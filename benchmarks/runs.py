"""Runs of the compiled engine that are measured: their scenario, their time, their work."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pytest

from abbotify.scenario import load
from abbotify.simulation.model_store import ModelStore
from abbotify.simulation.prepare import Plan, prepare
from abbotify.simulation.run_days import run_pool
from abbotify.simulation.shard import LOG
from abbotify.simulation.training import Trainer

LARGE: Final = "tracks: 50000, artists: 8000, genres: 30, dims: 100"
SMALL: Final = "tracks: 10000, artists: 1600, genres: 30, dims: 64"


class Played(NamedTuple):
    """Playing, measured.

    Attributes:
        seconds: it took.
        tracks: recommended ones; the first of each session is not.
        sessions: that ended.
        log: bytes of the log's files.
    """

    seconds: float
    tracks: int
    sessions: int
    log: int


def written(
    folder: Path,
    *,
    arms: tuple[str, str],
    users: int,
    sessions: int,
    days: int,
    level: str = "users",
    catalogue: str = LARGE,
) -> Path:
    """The file of a scenario of made-up tracks and users.

    Args:
        folder: where its file is written.
        arms: the recommenders.
        users: how many.
        sessions: expected in all.
        days: they come on.
        level: of the log.
        catalogue: its keys beside the source.
    """
    file = folder / f"{arms[0]}-{arms[1]}-{users}-{sessions}-{days}-{level}.yaml"
    file.write_text(f"""
name: measured
world:
  catalogue: {{source: synthetic, {catalogue}}}
  users: {{source: synthetic, count: {users}}}
arrivals: {{sessions: {sessions / days}}}
timeline: [{{phase: experiment, days: {days}}}]
arms: {{a: {{recommender: {arms[0]}}}, b: {{recommender: {arms[1]}}}}}
experiment: {{name: MEASURED, control: a}}
log: {{level: {level}}}
""")
    return file


def planned(folder: Path, engine: str = "auto", **keys: Any) -> Plan:
    """The scenario of `written`, with its world."""
    return prepare(load(written(folder, **keys)), engine)


def trainer_of(plan: Plan, folder: Path) -> Trainer:
    """Trains the arms of a run."""
    return Trainer(plan, plan.learning, ModelStore(folder))


def played(plan: Plan, look: Callable[[Path], None] = lambda _: None) -> Played:
    """Plays a run on one core, and throws its files away once they have been looked at."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        with run_pool(plan) as pool:
            result = pool.play(Path(folder), trainer_of(plan, Path(folder)))
        seconds = time.perf_counter() - begun
        log = sum(file.stat().st_size for file in (Path(folder) / LOG).iterdir())
        look(Path(folder))
    sessions = sum(unit["sessions"] for unit in result.units)
    events = sum(unit["events"] for unit in result.units)
    return Played(seconds, events - sessions, sessions, log)


def timed(work: Callable[[], Any]) -> float:
    """Seconds that something takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def ratio(above: list[float], below: list[float]) -> float:
    """The median of the ratios of pairs."""
    return float(np.median(np.divide(above, below)))


def told(capsys: pytest.CaptureFixture[str], line: str) -> None:
    """Shows a line, whatever becomes of the test."""
    with capsys.disabled():
        sys.stdout.write(f"\n{line}\n")
