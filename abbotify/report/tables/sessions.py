"""What the arms did: listening by position, users who return, and trainings."""

from __future__ import annotations

from typing import Final

from abbotify.report.charts.sessions import curves, logarithmic
from abbotify.report.result import Arm, Result
from abbotify.report.table import Cell, Column, Row, Table, by_arm
from abbotify.report.text import numbers
from abbotify.report.text.labels import clean, metric, shortened

_STEPS: Final = (1, 2, 3, 5, 10, 20)
_MOST_DAYS: Final = 14
_MOST_PLACES: Final = 8


def positions(result: Result) -> Table | None:
    """Mean listened fraction in every arm at some steps of the session."""
    means = [
        {each.step: numbers.percent(each.mean) for each in arm.by_position or ()}
        for arm in result.arms
    ]
    rows = [
        (str(step), [known.get(step, numbers.MISSING) for known in means])
        for step in _STEPS
        if any(step in known for known in means)
    ]
    caption = "Mean listened fraction by position in the session"
    return by_arm(caption, "Position", (arm.name for arm in result.arms), rows)


def returned(result: Result) -> Table | None:
    """Share of users who have returned by a day, and who are active on it."""
    known = [arm.retention for arm in result.arms]
    days = sorted({day for each in known if each is not None for day in each.days})
    step = -(-len(days) // _MOST_DAYS) or 1
    rows = []
    for title, field in (("Returned by day", "returned"), ("Active on day", "active")):
        for day in days[::step]:
            cells = [
                numbers.MISSING
                if each is None or day not in each.days
                else numbers.percent(getattr(each, field)[each.days.index(day)])
                for each in known
            ]
            rows.append((f"{title} {day}", cells))
    caption = "Share of users who have returned, and who are active, by day since the first session"
    return by_arm(caption, "Day", (arm.name for arm in result.arms), rows)


def trend_sentences(result: Result) -> tuple[str, ...]:
    """A sentence for each treatment whose effect was followed by days since exposure."""
    return tuple(_trend(result, arm) for arm in result.arms if arm.trend is not None)


def trend_metric(result: Result) -> str:
    """The label of the metric that was followed."""
    names = [arm.trend.metric for arm in result.arms if arm.trend is not None]
    return metric(names[0]).label if names else ""


def _trend(result: Result, arm: Arm) -> str:
    trend, name = arm.trend, clean(arm.name)
    if trend is None or trend.p_value is None or trend.slope is None:
        why = clean(trend.note) if trend is not None and trend.note else "undefined"
        return f"{name}: no test of whether the effect fades ({why})."
    shown = numbers.estimate(trend.slope, trend.lower, trend.upper, unit="%")
    p = numbers.p_equals(trend.p_value, result.run.alpha)
    evidence = f"{shown.value} a day {shown.interval}, {p}, {numbers.count(trend.users)} users"
    if trend.fading:
        return f"{name}: the effect fades ({evidence})."
    if trend.p_value < result.run.alpha:
        return f"{name}: the effect grows over time ({evidence})."
    return f"{name}: no significant trend ({evidence})."


def trainings(result: Result) -> Table | None:
    """The last training of each arm that learns."""
    places = _places(result)
    rows = tuple(
        _training_row(at, arm, places) for at, arm in enumerate(result.arms) if arm.trainings
    )
    heads = ("Trainings", "Day", "Plays", "Epochs", "First loss", "Last loss", "Best held-out loss")
    columns = (
        Column("Arm"),
        *(Column(head, number=True) for head in heads),
        Column("Model", code=True),
    )
    return Table("Last training of each arm that learns", columns, rows) if rows else None


def _training_row(at: int, arm: Arm, places: int) -> Row:
    trainings = arm.trainings or ()
    last = trainings[-1]
    curve, best = last.curve, last.best
    texts = (
        numbers.count(len(trainings)),
        str(last.day),
        numbers.count(last.plays),
        numbers.count(len(curve)) if curve else numbers.MISSING,
        numbers.number(curve[0].loss if curve else None, places),
        numbers.number(curve[-1].loss if curve else None, places),
    )
    least = numbers.number(best.validation if best else None, places)
    under = f"epoch {best.number}" if best else ""
    digest = shortened(last.digest, 24)
    return Row((Cell(arm.name, arm=at), *map(Cell, texts), Cell(least, under), Cell(digest)))


def reading(result: Result) -> str:
    """How to read the chart of trainings, in sentences; empty when there is none."""
    drawn = curves(result)
    if not drawn:
        return ""
    held_out = any(trainings[-1].best is not None for _, trainings in drawn)
    parts = ["Loss by epoch of the last training of each arm that learns."]
    if held_out:
        parts.append("Thin: training loss. Thick: held-out loss, marked at its minimum.")
    if any(len(trainings) > 1 for _, trainings in drawn):
        parts.append(f"Faint: earlier trainings{' (held-out loss)' if held_out else ''}.")
    if logarithmic(result):
        parts.append("Logarithmic scale.")
    if len(drawn) > 1:
        parts.append("Losses of different kinds of learners are not comparable.")
    return " ".join(parts)


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
