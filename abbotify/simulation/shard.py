"""One shard of a run: played day by day and written to files.

This is what a worker does. It is told the scenario, the world and where to write, and returns
only what the report needs, so memory is bounded by the shard and not by the run. What the
days leave for those after the next training, and for the judgement at the end, is in files: the
users' state, and their totals so far.
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
from abbotify.eventlog.sessions import SessionTable
from abbotify.metrics.session_totals import SessionTotals
from abbotify.recommenders import Arm, Failure, build_arms, merged
from abbotify.scenario import Scenario
from abbotify.simulation import timeline
from abbotify.simulation.assignment import layers
from abbotify.simulation.engine import (
    COMPILED,
    Engine,
    Morning,
    SessionFacts,
    Setup,
    State,
    Unit,
    UnitResult,
)
from abbotify.simulation.model_store import load_model
from abbotify.simulation.user_state import ShardTotals
from abbotify.world.base import World

LOG: Final = "log"
STATE: Final = "state"


@dataclass(frozen=True)
class Job:
    """What all shards have in common.

    Attributes:
        scenario: the description.
        world: its world.
        folder: where `log/` and `state/` are.
        coupled: users meet, so there is one shard and one unit.
        engine: `compiled` or `simpy`.
        everybody: an arm that everybody is in, see `timeline.plan_day`.
    """

    scenario: Scenario
    world: World
    folder: Path
    coupled: bool
    engine: str
    everybody: str | None = None


@dataclass(frozen=True)
class Shard:
    """A part of the users: its number and their rows."""

    number: int
    rows: range


@dataclass(frozen=True)
class ShardDays:
    """Days of a shard, to be played while the same models serve.

    Attributes:
        shard: whose days.
        days: consecutive ones of the run.
        models: name of an arm that learns -> the file of its model.
    """

    shard: Shard
    days: tuple[timeline.Day, ...]
    models: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True)
class ShardOutput:
    """What is left of days that were played, beside their files.

    Attributes:
        tally: what pictures and counts need.
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
    """Plays stints, one after the other; whoever plays next with other models has other arms.

    Args:
        job: the run.
        arms: those that serve without models, as `build_arms` makes them; a process of its own
            makes its own.
        on_day_end: called when a day of a shard is over.
        morning: which arms serve a day, where that changes within a unit.
    """

    def __init__(
        self,
        job: Job,
        arms: tuple[Arm, ...] | None = None,
        on_day_end: Callable[[], None] = lambda: None,
        morning: Morning | None = None,
    ) -> None:
        self.job, self.arms, self.on_day_end, self.morning = job, arms, on_day_end, morning
        self._latest: tuple[Mapping[str, Path], Engine] | None = None

    def __call__(self, stint: ShardDays) -> ShardOutput:
        """Plays the days of a shard."""
        if self._latest is None or self._latest[0] != stint.models:
            self._latest = stint.models, self._engine(stint.models)
        return _play(self.job, self._latest[1], stint)

    def _engine(self, models: Mapping[str, Path]) -> Engine:
        arms = None if models else self.arms
        if arms is None:
            arrays = {name: load_model(path) for name, path in models.items()}
            arms = build_arms(self.job.scenario, self.job.world, arrays)
        return _engine(self.job, arms, self.on_day_end, self.morning)


def _engine(
    job: Job, arms: tuple[Arm, ...], on_day_end: Callable[[], None], morning: Morning | None
) -> Engine:
    # Imported here: neither simpy nor the kernels take their time when the other engine plays.
    setup = Setup(job.scenario, job.world, arms)
    if job.engine == COMPILED:
        from abbotify.simulation.compiled.engine import Compiled

        return Compiled(setup, on_day_end)
    from abbotify.simulation.event_driven.engine import EventDriven

    return EventDriven(setup, on_day_end, morning)


def log_file(folder: Path, day: int, shard: int) -> Path:
    """Where a shard's events of a day are."""
    return folder / LOG / f"day-{day:04d}-shard-{shard:05d}.parquet"


def _state_file(folder: Path, day: int, shard: int) -> Path:
    return folder / STATE / f"day-{day:04d}-shard-{shard:05d}.npz"


