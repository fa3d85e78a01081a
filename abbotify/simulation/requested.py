"""What a scenario asks of its experiment: metrics to report, guardrails, what is watched by day."""

from __future__ import annotations

from collections.abc import Sequence

from abbotify.metrics.definitions import METRICS
from abbotify.metrics.exposure_cohorts import MonitoringSpec, watching
from abbotify.metrics.session_totals import Limits
from abbotify.recommenders import Arm
from abbotify.scenario import Scenario
from abbotify.scenario.timeline import ExperimentDays
from abbotify.simulation import timeline
from abbotify.stats.non_inferiority import METRIC, PERCENT, GuardrailSpec


def reported(scenario: Scenario) -> list[str]:
    """The metrics that a report is about."""
    wanted = scenario.metrics.report
    guarded = [rail.metric for rail in scenario.metrics.guardrails]
    shown = list(METRICS) if wanted == "all" else [*scenario.metrics.success, *guarded, *wanted]
    return [name for name in METRICS if name in shown]


def rails(scenario: Scenario) -> tuple[GuardrailSpec, ...]:
    """What the scenario guards, each with a margin in per cent or in the metric's own units."""
    return tuple(
        GuardrailSpec(told.metric, told.margin, PERCENT)
        if told.margin is not None
        else GuardrailSpec(told.metric, told.absolute or 0.0, METRIC)
        for told in scenario.metrics.guardrails
    )


def monitoring_spec(scenario: Scenario) -> MonitoringSpec | None:
    """What is watched day by day; None where days do not add up to a success metric."""
    settings, days = scenario.monitoring, timeline.experiment_days(scenario)
    return watching(scenario.metrics.success, settings.window_days, days)


def limits(scenario: Scenario) -> Limits:
    """Above which shares of errors and fallbacks an arm's experiment is invalid."""
    declared = scenario.layers[0].limits
    return Limits(declared.errors, declared.fallbacks)


def interference(scenario: Scenario, arms: Sequence[Arm]) -> list[str]:
    """Why the arms of the first experiment are not independent of each other, a clause each.

    Args:
        scenario: the description.
        arms: all arms, as built.
    """
    names = scenario.arms_of(scenario.layers[0])
    own = [arm for arm in arms if arm.name in names]
    learning = [arm.name for arm in own if not arm.trained]
    pooled = any(
        isinstance(phase, ExperimentDays) and phase.retraining == "pooled"
        for phase in scenario.timeline
    )
    reasons = []
    if learning and pooled:
        reasons.append(
            f"Training: {', '.join(learning)} learn from the days of all arms (training: pooled); "
            "training: own keeps their data apart"
        )
    if scenario.service is not None:
        reasons.append("Service: requests of all arms wait in one queue (service)")
    queues = [arm.name for arm in own if arm.service is not None]
    if queues:
        reasons.append(
            f"Service: the queue of {', '.join(queues)} serves its share of the users only"
        )
    meeting = [arm.name for arm in own if arm.couples]
    if meeting:
        reasons.append(
            f"Learning: {', '.join(meeting)} may learn from each answer of everybody it serves, "
            "which is its share of the users only"
        )
    return reasons
