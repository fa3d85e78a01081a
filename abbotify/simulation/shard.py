"""One shard of a run: played day by day and written to files.

A worker gets the scenario and the world once, then shards and days to play, and returns only what
the report needs, so memory is bounded by the shard and not by the run. What the days leave for
those after the next training, and for the users' results, is in files: the users' state, and their
totals so far.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from abbotify.digests import digest_file
from abbotify.eventlog.parquet_writer import write_events, write_sessions
from abbotify.eventlog.schema import ARM, CONTROL_KEY, EXPERIMENT_KEY, PHASE_KEY, WEIGHTS_KEY
from abbotify.metrics.session_totals import SessionTotals
from abbotify.recommenders.arms import Arm
from abbotify.recommenders.build import build_arms
from abbotify.recommenders.failures import Failure, merged
from abbotify.simulation import timeline
from abbotify.simulation.engine import (
    COMPILED,
    ArmsForDay,
    Engine,
    Setup,
    State,
    Unit,
    UnitResult,
)
from abbotify.simulation.model_store import load_model
from abbotify.simulation.timeline import Schedule, Shard
from abbotify.simulation.user_state import ShardTotals
from abbotify.world.base import World

LOG: Final = "log"
STATE: Final = "state"


@dataclass(frozen=True)
class RunSpec:
    """What all shards have in common, in a run and in the worlds that it is compared with.

    Attributes:
        schedule: the scenario and its days.
        world: its world.
        coupled: users meet, so there is one shard and one unit.
        engine: `compiled` or `simpy`.
    """

    schedule: Schedule
    world: World
    coupled: bool
    engine: str


@dataclass(frozen=True)
class ShardDays:
    """Days of a shard, to be played while the same models serve.

    Attributes:
        folder: where `log/` and `state/` are.
        shard: whose days.
        days: consecutive ones of the run.
        models: name of an arm that learns -> the file of its model.
        everybody: an arm that everybody is in, see `Schedule.plan_day`.
    """

    folder: Path
    shard: Shard
    days: tuple[timeline.Day, ...]
    models: Mapping[str, Path] = field(default_factory=dict)
    everybody: str | None = None

    def totals_file(self, day: int) -> Path:
        """Where the totals of the shard's users are after a day."""
        return totals_file(self.folder, day, self.shard)

    def state_file(self, day: int) -> Path:
        """Where the state of the shard's users is after a day."""
        return self.folder / STATE / f"day-{day:04d}-shard-{self.shard.number:05d}.npz"


@dataclass(frozen=True)
class ShardOutput:
    """What is left of days that were played, beside their files.

    Attributes:
        tally: what charts and counts need.
        units: entries of the manifest.
        failures: of recommenders, the first of each kind.
    """

    tally: SessionTotals
    units: tuple[dict[str, Any], ...]
    failures: tuple[Failure, ...] = ()

    def merge(self, other: ShardOutput) -> ShardOutput:
        """What is left of both, this one first."""
        failures = merged((*self.failures, *other.failures))
        return ShardOutput(self.tally.merge(other.tally), (*self.units, *other.units), failures)