def totals_file(folder: Path, day: int, shard: int) -> Path:
    """Where the totals of a shard's users are once a day is over, if it was the last one played."""
    return folder / STATE / f"totals-day-{day:04d}-shard-{shard:05d}.npz"


def _play(job: Job, engine: Engine, stint: ShardDays) -> ShardOutput:
    shard, days = stint.shard, stint.days
    scenario, ids, first = job.scenario, job.world.users.ids, days[0].number
    tally = SessionTotals(layers(scenario)[0].arms, ARM, timeline.experiment_days(scenario))
    before = State.initial(len(shard.rows), engine.setup.looks_back)
    if first:
        before = State.load(_state_file(job.folder, first - 1, shard.number))
    totals, state, units = _totals(job, stint), before, []
    failures: list[Failure] = []
    for unit, result in timeline.play(
        engine, scenario, ids, shard.number, shard.rows, job.coupled, days, before, job.everybody
    ):
        _tally(tally, result)
        totals.add(result.sessions)
        units.append(_logged(job, unit, result))
        failures += [replace(failure, shard=shard.number) for failure in result.failures]
        state = result.state
    _keep(job, stint, state, totals)
    return ShardOutput(tally, tuple(units), merged(failures))


def _totals(job: Job, stint: ShardDays) -> ShardTotals:
    """The totals of a shard's users before the first day that is played."""
    first, shard = stint.days[0].number, stint.shard
    ids = job.world.users.ids[shard.rows.start : shard.rows.stop]
    if first == 0:
        return ShardTotals(job.scenario, ids)
    return ShardTotals.load(totals_file(job.folder, first - 1, shard.number), job.scenario, ids)


def _tally(tally: SessionTotals, result: UnitResult) -> None:
    table, facts, counts = result.sessions, result.facts, result.counts
    summed = (counts.plays, counts.heard)
    tally.add(table, cut=facts.cut, counters=_counts(facts, table), summed=summed)


def _counts(facts: SessionFacts, table: SessionTable) -> dict[str, Any]:
    """What is counted of each session; what a queue let wait too long is no fault of anybody."""
    return {
        "requests": table.tracks,
        "misses": facts.misses,
        "errors": facts.errors,
        "timeouts": facts.timeouts,
        "fallbacks": facts.misses + facts.errors,
        "truncated_sessions": facts.cut,
    }


def _logged(job: Job, unit: Unit, result: UnitResult) -> dict[str, Any]:
    """Writes what the scenario logs of a unit; its entry in the manifest."""
    files, table = {}, result.sessions
    for day in unit.days:
        path = log_file(job.folder, day.day, unit.shard)
        if job.scenario.log.level == "events":
            assert result.events is not None, "an engine keeps the events of such a run"
            rows = result.events.day == day.day
            events = result.events if len(unit.days) == 1 else result.events.take(rows)
            write_events(path, events, _metadata(job.scenario, day.day))
        elif job.scenario.log.level == "sessions":
            write_sessions(path, table.take(table.day == day.day), _metadata(job.scenario, day.day))
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


def _keep(job: Job, stint: ShardDays, state: State, totals: ShardTotals) -> None:
    """Writes what the shard's next days go on from, when the last of these is over.

    Not day by day: without a log that was an eighth of a run, and nobody starts between.
    """
    first, last, shard = stint.days[0].number, stint.days[-1].number, stint.shard.number
    state.save(_state_file(job.folder, last, shard))
    totals.save(totals_file(job.folder, last, shard))
    for file in (_state_file, totals_file):
        file(job.folder, first - 1, shard).unlink(missing_ok=True)


def _metadata(scenario: Scenario, day: int) -> dict[str, str]:
    first = layers(scenario)[0]
    phase = timeline.calendar(scenario)[day].phase.phase
    weights = json.dumps(dict(zip(first.arms, first.weights, strict=True)), ensure_ascii=False)
    return {
        PHASE_KEY: phase,
        EXPERIMENT_KEY: first.name,
        CONTROL_KEY: first.arms[0],
        WEIGHTS_KEY: weights,
    }
