"""Which worlds tell the true effects of an experiment, and what is trained in each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import NO_ARM
from abbotify.scenario import Scenario
from abbotify.scenario.timeline import ExperimentDays
from abbotify.simulation import timeline
from abbotify.simulation.assignment import hashes, layers
from abbotify.world.base import IntArray

POOLED: Final = "equal-data is the same: pooled training has everybody's sessions in any case"


@dataclass(frozen=True)
class CounterfactualWorld:
    """A world in which everybody whom the first experiment has admitted is under one arm.

    Attributes:
        arm: of the first experiment.
        equal_data: trainings with `own` see as many of the experiment's users as are in the arm
            in the run, chosen by a hash of their ids; else all of them.
        learning: arms that serve there and are trained anew on days of the experiment.
    """

    arm: str
    equal_data: bool
    learning: tuple[str, ...]


def alternatives(
    scenario: Scenario, ids: IntArray, learning: Sequence[str]
) -> tuple[CounterfactualWorld, ...]:
    """The worlds to be played for the truth: one for each arm, and those of equal data.

    Those are needed where arms learn from their own sessions, of which everybody under one arm
    gives them more. An arm that does not learn has one world.

    Args:
        scenario: the description.
        ids: int64 ids of all users.
        learning: names of the arms that learn.
    """
    total = tuple(
        CounterfactualWorld(arm, False, tuple(name for name in learning if name in served))
        for arm in layers(scenario)[0].arms
        for served in (serving(scenario, ids, arm) if retrainings(scenario) else (),)
    )
    if "own" not in retrainings(scenario):
        return total
    return (*total, *(CounterfactualWorld(w.arm, True, w.learning) for w in total if w.learning))


def describe_worlds(
    scenario: Scenario, ids: IntArray, learning: Sequence[str], coupled: bool
) -> list[str]:
    """What the truth takes, as lines of text: more runs of days, more trainings.

    Args:
        scenario: the description.
        ids: int64 ids of all users.
        learning: names of the arms that learn.
        coupled: users meet, so that all days are played again.
    """
    worlds = alternatives(scenario, ids, learning)
    equal = sum(world.equal_data for world in worlds)
    again = len(retrainings(scenario)) * sum(len(world.learning) for world in worlds)
    days = scenario.days if coupled else len(timeline.experiment_days(scenario))
    what = "all days, since users meet" if coupled else "the experiment's days"
    twice = f", {equal} of them again with equal data" if equal else ""
    lines = [
        f"Truth     {len(worlds)} more runs of {what} ({days}): "
        f"everybody under each of {len(worlds) - equal} arms{twice}",
        f"          {again} more trainings.",
    ]
    if again and not equal:
        lines.append(f"          {POOLED[0].upper()}{POOLED[1:]}.")
    return lines


def retrainings(scenario: Scenario) -> list[str]:
    """What the models of each day of the experiment but the first are trained on, day by day."""
    phases = [day.phase for day in timeline.calendar(scenario)]
    days = [phase for phase in phases if isinstance(phase, ExperimentDays)][1:]
    return [phase.retraining for phase in days if phase.retraining is not None]


def serving(scenario: Scenario, ids: IntArray, arm: str) -> frozenset[str]:
    """The arms that serve somebody on a day of the experiment when everybody is under one."""
    names, places = list(scenario.arms), set[int]()
    for day in timeline.calendar(scenario)[timeline.experiment_days(scenario).start :]:
        places.update(np.unique(timeline.plan_day(scenario, day, ids, arm).serving).tolist())
    return frozenset(names[place] for place in places)


def subsample(scenario: Scenario, ids: IntArray, arm: str) -> npt.NDArray[np.bool_]:
    """As many users of the first experiment as are in an arm, whatever arm they are in.

    Args:
        scenario: the description.
        ids: int64 ids of all users.
        arm: of the first experiment.

    Returns:
        bool (users,): those whose ids have the least hashes under a salt of its own.
    """
    layer = layers(scenario)[0]
    codes = layer.codes(ids, len(layer.traffic) - 1)
    wanted = int(np.count_nonzero(codes == layer.arms.index(arm)))
    order = np.lexsort((ids, hashes(ids, f"{layer.salt}:truth")))
    chosen = np.zeros(len(ids), np.bool_)
    chosen[order[codes[order] != NO_ARM][:wanted]] = True
    return chosen
