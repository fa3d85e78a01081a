"""Interim looks: when a treatment would have stopped, in a sentence and look by look."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from abbotify.report.result import Arm, Result
from abbotify.report.result_rows import Look
from abbotify.report.table import Cell, Column, Row, Table
from abbotify.report.text import numbers
from abbotify.report.text.labels import ADJUSTED, clean, metric, unit, with_unit
from abbotify.stats.effects import CUPED

SPENDING: Final = {"obrien_fleming": "O’Brien and Fleming’s", "pocock": "Pocock’s"}


def looks(result: Result, at: int, *, brief: bool = False) -> Table | None:
    """The looks at the arm at a place; None when there was none.

    Args:
        result: what is reported.
        at: the arm's place.
        brief: the look that stops and the last one alone.
    """
    arm = result.arms[at]
    if not arm.looks:
        return None
    heads = ("Stops at |z|", "Always valid", "p, always valid", "p, sample ratio")
    columns = (
        *(Column(head, number=True) for head in ("Day", "Users", "Information")),
        Column(f"Effect{watched_unit(result)}", number=True),
        *(Column(head, number=True) for head in heads),
        Column("Decision"),
    )
    shown = (stop(arm.looks), arm.looks[-1]) if brief else arm.looks
    rows = [
        row
        for look, row in zip(arm.looks, _rows(result, arm.looks), strict=True)
        if any(look is each for each in shown)
    ]
    return Table(f"Interim looks at {clean(arm.name)}", columns, tuple(rows), "looks")


def stop_sentences(result: Result) -> tuple[str, ...]:
    """When each treatment would have stopped, in a sentence."""
    return tuple(stop_sentence(result, arm) for arm in result.arms if arm.looks)


def stop(looks: Sequence[Look]) -> Look | None:
    """The first look that crosses its boundary; None when all went on."""
    return next((look for look in looks if look.significant), None)


def stops(result: Result) -> bool:
    """Whether any look crosses its boundary."""
    return any(stop(arm.looks or ()) for arm in result.arms)


def valid_from(looks: tuple[Look, ...]) -> Look | None:
    """The first look whose always-valid interval leaves zero out; None when none does."""
    return next((look for look in looks if _leaves_zero_out(look)), None)


def _leaves_zero_out(look: Look) -> bool:
    lower, upper = look.valid_lower, look.valid_upper
    return lower is not None and upper is not None and (lower > 0 or upper < 0)


def setting(result: Result) -> str:
    """What is watched and how the error is spent, in a sentence; empty without looks."""
    watching = result.monitored
    if watching is None:
        return ""
    days = watching.window_days
    window = "the first day" if days == 1 else f"the first {days} days"
    spending = SPENDING.get(watching.spending, clean(watching.spending))
    adjusted = f" {ADJUSTED}," if watching.estimand == CUPED else ""
    return (
        f"{metric(watching.metric).label} over {window} of each user,{adjusted} cumulative at the "
        f"end of each day; alpha {watching.alpha:.3g} is spent by {spending} function, planned "
        f"for {numbers.count(watching.planned_users)} users."
    )


def stop_sentence(result: Result, arm: Arm) -> str:
    """When the experiment would have stopped, and with what."""
    looks = arm.looks or ()
    first, name = stop(looks), clean(arm.name)
    if first is None:
        seen = any(look.critical is not None for look in looks)
        never = "no look crosses its boundary" if seen else "no look was allowed to stop"
        return f"{name}: {never}, so it runs to the end{_valid(looks)}."
    return (
        f"{name} would have stopped at the end of day {first.day}, {_for(result, first)}, with "
        f"{_size(first)}: {_effect(result, first)}{_valid(looks)}."
    )


def without_bar(result: Result) -> str:
    """The days whose look has no bar, and why, in sentences; empty where all have one."""
    days: dict[str, set[int]] = {}
    for arm in result.arms:
        for look in arm.looks or ():
            if look.lower is None or look.upper is None:
                days.setdefault(clean(look.note) or "the look may not stop", set()).add(look.day)
    parts = [f"day {numbers.days(sorted(each))}: {why}" for why, each in days.items()]
    return f"No bar on {'; '.join(parts)}." if parts else ""


def watched_metric(result: Result) -> str:
    """The metric of the looks."""
    return result.monitored.metric if result.monitored is not None else ""


def watched_unit(result: Result) -> str:
    """The unit of the looks, to stand in a table's head."""
    return with_unit("", watched_metric(result))


def _for(result: Result, look: Look) -> str:
    """For the better or the worse; where neither direction is better, which one it is."""
    up = (look.effect or 0.0) > 0
    better = metric(watched_metric(result)).direction
    if better is None:
        return "higher" if up else "lower"
    return "for the better" if up == (better == "higher") else "for the worse"


def _size(look: Look) -> str:
    users = f"{numbers.count(look.users)} users"
    if look.information is None:
        return users
    return f"{users} and {numbers.percent(look.information, 0)} of the planned information"


def _effect(result: Result, look: Look) -> str:
    shown = numbers.estimate(look.effect, look.lower, look.upper)
    name = watched_metric(result)
    return f"{metric(name).label.lower()} {shown.value}{unit(name)} {shown.interval}"


def _valid(looks: tuple[Look, ...]) -> str:
    if not any(look.valid_lower is not None for look in looks):
        return ""
    first = valid_from(looks)
    if first is None:
        return "; the always-valid interval always contains zero"
    return f"; the always-valid interval first excludes zero on day {first.day}"


def _rows(result: Result, looks: tuple[Look, ...]) -> Iterator[Row]:
    """The looks as rows; a column is rounded alike in all of them."""
    fixed = numbers.aligned([(look.effect, look.lower, look.upper) for look in looks])
    valid = numbers.aligned([(None, look.valid_lower, look.valid_upper) for look in looks])
    for look, own, own_valid in zip(looks, fixed, valid, strict=True):
        shown = numbers.estimate(look.effect, look.lower, look.upper, places=own)
        always = numbers.estimate(None, look.valid_lower, look.valid_upper, places=own_valid)
        stops = look is stop(looks)
        cells = (
            Cell(str(look.day)),
            Cell(numbers.count(look.users)),
            Cell(numbers.percent(look.information, 0)),
            Cell(shown.value, "" if look.lower is None else shown.second_line),
            Cell(numbers.number(look.critical, 2)),
            Cell(always.interval),
            Cell(numbers.p_value(look.valid_p, result.run.alpha)),
            Cell(numbers.p_value(look.sample_ratio_p)),
            Cell("stop", tone="good") if stops else Cell(clean(look.note) or "continue"),
        )
        yield Row(cells, "stops" if stops else "")
