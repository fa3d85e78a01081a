"""Experiments that are sound, and experiments that are not: what a decision has to tell apart.

Each one is played in a small synthetic world under a name of its own, so that it has a split and
dynamics of its own; what a service could do to its log is done to the log of such a run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from abbotify import rng
from abbotify.analysis import Analysis, decide
from abbotify.eventlog.botify_writer import LoggedExperiment, parts_of_log, write_botify
from abbotify.eventlog.log import open_log
from abbotify.eventlog.parquet import LogFile
from abbotify.eventlog.parquet_writer import write_events
from abbotify.eventlog.schema import ARM, Events, IntArray, Labels
from abbotify.eventlog.source import open_source, ordered
from abbotify.files.yaml import Source
from abbotify.pipeline import play_and_report
from abbotify.progress import silent
from abbotify.recommenders.base import Request
from abbotify.report import Result
from abbotify.scenario import Scenario
from abbotify.scenario.load import from_source
from abbotify.simulation.model_store import ModelStore
from abbotify.simulation.prepare import prepare
from abbotify.simulation.shard import LOG
from abbotify.simulation.training import Trainer
from abbotify.world import World

Plain = dict[str, Any]
Experiment = Callable[[int, Path], Result]
Rows = npt.NDArray[np.bool_]

_STREAM: Final = 0x5AB07  # of no simulation
_PRE: Final = 2
_DAYS: Final = 6
_USERS: Final = 1500


class Crashing:
    """A recommender that fails on every request."""

    def __init__(self, params: None, world: World) -> None:
        self.world = world

    def recommend(self, request: Request) -> int:
        """Fails."""
        raise ZeroDivisionError("division by zero")


class Silent:
    """A recommender that has nothing to say."""

    def __init__(self, params: None, world: World) -> None:
        self.world = world

    def recommend(self, request: Request) -> int | None:
        """Nothing."""
        return None


class Flaky:
    """A recommender that fails on one request of twenty-five, and else plays the same artist."""

    def __init__(self, params: None, world: World) -> None:
        self.artist = world.catalogue.artist
        self.tracks = [np.flatnonzero(self.artist == a) for a in range(int(self.artist.max()) + 1)]

    def recommend(self, request: Request) -> int:
        """A track of the previous track's artist."""
        if request.choice(25) == 0:
            raise TimeoutError("the backend did not answer")
        own = self.tracks[self.artist[request.previous]]
        return int(own[request.choice(len(own))])


def scenario(number: int, control: Plain, treatment: Plain, **changes: Any) -> Scenario:
    """A small experiment of two arms, the control's recommender serving the days before.

    Args:
        number: of the replication: another one has another split and other dynamics.
        control: its arm.
        treatment: likewise.
        changes: keys of the scenario that replace these.
    """
    plain: Plain = {
        "name": "calibration",
        "seeds": {"dynamics": number},
        "world": {
            "catalogue": {"tracks": 2000, "artists": 320, "genres": 30, "dims": 32},
            "users": {"count": _USERS},
        },
        "arrivals": {"sessions": _USERS},
        "timeline": [
            {"phase": "pre", "days": _PRE, "recommender": "control"},
            {"phase": "experiment", "days": _DAYS},
        ],
        "arms": {"control": control, "treatment": treatment},
        "experiment": {"name": f"E{number}", "control": "control"},
    }
    return from_source(Source("calibration", plain | changes, {}), Path())


def played(described: Scenario, folder: Path) -> Result:
    """The report of a scenario, whose log is left in the folder."""
    plan = prepare(described)
    store = ModelStore(folder, earlier=[])
    trainer = Trainer(plan, plan.learning, store, silent)
    return play_and_report(plan, folder, trainer)[0]


def analysed(log: Path, number: int, folder: Path) -> Result:
    """The report of a log of `scenario`."""
    source = open_source([log], f"E{number}")
    order = ordered(source, None, {})
    return decide(Analysis(source, order, order, f"E{number}"), folder)


RANDOM: Final[Plain] = {"recommender": "random"}
STICKY: Final[Plain] = {"recommender": "sticky_artist"}
MIXED: Final[Plain] = {"recommender": "sticky_artist_mixed"}