class ShardRunner:
    """Plays days of shards, one task after the other.

    Args:
        spec: the run.
        arms: those that serve without models, as `build_arms` makes them; a worker builds its own.
        on_day_end: called when a day of a shard is over.
        arms_for_day: the arms that serve a day, where that changes within a unit.
    """

    def __init__(
        self,
        spec: RunSpec,
        arms: tuple[Arm, ...] | None = None,
        on_day_end: Callable[[], None] = lambda: None,
        arms_for_day: ArmsForDay | None = None,
    ) -> None:
        self.spec, self.arms = spec, arms
        self.on_day_end, self.arms_for_day = on_day_end, arms_for_day
        self._latest: tuple[Mapping[str, Path], Engine] | None = None

    def __call__(self, task: ShardDays) -> ShardOutput:
        """Plays the days of a shard and writes its files."""
        spec, schedule, first = self.spec, self.spec.schedule, task.days[0].number
        engine = self._engine(task.models)
        ids = spec.world.users.ids
        rows = slice(task.shard.rows.start, task.shard.rows.stop)
        if first:
            state = State.load(task.state_file(first - 1))
            totals = ShardTotals.load(task.totals_file(first - 1), schedule, ids[rows])
        else:
            state = State.initial(len(task.shard.rows), engine.setup.looks_back)
            totals = ShardTotals(schedule, ids[rows])
        tally = SessionTotals(schedule.experiment.arms, ARM, schedule.experiment_days)
        units: list[dict[str, Any]] = []
        failures: list[Failure] = []
        for unit, result in timeline.play(
            engine, schedule, ids, task.shard, spec.coupled, task.days, state, task.everybody
        ):
            _add(tally, result)
            totals.add(result.sessions)
            units.append(_write_log(schedule, task.folder, unit, result))
            failures += [replace(each, shard=task.shard.number) for each in result.failures]
            state = result.state
        _keep(task, state, totals)
        return ShardOutput(tally, tuple(units), merged(failures))

    def _engine(self, models: Mapping[str, Path]) -> Engine:
        if self._latest is None or self._latest[0] != models:
            self._latest = models, self._new_engine(models)
        return self._latest[1]

    def _new_engine(self, models: Mapping[str, Path]) -> Engine:
        scenario, world = self.spec.schedule.scenario, self.spec.world
        arms = None if models else self.arms
        if arms is None:
            arrays = {name: load_model(path) for name, path in models.items()}
            arms = build_arms(scenario, world, arrays)
        setup = Setup(scenario, world, arms)
        # Imported here: neither simpy nor the kernels take their time when the other engine plays.
        if self.spec.engine == COMPILED:
            from abbotify.simulation.compiled.engine import Compiled

            return Compiled(setup, self.on_day_end)
        from abbotify.simulation.event_driven.engine import EventDriven

        return EventDriven(setup, self.on_day_end, self.arms_for_day)


def make_folders(folder: Path) -> None:
    """Makes the folders that a run is written to."""
    for name in (LOG, STATE):
        (folder / name).mkdir(exist_ok=True)


def log_file(folder: Path, day: int, shard: int) -> Path:
    """Where a shard's events of a day are."""
    return folder / LOG / f"day-{day:04d}-shard-{shard:05d}.parquet"


def totals_file(folder: Path, day: int, shard: Shard) -> Path:
    """Where the totals of a shard's users once a day is over are, if it was the last one played."""
    return folder / STATE / f"totals-day-{day:04d}-shard-{shard.number:05d}.npz"


def _add(tally: SessionTotals, result: UnitResult) -> None:
    table, facts, counts = result.sessions, result.facts, result.counts
    counters = {
        "requests": table.tracks,
        "misses": facts.misses,
        "errors": facts.errors,
        "timeouts": facts.timeouts,
        "fallbacks": facts.misses + facts.errors,  # a timeout in a queue is nobody's fault
        "truncated_sessions": facts.cut,
    }
    tally.add(table, cut=facts.cut, counters=counters, summed=(counts.plays, counts.by_step))


def _write_log(schedule: Schedule, folder: Path, unit: Unit, result: UnitResult) -> dict[str, Any]:
    """Writes what the scenario logs of a unit; its entry in the manifest."""
    files, table, level = {}, result.sessions, schedule.scenario.log.level
    for day in unit.days:
        path = log_file(folder, day.day, unit.shard)
        if level == "events":
            assert result.events is not None, "an engine keeps the events of such a run"
            rows = result.events.day == day.day
            events = result.events if len(unit.days) == 1 else result.events.take(rows)
            write_events(path, events, _metadata(schedule, day.day))
        elif level == "sessions":
            write_sessions(path, table.take(table.day == day.day), _metadata(schedule, day.day))
        else:
            continue
        files[f"{LOG}/{path.name}"] = digest_file(path)
    return {
        "days": [unit.days[0].day, unit.days[-1].day],
        "shard": unit.shard,
        "events": int(table.tracks.sum()),
        "sessions": len(table),
        "files": files,
    }


def _keep(task: ShardDays, state: State, totals: ShardTotals) -> None:
    """Writes what the shard's next days go on from, when the last of these is over.

    Not day by day: without a log that was an eighth of a run, and nobody starts between.
    """
    last, before = task.days[-1].number, task.days[0].number - 1
    state.save(task.state_file(last))
    totals.save(task.totals_file(last))
    task.state_file(before).unlink(missing_ok=True)
    task.totals_file(before).unlink(missing_ok=True)


def _metadata(schedule: Schedule, day: int) -> dict[str, str]:
    first = schedule.experiment
    weights = json.dumps(dict(zip(first.arms, first.weights, strict=True)), ensure_ascii=False)
    return {
        PHASE_KEY: schedule.days[day].phase.phase,
        EXPERIMENT_KEY: first.name,
        CONTROL_KEY: first.arms[0],
        WEIGHTS_KEY: weights,
    }
