"""Why users meet, so that they are played together, and why arms are not independent."""

from __future__ import annotations

from collections.abc import Sequence

from abbotify.recommenders.arms import Arm
from abbotify.scenario import Scenario
from abbotify.scenario.timeline import ExperimentDays
from abbotify.simulation.timeline import Schedule


def coupling(schedule: Schedule, arms: Sequence[Arm]) -> str:
    """Why the users of a scenario depend on each other; empty when they do not."""
    scenario = schedule.scenario
    serving = [arm for arm in arms if arm.name in schedule.serving_arms]
    for arm in serving:
        if scenario.service is not None or arm.service is not None:
            where = f"arms.{arm.name}.service" if arm.service is not None else "service"
            return f"requests queue ({where}), so a user's waiting depends on the others"
    for arm in serving:
        if arm.couples:
            return f"{arm.name} may learn from everybody ({arm.couples})"
    return ""


def slowing(schedule: Schedule, arms: Sequence[Arm]) -> str:
    """Which arms alone make users meet, so that they are played together, and what would not."""
    serving = [arm for arm in arms if arm.name in schedule.serving_arms]
    coupled = [arm for arm in serving if arm.couples]
    queues = any(arm.service or schedule.scenario.service for arm in serving)
    if not coupled or queues or not all(arm.batchable for arm in coupled):
        return ""
    names = " and ".join(arm.name for arm in coupled)
    answers = "arm {} answers" if len(coupled) == 1 else "arms {} answer"
    return (
        f"{answers.format(names)} one request at a time, in the order of time and on one worker; "
        "with `recommend_batch` (docs/recommenders.md) users are independent"
    )


def interference(scenario: Scenario, arms: Sequence[Arm]) -> list[str]:
    """Why the arms of the first experiment are not independent of each other, a clause each.

    Args:
        scenario: the description.
        arms: all arms, as built.
    """
    names = scenario.arms_of(scenario.layers[0])
    compared = [arm for arm in arms if arm.name in names]
    learning = [arm.name for arm in compared if not arm.trained]
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
    queues = [arm.name for arm in compared if arm.service is not None]
    if queues:
        reasons.append(
            f"Service: the queue of {', '.join(queues)} serves its share of the users only"
        )
    meeting = [arm.name for arm in compared if arm.couples]
    if meeting:
        reasons.append(
            f"Learning: {', '.join(meeting)} may learn from each answer of everybody it serves, "
            "which is its share of the users only"
        )
    return reasons
