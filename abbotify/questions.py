"""What a scenario asks of its experiment: metrics to report, guardrails, what is watched by day."""

from __future__ import annotations

from abbotify import timeline
from abbotify.metrics.definitions import METRICS
from abbotify.report.attendance import Watching, watching
from abbotify.report.rails import METRIC, PERCENT, Rail
from abbotify.scenario import Scenario


def reported(scenario: Scenario) -> list[str]:
    """The metrics that a report is about."""
    wanted = scenario.metrics.report
    guarded = [rail.metric for rail in scenario.metrics.guardrails]
    shown = list(METRICS) if wanted == "all" else [*scenario.metrics.success, *guarded, *wanted]
    return [name for name in METRICS if name in shown]


def rails(scenario: Scenario) -> tuple[Rail, ...]:
    """What the scenario guards, each with a margin in per cent or in the metric's own units."""
    return tuple(
        Rail(told.metric, told.margin, PERCENT)
        if told.margin is not None
        else Rail(told.metric, told.absolute or 0.0, METRIC)
        for told in scenario.metrics.guardrails
    )


def watched_in(scenario: Scenario) -> Watching | None:
    """What is watched day by day; None where days do not add up to a success metric."""
    settings, days = scenario.monitoring, timeline.experiment_days(scenario)
    return watching(scenario.metrics.success, settings.window_days, days)
