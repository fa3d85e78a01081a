"""Two runs side by side: what differs in them, and how far effects and levels move.

Runs with one seed let the same listeners meet the same draws (common random numbers), so they
depend on each other. Where both have the same users in the same arms they are compared user by
user, whatever the seeds; else only runs that are independent get an interval of the difference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from abbotify.errors import UserError
from abbotify.report import Arm, Result
from abbotify.report.text.leading import Numbers, numbers_of
from abbotify.stats import Contrast, Effect, Estimate, difference
from abbotify.stats.means import Bounded, independent
from abbotify.studies.compare.differences import Difference, differing
from abbotify.studies.compare.paired import Overlap, Paired

Basis = Literal["paired", "independent", "none"]


@dataclass(frozen=True)
class Moved:
    """An effect in both runs.

    Attributes:
        arm: the treatment.
        metric: its name.
        estimand: as in the reports.
        a: in the first run; None when it is not there.
        b: in the second.
        relative: B minus A, in points (per cent of the control's mean).
        absolute: B minus A, in the metric's units.
        pairs: users behind it, when it is paired.
    """

    arm: str
    metric: str
    estimand: str
    a: Effect | None
    b: Effect | None
    relative: Contrast
    absolute: Contrast
    pairs: int | None = None


@dataclass(frozen=True)
class Level:
    """A metric's mean in an arm in both runs, and B minus A."""

    arm: str
    metric: str
    a: float | None
    b: float | None
    difference: Contrast
    pairs: int | None = None


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side, A the first one.

    Attributes:
        names: what the runs are called, usually their folders.
        a: the first run's result.
        b: the second's.
        basis: what the intervals of differences rest on.
        why: the same in a sentence.
        differing: keys that differ.
        only_a: arms that only A has.
        only_b: arms that only B has.
        effects: of the treatments that both have.
        levels: of the arms that both have.
    """

    names: tuple[str, str]
    a: Result
    b: Result
    basis: Basis
    why: str
    differing: tuple[Difference, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    effects: tuple[Moved, ...]
    levels: tuple[Level, ...]


def compare(
    a: Result,
    b: Result,
    names: tuple[str, str],
    overlap: Overlap = "unknown",
    paired: Paired | None = None,
) -> Comparison:
    """Two runs side by side.

    Args:
        a: the first.
        b: the second; differences are this one minus the first.
        names: what they are called.
        overlap: how far their users are the same.
        paired: compares them user by user, when they are.

    Raises:
        UserError: they have no arm, or no metric, in common.
    """
    arms = [arm.name for arm in a.arms if arm.name in {other.name for other in b.arms}]
    metrics = set(_metrics(a)) & set(_metrics(b))
    for what, common in (("arm", arms), ("metric", metrics)):
        if not common:
            raise UserError(f"{names[0]} and {names[1]} have no {what} in common")
    basis, why = _basis(a, b, overlap, paired)
    method = _Method(a, b, basis, paired)
    return Comparison(
        names=names,
        a=a,
        b=b,
        basis=basis,
        why=why,
        differing=differing(a, b),
        only_a=tuple(arm.name for arm in a.arms if arm.name not in arms),
        only_b=tuple(arm.name for arm in b.arms if arm.name not in arms),
        effects=tuple(method.effects(arms)),
        levels=tuple(method.levels(arms)),
    )


SHARED_SPLIT: Final = (
    "They share the split, and with it the imbalance of its arms: seeds.split draws another."
)


def _metrics(result: Result) -> Iterator[str]:
    for arm in result.arms:
        yield from arm.metrics or {}
    for effect in result.effects:
        yield effect.metric


def _basis(a: Result, b: Result, overlap: Overlap, paired: Paired | None) -> tuple[Basis, str]:
    """What intervals of differences may rest on, and why."""
    seeds = [result.run.seeds.get("dynamics") for result in (a, b)]
    if paired is not None:
        common = ", and the seeds let them meet the same draws" if seeds[0] == seeds[1] else ""
        same = f"Both runs have the same users in the same arms{common if seeds[0] else ''}"
        shared = "" if seeds[0] == seeds[1] else f" {SHARED_SPLIT}"
        return "paired", f"{same}: they are compared user by user, over the users of both.{shared}"
    if overlap == "disjoint":
        return "independent", "No user is in both runs: they are independent."
    if None in seeds:
        return "none", (
            "Whether the runs are independent is not known, and their users cannot be paired: "
            "differences have no interval."
        )
    if seeds[0] != seeds[1]:
        wide = (
            " Where the listeners are the same, the intervals are rather too wide than too narrow."
        )
        why = "The dynamics seeds differ: the runs are independent"
        if _share_split(a, b):
            why = f"{why} but for what the split does to both. {SHARED_SPLIT}"
        else:
            why += "."
        return "independent", why + (wide if overlap != "unknown" else "")
    lacking = {
        "unknown": "users.parquet is missing from a run folder",
        "partly": "not all users are in both runs in the same arm",
    }.get(overlap, "means are over different populations")
    return "none", (
        "The dynamics seeds are equal, so listeners meet the same draws in both runs (common "
        f"random numbers) and an unpaired interval would be wrong; {lacking}, so they cannot be "
        "paired: differences have no interval."
    )


def _share_split(a: Result, b: Result) -> bool:
    """Whether users of the same ids are in the same arms of both runs."""
    salts = [str(run.seeds.get("split", run.experiment)) for run in (a.run, b.run)]
    arms = [[(arm.label, arm.name, arm.weight) for arm in result.arms] for result in (a, b)]
    return salts[0] == salts[1] and arms[0] == arms[1]


@dataclass(frozen=True)
class _Method:
    a: Result
    b: Result
    basis: Basis
    paired: Paired | None

    def effects(self, arms: list[str]) -> Iterator[Moved]:
        first = {(e.arm, e.metric, e.estimand): e for e in self.a.effects if e.arm in arms}
        second = {(e.arm, e.metric, e.estimand): e for e in self.b.effects if e.arm in arms}
        for key in dict.fromkeys([*first, *second]):
            yield self._moved(key, first.get(key), second.get(key))

    def levels(self, arms: list[str]) -> Iterator[Level]:
        first, second = ({arm.name: arm for arm in run.arms} for run in (self.a, self.b))
        for name in arms:
            known = dict.fromkeys([*(first[name].metrics or {}), *(second[name].metrics or {})])
            for metric in known:
                yield self._level(metric, first[name], second[name])

    def _moved(self, key: tuple[str, str, str], a: Effect | None, b: Effect | None) -> Moved:
        if a is None or b is None:
            nothing = Contrast(None, note=f"only in {'B' if a is None else 'A'}")
            return Moved(*key, a, b, nothing, nothing)
        if self.paired is not None:
            controls = (self.a.control.name, self.b.control.name)
            contrasts = self.paired.effect(key, controls, self.a.run.alpha)
            if contrasts is not None:
                relative, absolute, pairs = contrasts
                return Moved(*key, a, b, _bounded(relative, a, b), absolute, pairs)
        relative, absolute = (
            self._apart(numbers_of(a, relative=each), numbers_of(b, relative=each))
            for each in (True, False)
        )
        return Moved(*key, a, b, relative, absolute)

    def _apart(self, a: Numbers, b: Numbers) -> Contrast:
        """B minus A from what the results say."""
        if a[0] is None or b[0] is None:
            return Contrast(None, note="undefined in a run")
        known = [value for value in (*a, *b) if value is not None]
        note = self._no_interval(complete=len(known) == 6)
        if note:
            return Contrast(b[0] - a[0], note=note)
        return independent(Bounded(*known[:3]), Bounded(*known[3:]), self.a.run.alpha)

    def _no_interval(self, complete: bool) -> str:
        """Why a difference has no interval; empty when it has."""
        if self.basis == "paired":
            return "not compared user by user"
        if self.basis == "none":
            return "the runs are not independent"
        if self.a.run.alpha != self.b.run.alpha:
            return "the runs' intervals have different levels"
        return "" if complete else "a run has no interval"

    def _level(self, metric: str, a: Arm, b: Arm) -> Level:
        first, second = _estimate(a, metric), _estimate(b, metric)
        means, alpha = (first.value, second.value), self.a.run.alpha
        if self.paired is not None and None not in means:
            paired = self.paired.level(a.name, metric, alpha)
            if paired is not None:
                return Level(a.name, metric, *means, *paired)
        if self.basis == "independent":
            contrast = difference(first, second, alpha)
        elif first.value is None or second.value is None:
            contrast = Contrast(None, note="undefined in a run")
        else:
            note = self._no_interval(complete=True)
            contrast = Contrast(second.value - first.value, note=note)
        return Level(a.name, metric, *means, contrast)


def _estimate(arm: Arm, metric: str) -> Estimate:
    moments = (arm.metrics or {}).get(metric)
    if moments is None or moments.mean is None:
        return Estimate(0, None, None, "undefined in a run")
    if moments.variance is None or moments.n < 2:
        return Estimate(moments.n, moments.mean, None, "no variance")
    return Estimate(moments.n, moments.mean, moments.variance / moments.n)


def _bounded(relative: Contrast, a: Effect, b: Effect) -> Contrast:
    """The difference of two lifts, without an interval where one of the lifts has none.

    The delta method knows nothing of a control that is not distinct from 0.
    """
    if None in (a.relative_lower, b.relative_lower) and relative.lower is not None:
        return Contrast(relative.effect, note="a run has no relative interval")
    return relative
