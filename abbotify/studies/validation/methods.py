"""What the program's methods say of an experiment, each by the function that reports use."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from abbotify import stats
from abbotify.report.rails import Rail, guard
from abbotify.stats import Moments
from abbotify.stats.contrast import Estimate
from abbotify.stats.effects import MEAN, RATIO
from abbotify.stats.guardrails import NON_INFERIOR

GUARDRAIL: Final = "guardrail"
HOLM: Final = "holm"
MAX_Z: Final = "max_z"
SRM: Final = "srm"
UNCORRECTED: Final = "uncorrected"
TRACKS: Final = "tracks_as_independent"
SESSIONS: Final = "sessions_as_independent"
LOOKS_FIXED: Final = "looks_fixed"
LOOKS_SEQUENTIAL: Final = "looks_group_sequential"
LOOKS_VALID: Final = "looks_always_valid"


class Method(NamedTuple):
    """How a method looks at a metric.

    Attributes:
        estimand: of the metric.
        relative: it speaks of per cent of the control.
        adjusted: for the days before the experiment.
        promised: it is to keep its level; else it is here to be compared.
        looks: it looks again and again; only false positives are counted.
        at_most: its level is a bound.
    """

    estimand: str
    relative: bool = False
    adjusted: bool = False
    promised: bool = True
    looks: bool = False
    at_most: bool = False


METHODS: Final[Mapping[str, Method]] = {
    "welch": Method(MEAN),
    "fieller": Method(MEAN, relative=True),
    "naive_relative": Method(MEAN, relative=True, promised=False),
    "cuped": Method(MEAN, adjusted=True),
    "cuped_fieller": Method(MEAN, relative=True, adjusted=True),
    "delta": Method(RATIO),
    "delta_fieller": Method(RATIO, relative=True),
    "ratio_cuped": Method(RATIO, adjusted=True),
    "ratio_cuped_fieller": Method(RATIO, relative=True, adjusted=True),
    TRACKS: Method(RATIO, promised=False),
    SESSIONS: Method(RATIO, promised=False),
    HOLM: Method(MEAN),
    MAX_Z: Method(MEAN),
    GUARDRAIL: Method(MEAN),
    LOOKS_FIXED: Method(MEAN, promised=False, looks=True),
    LOOKS_SEQUENTIAL: Method(MEAN, looks=True),
    LOOKS_VALID: Method(MEAN, looks=True, at_most=True),
}

_NAMES: Final = {MEAN: ("welch", "fieller"), RATIO: ("delta", "delta_fieller")}

# Shares of tracks: a sum of 0s and 1s is the sum of its squares, so that what a test of single
# tracks would say follows from users' sums.
SINGLE_TRACKS: Final = ("skip_rate", "repeat_rate")


class Key(NamedTuple):
    """A method, what it is about, and the treatment that is compared with the control."""

    method: str
    metric: str
    arm: str


class Said(NamedTuple):
    """What a method says; None where undefined."""

    estimate: float | None
    lower: float | None
    upper: float | None
    significant: bool | None


@dataclass(frozen=True, eq=False)
class Arm:
    """One arm of an experiment.

    Attributes:
        name: the arm.
        means: metric -> moments of it and of its covariates.
        ratios: metric -> moments of numerator and denominator, then of those of the days before.
    """

    name: str
    means: Mapping[str, Moments]
    ratios: Mapping[str, Moments]

    def plain(self) -> stats.ArmMoments:
        """Without the days before."""
        return stats.ArmMoments(
            self.name,
            {metric: moments.leading(1) for metric, moments in self.means.items()},
            {metric: moments.leading(2) for metric, moments in self.ratios.items()},
        )


def said(
    arms: Sequence[Arm],
    success: Sequence[str],
    alpha: float,
    simultaneous: bool,
    rails: Sequence[Rail] = (),
) -> dict[Key, Said]:
    """What every method says of an experiment.

    Args:
        arms: the control first.
        success: metrics that decide.
        alpha: level.
        simultaneous: ask `max_z` too, on the first of them: slow with many treatments.
        rails: what is guarded; what is said is of the loss, and significant is non-inferior.
    """
    plain = [arm.plain() for arm in arms]
    # Nothing decides here: the families are judged below, so that the slow one may be left out.
    effects = stats.compare(plain, list(arms[0].means), (), alpha)
    out = {key: one for effect in effects for key, one in of_effect(effect, alpha)}
    out.update(_family(effects, success, alpha))
    out.update(_adjusted(arms, alpha))
    for rail in guard(plain, rails, alpha):
        passed = None if rail.verdict is None else rail.verdict == NON_INFERIOR
        one = Said(rail.loss, rail.lower, rail.upper, passed)
        out[Key(GUARDRAIL, rail.metric, rail.arm)] = one
    for treatment in arms[1:]:
        for metric in SINGLE_TRACKS:
            if metric in treatment.ratios:
                pair = [single_tracks(arm.ratios[metric]) for arm in (arms[0], treatment)]
                found = stats.difference(pair[0], pair[1], alpha)
                out[Key(TRACKS, metric, treatment.name)] = _contrast(found, alpha)
    if simultaneous:
        control, *others = (stats.mean(arm.means[success[0]]) for arm in plain)
        all_at_once = stats.max_z(control, others, alpha)
        for arm, found in zip(arms[1:], all_at_once.contrasts, strict=True):
            out[Key(MAX_Z, success[0], arm.name)] = _contrast(found, alpha)
    return out


def of_effect(row: stats.Effect, alpha: float) -> Iterator[tuple[Key, Said]]:
    """What a row of effects says, method by method."""
    absolute, relative = _NAMES.get(row.estimand, (row.estimand, f"{row.estimand}_fieller"))
    alone = None if row.p_value is None else row.p_value < alpha
    yield Key(absolute, row.metric, row.arm), Said(row.effect, row.lower, row.upper, alone)
    lower, upper = row.relative_lower, row.relative_upper
    lift = Said(row.relative_effect, lower, upper, _excludes_zero(lower, upper))
    yield Key(relative, row.metric, row.arm), lift
    if row.estimand == MEAN:
        lower, upper = row.naive_lower, row.naive_upper
        naive = Said(row.relative_effect, lower, upper, _excludes_zero(lower, upper))
        yield Key("naive_relative", row.metric, row.arm), naive
        if row.p_adjusted is not None:
            holm = Said(row.effect, row.lower, row.upper, row.significant)
            yield Key(HOLM, row.metric, row.arm), holm


def _family(
    effects: Sequence[stats.Effect], success: Sequence[str], alpha: float
) -> Iterator[tuple[Key, Said]]:
    """Holm's decisions on the means of the metrics that decide, over all treatments."""
    family = [row for row in effects if row.estimand == MEAN and row.metric in success]
    for row, p in zip(family, stats.holm([row.p_value for row in family]), strict=True):
        significant = None if p is None else p < alpha
        one = Said(row.effect, row.lower, row.upper, significant)
        yield Key(HOLM, row.metric, row.arm), one


