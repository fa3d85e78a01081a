"""Estimates of an experiment by every method, each by the function that reports use."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from abbotify import stats
from abbotify.report.build import guardrail_results
from abbotify.stats import ArmMoments, Estimate, Moments, difference
from abbotify.stats.effects import (
    CUPED,
    MEAN,
    RATIO,
    RATIO_CUPED,
    SESSIONS,
    Estimator,
    deciding_estimand,
    method_estimates,
)
from abbotify.stats.group_sequential import Spending, crossing_chances, obrien_fleming
from abbotify.stats.monitoring import Pair, always_valid, monitor, planned_information
from abbotify.stats.non_inferiority import NON_INFERIOR, GuardrailSpec
from abbotify.stats.normal import quantile

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


UNDEFINED: Final = MethodEstimates(None, None, None, None)


class AnalysisPlan(NamedTuple):
    """How experiments are analysed, fixed before they are.

    Attributes:
        success: metrics that decide.
        alpha: two-sided error; one-sided of guardrails.
        estimator: which estimate decides, and so makes up the families.
        guardrails: what is guarded.
        spending: of looks that spend the error: one side's by share of information.
    """

    success: tuple[str, ...]
    alpha: float
    estimator: Estimator = "mean"
    guardrails: tuple[GuardrailSpec, ...] = ()
    spending: Spending = obrien_fleming


def experiment_estimates(
    arms: Sequence[ArmMoments], plan: AnalysisPlan, simultaneous: bool = False
) -> dict[Key, MethodEstimates]:
    """The estimates of every method in an experiment, but for looks.

    A guardrail's estimate is the loss, and significant means non-inferior.

    Args:
        arms: the control first.
        plan: how it is analysed.
        simultaneous: run `max_z` too, on the first metric that decides: slow with many treatments.
    """
    alpha, place = plan.alpha, {metric: at for at, metric in enumerate(arms[0].means)}
    # Nothing decides here: the families are decided below, so that the slow one may be left out.
    effects = sorted(
        stats.compare(arms, list(place), (), alpha),
        key=lambda row: (
            (row.estimand, place[row.metric]) if row.estimand in (CUPED, RATIO_CUPED) else ("", 0)
        ),
    )
    out = {key: each for row in effects for key, each in of_effect(row, alpha)}
    deciding = {
        metric: deciding_estimand(plan.estimator, metric in arms[0].adjusted)
        for metric in plan.success
    }
    family = [row for row in effects if deciding.get(row.metric) == row.estimand]
    for row, p in zip(family, stats.holm([row.p_value for row in family]), strict=True):
        out[Key(HOLM, row.metric, row.arm)] = _estimates(row, alpha, p)
    for rail in guardrail_results(arms, plan.guardrails, alpha):
        passed = None if rail.verdict is None else rail.verdict == NON_INFERIOR
        key = Key(GUARDRAIL, rail.metric, rail.arm)
        out[key] = MethodEstimates(rail.loss, rail.lower, rail.upper, passed)
    for treatment in arms[1:]:
        for metric in SINGLE_TRACKS:
            if metric in treatment.ratios:
                pair = [single_tracks(arm.ratios[metric]) for arm in (arms[0], treatment)]
                contrast = stats.difference(pair[0], pair[1], alpha)
                estimates = _estimates(contrast, alpha, contrast.p_value)
                out[Key(TRACKS, metric, treatment.name)] = estimates
    if simultaneous and plan.success:
        metric = plan.success[0]
        control, *others = stats.deciding_estimates(arms, metric, plan.estimator)
        all_at_once = stats.max_z(control, others, alpha)
        for arm, contrast in zip(arms[1:], all_at_once.contrasts, strict=True):
            out[Key(MAX_Z, metric, arm.name)] = _estimates(contrast, alpha, contrast.p_value)
    return out


def of_effect(row: stats.Effect, alpha: float) -> Iterator[tuple[Key, MethodEstimates]]:
    """The estimates in a row of effects, method by method."""
    alone = None if row.p_value is None else row.p_value < alpha
    for each in method_estimates(row):
        significant = each.excludes_zero if each.relative else alone
        yield Key(each.method, row.metric, row.arm), MethodEstimates(*each[2:], significant)
    if row.p_adjusted is not None:
        yield Key(HOLM, row.metric, row.arm), _estimates(row, alpha, row.p_adjusted)


def _estimates(
    row: stats.Effect | stats.Contrast, alpha: float, p: float | None
) -> MethodEstimates:
    significant = None if p is None else p < alpha
    return MethodEstimates(row.effect, row.lower, row.upper, significant)


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


def at_looks(pairs: Sequence[Pair], plan: AnalysisPlan) -> dict[str, bool | None]:
    """Whether each method finds a difference at any look; None where it is not defined.

    The information is planned from the last look, as a report does.

    Args:
        pairs: (control, treatment) at each look, each over all users by then.
        plan: its alpha and spending.
    """
    (control, treatment), alpha = pairs[-1], plan.alpha
    if difference(control, treatment, alpha).p_value is None:
        return dict.fromkeys((LOOKS_FIXED, LOOKS_SEQUENTIAL, LOOKS_VALID))
    p_values = [difference(*pair, alpha).p_value for pair in pairs]
    fixed = any(p is not None and p < alpha for p in p_values)
    sequential = False
    # A path beyond a boundary at a look has a twin, mirrored where it first crossed, that crosses
    # on the same side by then: no look's nominal level is above alpha, so that where the fixed
    # test finds nothing, boundaries, 13 ms for 14 looks, need not be computed.
    if fixed:
        planned = planned_information(control, treatment, (control.n, treatment.n))
        sequential = monitor(pairs, planned, alpha, plan.spending, final=True).stopped is not None
    valid = always_valid(pairs, control.n + treatment.n, alpha)[-1].significant
    return {LOOKS_FIXED: fixed, LOOKS_SEQUENTIAL: sequential, LOOKS_VALID: valid}


def at_any_look(looks: int, alpha: float) -> float:
    """The chance that a fixed test finds something at any of so many looks: .2196 at 14 and .05.

    Source: Armitage, McPherson, Rowe (1969), JRSS A 132.
    """
    fractions = [look / looks for look in range(1, looks + 1)]
    chances = crossing_chances(fractions, [quantile(alpha)] * looks)
    return sum(chances.upper) + sum(chances.lower)
