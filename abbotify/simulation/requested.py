"""What a scenario asks of its experiment: metrics to report, guardrails, monitoring by day."""

from __future__ import annotations

from abbotify.metrics.definitions import METRICS, Limits
from abbotify.metrics.exposure_cohorts import MonitoringSpec, watching
from abbotify.scenario import Scenario
from abbotify.simulation.timeline import Schedule
from abbotify.stats.non_inferiority import METRIC, PERCENT, GuardrailSpec


def reported(scenario: Scenario) -> list[str]:
    """The metrics that a report is about."""
    wanted = scenario.metrics.report
    guarded = [rail.metric for rail in scenario.metrics.guardrails]
    shown = list(METRICS) if wanted == "all" else [*scenario.metrics.success, *guarded, *wanted]
    return [name for name in METRICS if name in shown]


def rails(scenario: Scenario) -> tuple[GuardrailSpec, ...]:
    """The guardrails, each with a margin in per cent or in the metric's own units."""
    return tuple(
        GuardrailSpec(rail.metric, rail.margin, PERCENT)
        if rail.margin is not None
        else GuardrailSpec(rail.metric, rail.absolute or 0.0, METRIC)
        for rail in scenario.metrics.guardrails
    )


def monitoring_spec(schedule: Schedule) -> MonitoringSpec | None:
    """What is monitored by day; None where days do not add up to a success metric."""
    scenario = schedule.scenario
    window = scenario.monitoring.window_days
    return watching(scenario.metrics.success, window, schedule.experiment_days)


def limits(scenario: Scenario) -> Limits:
    """Above which shares of errors and fallbacks an arm's experiment is invalid."""
    declared = scenario.layers[0].limits
    return Limits(declared.errors, declared.fallbacks)
