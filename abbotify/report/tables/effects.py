"""The effects as rows of ready texts: what decides, what is explored, and other estimates.

Texts here are not escaped: each rendering escapes for its own language.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby

from abbotify.report.decision import decisive, direction, success_metrics
from abbotify.report.result import Result
from abbotify.report.text import leading, numbers
from abbotify.report.text.labels import clean, estimand, metric, unit
from abbotify.stats import Effect
from abbotify.stats.effects import MEAN


@dataclass(frozen=True)
class EffectLine:
    """One effect as texts; `tone` is good, bad, calm (changed) or empty when not significant."""

    arm: str
    at: int
    estimand: str
    users: str
    control: str
    treatment: str
    difference: str
    difference_interval: str
    relative: str
    relative_interval: str
    fieller_interval: str
    naive_interval: str
    p: str
    p_adjusted: str
    simultaneous_interval: str
    p_simultaneous: str
    reduction: str
    tone: str
    word: str
    note: str

    @property
    def apart(self) -> bool:
        """Whether the difference leads, since there is no relative interval to show."""
        none = numbers.MISSING
        return self.relative_interval == none and self.difference_interval != none


@dataclass(frozen=True)
class EffectGroup:
    """The effects on one metric by one estimand, a line for each treatment."""

    metric: str
    unit: str
    meaning: str
    estimand: str
    lines: tuple[EffectLine, ...]

    @property
    def naive(self) -> bool:
        """Whether any line has a naive interval."""
        return any(line.naive_interval != numbers.MISSING for line in self.lines)

    @property
    def reduced(self) -> bool:
        """Whether any line tells what an adjustment removed."""
        return any(line.reduction != numbers.MISSING for line in self.lines)

    @property
    def simultaneous(self) -> bool:
        """Whether any line holds for all treatments at once."""
        return any(line.simultaneous_interval != numbers.MISSING for line in self.lines)


def deciding_groups(result: Result) -> tuple[EffectGroup, ...]:
    """The success metrics' effects, by the estimand that decides; what adjusting did is noted."""
    groups = _groups(result, decisive(result))
    return tuple(replace(group, lines=tuple(map(_with_reduction, group.lines))) for group in groups)


def _with_reduction(line: EffectLine) -> EffectLine:
    if line.reduction == numbers.MISSING:
        return line
    removed = f"{line.reduction} of the variance removed by CUPED"
    return replace(line, note="; ".join(filter(None, (line.note, removed))))


def exploratory_groups(result: Result) -> tuple[EffectGroup, ...]:
    """The other metrics' effects, each by its main estimand."""
    return _groups(result, _main(result))


def further_groups(result: Result, *, deciding: bool) -> tuple[EffectGroup, ...]:
    """Other estimates of the same effects, of metrics that decide or of those that do not."""
    names = success_metrics(result)
    shown = (*decisive(result), *_main(result))
    rest = [
        row
        for row in result.effects
        if (row.metric in names) is deciding and not any(row is each for each in shown)
    ]
    order = {name: place for place, name in enumerate((*names, *(row.metric for row in rest)))}
    kinds = list(dict.fromkeys(row.estimand for row in result.effects))
    rest.sort(key=lambda row: (order[row.metric], kinds.index(row.estimand)))
    return _groups(result, rest)


def _main(result: Result) -> tuple[Effect, ...]:
    """One row of each metric that does not decide and each treatment: the mean, if there is one."""
    names = success_metrics(result)
    chosen: dict[tuple[str, str], Effect] = {}
    for row in result.effects:
        key = (row.metric, row.arm)
        if row.metric not in names and (key not in chosen or row.estimand == MEAN):
            chosen[key] = row
    order = list(dict.fromkeys(row.metric for row in chosen.values()))
    return tuple(sorted(chosen.values(), key=lambda row: order.index(row.metric)))


def _groups(result: Result, rows: Iterable[Effect]) -> tuple[EffectGroup, ...]:
    at = result.places
    alpha = result.run.alpha
    shown = list(rows)
    places = iter(numbers.aligned([leading.relative(row) for row in shown]))
    found = []
    for (name, kind), same in groupby(shown, key=lambda row: (row.metric, row.estimand)):
        members = list(same)
        apart = numbers.aligned([(row.effect, row.lower, row.upper) for row in members])
        lines = tuple(
            _line(row, at[row.arm], alpha, (next(places), own))
            for row, own in zip(members, apart, strict=True)
        )
        about = metric(name)
        found.append(EffectGroup(about.label, about.unit, about.meaning, estimand(kind), lines))
    return tuple(found)


def _line(row: Effect, at: int, alpha: float, places: tuple[int | None, int | None]) -> EffectLine:
    """A row's texts, its relative effect and its difference rounded to `places`."""
    difference = numbers.estimate(row.effect, row.lower, row.upper, places=places[1])
    together = numbers.estimate(None, row.simultaneous_lower, row.simultaneous_upper)
    relative = numbers.estimate(*leading.relative(row), unit="%", places=places[0])
    fieller = numbers.estimate(None, row.relative_lower, row.relative_upper, unit="%")
    naive = numbers.estimate(None, row.naive_lower, row.naive_upper, unit="%")
    good = direction(row)
    return EffectLine(
        arm=row.arm,
        at=at,
        estimand=estimand(row.estimand),
        users=f"{numbers.count(row.n_treatment)} / {numbers.count(row.n_control)}",
        control=numbers.number(row.control_mean, difference.places),
        treatment=numbers.number(row.treatment_mean, difference.places),
        difference=difference.value + ("" if row.effect is None else unit(row.metric)),
        difference_interval=difference.interval,
        relative=relative.value,
        relative_interval=relative.interval,
        fieller_interval=fieller.interval,
        naive_interval=naive.interval,
        p=numbers.p_value(row.p_value, alpha),
        p_adjusted=numbers.p_value(row.p_adjusted, alpha),
        simultaneous_interval=together.interval,
        p_simultaneous=numbers.p_value(row.p_simultaneous, alpha),
        reduction=numbers.percent(row.variance_reduction, 0),
        tone={1: "good", -1: "bad", 0: "calm" if row.significant else ""}[good],
        word=_word(row, good),
        note=leading.noted(row, clean(row.note or "")),
    )


def _word(row: Effect, good: int) -> str:
    """The result in a word; empty when there was no test."""
    if row.significant is None:
        return ""
    return {1: "better", -1: "worse", 0: "changed" if row.significant else "not significant"}[good]
