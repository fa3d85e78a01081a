"""Experiments played as a whole, each with its own luck, where users cannot be drawn apart."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np

from abbotify import pipeline
from abbotify.files.records import load_record, save_record
from abbotify.progress import Progress, silent
from abbotify.report import Result
from abbotify.rng import Purpose, Stream, attempt, generator_seed
from abbotify.scenario import Scenario
from abbotify.simulation.assignment import layers
from abbotify.simulation.model_store import ModelStore
from abbotify.simulation.parallel.executor import open_executor
from abbotify.simulation.prepare import Plan, prepare
from abbotify.simulation.shard import STATE
from abbotify.simulation.training import Trainer
from abbotify.stats.effects import WELCH, MethodEstimate
from abbotify.studies.validation.characteristics import Validation
from abbotify.studies.validation.methods import (
    METHODS,
    AnalysisPlan,
    Key,
    MethodEstimates,
    of_effect,
)
from abbotify.studies.validation.rates import Measured, rows
from abbotify.studies.validation.theory import Expected
from abbotify.studies.validation.trials import Experiment, Trials

TOTAL: Final = "total"  # the form of the truth: everybody under the arm, trained on everybody
_LONGEST_NAME: Final = 80  # of an experiment, so that a number still fits

UNGATED: Final = "users depend on each other"


_NOTES: Final = (
    "Nothing is gated: the methods take users as independent, and here they are not.",
    "The users are the same in all experiments, their luck and their arms are drawn anew: "
    "where it is who they are that decides, intervals cover more often than they say.",
)


class _Run(NamedTuple):
    """One replication: its estimates, the truth of each key, exposed users of all arms."""

    estimates: Experiment
    truths: Mapping[Key, float]
    users: tuple[int, ...]


_RECORDS: Final = (_Run, Experiment, Key, MethodEstimates)


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
    scenario, runs = plan.scenario, list[_Run]()
    (folder / STATE).mkdir(exist_ok=True)
    started = time.monotonic()
    progress("experiments", 0, replications)
    with open_executor((scenario, folder), workers, replications) as executor:
        for run in executor.each(_run, range(replications)):
            runs.append(run)
            left = (time.monotonic() - started) / len(runs) * (replications - len(runs))
            progress("experiments", len(runs), replications, f"about {left / 60:.0f} min more")
    trials = Trials.of([run.estimates for run in runs])
    truths = np.array([[_truth(run, key) for key in trials.keys] for run in runs])
    metrics, alpha = scenario.metrics, scenario.layers[0].alpha
    analysis = AnalysisPlan(metrics.success, alpha, metrics.estimator)
    users = tuple(np.mean([run.users for run in runs], axis=0).tolist())
    expected = [
        Expected(alpha, 1 - alpha if METHODS[key.method].promised else None) for key in trials.keys
    ]
    measured = Measured(replace(trials, truths=truths), expected, analysis, users, UNGATED)
    return Validation(
        scenario.name,
        layers(scenario)[0].arms,
        analysis,
        replications,
        math.floor(sum(users) + 0.5),
        rows(measured),
        _NOTES,
        why,
    )


def _run(job: tuple[Scenario, Path], number: int) -> _Run:
    scenario, folder = replication(job[0], number), job[1] / f"experiment-{number}"
    output = job[1] / STATE / f"output-{number:07d}.npz"
    if output.exists():  # of a validation that was interrupted
        known: _Run = load_record(output, _RECORDS, "the estimates of a run")
        return known
    effect = scenario.model_copy(update={"truth": True})
    nothing = without_effect(scenario).model_copy(update={"truth": False})
    run = _estimates_of(*(_played(each, folder) for each in (nothing, effect)))
    save_record(output, run)
    return run


def _played(scenario: Scenario, folder: Path) -> Result:
    shutil.rmtree(folder, ignore_errors=True)
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


def _estimates_of(nothing: Result, effect: Result) -> _Run:
    estimates, truths = _known(effect), dict[Key, float]()
    for true in effect.truth:
        if true.form == TOTAL and true.method in METHODS:
            key = Key(true.method, true.metric, true.arm)
            ends = true.estimate, true.lower, true.upper
            excludes_zero = MethodEstimate(true.method, False, *ends).excludes_zero
            estimates.setdefault(key, MethodEstimates(*ends, excludes_zero))
            truths[key] = math.nan if true.truth is None else true.truth
    ratio = next((check for check in nothing.checks if check.name == "sample_ratio"), None)
    mismatch = ratio is not None and ratio.status == "fail"
    users = tuple(arm.users for arm in effect.arms)
    return _Run(Experiment(_known(nothing), estimates, mismatch), truths, users)


def _known(result: Result) -> dict[Key, MethodEstimates]:
    """The estimates of methods that are validated; reports have others, such as quantiles."""
    estimates = (each for row in result.effects for each in of_effect(row, result.run.alpha))
    return {key: each for key, each in estimates if key.method in METHODS}


def _truth(run: _Run, key: Key) -> float:
    """Holm decides on what Welch estimates."""
    return run.truths.get(key, run.truths.get(key._replace(method=WELCH), math.nan))