def _adjusted(arms: Sequence[Arm], alpha: float) -> Iterator[tuple[Key, Said]]:
    for metric, moments in arms[0].means.items():
        if len(moments.mean) > 1:
            found = stats.cuped_means([arm.means[metric] for arm in arms])
            yield from _pairs(found, "cuped", metric, arms, alpha)
    for metric, moments in arms[0].ratios.items():
        if len(moments.mean) > 2:
            found = stats.cuped_ratios([arm.ratios[metric] for arm in arms])
            yield from _pairs(found, "ratio_cuped", metric, arms, alpha)


def _pairs(
    found: stats.Adjusted, method: str, metric: str, arms: Sequence[Arm], alpha: float
) -> Iterator[tuple[Key, Said]]:
    for place, arm in enumerate(arms[1:], 1):
        pair = found.pair(place)
        absolute = stats.difference(*pair, alpha)
        yield Key(method, metric, arm.name), _contrast(absolute, alpha)
        lift = stats.relative(*pair, alpha)
        excludes = _excludes_zero(lift.lower, lift.upper)
        relative = Said(lift.effect, lift.lower, lift.upper, excludes)
        yield Key(f"{method}_fieller", metric, arm.name), relative


def single_tracks(moments: Moments) -> Estimate:
    """A share of recommended tracks, with the error it would have were tracks independent.

    Args:
        moments: k >= 2, of a user's tracks with a property and of all; the shares' sampling
            variance is p (1 - p) / tracks.
    """
    if moments.n < 2 or moments.mean[1] <= 0:
        return Estimate(moments.n, None, None, "no tracks")
    tracks = moments.n * float(moments.mean[1])
    share = float(moments.mean[0]) / float(moments.mean[1])
    return Estimate(math.floor(tracks + 0.5), share, share * (1 - share) / tracks)


def _contrast(found: stats.Contrast, alpha: float) -> Said:
    significant = None if found.p_value is None else found.p_value < alpha
    return Said(found.effect, found.lower, found.upper, significant)


def _excludes_zero(lower: float | None, upper: float | None) -> bool | None:
    return None if lower is None or upper is None else lower > 0 or upper < 0
