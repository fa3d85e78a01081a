"""How many users an experiment needs, from a pilot: the scenario with everybody in the control."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from abbotify.errors import UserError
from abbotify.eventlog.sessions import FloatArray
from abbotify.files.cleanup import scratch
from abbotify.metrics.users import Population, UserTable
from abbotify.progress import Progress, silent
from abbotify.scenario import Scenario
from abbotify.scenario.timeline import ExperimentDays, Train
from abbotify.simulation import prepare as plans
from abbotify.simulation.covariates import covariates_among
from abbotify.simulation.potential_outcomes import potential_outcomes
from abbotify.simulation.prepare import Plan
from abbotify.simulation.requested import rails, reported
from abbotify.simulation.timeline import Schedule
from abbotify.stats.power import FEWEST
from abbotify.studies.power.design import PointSpec, Row, Terms, design, guarded
from abbotify.studies.power.enrolment import MOST_DAYS, Enrolment, enrolment_of
from abbotify.studies.power.pilot import piloted

LIFTS: Final = (1.0, 2.0, 5.0)  # per cent, for which the users needed are told
POWER_AT: Final = (1.0, 2.0, 5.0, 10.0)  # per cent, at which the power is told


@dataclass(frozen=True)
class Question:
    """At most one of three questions.

    Attributes:
        mde: a lift in per cent: how many users find it?
        users: of all arms together: what do they find?
        days: of the experiment: what do their users find?
        power: wanted.
    """

    mde: float | None = None
    users: int | None = None
    days: int | None = None
    power: float = 0.8

    def __post_init__(self) -> None:
        """Raises: UserError: more than one is given, or a value is out of range."""
        options = {"--mde": self.mde, "--users": self.users, "--days": self.days}
        given = [name for name, value in options.items() if value is not None]
        if len(given) > 1:
            raise UserError("give at most one of --mde, --users and --days", key=" ".join(given))
        if self.mde is not None and not 0 < self.mde <= 1e6:
            raise UserError(f"must be above 0 per cent, 1e6 at most, got {self.mde:g}", key="--mde")
        if self.users is not None and not 1 <= self.users <= 10**15:
            raise UserError(f"must lie between 1 and 1e15, got {self.users}", key="--users")
        if self.days is not None and not 1 <= self.days <= MOST_DAYS:
            raise UserError(f"must lie between 1 and {MOST_DAYS}, got {self.days}", key="--days")
        if not 0 < self.power < 1:
            raise UserError(f"must lie between 0 and 1, got {self.power:g}", key="--power")


@dataclass(frozen=True)
class PowerStudy:
    """The answer.

    Attributes:
        scenario: its name.
        control: the arm whose users are the pilot.
        question: that it answers.
        terms: how the experiment decides.
        population: over whom.
        enrolment: users of the pilot, and when more would come.
        pre_days: days before the experiment, which CUPED takes its covariates from.
        rows: of all metrics.
        guardrails: of the guardrails.
        covariates: names of those that means are adjusted for; none: each metric's own from
            the days before.
    """

    scenario: str
    control: str
    question: Question
    terms: Terms
    population: Population
    enrolment: Enrolment
    pre_days: int
    rows: tuple[Row, ...]
    guardrails: tuple[Row, ...] = ()
    covariates: tuple[str, ...] = ()

    @property
    def users(self) -> int:
        """The users at which the detectable lift is told: those asked for, or the pilot's."""
        return self.enrolment.enrolled if self.question.users is None else self.question.users


def power_study(
    scenario: Scenario,
    question: Question,
    workers: int = 1,
    progress: Progress = silent,
    engine: str = plans.AUTO,
) -> PowerStudy:
    """Plays the days of a scenario with everybody in the control, and plans with its users.

    Args:
        scenario: the description; its first experiment is planned.
        question: that is to be answered.
        workers: processes that share the users.
        progress: called as the pilot is played.
        engine: `auto`, `compiled` or `simpy`.

    Raises:
        UserError: the scenario cannot be played, the power wanted is not above its alpha, or the
            users asked for are too few for its arms.
    """
    if question.days is not None:
        scenario = with_days(scenario, question.days)
    terms = terms_of(scenario, question.power)
    _refuse(terms, question)
    control = scenario.layers[0].control
    plan = untrained(plans.prepare(scenario, engine), control)
    with scratch() as folder:
        outcomes = potential_outcomes(plan, folder, [control], workers, progress)
    users = outcomes[control]
    return studied(scenario, question, users, covariates_among(plan.covariates, users))