def run(control: Plain, treatment: Plain, **changes: Any) -> Experiment:
    """An experiment that is played and judged as it is."""
    return lambda number, folder: played(scenario(number, control, treatment, **changes), folder)


def plugin(kind: type) -> Plain:
    """An arm with a recommender of this module, whose fallback is the better one."""
    return {"recommender": f"{__name__}:{kind.__name__}", "fallback": "sticky_artist"}


def spoilt(control: Plain, treatment: Plain, change: Callable[[Events, int], Events]) -> Experiment:
    """An experiment whose log is changed, file by file, before it is analysed."""

    def experiment(number: int, folder: Path) -> Result:
        played(scenario(number, control, treatment), folder)
        return analysed(_changed(folder, lambda events: change(events, number)), number, folder)

    return experiment


def _changed(folder: Path, change: Callable[[Events], Events]) -> Path:
    """The log of a run, changed file by file."""
    log = folder / "changed"
    log.mkdir()
    for file in open_log(folder / LOG).files:
        events = Events.concat(list(open_log(file.path).pieces()))
        write_events(log / file.path.name, change(events), file.metadata)
    return log


def chosen(users: IntArray, number: int, purpose: int, share: float) -> Rows:
    """Whether each row's user is among a keyed share of all users."""
    return rng.uniforms(number, _STREAM, purpose, users, 1)[:, 0] < share


def moved(events: Events, rows: Rows) -> Events:
    """The events with some rows in the other arm."""
    code = events.arms[ARM].codes
    codes = np.where(rows & (code >= 0), 1 - code, code).astype(np.int16)
    return replace(events, arms={ARM: Labels(codes, events.arms[ARM].names)})


def crossover(events: Events, number: int) -> Events:
    """Two users of five change arm on the fourth day: their assignment was not kept."""
    return moved(events, chosen(events.user, number, 1, 0.4) & (events.day >= _PRE + 3))


def lost_users(events: Events, number: int) -> Events:
    """One treated user of three never reaches the log: those who met an error page."""
    treated = events.arms[ARM].codes == 1
    return events.take(~(chosen(events.user, number, 2, 1 / 3) & treated))


def unlike_users(number: int, folder: Path) -> Result:
    """Three of ten heavy users of the control go over, and as many light ones come for them."""
    played(scenario(number, RANDOM, RANDOM), folder)
    users = pq.read_table(folder / "users.parquet", columns=["user", "pre_time"])
    before = users["pre_time"].to_numpy()
    heavy = users["user"].to_numpy()[before > np.median(before)]

    def change(events: Events) -> Events:
        other = np.where(np.isin(events.user, heavy), 0, 1)
        swapped = chosen(events.user, number, 3, 0.3) & (events.arms[ARM].codes == other)
        return moved(events, swapped)

    return analysed(_changed(folder, change), number, folder)


def doubled(number: int, folder: Path) -> Result:
    """A log of JSON lines that was delivered twice."""
    played(scenario(number, RANDOM, RANDOM), folder)
    lines, twice = folder / "lines.jsonl", folder / "twice.jsonl"
    logged = LoggedExperiment(ARM, f"E{number}", ("control", "treatment"))
    write_botify(lines, parts_of_log(open_log(folder / LOG)), [logged])
    twice.write_bytes(2 * lines.read_bytes())
    return analysed(twice, number, folder)


def _first_day(file: LogFile) -> int:
    assert file.days is not None, "a run's files tell their days"
    return file.days.start


def novelty(number: int, folder: Path) -> Result:
    """A treatment that is better on the first two days, and from then on as good as nothing."""
    parts: Mapping[str, Plain] = {"better": STICKY, "same": RANDOM}
    logs = {}
    for name, arm in parts.items():
        own = folder / name
        own.mkdir()
        played(scenario(number, RANDOM, arm), own)
        logs[name] = open_log(own / LOG)
    log = folder / "joined"
    log.mkdir()
    early = [file for file in logs["better"].files if _first_day(file) < _PRE + 2]
    late = [file for file in logs["same"].files if _first_day(file) >= _PRE + 2]
    for file in (*early, *late):
        events = Events.concat(list(open_log(file.path).pieces()))
        write_events(log / file.path.name, events, file.metadata)
    return analysed(log, number, folder)
