"""Experiments played as a whole, each with its own luck, where users cannot be drawn apart."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from abbotify import pipeline
from abbotify.progress import Progress, silent
from abbotify.report import Result
from abbotify.rng import Purpose, Stream, attempt, generator_seed
from abbotify.scenario import Scenario
from abbotify.simulation.assignment import layers
from abbotify.simulation.model_store import ModelStore
from abbotify.simulation.parallel.executor import open_executor
from abbotify.simulation.prepare import Plan, prepare
from abbotify.simulation.training import Trainer
from abbotify.stats import Effect
from abbotify.studies.validation.characteristics import Validation
from abbotify.studies.validation.methods import METHODS, Key, MethodEstimates, of_effect
from abbotify.studies.validation.rates import Expected, Measured, rows
from abbotify.studies.validation.replications import Trials, stacked, write_down
from abbotify.studies.validation.sampler import EFFECT, NOTHING

TOTAL: Final = "total"  # the form of the truth: everybody under the arm, trained on everybody
_LONGEST_NAME: Final = 80  # of an experiment, so that a number still fits

UNGATED: Final = "users depend on each other"


@dataclass(frozen=True)
class _Job:
    scenario: Scenario
    folder: Path


@dataclass(frozen=True)
class _RunEstimates:
    """The estimates of one replication.

    Attributes:
        worlds: of each world, method by method.
        truths: of each key.
        alarm: the sample ratio check found a mismatch where nothing differs.
        users: exposed, of all arms.
    """

    worlds: tuple[Mapping[Key, MethodEstimates], Mapping[Key, MethodEstimates]]
    truths: Mapping[Key, float]
    alarm: bool
    users: tuple[int, ...]


def replayed(
    plan: Plan, folder: Path, replications: int, workers: int, progress: Progress, why: str
) -> Validation:
    """Plays the scenario again and again, each time twice: as it is, and with equal arms.

    Args:
        plan: the scenario made ready.
        folder: exists; files that are needed on the way are written below it and removed.
        replications: how many.
        workers: processes that share them.
        progress: called as experiments are done, with the time that remains.
        why: users cannot be drawn apart.
    """
    scenario, job = plan.scenario, _Job(plan.scenario, folder)
    runs: list[_RunEstimates] = []
    started = time.monotonic()
    progress("experiments", 0, replications)
    with open_executor(job, workers, replications) as executor:
        for run in executor.each(_replication_of, range(replications)):
            runs.append(run)
            left = (time.monotonic() - started) / len(runs) * (replications - len(runs))
            progress("experiments", len(runs), replications, f"about {left / 60:.0f} min more")
    trials = _trials(runs)
    alpha, success = scenario.layers[0].alpha, scenario.metrics.success
    users = tuple(np.mean([run.users for run in runs], axis=0).tolist())
    expected = [_expected(key, alpha) for key in trials.keys]
    estimator = scenario.metrics.estimator
    measured = Measured(trials, expected, alpha, users, success, UNGATED, estimator)
    return Validation(
        scenario.name,
        layers(scenario)[0].arms,
        success,
        alpha,
        replications,
        math.floor(sum(users) + 0.5),
        rows(measured),
        (
            "Nothing is gated: the methods take users as independent, and here they are not.",
            "The users are the same in all experiments, their luck and their arms are drawn anew: "
            "where it is who they are that decides, intervals cover more often than they say.",
        ),
        why,
        estimator,
    )


def _expected(key: Key, alpha: float) -> Expected:
    return Expected(alpha, 1 - alpha if METHODS[key.method].promised else None)


def _replication_of(job: _Job, number: int) -> _RunEstimates:
    scenario = replication(job.scenario, number)
    effect = scenario.model_copy(update={"truth": True})
    nothing = without_effect(scenario).model_copy(update={"truth": False})
    folder = job.folder / f"experiment-{number}"
    return _estimates_of(*(_played(each, folder) for each in (nothing, effect)))


def _played(scenario: Scenario, folder: Path) -> Result:
    folder.mkdir()
    plan = prepare(scenario)
    trainer = Trainer(plan, plan.learning, ModelStore(folder), silent)
    try:
        return pipeline.play_and_report(plan, folder, trainer)[0]
    finally:
        shutil.rmtree(folder)


def replication(scenario: Scenario, number: int) -> Scenario:
    """The scenario with luck and assignment of its own; nothing but a small log is kept."""
    purpose = attempt(Purpose.REPLICATION, 1 + number)
    seed = generator_seed(scenario.seeds.dynamics, purpose, Stream.ESTIMATE)
    update: dict[str, Any] = {
        "seeds": scenario.seeds.model_copy(update={"dynamics": seed, "split": None}),
        "log": scenario.log.model_copy(update={"botify": False}),
    }
    named = [
        layer.model_copy(update={"name": f"{layer.name[:_LONGEST_NAME]} {place}.{number}"})
        for place, layer in enumerate(scenario.layers)
    ]
    if scenario.experiments is None:
        update["experiment"] = named[0]
    else:
        update["experiments"] = tuple(named)
    return scenario.model_copy(update=update)


def without_effect(scenario: Scenario) -> Scenario:
    """The scenario with the control's recommender, latency and service in all its arms."""
    first = scenario.layers[0]
    control = scenario.arms[first.control]
    same = {
        name: control.model_copy(update={"weight": scenario.arms[name].weight})
        for name in scenario.arms_of(first)
    }
    return scenario.model_copy(update={"arms": {**scenario.arms, **same}})


def _estimates_of(nothing: Result, effect: Result) -> _RunEstimates:
    alpha = effect.run.alpha
    estimates: dict[Key, MethodEstimates] = {}
    truths: dict[Key, float] = {}
    for row in effect.effects:
        estimates.update(_known(row, alpha))
    for true in effect.truth:
        if true.form == TOTAL and true.method in METHODS:
            key = Key(true.method, true.metric, true.arm)
            if key not in estimates:
                excludes = None
                if true.lower is not None and true.upper is not None:
                    excludes = true.lower > 0 or true.upper < 0
                estimates[key] = MethodEstimates(true.estimate, true.lower, true.upper, excludes)
            truths[key] = math.nan if true.truth is None else true.truth
    aa = {key: each for row in nothing.effects for key, each in _known(row, alpha)}
    ratio = next((check for check in nothing.checks if check.name == "sample_ratio"), None)
    alarm = ratio is not None and ratio.status == "fail"
    return _RunEstimates((aa, estimates), truths, alarm, tuple(arm.users for arm in effect.arms))


def _known(row: Effect, alpha: float) -> Iterator[tuple[Key, MethodEstimates]]:
    """The estimates of methods that are validated; reports have others, such as quantiles."""
    return (each for each in of_effect(row, alpha) if each[0].method in METHODS)


def _trials(runs: list[_RunEstimates]) -> Trials:
    count, columns = len(runs), dict[Key, Any]()
    for at, run in enumerate(runs):
        for world in (NOTHING, EFFECT):
            for key, each in run.worlds[world].items():
                write_down(columns, count, (at, world), key, each)
    keys = tuple(columns)
    truths = np.array([[_truth(run, key) for key in keys] for run in runs])
    alarms = np.array([[run.alarm, False] for run in runs])
    return Trials(keys, stacked(columns, keys, count), alarms, truths)


def _truth(run: _RunEstimates, key: Key) -> float:
    """Holm decides on what Welch estimates."""
    return run.truths.get(key, run.truths.get(key._replace(method="welch"), math.nan))
