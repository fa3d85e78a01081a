"""Why the users of a scenario meet, so that they are played together and not one by one."""

from __future__ import annotations

from abbotify.recommenders import Arm
from abbotify.scenario import Scenario
from abbotify.simulation import timeline


def coupling(scenario: Scenario, arms: tuple[Arm, ...]) -> str:
    """Why the users of a scenario depend on each other; empty when they do not."""
    serving = timeline.serving_arms(scenario)
    for arm in arms:
        if arm.name in serving and (scenario.service is not None or arm.service is not None):
            where = f"arms.{arm.name}.service" if arm.service is not None else "service"
            return f"requests queue ({where}), so a user's waiting depends on the others"
    for arm in arms:
        if arm.name in serving and arm.couples:
            return f"{arm.name} may learn from everybody ({arm.couples})"
    return ""


def slowing(scenario: Scenario, arms: tuple[Arm, ...]) -> str:
    """Which arms alone keep the compiled engine from a scenario, and what would change that."""
    serving = timeline.serving_arms(scenario)
    coupled = [arm for arm in arms if arm.name in serving and arm.couples]
    queues = any(arm.service or scenario.service for arm in arms if arm.name in serving)
    if not coupled or queues or not all(arm.batchable for arm in coupled):
        return ""
    names = " and ".join(arm.name for arm in coupled)
    answers = "arm {} answers" if len(coupled) == 1 else "arms {} answer"
    return (
        f"{answers.format(names)} one request at a time, so the event-driven engine plays; "
        "add `recommend_batch` (docs/recommenders.md) to use the compiled one"
    )
