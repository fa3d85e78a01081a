"""Days of one shard: played day by day and written to files.

A worker gets the plan once, then shards and days to play, and returns only what the report needs,
so memory is bounded by the shard and not by the run. What the days leave for those after the next
training, and for the users' results, is in files: the users' state, and their totals so far.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from abbotify.digests import digest_file
from abbotify.errors import DataError
from abbotify.eventlog.parquet_writer import write_events, write_sessions
from abbotify.eventlog.schema import ARM, CONTROL_KEY, EXPERIMENT_KEY, PHASE_KEY, WEIGHTS_KEY
from abbotify.files.records import load_record, save_record
from abbotify.metrics.session_totals import Counts, PlayCounts, SessionTotals
from abbotify.recommenders.build import build_arms
from abbotify.recommenders.failures import Failure, merged
from abbotify.scenario import Scenario
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
from abbotify.simulation.prepare import Plan
from abbotify.simulation.timeline import Schedule, Shard
from abbotify.simulation.user_state import ShardTotals
from abbotify.stats import Moments

LOG: Final = "log"
STATE: Final = "state"


@dataclass(frozen=True)
class ShardDays:
    """Days of a shard, to be played while the same models serve: a unit of work.

    Attributes:
        folder: where `log/` and `state/` are.
        shard: whose days.
        days: numbers of consecutive days of the run.
        log: what is logged, as `log.level` of the scenario.
        models: name of an arm that learns -> the file of its model.
        everybody: an arm that everybody is in, see `Schedule.plan_day`.
        start: the folder with what the day before has left; default `folder`.
    """

    folder: Path
    shard: Shard
    days: range
    log: str
    models: Mapping[str, Path] = field(default_factory=dict)
    everybody: str | None = None
    start: Path | None = None

    @property
    def before(self) -> tuple[Path, Path]:
        """Where the state and the totals of the shard's users before the first day are."""
        return _state_files(self.start or self.folder, self.days.start - 1, self.shard)

    @property
    def output(self) -> Path:
        """Where its `ShardOutput` is; written last, so that it tells that the unit is done."""
        name = f"output-day-{self.days.stop - 1:04d}-shard-{self.shard.number:05d}.npz"
        return self.folder / STATE / name

    @property
    def after(self) -> tuple[Path, Path]:
        """Where they are after the last day."""
        return _state_files(self.folder, self.days.stop - 1, self.shard)


def _state_files(folder: Path, day: int, shard: Shard) -> tuple[Path, Path]:
    name = f"day-{day:04d}-shard-{shard.number:05d}.npz"
    return folder / STATE / name, totals_file(folder, day, shard)


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


def known_output(task: ShardDays) -> ShardOutput | None:
    """What is left of days that a run, since interrupted, has played; None where they are not.

    Raises:
        DataError: a file of theirs is not as it was written.
    """
    if not task.output.exists():
        return None
    output: ShardOutput = load_record(task.output, _RECORDS, "the output of a shard's days")
    for unit in output.units:
        for name, digest in unit["files"].items():
            if not (task.folder / name).exists() or digest_file(task.folder / name) != digest:
                raise DataError("is not as it was written", file=task.folder / name)
    return replace(output, units=tuple(unit | {"reused": True} for unit in output.units))


_RECORDS: Final = (ShardOutput, SessionTotals, PlayCounts, Counts, Moments, Failure)


