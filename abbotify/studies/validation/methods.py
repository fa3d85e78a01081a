"""Estimates of an experiment by every method, each by the function that reports use."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from abbotify import stats
from abbotify.report.build import guardrail_results
from abbotify.stats import Moments
from abbotify.stats.contrast import Estimate
from abbotify.stats.effects import (
    CUPED,
    MEAN,
    RATIO,
    SESSIONS,
    Estimator,
    deciding_estimand,
    method_estimates,
)
from abbotify.stats.non_inferiority import NON_INFERIOR, GuardrailSpec

GUARDRAIL: Final = "guardrail"
HOLM: Final = "holm"
MAX_Z: Final = "max_z"
SRM: Final = "srm"
UNCORRECTED: Final = "uncorrected"
TRACKS: Final = "tracks_as_independent"
LOOKS_FIXED: Final = "looks_fixed"
LOOKS_SEQUENTIAL: Final = "looks_group_sequential"
LOOKS_VALID: Final = "looks_always_valid"


class Method(NamedTuple):
    """A method, and what it estimates of a metric.

    Attributes:
        label: its usual name.
        estimand: of the metric.
        relative: in per cent of the control.
        adjusted: for the days before the experiment.
        promised: it is to keep its level; else it is here to be compared.
        looks: it looks again and again; only false positives are counted.
        at_most: its level is a bound.
        decides: it is about the estimate that decides, adjusted where that one is.
    """

    label: str
    estimand: str
    relative: bool = False
    adjusted: bool = False
    promised: bool = True
    looks: bool = False
    at_most: bool = False
    decides: bool = False


METHODS: Final[Mapping[str, Method]] = {
    "welch": Method("Welch", MEAN),
    "fieller": Method("Fieller, lift", MEAN, relative=True),
    "naive_relative": Method("Naive lift", MEAN, relative=True, promised=False),
    "cuped": Method("CUPED", MEAN, adjusted=True),
    "cuped_fieller": Method("CUPED, lift", MEAN, relative=True, adjusted=True),
    "delta": Method("Ratio of sums", RATIO),
    "delta_fieller": Method("Ratio of sums, lift", RATIO, relative=True),
    "ratio_cuped": Method("Ratio, CUPED", RATIO, adjusted=True),
    "ratio_cuped_fieller": Method("Ratio, CUPED, lift", RATIO, relative=True, adjusted=True),
    TRACKS: Method("Tracks as independent", RATIO, promised=False),
    SESSIONS: Method("Sessions as independent", RATIO, promised=False),
    HOLM: Method("Holm", MEAN, decides=True),
    MAX_Z: Method("max-z", MEAN, decides=True),
    GUARDRAIL: Method("Guardrail", MEAN),
    LOOKS_FIXED: Method("14 looks, fixed test", MEAN, promised=False, looks=True, decides=True),
    LOOKS_SEQUENTIAL: Method("14 looks, sequential", MEAN, looks=True, decides=True),
    LOOKS_VALID: Method("14 looks, always valid", MEAN, looks=True, at_most=True, decides=True),
}

# Shares of tracks: a sum of 0s and 1s is the sum of its squares, so that what a test of single
# tracks would say follows from users' sums.
SINGLE_TRACKS: Final = ("skip_rate", "repeat_rate")


class Key(NamedTuple):
    """A method, what it is about, and the treatment that is compared with the control."""

    method: str
    metric: str
    arm: str


class MethodEstimates(NamedTuple):
    """An estimate, its interval and its verdict; None where undefined."""

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

    def moments(self) -> stats.ArmMoments:
        """As reports have them."""
        return stats.ArmMoments(
            self.name,
            {metric: moments.leading(1) for metric, moments in self.means.items()},
            {metric: moments.leading(2) for metric, moments in self.ratios.items()},
            {metric: each for metric, each in self.means.items() if len(each.mean) > 1},
            {metric: each for metric, each in self.ratios.items() if len(each.mean) > 2},
        )


def experiment_estimates(
    arms: Sequence[Arm],
    success: Sequence[str],
    alpha: float,
    simultaneous: bool,
    rails: Sequence[GuardrailSpec] = (),
    estimator: Estimator = "mean",
) -> dict[Key, MethodEstimates]:
    """The estimates of every method in an experiment.

    Args:
        arms: the control first.
        success: metrics that decide.
        alpha: level.
        simultaneous: run `max_z` too, on the first of them: slow with many treatments.
        rails: guardrails; their estimate is the loss, and significant means non-inferior.
        estimator: which estimate decides, and so makes up the families.
    """
    moments = [arm.moments() for arm in arms]
    # Nothing decides here: the families are decided below, so that the slow one may be left out.
    effects = stats.compare(moments, list(arms[0].means), (), alpha)
    plain = [effect for effect in effects if effect.estimand in (MEAN, RATIO)]
    out = {key: each for effect in plain for key, each in of_effect(effect, alpha)}
    deciding = {
        metric: deciding_estimand(estimator, metric in moments[0].adjusted) for metric in success
    }
    out.update(_family(effects, deciding, alpha))
    adjusted = [effect for effect in effects if effect.estimand not in (MEAN, RATIO)]
    place = {metric: at for at, metric in enumerate(arms[0].means)}
    for effect in sorted(adjusted, key=lambda row: (row.estimand, place[row.metric])):
        out.update(of_effect(effect, alpha))
    for rail in guardrail_results(moments, rails, alpha):
        passed = None if rail.verdict is None else rail.verdict == NON_INFERIOR
        key = Key(GUARDRAIL, rail.metric, rail.arm)
        out[key] = MethodEstimates(rail.loss, rail.lower, rail.upper, passed)
    for treatment in arms[1:]:
        for metric in SINGLE_TRACKS:
            if metric in treatment.ratios:
                pair = [single_tracks(arm.ratios[metric]) for arm in (arms[0], treatment)]
                contrast = stats.difference(pair[0], pair[1], alpha)
                out[Key(TRACKS, metric, treatment.name)] = _contrast(contrast, alpha)
    if simultaneous:
        control, *others = _deciding_estimates(moments, success[0], deciding[success[0]])
        all_at_once = stats.max_z(control, others, alpha)
        for arm, contrast in zip(arms[1:], all_at_once.contrasts, strict=True):
            out[Key(MAX_Z, success[0], arm.name)] = _contrast(contrast, alpha)
    return out


def of_effect(row: stats.Effect, alpha: float) -> Iterator[tuple[Key, MethodEstimates]]:
    """The estimates in a row of effects, method by method."""
    alone = None if row.p_value is None else row.p_value < alpha
    for each in method_estimates(row):
        significant = each.excludes_zero if each.relative else alone
        yield Key(each.method, row.metric, row.arm), MethodEstimates(*each[2:], significant)
    if row.p_adjusted is not None:
        holm = MethodEstimates(row.effect, row.lower, row.upper, row.significant)
        yield Key(HOLM, row.metric, row.arm), holm


def _deciding_estimates(
    moments: Sequence[stats.ArmMoments], metric: str, estimand: str
) -> Sequence[Estimate]:
    if estimand == CUPED:
        return stats.cuped_means([arm.adjusted[metric] for arm in moments]).estimates
    return [stats.mean(arm.means[metric]) for arm in moments]


def _family(
    effects: Sequence[stats.Effect], deciding: Mapping[str, str], alpha: float
) -> Iterator[tuple[Key, MethodEstimates]]:
    """Holm's decisions on what decides on each metric, over all treatments."""
    family = [row for row in effects if deciding.get(row.metric) == row.estimand]
    for row, p in zip(family, stats.holm([row.p_value for row in family]), strict=True):
        significant = None if p is None else p < alpha
        estimates = MethodEstimates(row.effect, row.lower, row.upper, significant)
        yield Key(HOLM, row.metric, row.arm), estimates


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


def _contrast(contrast: stats.Contrast, alpha: float) -> MethodEstimates:
    significant = None if contrast.p_value is None else contrast.p_value < alpha
    return MethodEstimates(contrast.effect, contrast.lower, contrast.upper, significant)
