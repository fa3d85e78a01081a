"""Operating characteristics of the program's methods in the world of a scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from abbotify.errors import UserError
from abbotify.files import folders
from abbotify.metrics.users import UserTable
from abbotify.progress import Progress, silent
from abbotify.report.monitoring import SPENDING
from abbotify.report.text.labels import ADJUSTED, metric
from abbotify.scenario import Scenario
from abbotify.simulation.checkpoint import (
    MANIFEST,
    identity,
    interrupted_run,
    keeper,
    refuse_differences,
    remove_state,
    write_manifest,
)
from abbotify.simulation.covariates import covariates_among
from abbotify.simulation.potential_outcomes import potential_outcomes, retrainings
from abbotify.simulation.prepare import Plan, prepare
from abbotify.simulation.requested import rails, reported
from abbotify.stats.effects import CUPED, RATIO
from abbotify.studies.validation import report, whole_runs
from abbotify.studies.validation.characteristics import KIND, Validation
from abbotify.studies.validation.methods import AnalysisPlan
from abbotify.studies.validation.outcomes import Outcomes, stored
from abbotify.studies.validation.rates import Measured, rows
from abbotify.studies.validation.sampler import Sampler
from abbotify.studies.validation.theory import expectations
from abbotify.studies.validation.trials import LOOKED, SIMULTANEOUS, collect

# Below 193 a method that never finds anything would pass: of a rate of .05 that is gated beside 99
# others the band reaches down to 0.
FEWEST: Final = 200
FEWEST_USERS: Final = 10
MOST: Final = 1_000_000  # replications
MOST_USERS: Final = 100_000_000


def validate(
    scenario: Scenario,
    out: Path,
    replications: int,
    users: int | None = None,
    workers: int = 1,
    progress: Progress = silent,
    resume: bool = False,
    notice: Callable[[str], None] = lambda text: None,
) -> Validation:
    """Repeats the experiment of a scenario and counts how often each method is right.

    Where users do not meet, each replication draws its users with replacement from what every
    user does under every arm, and the truth is the effect over all of them. Where they do, or
    where arms are trained on the experiment's own days, each replication is a run of its own.

    Args:
        scenario: the description.
        out: a folder; swapped in at the end, an earlier validation is replaced.
        replications: how many experiments, at least `FEWEST`.
        users: of each experiment; default as many as the scenario exposes.
        workers: processes; changes nothing but the time.
        progress: called as the work advances.
        resume: go on with one that was interrupted, where each replication is a run of its own.
        notice: receives what is kept of one that is interrupted.

    Raises:
        UserError: the user's mistake; nothing is written then.
        PageError: a page cannot be made; the other files are there.
    """
    _refuse(replications, users)
    folders.check(out, KIND)
    progress("world", 0, 0)
    plan = prepare(scenario)
    why = meets(plan)
    if why and users is not None:
        raise UserError(f"users cannot be drawn apart from each other: {why}", key="--users")
    known = identity(plan)
    interrupted = interrupted_run(out) if resume else None
    if interrupted is not None:
        refuse_differences(out, interrupted, known)
    with folders.swapped(out, KIND, interrupted, keeper(out, notice)) as folder:
        write_manifest(folder, {}, known)
        if why:
            validation = whole_runs.replayed(plan, folder, replications, workers, progress, why)
        else:
            validation = _resampled(plan, folder, replications, users, workers, progress)
        (folder / MANIFEST).unlink()
        remove_state(folder)
        fault = report.write(validation, folder, shown=out)
    if fault is not None:
        raise fault
    return validation


def meets(plan: Plan) -> str:
    """Why users cannot be drawn one by one; empty when they can."""
    if plan.coupled:
        return plan.coupled
    # What is trained on the experiment's first morning has seen nothing of the experiment.
    if plan.learning and retrainings(plan.schedule):
        return f"{plan.learning[0]} is trained on the days of the experiment"
    return ""


def _refuse(replications: int, users: int | None) -> None:
    if not FEWEST <= replications <= MOST:
        what = f"must be {FEWEST} to {MOST:,} (with fewer, finding nothing ever would pass)"
        raise UserError(f"{what}, got {replications}", key="--replications")
    if users is not None and not FEWEST_USERS <= users <= MOST_USERS:
        raise UserError(
            f"must be {FEWEST_USERS} to {MOST_USERS:,} of an experiment, got {users}", key="--users"
        )


def _resampled(
    plan: Plan,
    folder: Path,
    replications: int,
    users: int | None,
    workers: int,
    progress: Progress,
) -> Validation:
    scenario, layer = plan.scenario, plan.schedule.experiment
    potential = potential_outcomes(plan, folder, layer.arms, workers, progress)
    outcomes = _outcomes(plan, layer.arms, potential)
    count = users or _usual(plan, potential)
    sampler = Sampler(outcomes, layer.weights, count, scenario.seeds.dynamics)
    analysis = AnalysisPlan(
        tuple(name for name in scenario.metrics.success if name in outcomes.metrics),
        scenario.layers[0].alpha,
        scenario.metrics.estimator,
        tuple(rail for rail in rails(scenario) if rail.metric in outcomes.metrics),
        SPENDING[scenario.monitoring.spending],
    )
    trials = collect(sampler, analysis, replications, workers, progress)
    sizes = sampler.expected_users
    expected = expectations(outcomes, trials.keys, sizes, analysis, replications)
    trials = replace(trials, truths=np.array([[each.truth for each in expected]]))
    return Validation(
        scenario.name,
        layer.arms,
        analysis,
        replications,
        count,
        rows(Measured(trials, expected, analysis, sizes)),
        tuple(_notes(outcomes, analysis, replications)),
    )


def _outcomes(plan: Plan, arms: Sequence[str], users: Mapping[str, UserTable]) -> Outcomes:
    metrics, population = reported(plan.scenario), plan.scenario.metrics.population
    try:
        known = covariates_among(plan.covariates, users[arms[0]])  # the same under all arms
        outcomes = stored(arms, users, metrics, population, known)
    except ValueError as error:
        raise UserError(str(error)) from None
    if not outcomes.metrics:
        raise UserError(f"no metric varies between the users of {arms[0]}: nothing to measure")
    return outcomes


def _usual(plan: Plan, users: Mapping[str, UserTable]) -> int:
    """How many users the scenario's own experiment has."""
    layer, population = plan.schedule.experiment, plan.scenario.metrics.population
    codes = layer.codes(plan.world.users.ids, len(layer.traffic) - 1)
    count = sum(
        int(np.count_nonzero(users[arm].members(population) & (codes == code)))
        for code, arm in enumerate(layer.arms)
    )
    if count < FEWEST_USERS:
        raise UserError(f"the experiment has {count} users: too few to repeat")
    return count


def _notes(outcomes: Outcomes, plan: AnalysisPlan, replications: int) -> Iterator[str]:
    adjusted = [m for m in plan.success if outcomes.deciding(m, plan.estimator) == CUPED]
    if adjusted:
        yield (
            f"{', '.join(metric(name).label for name in adjusted)}: the estimate that decides is "
            f"{ADJUSTED}, and so Holm, max-z and repeated looks use that one. Guardrails use the "
            "plain mean."
        )
    yield from (f"{name} is left out: {why}." for name, why in outcomes.left_out.items())
    if any(group.estimand == RATIO for group in outcomes.groups):
        yield (
            "A test of single sessions needs squares of their times, which stored outcomes do not "
            "have; what is shown is the test of single tracks, for shares of tracks."
        )
    treatments = len(outcomes.arms) - 1
    most = SIMULTANEOUS.get(treatments, 0)
    if treatments > 1 and most < replications:
        where = f"in the first {most:,} experiments only" if most else "in none of the experiments"
        yield f"max_z, slow with {treatments} treatments, was run {where}."
    if replications > LOOKED:
        yield f"Repeated looks were taken at the first {LOOKED:,} experiments."
