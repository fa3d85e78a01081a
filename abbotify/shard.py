"""One shard of a run: played day by day, written to files, reduced to one row per user.

This is what a worker does. It is told the scenario, the world and where to write, and returns
only what the report needs, so memory is bounded by the shard and not by the run.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from abbotify import timeline
from abbotify.digests import digest_file
from abbotify.engine import Engine, SessionFacts, Setup, Unit, UnitResult
from abbotify.engine.event_driven import EventDriven
from abbotify.eventlog.parquet import write_events
from abbotify.events import (
    ARM,
    CONTROL_KEY,
    EXPERIMENT_KEY,
    PHASE_KEY,
    WEIGHTS_KEY,
    Labels,
    arm_column,
)
from abbotify.experiment import layers
from abbotify.metrics.sessions import SessionTable, session_table
from abbotify.metrics.sessions_file import write_sessions
from abbotify.metrics.users import UserTable, user_table
from abbotify.outfolder import replacing
from abbotify.recommenders import Arm, build_arms
from abbotify.report.tally import Tally
from abbotify.scenario import Scenario
from abbotify.world.base import World

LOG: Final = "log"
STATE: Final = "state"


@dataclass(frozen=True)
class Job:
    """What every shard of a run has in common.

    Attributes:
        scenario: the description.
        world: its world.
        folder: where `log/` and `state/` are.
        coupled: users meet, so there is one shard and one unit.
    """

    scenario: Scenario
    world: World
    folder: Path
    coupled: bool


@dataclass(frozen=True)
class Shard:
    """A shard to be played: its number and its users' rows."""

    number: int
    rows: range


@dataclass(frozen=True)
class ShardResult:
    """What is left of a shard.

    Attributes:
        users: judged by the first experiment.
        further: name of a further experiment -> the users judged by that one.
        tally: what pictures and counts need.
        units: entries of the manifest.
    """

    users: UserTable
    further: dict[str, UserTable]
    tally: Tally
    units: tuple[dict[str, Any], ...]


def player(
    job: Job, arms: tuple[Arm, ...] | None = None, midnight: Callable[[], None] = lambda: None
) -> Callable[[Shard], ShardResult]:
    """The function that plays a shard.

    Args:
        job: the run.
        arms: as `build_arms` makes them; a process of its own makes its own.
        midnight: called when a day of a shard is over.
    """
    built = build_arms(job.scenario, job.world) if arms is None else arms
    engine = EventDriven(Setup(job.scenario, job.world, built), midnight)
    return lambda shard: _play(job, engine, shard)


def _play(job: Job, engine: Engine, shard: Shard) -> ShardResult:
    scenario, ids = job.scenario, job.world.users.ids
    days = timeline.experiment_days(scenario)
    tally = Tally(layers(scenario)[0].arms, ARM, days)
    tables, units = [], []
    for unit, result in timeline.play(engine, scenario, ids, shard.number, shard.rows, job.coupled):
        table = _sessions(job, result)
        _tally(tally, job, table, result)
        units.append(_keep(job, unit, result, table))
        tables.append(table)
    part = ids[shard.rows.start : shard.rows.stop]
    assigned = _assigned(scenario, part, days)

    def judged(column: str, known: dict[str, Labels]) -> UserTable:
        # An experiment's own admission decides which sessions count.
        return user_table(
            [replace(table, arms={ARM: table.arms[column]}) for table in tables],
            days=days,
            pre_days=range(days.start),
            users=part,
            assigned=known,
            retention_days=scenario.metrics.retained_days,
        )

    further = {
        layer.name: judged(column, {ARM: assigned[column]})
        for layer in layers(scenario)[1:]
        for column in [arm_column(layer.name)]
    }
    return ShardResult(judged(ARM, assigned), further, tally, tuple(units))


def _assigned(scenario: Scenario, ids: Any, days: range) -> dict[str, Labels]:
    # Those a ramp has admitted by its last day: nobody ever leaves.
    last = next(d for d in timeline.calendar(scenario) if d.number == days.stop - 1)
    plan = timeline.plan_day(scenario, last, ids)
    names = timeline.column_names(scenario)
    return {column: Labels(codes, names[column]) for column, codes in plan.labels.items()}


def _sessions(job: Job, result: UnitResult) -> SessionTable:
    events, catalogue = result.events, job.world.catalogue
    heard = np.rint(events.time * 100).astype(np.int64)
    return session_table(
        events,
        skip_below=job.scenario.listener.skip_below,
        artist=catalogue.artist[events.track].astype(np.int64),
        play_ms=(heard * catalogue.duration_ms[events.track] + 50) // 100,
        timeouts=result.facts.timeouts,
    )


def _tally(tally: Tally, job: Job, table: SessionTable, result: UnitResult) -> None:
    days = timeline.experiment_days(job.scenario)
    events, codes = result.events, table.arms[ARM].codes
    counted = np.isin(events.day, days)
    arms = len(layers(job.scenario)[0].arms)
    judged = np.isin(table.day, days) & (codes >= 0)
    counters = {
        name: np.bincount(codes[judged], weights=values[judged], minlength=arms).astype(np.int64)
        for name, values in _counts(result.facts, table).items()
    }
    plays = (events.track[counted], events.arms[ARM].codes[counted])
    tally.add(table, cut=result.facts.cut, plays=plays, counters=counters)


def _counts(facts: SessionFacts, table: SessionTable) -> dict[str, Any]:
    """What is counted of each session."""
    return {
        "requests": table.tracks,
        "misses": facts.misses,
        "errors": facts.errors,
        "timeouts": facts.timeouts,
        "fallbacks": facts.fallbacks,
        "truncated_sessions": facts.cut,
    }


def _keep(job: Job, unit: Unit, result: UnitResult, table: SessionTable) -> dict[str, Any]:
    """Writes what the scenario wants kept of a unit; its entry in the manifest."""
    files = {}
    for day in unit.days:
        path = job.folder / LOG / f"day-{day.day:04d}-shard-{unit.shard:05d}.parquet"
        if job.scenario.log.level == "events":
            rows = result.events.day == day.day
            events = result.events if len(unit.days) == 1 else result.events.take(rows)
            write_events(path, events, _metadata(job.scenario, day.day))
        elif job.scenario.log.level == "sessions":
            sessions = table.take(table.day == day.day)
            write_sessions(path, sessions, _metadata(job.scenario, day.day))
        else:
            continue
        files[f"{LOG}/{path.name}"] = digest_file(path)
    state = job.folder / STATE / f"day-{unit.days[-1].day:04d}-shard-{unit.shard:05d}.npz"
    with replacing(state) as temporary:
        result.state.save(temporary)
    files[f"{STATE}/{state.name}"] = digest_file(state)
    entry = {
        "days": [unit.days[0].day, unit.days[-1].day],
        "shard": unit.shard,
        "events": len(result.events),
        "sessions": len(table),
        "files": files,
    }
    # The last file of a unit: where it is, the unit is finished, whatever happens later.
    with replacing(state.with_suffix(".json")) as temporary:
        temporary.write_text(json.dumps(entry, indent=2) + "\n", encoding="utf-8")
    return entry


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