class ShardRunner:
    """Plays days of shards of a plan, one unit after the other, and keeps the engine.

    Args:
        plan: the run; without arms, as workers have it, they are built.
        on_day_end: called when a day of a shard is over.
        arms_for_day: the arms that serve a day, where that changes within a unit.
    """

    def __init__(
        self,
        plan: Plan,
        on_day_end: Callable[[], None] | None = None,
        arms_for_day: ArmsForDay | None = None,
    ) -> None:
        self.plan, self.on_day_end, self.arms_for_day = plan, on_day_end, arms_for_day
        self._latest: tuple[object, Engine] | None = None

    def play(self, task: ShardDays) -> ShardOutput:
        """Plays the days of a shard and writes its files."""
        plan, schedule, engine = self.plan, self.plan.schedule, self._engine(task)
        ids, coupled = plan.world.users.ids, bool(plan.coupled)
        rows = slice(task.shard.rows.start, task.shard.rows.stop)
        if task.days.start:
            state_file, totals_file = task.before
            state = State.load(state_file)
            totals = ShardTotals.load(totals_file, schedule, ids[rows])
        else:
            state = State.initial(len(task.shard.rows), engine.setup.looks_back)
            totals = ShardTotals(schedule, ids[rows])
        tally = SessionTotals(schedule.experiment.arms, ARM, schedule.experiment_days)
        units: list[dict[str, Any]] = []
        failures: list[Failure] = []
        days = schedule.days[task.days.start : task.days.stop]
        for unit, result in timeline.play(
            engine, schedule, ids, task.shard, coupled, days, state, task.everybody
        ):
            _add(tally, result)
            totals.add(result.sessions)
            units.append(_write_log(schedule, task, unit, result))
            failures += [replace(each, shard=task.shard.number) for each in result.failures]
            state = result.state
        # Not day by day: without a log that was an eighth of a run, and nobody starts between.
        state_file, totals_file = task.after
        state.save(state_file)
        totals.save(totals_file)
        output = ShardOutput(tally, tuple(units), merged(failures))
        save_record(task.output, output)
        return output

    def _engine(self, task: ShardDays) -> Engine:
        key = task.models, task.log
        if self._latest is None or self._latest[0] != key:
            self._latest = key, self._new_engine(task)
        return self._latest[1]

    def _new_engine(self, task: ShardDays) -> Engine:
        world, scenario = self.plan.world, with_log(self.plan.scenario, task.log)
        arms = () if task.models else self.plan.arms
        if not arms:
            models = {name: load_model(path) for name, path in task.models.items()}
            arms = build_arms(scenario, world, models)
        setup = Setup(scenario, world, arms)
        on_day_end = self.on_day_end or _nothing
        # Imported here: neither simpy nor the kernels take their time when the other engine plays.
        if self.plan.engine == COMPILED:
            from abbotify.simulation.compiled.engine import Compiled

            return Compiled(setup, on_day_end, self.arms_for_day)
        from abbotify.simulation.event_driven.engine import EventDriven

        return EventDriven(setup, on_day_end, self.arms_for_day)


def _nothing() -> None:
    pass


def with_log(scenario: Scenario, level: str) -> Scenario:
    """The scenario with another level of the log, which changes nothing but what is kept."""
    log = scenario.log.model_copy(update={"level": level})
    return scenario.model_copy(update={"log": log})


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


def _write_log(
    schedule: Schedule, task: ShardDays, unit: Unit, result: UnitResult
) -> dict[str, Any]:
    """Writes what is logged of a unit; its entry in the manifest."""
    files, table = {}, result.sessions
    for day in unit.days:
        path = log_file(task.folder, day.day, unit.shard)
        if task.log == "events":
            assert result.events is not None, "an engine keeps the events of such a run"
            rows = result.events.day == day.day
            events = result.events if len(unit.days) == 1 else result.events.take(rows)
            write_events(path, events, _metadata(schedule, day.day))
        elif task.log == "sessions":
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


def _metadata(schedule: Schedule, day: int) -> dict[str, str]:
    first = schedule.experiment
    weights = json.dumps(dict(zip(first.arms, first.weights, strict=True)), ensure_ascii=False)
    return {
        PHASE_KEY: schedule.days[day].phase.phase,
        EXPERIMENT_KEY: first.name,
        CONTROL_KEY: first.arms[0],
        WEIGHTS_KEY: weights,
    }