def untrained(plan: Plan, control: str) -> Plan:
    """The plan without trainings, where the pilot is served by nobody who learns.

    Its users are the same: 3 s instead of 28 s for `neural_vs_sticky.yaml`.
    """
    scenario = plan.scenario
    learns = any(arm.name == control and not arm.trained for arm in plan.arms)
    if learns or len(scenario.layers) > 1:
        return plan
    timeline = tuple(
        phase.model_copy(update={"retrain": "never"})
        if isinstance(phase, ExperimentDays)
        else phase
        for phase in scenario.timeline
        if not isinstance(phase, Train)
    )
    return replace(plan, schedule=Schedule(scenario.model_copy(update={"timeline": timeline})))


def studied(
    scenario: Scenario,
    question: Question,
    users: UserTable,
    covariates: Mapping[str, FloatArray] = MappingProxyType({}),
) -> PowerStudy:
    """The answer from the pilot's users.

    Args:
        scenario: the description, with the pilot's days.
        question: that is to be answered.
        users: everybody under the control.
        covariates: of these users, that means are adjusted for; see `piloted`.
    """
    population, enrolment = scenario.metrics.population, enrolment_of(scenario, users)
    terms, points = terms_of(scenario, question.power), _points(question, enrolment.enrolled)
    names = list(dict.fromkeys([*terms.success, *reported(scenario)]))
    metrics = piloted(users, names, population, covariates)
    return PowerStudy(
        scenario.name,
        scenario.layers[0].control,
        question,
        terms,
        population,
        enrolment,
        scenario.days - enrolment.days,
        design(metrics, terms, points),
        guarded(metrics, rails(scenario), terms, points),
        tuple(covariates),
    )


def terms_of(scenario: Scenario, wanted: float) -> Terms:
    """How a scenario's first experiment decides."""
    layer = scenario.layers[0]
    control, *treatments = scenario.arms_of(layer)
    weight = {name: float(arm.weight) for name, arm in scenario.arms.items()}
    # All guardrails and the success metric have to hold: Bonferroni over their misses.
    each = 1 - (1 - wanted) / (len(scenario.metrics.guardrails) + 1)
    return Terms(
        layer.alpha,
        each,
        tuple(scenario.metrics.success),
        tuple((name, weight[name]) for name in treatments),
        weight[control],
        scenario.metrics.estimator,
    )


def with_days(scenario: Scenario, days: int) -> Scenario:
    """The scenario with another number of days of the experiment.

    Of several such phases the last ones are cut, or the very last is lengthened.

    Raises:
        UserError: more days than a run may have.
    """
    before = [phase for phase in scenario.timeline if not isinstance(phase, ExperimentDays)]
    phases = [phase for phase in scenario.timeline if isinstance(phase, ExperimentDays)]
    most = MOST_DAYS - sum(phase.days for phase in before)
    if days > most:
        raise UserError(f"at most {most} with the days before the experiment", key="--days")
    cut, left = list[ExperimentDays](), days
    for place, phase in enumerate(phases):
        length = left if place == len(phases) - 1 else min(phase.days, left)
        if length:
            cut.append(phase.model_copy(update={"days": length}))
        left -= length
    return scenario.model_copy(update={"timeline": (*before, *cut)})


def _refuse(terms: Terms, question: Question) -> None:
    if question.power <= terms.alpha:
        what = f"must be above the experiment's alpha of {terms.alpha:g}, got {question.power:g}"
        raise UserError(what, key="--power")
    least = min(min(shares) for _, shares in terms.sizes)
    fewest = math.ceil(FEWEST / least)
    if question.users is not None and question.users < fewest:
        what = f"must be at least {fewest}, 2 in each arm, got {question.users}"
        raise UserError(what, key="--users")


def _points(question: Question, pilot_users: int) -> PointSpec:
    if question.mde is not None:
        return PointSpec(lifts=(question.mde,))
    if question.users is None and question.days is None:
        return PointSpec(users=pilot_users, lifts=LIFTS)
    return PointSpec(users=question.users or pilot_users, power_at=POWER_AT)
