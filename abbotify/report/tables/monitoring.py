"""The effect as it would have been watched, look by look: in words and as rows of ready texts.

Texts here are not escaped: each rendering escapes for its own language.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from abbotify.report.result import Arm, Result
from abbotify.report.result_rows import Look
from abbotify.report.text import numbers
from abbotify.report.text.labels import ADJUSTED, clean, metric, unit, with_unit
from abbotify.stats.effects import CUPED

SPENDING: Final = {"obrien_fleming": "O’Brien and Fleming’s", "pocock": "Pocock’s"}


@dataclass(frozen=True)
class LookLine:
    """One look; `stops` where it would have ended the experiment."""

    day: str
    users: str
    information: str
    effect: str
    interval: str
    critical: str
    valid_interval: str
    valid_p: str
    sample_ratio_p: str
    stops: bool
    note: str


@dataclass(frozen=True)
class Watched:
    """One treatment's looks, and what they come to in a sentence."""

    arm: str
    at: int
    told: str
    stopped: bool
    lines: tuple[LookLine, ...]


def watched(result: Result) -> tuple[Watched, ...]:
    """The looks of each treatment that was watched."""
    return tuple(
        Watched(
            arm=arm.name,
            at=at,
            told=told(result, arm),
            stopped=stop(arm.looks) is not None,
            lines=_lines(result, arm.looks),
        )
        for at, arm in enumerate(result.arms)
        if arm.looks
    )


def stop(looks: tuple[Look, ...]) -> Look | None:
    """The first look that crosses its boundary; None when all went on."""
    return next((look for look in looks if look.significant), None)


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
        f"{metric(watching.metric).label} over {window} of each user,{adjusted} as it stood at the "
        f"end of each day; an error of {watching.alpha:.3g} is spent as {spending} boundary has "
        f"it, up to {numbers.count(watching.planned_users)} users."
    )


def told(result: Result, arm: Arm) -> str:
    """When the experiment would have stopped, and with what."""
    looks = arm.looks or ()
    first, name = stop(looks), clean(arm.name)
    if first is None:
        seen = any(look.critical is not None for look in looks)
        never = "no look crosses its boundary" if seen else "no look could stop yet"
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
        return "; the always-valid interval never leaves zero out"
    return f"; the always-valid interval first leaves zero out on day {first.day}"


def _lines(result: Result, looks: tuple[Look, ...]) -> tuple[LookLine, ...]:
    """The looks as texts; a column is rounded alike in all of them."""
    fixed = numbers.aligned([(look.effect, look.lower, look.upper) for look in looks])
    valid = numbers.aligned([(None, look.valid_lower, look.valid_upper) for look in looks])
    first = stop(looks)
    return tuple(
        _line(look, look is first, result, places)
        for look, *places in zip(looks, fixed, valid, strict=True)
    )


def _line(look: Look, stops: bool, result: Result, places: Sequence[int | None]) -> LookLine:
    shown = numbers.estimate(look.effect, look.lower, look.upper, places=places[0])
    valid = numbers.estimate(None, look.valid_lower, look.valid_upper, places=places[1])
    alpha = result.run.alpha
    return LookLine(
        day=str(look.day),
        users=numbers.count(look.users),
        information=numbers.percent(look.information, 0),
        effect=shown.value,
        interval=numbers.MISSING if look.lower is None else shown.interval,
        critical=numbers.number(look.critical, 2),
        valid_interval=valid.interval,
        valid_p=numbers.p_value(look.valid_p, alpha),
        sample_ratio_p=numbers.p_value(look.sample_ratio_p),
        stops=stops,
        note=clean(look.note),
    )
