"""What is heard by position, and how arms were trained, as rows of ready texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from abbotify.report.charts import training as learning
from abbotify.report.result import Result
from abbotify.report.tables.arms import Grid
from abbotify.report.text import numbers

_STEPS: Final = (1, 2, 3, 5, 10, 20)


_MOST_PLACES: Final = 8


@dataclass(frozen=True)
class TrainingLine:
    """The last training of an arm as texts; `at` is the arm's place among all arms."""

    arm: str
    at: int
    trainings: str
    day: str
    plays: str
    passes: str
    first: str
    last: str
    best: str
    digest: str


def positions(result: Result) -> Grid:
    """Mean listened fraction in every arm at some steps of the session."""
    means = [
        {each.step: numbers.percent(each.mean) for each in arm.by_position or ()}
        for arm in result.arms
    ]
    rows = [
        (str(step), tuple(known.get(step, numbers.MISSING) for known in means), False)
        for step in _STEPS
        if any(step in known for known in means)
    ]
    return Grid(tuple((at, arm.name) for at, arm in enumerate(result.arms)), tuple(rows))


def trainings(result: Result) -> tuple[TrainingLine, ...]:
    """A line for each arm that learns."""
    found = []
    places = _places(result)
    for at, arm in enumerate(result.arms):
        if not arm.trainings:
            continue
        last = arm.trainings[-1]
        curve, best = last.curve, last.best
        line = TrainingLine(
            arm=arm.name,
            at=at,
            trainings=numbers.count(len(arm.trainings)),
            day=str(last.day),
            plays=numbers.count(last.plays),
            passes=numbers.count(len(curve)) if curve else numbers.MISSING,
            first=numbers.number(curve[0].loss if curve else None, places),
            last=numbers.number(curve[-1].loss if curve else None, places),
            best=(
                f"{numbers.number(best.validation, places)} (pass {best.number})"
                if best
                else numbers.MISSING
            ),
            digest=last.digest,
        )
        found.append(line)
    return tuple(found)


def reading(result: Result) -> str:
    """How to read the chart of trainings, in sentences; empty when there is none."""
    drawn = learning.curves(result)
    if not drawn:
        return ""
    held = any(trainings[-1].best is not None for _, trainings in drawn)
    told = ["Loss by pass of the last training of each arm that learns."]
    if held:
        told.append(
            "Thin: over what it was trained on; thick: over what was held out, marked where it is "
            "least."
        )
    if any(len(trainings) > 1 for _, trainings in drawn):
        told.append(f"Faint: earlier trainings{', over what was held out' if held else ''}.")
    if learning.logarithmic(result):
        told.append("The scale is logarithmic.")
    if len(drawn) > 1:
        told.append("Learners of different kinds have different losses, not to be compared.")
    return " ".join(told)


def _places(result: Result) -> int:
    """Decimals of all losses: four significant digits of the least, within reason."""
    losses = [
        abs(each)
        for arm in result.arms
        for training in (arm.trainings or ())[-1:]
        for epoch in training.curve
        for each in (epoch.loss, epoch.validation)
        if each
    ]
    return min(numbers.decimals(min(losses, default=0.0)) + 2, _MOST_PLACES)
